#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does what README.md says: compiles its first ```cpp block with the compile line it prints, runs it, compares the output.

The compile line is the first line of a block after it that calls g++, c++ or clang++, up to a `&&`. The .cpp file in
it that the checkout does not have is the block; after -o stands the program; its other paths are those of a checkout. The
program runs in a folder that has the checkout's models/ and examples/. Its output is the first ```text block after it.
"""
import re
import sys
import tempfile
from pathlib import Path

import common

BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)


def fail(reason):
    print(f"README.md: {reason}")
    sys.exit(1)


def parts(text):
    """(program, compile line as words, expected output)"""
    blocks = [(match.group(1), match.group(2)) for match in BLOCK.finditer(text)]
    first = next((i for i, (language, _) in enumerate(blocks) if language == "cpp"), None)
    if first is None:
        fail("there is no ```cpp block")
    after = blocks[first + 1:]
    lines = [line.removeprefix("$ ").strip() for _, body in after for line in body.replace("\\\n", " ").splitlines()]
    compile_line = next((line for line in lines if re.match(r"(g\+\+|c\+\+|clang\+\+)\s", line)), None)
    if compile_line is None:
        fail("there is no compile line (g++ …) after the ```cpp block")
    expected = next((body for language, body in after if language == "text"), None)
    if expected is None:
        fail("there is no ```text block with the output after the ```cpp block")
    return blocks[first][1], compile_line.split("&&")[0].split(), expected


def main():
    common.parser(__doc__).parse_args()
    readme = common.ROOT / "README.md"
    if not readme.exists():
        fail("there is no such file")
    program, words, expected = parts(readme.read_text(encoding="utf-8"))
    sources = [word for word in words if word.endswith(".cpp") and not (common.ROOT / word).exists()]
    if len(sources) != 1 or "-o" not in words[:-1]:
        fail(f"the compile line names no single .cpp file for the block, or no -o: {' '.join(words)}")
    output = words[words.index("-o") + 1]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "source.cpp").write_text(program, encoding="utf-8")
        place = Path(folder) / "run"
        place.mkdir()
        for name in ("models", "examples"):
            (place / name).symlink_to(common.ROOT / name)
        replaced = {sources[0]: f"{folder}/source.cpp", output: f"{folder}/program"}
        common.must(["sh", "-c", " ".join(replaced.get(word, word) for word in words)], cwd=common.ROOT)
        found = common.must([f"{folder}/program"], cwd=place)
    if found.rstrip() != expected.rstrip():
        fail(f"the program printed\n{found}instead of\n{expected}")
    print(f"{len(program.splitlines())} lines of README.md compiled, run, output as printed")


if __name__ == "__main__":
    main()
