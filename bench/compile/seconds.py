#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What an include costs the compiler, in CPU seconds and as a multiple of <Eigen/Core> in the same run.

seconds.py [--cxx g++] [--system FOLDERS] [--rounds 3] [--memory] [TREE ...]

The umbrella and each room, of this tree or of several (the root folder of each), so that two versions can be compared.
The rounds go through all of them in turn and the best counts: on a busy machine only the multiples mean something.
--memory adds what GCC allocates, which has no noise.
"""
import re
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "structure"))
import common  # noqa: E402

TOTAL = re.compile(r"^ *TOTAL *:.*?(\d+)([kMG]?) *$", re.MULTILINE)


def cases(trees):
    yield "<Eigen/Core>", ROOT, "#include <Eigen/Core>\n"
    for tree in trees:
        include = tree / "include"
        yield "<vmt/vmt.hpp>", tree, "#include <vmt/vmt.hpp>\n"
        for room in sorted(path for path in (include / "vmt").iterdir() if path.is_dir() and path.name != "backend"):
            names = sorted(path.relative_to(include).as_posix() for path in room.rglob("*.hpp"))
            names = [name for name in names if not name.startswith("vmt/media/stb")]
            yield f"vmt/{room.name}/*", tree, "".join(f"#include <{name}>\n" for name in names)
        yield "vmt/backend/cpu/*", tree, "#include <vmt/backend/cpu/cpu.hpp>\n"


def cost(arguments, tree, text):
    """(CPU seconds, megabytes that the compiler allocated or None)."""
    command = [*arguments.cxx.split(), "-std=c++20", "-O2", "-fsyntax-only", f"-I{tree / 'include'}",
               *common.system_flags(arguments.system), "-x", "c++", "-"]
    if arguments.memory:
        command.insert(1, "-ftime-report")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(done.stderr)
    found = TOTAL.search(done.stderr)
    scale = {"": 1e-6, "k": 1e-3, "M": 1, "G": 1e3}
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
            float(found[1]) * scale[found[2]] if found else None)


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--umbrella", action="store_true", help="no rooms")
    parser.add_argument("trees", nargs="*", type=Path, default=[ROOT])
    arguments = parser.parse_args()
    wanted = [case for case in cases(arguments.trees) if case[0].startswith("<") or not arguments.umbrella]
    best = [(float("inf"), None)] * len(wanted)
    for _ in range(arguments.rounds):
        for i, (_, tree, text) in enumerate(wanted):
            seconds, memory = cost(arguments, tree, text)
            best[i] = (min(best[i][0], seconds), memory)
    for (name, tree, _), (seconds, memory) in zip(wanted, best):
        line = f"{name:20} {seconds:6.2f} s  {seconds / best[0][0]:5.2f} x"
        if memory is not None:
            line += f"  {memory:5.0f} MB {memory / best[0][1]:5.2f} x"
        print(line, tree if len(arguments.trees) > 1 else "")


if __name__ == "__main__":
    main()
