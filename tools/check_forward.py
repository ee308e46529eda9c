# SPDX-License-Identifier: MIT
"""Compares `vmt forward` with PyTorch on every variant of the network, at the paper's size.

    python tools/check_forward.py build/bin/vmt [--only TEXT] [--keep FOLDER]

For each network: seeded random weights, two windows of 145 x 800, `vmt forward`, and the twin in double. The figure is
the largest difference over the largest reference value; at most 1e-4 passes. Exit status 1 if one does not.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

import onset_net
from onset_net import OnsetNet, Options

LIMIT = 1e-4
MAIN = (("resnet", "conv1", "channelwise"), ("aggregation", "conv1", "channelwise"), ("slope", "conv1", "channelwise"))


def networks():
    """(label, options, whether PyTorch's own writer saves the weights)"""
    for variant in onset_net.VARIANTS:
        for stem in onset_net.STEMS:
            for aggregation in onset_net.AGGREGATIONS:
                names = (variant, stem, aggregation)
                if variant != "resnet" or names in MAIN:
                    yield " ".join(names), Options(*names, width=64 if names in MAIN else 8), False
    yield "slope, saved by PyTorch", Options(width=8), True
    yield "slope, 3 frames, 61 keys", Options(width=8, frames=3, keys=61), False


def difference(found, expected):
    """(largest difference / largest reference value, or what is wrong)"""
    if found is None:
        return None, "tensor is missing"
    if found.shape != expected.shape:
        return None, f"shape {list(found.shape)}, expected {list(expected.shape)}"
    if not torch.isfinite(found).all():
        return None, "values that are not finite"
    return ((found.double() - expected).abs().max() / expected.abs().max()).item(), ""


def check(program, options, by_pytorch, folder, seed):
    """({tensor name: (difference, fault)})"""
    net = onset_net.randomise(OnsetNet(options), seed).eval()
    model, inputs, outputs = (folder / f"{k}.safetensors" for k in ("model", "input", "output"))
    if by_pytorch:
        save_file({k: v.contiguous() for k, v in net.state_dict().items()}, model, options.metadata())
    else:
        onset_net.save(net, model)
    generator = torch.Generator().manual_seed(seed)
    patches = torch.rand(2, options.frames, 9, 50, generator=generator)  # coarse, so that windows and frames differ
    x = torch.nn.functional.interpolate(patches, size=(145, 800)) * 0.8
    x += torch.rand(x.shape, generator=generator) * 0.2
    save_file({"x": x}, inputs)
    outputs.unlink(missing_ok=True)
    with torch.no_grad():
        expected = dict(zip(("logits", "features"), net.double()(x.double())))
    try:
        ran = subprocess.run([program, "forward", "--model", model, "--input", inputs, "--output", outputs],
                             capture_output=True, text=True, errors="replace", timeout=300)
    except subprocess.TimeoutExpired:
        return {name: (None, "no answer in 300 s") for name in expected}
    if ran.returncode != 0:
        said = ran.stderr.strip().splitlines() or ["nothing on stderr"]
        return {name: (None, f"exit status {ran.returncode}: {said[-1]}") for name in expected}
    try:
        found = load_file(outputs)
    except (OSError, SafetensorError) as e:
        return {name: (None, f"output file: {e}") for name in expected}
    return {name: difference(found.get(name), e) for name, e in expected.items()}


def main():
    p = argparse.ArgumentParser(description="Compares `vmt forward` with PyTorch.")
    p.add_argument("program", metavar="VMT_PROGRAM")
    p.add_argument("--only", default="", metavar="TEXT", help="networks whose name contains TEXT")
    p.add_argument("--keep", metavar="FOLDER", help="leave the files of the last network there")
    a = p.parse_args()
    chosen = [n for n in networks() if a.only in n[0]]
    if not chosen:
        p.error(f"no network's name contains '{a.only}': " + "; ".join(n[0] for n in networks()))
    failed = 0
    print(f"{'network':34} {'width':>5} {'tensor':9} {'difference':>10}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(a.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for seed, (label, options, by_pytorch) in enumerate(chosen, 1):
            try:
                results = check(a.program, options, by_pytorch, folder, seed)
            except OSError as e:
                print(f"check_forward: {a.program}: {e}", file=sys.stderr)
                return 74
            for name, (value, fault) in results.items():
                good = value is not None and value <= LIMIT
                failed += not good
                shown = "-" if value is None else f"{value:.1e}"
                verdict = "" if good else f"  FAILED{': ' + fault if fault else ''}"
                print(f"{label:34} {options.width:5} {name:9} {shown:>10}{verdict}", flush=True)
    print(f"{failed} of {2 * len(chosen)} comparisons above {LIMIT:g} or without result" if failed
          else f"all {2 * len(chosen)} comparisons within {LIMIT:g}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
