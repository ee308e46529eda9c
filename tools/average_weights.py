#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The mean of weights that were trained from the same beginning, with other seeds for instance.

    tools/average_weights.py OUT A B ...

All are safetensors files of one network; statistics of batch norm are averaged with the rest. The metadata are those of
A. Checks that weights carry of their own outputs (`check.*`) are left out, for they no longer hold. Needs numpy, safetensors.
"""
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


def read(path):
    """(metadata, tensors)"""
    with safe_open(path, "numpy") as file:
        return file.metadata(), {k: file.get_tensor(k) for k in file.keys() if not k.startswith("check.")}


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    metadata, first = read(sys.argv[2])
    others = [read(path)[1] for path in sys.argv[3:]]
    shapes = {name: tensor.shape for name, tensor in first.items()}
    for path, other in zip(sys.argv[3:], others):
        if {name: tensor.shape for name, tensor in other.items()} != shapes:
            sys.exit(f"{path}: other names or shapes than in {sys.argv[2]}; average weights of one network")
    mean = {}
    for name, tensor in first.items():
        every = np.stack([tensor, *(other[name] for other in others)]).astype(np.float64)
        mean[name] = every.mean(axis=0).astype(np.float32 if tensor.dtype == np.float16 else tensor.dtype)
    save_file(mean, sys.argv[1], metadata)


if __name__ == "__main__":
    main()
