#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds and runs a small foreign project that gets vmt by one road: run.py ROAD.

plain          the compiler alone, with -I
subdirectory   CMake, add_subdirectory
fetch_content  CMake, FetchContent with a local checkout
find_package   CMake, an installed tree that was moved after the installation
pkg_config     the compiler alone, with the flags of the installed vmt.pc, moved too
meson          a Meson subproject; then Meson must install the headers and the vmt.pc that CMake installs
"""
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "structure"))
import common  # noqa: E402

HERE = Path(__file__).resolve().parent
SOURCES = [HERE / "app.cpp", HERE / "other.cpp"]


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            common.skip(f"{program} is not there")


def check_output(program):
    found = common.must([program])
    if not found.startswith("vmt "):
        print(f"the program printed {found!r}")
        sys.exit(1)


def cmake_environment(arguments):
    return {**os.environ, "CXX": arguments.cxx}


def install_with_cmake(arguments, work):
    """An installed tree, moved away from the prefix it was configured for."""
    common.must(["cmake", "-S", common.ROOT, "-B", work / "vmt", f"-DCMAKE_INSTALL_PREFIX={work / 'first'}",
                 "-DVMT_BUILD_TESTS=OFF", "-DVMT_BUILD_EXAMPLES=OFF"], env=cmake_environment(arguments))
    common.must(["cmake", "--install", work / "vmt"])
    (work / "first").rename(work / "prefix")
    return work / "prefix"


def build_cmake_project(arguments, work, *options):
    common.must(["cmake", "-S", HERE / "cmake", "-B", work / "build", *options], env=cmake_environment(arguments))
    common.must(["cmake", "--build", work / "build"])
    check_output(work / "build" / "app")


def headers_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def plain(arguments, work):
    common.must([*common.base_command(arguments), *SOURCES, "-O1", "-pthread", "-o", work / "app"])
    check_output(work / "app")


def subdirectory(arguments, work):
    need("cmake")
    build_cmake_project(arguments, work, "-DROAD=subdirectory", f"-DVMT_SOURCE={common.ROOT}")


def fetch_content(arguments, work):
    need("cmake")
    build_cmake_project(arguments, work, "-DROAD=fetch_content", f"-DVMT_SOURCE={common.ROOT}")


def find_package(arguments, work):
    need("cmake")
    prefix = install_with_cmake(arguments, work)
    if headers_below(prefix / "include") != headers_below(common.INCLUDE):
        print("the installed headers are not those of the checkout")
        sys.exit(1)
    for path in prefix.rglob("*"):
        if path.is_file() and str(work) in path.read_text(encoding="utf-8"):
            print(f"{path} names the folder it was built in")
            sys.exit(1)
    build_cmake_project(arguments, work, "-DROAD=find_package", f"-DCMAKE_PREFIX_PATH={prefix}")


def pkg_config(arguments, work):
    need("cmake", "pkg-config")
    prefix = install_with_cmake(arguments, work)
    environment = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "share" / "pkgconfig")}
    if common.run(["pkg-config", "--exists", "eigen3"]).returncode != 0:
        common.skip("pkg-config does not know eigen3")
    flags = common.must(["pkg-config", "--cflags", "--libs", "vmt >= 0.1"], env=environment).split()
    if not any(Path(flag[2:]).resolve() == (prefix / "include").resolve() for flag in flags if flag.startswith("-I")):
        print(f"pkg-config does not name the moved prefix: {flags}")
        sys.exit(1)
    common.must([arguments.cxx, "-std=c++20", "-O1", *SOURCES, *flags, "-o", work / "app"])
    check_output(work / "app")


def meson(arguments, work):
    need("meson", "ninja", "cmake")
    environment = cmake_environment(arguments)
    shutil.copytree(HERE / "meson", work / "app")
    for path in HERE.glob("*.cpp"):
        shutil.copy(path, work / "app")
    (work / "app" / "subprojects").mkdir()
    (work / "app" / "subprojects" / "vmt").symlink_to(common.ROOT)
    common.must(["meson", "setup", work / "build", work / "app"], env=environment)
    common.must(["meson", "compile", "-C", work / "build"])
    check_output(work / "build" / "app")

    stage = work / "meson-prefix"
    common.must(["meson", "setup", work / "own", common.ROOT, f"--prefix={stage}", "-Dtests=disabled",
                 "-Dexamples=disabled"], env=environment)
    common.must(["meson", "install", "-C", work / "own"])
    prefix = install_with_cmake(arguments, work)
    if headers_below(stage / "include") != headers_below(prefix / "include"):
        print("Meson and CMake do not install the same headers")
        sys.exit(1)
    package = Path("share/pkgconfig/vmt.pc")
    if (stage / package).read_text(encoding="utf-8") != (prefix / package).read_text(encoding="utf-8"):
        print("Meson and CMake do not install the same vmt.pc")
        sys.exit(1)


ROADS = {road.__name__: road for road in (plain, subdirectory, fetch_content, find_package, pkg_config, meson)}


def main():
    arguments = common.parser(__doc__.splitlines()[0])
    arguments.add_argument("road", choices=ROADS)
    arguments = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ROADS[arguments.road](arguments, Path(folder).resolve())
    print(f"{arguments.road}: built, run")


if __name__ == "__main__":
    main()
