#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Links two translation units that hold all headers, then two that were compiled with different flags.

A function that is not inline ends in a link error. Objects whose inline code differs must not share it: their symbols
carry different ABI tags, and a function of the one is not found by the other.
"""
import re
import sys
import tempfile
from pathlib import Path

import common

ALL = "".join(f"#include <{header}>\n" for header in common.headers())
CORE = "#include <vmt/core/error.hpp>\n#include <vmt/core/rng.hpp>\n"
# The library's own symbols of the translation unit are those of vmt::error: its type information and destructor.
UNIT = """
unsigned draw_NAME(unsigned seed) { return vmt::rng(seed).bits(); }
bool caught_NAME() {
  try {
    throw vmt::error(vmt::errc::stopped, "NAME");
  } catch (const vmt::error& e) {
    return e.code() == vmt::errc::stopped;
  }
}
"""
MAIN = """
unsigned draw_a(unsigned);
unsigned draw_b(unsigned);
bool caught_a();
bool caught_b();
int main() { return draw_a(7) == draw_b(7) && caught_a() && caught_b() ? 0 : 1; }
"""


class Workshop:
    def __init__(self, command, folder):
        self.command, self.folder = command, Path(folder)

    def tag(self, flags):
        out = common.must([*self.command, *flags, "-E", "-P", "-x", "c++", "-"],
                          input="#include <vmt/core/config.hpp>\nVMT_ABI\n")
        return out.split()[-1]

    def compile(self, name, text, flags):
        source, target = self.folder / f"{name}.cpp", self.folder / f"{name}.o"
        source.write_text(text, encoding="utf-8")
        common.must([*self.command, *flags, "-c", source, "-o", target])
        return target

    def link_and_run(self, objects):
        program = self.folder / "program"
        common.must([*self.command, *objects, "-pthread", "-o", program])
        common.must([program])
        return program


def main():
    command = common.base_command(common.parser(__doc__).parse_args())
    with tempfile.TemporaryDirectory() as folder:
        shop = Workshop(command, folder)
        start = shop.compile("main", MAIN, [])
        shop.link_and_run([shop.compile(name, ALL + UNIT.replace("NAME", name), ["-O0"]) for name in "ab"] + [start])
        print(f"{len(common.headers())} headers in two translation units: linked and run")

        pairs = [(["-O2", "-DNDEBUG"], ["-O2"])]
        if common.run([*command, "-mavx2", "-mfma", "-fsyntax-only", "-x", "c++", "-"], input="").returncode == 0:
            pairs.append((["-O2"], ["-O2", "-mavx2", "-mfma"]))
        for flags_a, flags_b in pairs:
            tags = [shop.tag(flags_a), shop.tag(flags_b)]
            units = [shop.compile("a", CORE + UNIT.replace("NAME", "a"), flags_a),
                     shop.compile("b", CORE + UNIT.replace("NAME", "b"), flags_b)]
            symbols = common.must(["nm", "-C", shop.link_and_run([*units, start])])
            for tag in tags:
                if not re.search(rf"\bvmt::{tag}::error\b", symbols):
                    print(f"no symbol of vmt::{tag}::error in a program of {flags_a} and {flags_b}")
                    sys.exit(1)
            # A function that takes a type of the library is not found across the border.
            use = shop.compile("use", CORE + "void take(vmt::rng&);\nint main() { vmt::rng r(1); take(r); }\n", flags_a)
            give = shop.compile("give", CORE + "void take(vmt::rng&) {}\n", flags_b)
            mixed = common.run([*command, use, give, "-o", Path(folder) / "mixed"])
            if tags[0] == tags[1] or mixed.returncode == 0 or "take(" not in mixed.stderr:
                print(f"objects of {flags_a} and {flags_b} were mixed silently ({tags[0]}, {tags[1]})\n{mixed.stderr}")
                sys.exit(1)
            print(f"{' '.join(flags_a)} with {' '.join(flags_b)}: {tags[0]} and {tags[1]} stay apart")


if __name__ == "__main__":
    main()
