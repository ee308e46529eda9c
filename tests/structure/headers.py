#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles every header alone, twice included, under the strict warnings; and all of them after `min` and `max` macros.

--share I/N takes each N-th header only, so that N compilers share the work; what holds all headers is not shared.
"""
import concurrent.futures
import re
import sys

import common


def sources(share, shares):
    """(name, source text) of each translation unit."""
    for header in [*common.headers()[share::shares], "vmt/vmt.hpp"]:
        yield header, f"#include <{header}>\n#include <{header}>\n"
    yield "vmt/media/stb.hpp with VMT_STB_IMPLEMENTATION", (
        "#if __has_include(<stb/stb_image.h>) || __has_include(<stb_image.h>)\n"
        "#define VMT_STB_IMPLEMENTATION\n#include <vmt/media/stb.hpp>\n#include <vmt/media/stb.hpp>\n#endif\n")
    # <windows.h> defines min and max as macros. The headers of others come first: they are not under test.
    outside = set()
    for header in common.headers():
        text = (common.INCLUDE / header).read_text(encoding="utf-8")
        outside |= set(re.findall(r"^#include <((?:Eigen/)?[\w]+)>", text, re.MULTILINE))
    includes = "".join(f"#include <{name}>\n" for name in sorted(outside))
    macros = "#define min(a, b) (((a) < (b)) ? (a) : (b))\n#define max(a, b) (((a) > (b)) ? (a) : (b))\n"
    yield "vmt/vmt.hpp after min and max macros", includes + macros + "#include <vmt/vmt.hpp>\n"


def main():
    arguments = common.parser(__doc__)
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("--share", default="0/1")
    arguments = arguments.parse_args()
    share, shares = map(int, arguments.share.split("/"))
    command = [*common.base_command(arguments), *common.warnings(), "-fsyntax-only", "-x", "c++", "-"]

    def compile_one(unit):
        return unit[0], common.run(command, input=unit[1])

    # The check must be able to fail: a header with a warning in it is no good.
    if common.run(command, input="#include <vmt/core/config.hpp>\nint f(double x) { return x; }\n").returncode == 0:
        print("a source with warnings was accepted")
        sys.exit(1)
    failed = 0
    units = list(dict(sources(share, shares)).items())
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for name, result in pool.map(compile_one, units):
            if result.returncode != 0:
                failed += 1
                print(f"--- {name}\n{result.stderr}")
    print(f"{len(units)} translation units, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
