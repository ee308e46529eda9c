#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the house rules of include/vmt against the table of rooms in CONTRIBUTING.md.

layers.py [ROOT]        checks a checkout, prints what breaks a rule, exit status 1 if anything does
layers.py --self-test   breaks each rule once in a small tree and checks that it is seen
"""
import re
import sys
import tempfile
import textwrap
from pathlib import Path

MAX_LINES = 600
MAX_COLUMNS = 120
UMBRELLA = "vmt.hpp"
OUTSIDE_UMBRELLA = {"media/stb.hpp", "media/stb_implementation.hpp"}  # opt-in
OUTSIDE_UMBRELLA_ROOMS = ("backend/cuda/", "engine/gpu_")  # opt-in, too
# (what is included, the only headers that may, said as a prefix of the path below include/vmt/)
GUARDED_INCLUDES = [
    (re.compile(r"(unsupported/)?Eigen/.*"), "backend/"),
    (re.compile(r"(imm|x86|arm_neon|emm|xmm|avx)\w*\.h|arm_neon\.h"), "backend/"),
    (re.compile(r"(stb/)?stb_\w+\.h"), "media/stb"),
    (re.compile(r"iostream"), None),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
FORBIDDEN = [
    (re.compile(r"\busing\s+namespace\b"), "`using namespace` in a header"),
    (re.compile(r"\bstd::(cout|cerr|clog)\b|(?<![\w.])f?printf\s*\("), "output in the library"),
    (re.compile(r"\b(std::)?(abort|exit|terminate)\s*\("), "the library must not end the program: throw"),
    (re.compile(r"^static\b(?!_assert)", re.MULTILINE), "`static` at namespace scope: use `inline`"),
    (re.compile(r"^(?:inline\s+)?namespace\s+vmt\b(?!\s*::\s*inline\s+VMT_ABI\b)", re.MULTILINE),
     "namespace vmt without `inline VMT_ABI`"),
]
FORBIDDEN_EXCEPT = {("core/config.hpp", "the library must not end the program: throw")}


def read_rooms(contributing):
    """The table as {room: set of rooms it may include}, transitively closed, and complaints about the table itself."""
    allowed, problems = {}, []
    for row in contributing.splitlines():
        cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
        match = re.fullmatch(r"`(\w+)/(?:[\w/]*)`", cells[0]) if len(cells) == 3 else None
        if not match:
            continue
        room = match.group(1)
        direct = [name.strip() for name in re.split(r"[,\s]+", cells[2]) if re.fullmatch(r"\w+", name.strip())]
        allowed[room] = set()
        for name in direct:
            if name not in allowed:
                problems.append(f"CONTRIBUTING.md: `{room}/` may include {name}, which does not stand above it")
                continue
            allowed[room] |= {name} | allowed[name]
    if not allowed:
        problems.append("CONTRIBUTING.md: the table of rooms was not found")
    return allowed, problems


def without_comments_and_strings(text):
    """The code with comments blanked and string literals emptied; line numbers stay."""
    pattern = re.compile(r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*.*?\*/',
                         re.DOTALL)

    def blank(match):
        kept = "\n" * match.group(0).count("\n")
        return ('""' if match.group(0)[0] in 'R"' else " ") + kept

    return pattern.sub(blank, text)


def check_includes(name, text, allowed):
    room = name.split("/")[0] if "/" in name else None
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        where, quote, target = f"{name}:{line}", match.group(1), match.group(2)
        if quote == '"' or ".." in target.split("/"):
            yield f"{where}: relative include \"{target}\": write <vmt/…>"
        if target.startswith("vmt/"):
            other = target.split("/")[1]
            if target == f"vmt/{UMBRELLA}":
                yield f"{where}: a header must not include the umbrella"
            elif room is not None and other != room and other not in allowed[room]:
                yield f"{where}: `{room}/` may not include <{target}> (may: {', '.join(sorted(allowed[room])) or '–'})"
        for pattern, home in GUARDED_INCLUDES:
            if pattern.fullmatch(target) and not (home and name.startswith(home)):
                yield f"{where}: <{target}> is included only in {home or 'programs'}"


def check_text(name, text):
    lines = text.splitlines()
    if not lines or lines[0] != "// SPDX-License-Identifier: MIT":
        yield f"{name}:1: the first line must be `// SPDX-License-Identifier: MIT`"
    if len(lines) < 2 or lines[1] != "#pragma once":
        yield f"{name}:2: the second line must be `#pragma once`"
    if len(lines) > MAX_LINES:
        yield f"{name}: {len(lines)} lines, over {MAX_LINES}: which second idea can move out?"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield f"{name}:{number}: {len(line)} columns, over {MAX_COLUMNS}"
    code = without_comments_and_strings(text)
    for pattern, what in FORBIDDEN:
        for match in pattern.finditer(code):
            if (name, what) not in FORBIDDEN_EXCEPT:
                yield f"{name}:{code.count(chr(10), 0, match.start()) + 1}: {what}"


def check_umbrella(base, names):
    wanted = {n for n in names if n.endswith(".hpp") and n not in OUTSIDE_UMBRELLA | {UMBRELLA} and "/detail/" not in n
              and not n.startswith(OUTSIDE_UMBRELLA_ROOMS)}
    path = base / UMBRELLA
    found = [m.group(2)[4:] for m in INCLUDE.finditer(path.read_text(encoding="utf-8"))] if path.exists() else []
    for name in sorted(wanted - set(found)):
        yield f"{UMBRELLA}: #include <vmt/{name}> is missing"
    for name in sorted(set(found) - wanted):
        yield f"{UMBRELLA}: <vmt/{name}> is not a public header"


def check(root):
    allowed, problems = read_rooms((root / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    base = root / "include" / "vmt"
    names = sorted(p.relative_to(base).as_posix() for p in base.rglob("*") if p.suffix in (".hpp", ".cuh"))
    if not names:
        problems.append(f"{base}: no headers")
    for name in names:
        text = (base / name).read_text(encoding="utf-8")
        if "/" in name and name.split("/")[0] not in allowed:
            problems.append(f"{name}: `{name.split('/')[0]}/` is not in the table of CONTRIBUTING.md")
            continue
        if "/" not in name and name != UMBRELLA:
            problems.append(f"{name}: only {UMBRELLA} stands outside the rooms")
        problems += check_includes(name, text, allowed)
        problems += check_text(name, text)
    problems += check_umbrella(base, names)
    return problems, len(names)


def self_test():
    table = textwrap.dedent("""\
        | folder | what | may include |
        | --- | --- | --- |
        | `core/` | base | – |
        | `ops/` | operations | core |
        | `backend/cpu/` | fast | ops |
        | `media/` | pictures | core |
        """)
    head = "// SPDX-License-Identifier: MIT\n#pragma once\n"
    good = {
        "core/a.hpp": head + '// using namespace std; "std::cout"\ninline const char* s = "using namespace";\n',
        "ops/b.hpp": head + "#include <vmt/core/a.hpp>\nnamespace vmt::inline VMT_ABI {\nstatic_assert(true);\n}\n",
        "backend/cpu/c.hpp": head + "#include <vmt/core/a.hpp>\n#include <Eigen/Core>\n#include <immintrin.h>\n",
        "media/stb.hpp": head + "#include <stb/stb_image.h>\n",
        "vmt.hpp": head + "#include <vmt/core/a.hpp>\n#include <vmt/ops/b.hpp>\n#include <vmt/backend/cpu/c.hpp>\n",
    }
    a, b, c = "core/a.hpp", "ops/b.hpp", "backend/cpu/c.hpp"
    broken = [  # (file, its text, what must be said)
        (a, head + "#include <vmt/ops/b.hpp>\n", "`core/` may not include <vmt/ops/b.hpp>"),
        (a, head + "  #  include <vmt/ops/b.hpp>\n", "`core/` may not include <vmt/ops/b.hpp>"),
        (b, head + "#include <vmt/backend/cpu/c.hpp>\n", "`ops/` may not include"),
        (b, head + "#include <vmt/media/stb.hpp>\n", "`ops/` may not include"),
        (b, head + "#include <vmt/vmt.hpp>\n", "must not include the umbrella"),
        (b, head + '#include "c.hpp"\n', "relative include"),
        (b, head + "#include <vmt/ops/../core/a.hpp>\n", "relative include"),
        (b, head + "#include <Eigen/Core>\n", "<Eigen/Core> is included only in backend/"),
        (b, head + "#include <unsupported/Eigen/FFT>\n", "only in backend/"),
        (b, head + "#include <immintrin.h>\n", "only in backend/"),
        (c, head + "#include <stb_image.h>\n", "only in media/stb"),
        (c, head + "#include <iostream>\n", "only in programs"),
        (a, head + "using namespace std;\n", "`using namespace`"),
        (a, head + "inline void f() { std::cerr << 1; }\n", "output in the library"),
        (a, head + 'inline void f() { std::printf("x"); }\n', "output in the library"),
        (a, head + "inline void f() { std::abort(); }\n", "must not end the program"),
        (a, head + "static int x;\n", "`static` at namespace scope"),
        (a, head + "namespace vmt {\n}\n", "without `inline VMT_ABI`"),
        (a, "#pragma once\n", "the first line must be"),
        (a, "// SPDX-License-Identifier: MIT\n", "the second line must be"),
        (a, head + "\n" * MAX_LINES, "602 lines"),
        (a, head + "//" + "x" * MAX_COLUMNS + "\n", "122 columns"),
        ("attic/d.hpp", head, "`attic/` is not in the table"),
        ("d.hpp", head, "only vmt.hpp stands outside"),
        ("core/d.hpp", head, "#include <vmt/core/d.hpp> is missing"),
        ("vmt.hpp", good["vmt.hpp"] + "#include <vmt/media/stb.hpp>\n", "not a public header"),
    ]
    failed = 0

    def problems_of(files, contributing=table):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "CONTRIBUTING.md").write_text(contributing, encoding="utf-8")
            for name, text in files.items():
                path = root / "include" / "vmt" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return check(root)[0]

    for problem in problems_of(good):
        failed += 1
        print(f"self-test: the good tree is refused: {problem}")
    cases = [(problems_of({**good, name: text}), said, f"{name}: {text!r}") for name, text, said in broken]
    cases.append((problems_of(good, table.replace("| base | – |", "| base | ops |")), "does not stand above", "a cycle"))
    cases.append((problems_of(good, "no table"), "table of rooms was not found", "no table"))
    for problems, said, what in cases:
        if not any(said in problem for problem in problems):
            failed += 1
            print(f"self-test: not seen: {said!r} for {what[:100]}; said instead: {problems}")
    print(f"self-test: {len(cases)} broken trees, {failed} wrong")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems, count = check(root)
    for problem in problems:
        print(problem)
    print(f"{count} headers, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
