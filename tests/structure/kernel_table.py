#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles every kernel for sm_90 and compares what ptxas says of it with the table in tests/cuda/kernels.csv.

The table holds registers a thread, bytes of shared memory a block and bytes spilled. It was made by one release of
nvcc; with another one only the limits are checked: no more than 128 bytes a thread are spilled, and there is room for
two blocks of 256 threads.

kernel_table.py --nvcc NVCC            checks
kernel_table.py --nvcc NVCC --write    writes the table
"""
import argparse
import csv
import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import common

TABLE = common.ROOT / "tests" / "cuda" / "kernels.csv"
SOURCE = common.ROOT / "tests" / "cuda" / "device.cu"
COLUMNS = ["kernel", "registers", "shared", "spilled"]


def short(name):
    """What tells one kernel from another: without namespaces, and without the word that all of them end in."""
    name = re.sub(r"vmt::v\w+::(gpu::)?", "", name)
    name = re.sub(r"^void (\w+)_kernel<", r"\1 ", name)
    name = re.sub(r"nvcuda::|\(.*\)$", "", name)
    return re.sub(r"\s+>", ">", name)[:-1].replace("_body", "")


def demangled(names):
    out = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout
    return out.splitlines()


def compile_kernels(nvcc, arch):
    """{kernel: (registers, shared, spilled)} as ptxas reports it."""
    with tempfile.TemporaryDirectory() as folder:
        result = common.run([nvcc, "-std=c++20", f"-arch={arch}", "-O2", "-DNDEBUG", "--Werror", "all-warnings",
                             "-Xptxas", "-v", "-cubin", f"-I{common.INCLUDE}", f"-I{common.ROOT / 'tests'}", SOURCE,
                             "-o", Path(folder) / "kernels.cubin"])
    if result.returncode != 0:
        print(result.stdout + result.stderr)
        sys.exit(1)
    found, name, spilled = [], None, 0
    for line in result.stderr.splitlines():
        if match := re.search(r"Compiling entry function '(\w+)'", line):
            name = match.group(1)
        elif match := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line):
            spilled = int(match.group(1)) + int(match.group(2))
        elif (match := re.search(r"Used (\d+) registers", line)) and name:
            shared = re.search(r"(\d+) bytes smem", line)
            found.append((name, int(match.group(1)), int(shared.group(1)) if shared else 0, spilled))
            name, spilled = None, 0
    names = [short(n) for n in demangled([f[0] for f in found])]
    return {n: f[1:] for n, f in zip(names, found)}


def release(nvcc):
    return re.search(r"release ([\d.]+)", common.must([nvcc, "--version"])).group(1)


def table_text(kernels, nvcc_release, arch):
    out = io.StringIO()
    out.write(f"# nvcc {nvcc_release}, {arch}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name in sorted(kernels):
        writer.writerow([name, *kernels[name]])
    return out.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nvcc", default="nvcc")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if not shutil.which(arguments.nvcc):
        common.skip("no nvcc")
    arch = "sm_90"
    kernels = compile_kernels(arguments.nvcc, arch)
    text = table_text(kernels, release(arguments.nvcc), arch)
    if arguments.write:
        TABLE.write_text(text, encoding="utf-8")
        print(f"{len(kernels)} kernels -> {TABLE}")
        return
    wrong = []
    for name, (registers, shared, spilled) in kernels.items():
        if spilled > 128:
            wrong.append(f"{name} spills {spilled} bytes")
        if registers > 128 or shared > 48 * 1024:
            wrong.append(f"{name} uses {registers} registers and {shared} bytes of shared memory")
    committed = TABLE.read_text(encoding="utf-8")
    if committed.splitlines()[0] == text.splitlines()[0]:
        old, new = set(committed.splitlines()), set(text.splitlines())
        wrong += [f"not in the table: {line}" for line in sorted(new - old)]
        wrong += [f"only in the table: {line}" for line in sorted(old - new)]
    else:
        print(f"the table is of another compiler ({committed.splitlines()[0]}): only the limits are checked")
    for line in wrong:
        print(line)
    print(f"{len(kernels)} kernels, {len(wrong)} problems")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
