# SPDX-License-Identifier: MIT
"""What the structural tests share: where the headers are, how a compiler is called."""
import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
NOT_ALONE = {"vmt/media/stb_implementation.hpp"}  # comes in through VMT_STB_IMPLEMENTATION only
SKIPPED = 77  # the exit status that CTest and Meson count as skipped


def headers():
    """Every header that a user may include in a .cpp file, as it is written in an include."""
    return sorted({path.relative_to(INCLUDE).as_posix() for path in (INCLUDE / "vmt").rglob("*.hpp")} - NOT_ALONE)


def warnings():
    return (ROOT / "cmake" / "warnings.txt").read_text(encoding="utf-8").split() + ["-Werror"]


def parser(description):
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--cxx", default=os.environ.get("CXX", "c++"), help="the compiler")
    result.add_argument("--system", default="", help="folders of dependencies, separated by a colon")
    return result


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def system_flags(folders):
    """-isystem for the dependencies; where none are named, pkg-config is asked for Eigen."""
    if not folders and shutil.which("pkg-config"):
        asked = subprocess.run(["pkg-config", "--cflags-only-I", "eigen3"], capture_output=True, text=True)
        folders = ":".join(flag[2:] for flag in shlex.split(asked.stdout))
    default = {"/usr/include", "/usr/local/include"}
    return [flag for folder in folders.split(":") if folder and folder not in default for flag in ("-isystem", folder)]


def base_command(arguments):
    """The compiler with C++20, our headers as a plain -I and the dependencies as system headers."""
    return [*shlex.split(arguments.cxx), "-std=c++20", f"-I{INCLUDE}", *system_flags(arguments.system)]


def run(command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)


def must(command, **options):
    """Runs a command that has to succeed; otherwise the test ends with what it said."""
    result = run(command, **options)
    if result.returncode != 0:
        print("$", shlex.join(str(word) for word in command))
        print(result.stdout + result.stderr)
        sys.exit(1)
    return result.stdout
