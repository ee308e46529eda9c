#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bounds what an include costs, in numbers that no machine changes by its speed.

Of the umbrella: our own preprocessed lines, all lines, and where the compiler is GCC the memory that it allocates, which
grows with the templates that are instantiated and goes with its time. Of each room that promises to be light: all lines,
and no Eigen. The bounds leave about a quarter of room over the figures of GCC 12, libstdc++ 12 and Eigen 3.4, those of
our own lines and the memory a twentieth. bench/compile/seconds.py prints the seconds.
"""
import re
import sys

import common

UMBRELLA_OWN = 28_000
UMBRELLA_ALL = 200_000
UMBRELLA_MEGABYTES = 1_000
# Rooms that are used alone, without Eigen, and their bound on all lines.
LIGHT_ROOMS = {"core": 82_000, "tensor": 57_000, "ops": 65_000, "midi": 76_000, "eval": 60_000, "nn": 72_000, "io": 82_000,
               "model": 92_000}
MARKER = re.compile(r'# \d+ "([^"]*)"')
ALLOCATED = re.compile(r"^ *TOTAL *:.*?(\d+)M *$", re.MULTILINE)


def count(command, text):
    """(own lines, all lines, opened files) of a preprocessed source; empty lines do not count."""
    own, total, files, current = 0, 0, set(), ""
    out = common.must([*command, "-E", "-x", "c++", "-"], input=text)
    for line in out.splitlines():
        marker = MARKER.match(line)
        if marker:
            current = marker.group(1)
            files.add(current)
        elif line.strip():
            total += 1
            own += current.startswith(str(common.INCLUDE))
    return own, total, files


def megabytes(command, text):
    """What GCC allocates for a source, its inline functions parsed and their templates instantiated; else None."""
    asked = common.run([*command, "-fsyntax-only", "-ftime-report", "-x", "c++", "-"], input=text)
    found = ALLOCATED.search(asked.stderr)
    return int(found[1]) if found else None


def main():
    command = common.base_command(common.parser(__doc__).parse_args())
    problems = []

    def bound(what, found, limit):
        print(f"{what}: {found} lines (bound {limit})")
        if found > limit:
            problems.append(f"{what}: {found} lines are over the bound of {limit}")

    own, total, files = count(command, "#include <vmt/vmt.hpp>\n")
    bound("<vmt/vmt.hpp>, own", own, UMBRELLA_OWN)
    bound("<vmt/vmt.hpp>, all", total, UMBRELLA_ALL)
    allocated = megabytes(command, "#include <vmt/vmt.hpp>\n")
    if allocated is not None:
        print(f"<vmt/vmt.hpp>, memory: {allocated} MB (bound {UMBRELLA_MEGABYTES})")
        if allocated > UMBRELLA_MEGABYTES:
            problems.append(f"<vmt/vmt.hpp>: {allocated} MB are over the bound of {UMBRELLA_MEGABYTES}")
    if own == 0:
        problems.append("no line of the library was counted")
    if any(name.endswith("/iostream") for name in files):
        problems.append("<vmt/vmt.hpp> brings in <iostream>")
    if any("stb_image" in name for name in files):
        problems.append("<vmt/vmt.hpp> brings in stb_image")
    for room, limit in LIGHT_ROOMS.items():
        names = [header for header in common.headers() if header.startswith(f"vmt/{room}/")]
        _, total, files = count(command, "".join(f"#include <{name}>\n" for name in names))
        bound(f"vmt/{room}/*", total, limit)
        eigen = [name for name in files if "/Eigen/" in name]
        if eigen:
            problems.append(f"vmt/{room}/ brings in {eigen[0]}")
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
