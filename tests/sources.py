#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tells meson.build what CMake finds by itself; one answer a line, words separated by blanks.

sources.py version          the version of core/config.hpp
sources.py programs FOLDER  the .cpp files right in FOLDER
sources.py rooms            a room and its test files: tests/<room>/**.cpp
sources.py mains            a helper program and its file: tests/<room>/<x>_main.cpp
sources.py fuzzers          a parser and its fuzz target: tests/fuzz/<parser>.cpp
sources.py tool             the scripts tests/tool/test_*.py

With --no-stb as the last word, files that include <vmt/media/stb.hpp> are left out.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
NOT_ROOMS = {"support", "data", "fuzz", "structure", "consume"}


def usable(path, no_stb):
    return not (no_stb and "#include <vmt/media/stb.hpp>" in path.read_text(encoding="utf-8"))


def main():
    words = sys.argv[1:]
    no_stb = words[-1:] == ["--no-stb"]
    what = words[0]
    if what == "version":
        text = (ROOT / "include/vmt/core/config.hpp").read_text(encoding="utf-8")
        print(re.search(r'VMT_VERSION_STRING "([\d.]+)"', text).group(1))
    elif what == "programs":
        for path in sorted((ROOT / words[1]).glob("*.cpp")):
            if usable(path, no_stb):
                print(path.relative_to(ROOT / words[1]).as_posix())
    elif what == "fuzzers":
        for path in sorted((TESTS / "fuzz").glob("*.cpp")):
            if path.name != "replay.cpp" and usable(path, no_stb):
                print(path.stem, path.relative_to(TESTS).as_posix())
    elif what == "tool":
        for path in sorted((TESTS / "tool").glob("test_*.py")):
            print(path.relative_to(TESTS).as_posix())
    else:
        for room in sorted(path for path in TESTS.iterdir() if path.is_dir() and path.name not in NOT_ROOMS):
            files = [path for path in sorted(room.rglob("*.cpp")) if usable(path, no_stb)]
            names = [path.relative_to(TESTS).as_posix() for path in files]
            mains = [name for name in names if name.endswith("_main.cpp")]
            if what == "mains":
                for name in mains:
                    stem = name.rsplit("/", 1)[1].removesuffix("_main.cpp")
                    print(f"vmt-{room.name}-{stem}".replace("_", "-"), name)
            elif len(names) > len(mains):
                print(room.name, *(name for name in names if name not in mains))


if __name__ == "__main__":
    main()
