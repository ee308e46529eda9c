# SPDX-License-Identifier: MIT
"""Makes a vmt weights file (safetensors) from PyTorch weights, or from nothing.

    python tools/convert_weights.py resnet18.pth OUT.safetensors          # torchvision's ResNet-18 as starting point
    python tools/convert_weights.py checkpoint.pth OUT.safetensors --variant slope
    python tools/convert_weights.py --random OUT.safetensors --variant slope --width 64 --seed 0

The source is a state dict (.pth, .pt, read with weights_only=True; or .safetensors) with torchvision's ResNet-18 names,
bare or under "state_dict", with or without DataParallel's "module." in front. What happens to it:
- A conv1 of 3 channels is taken as RGB: its sum is the filter for a gray frame. Variant `resnet` spreads a filter for
  one frame over its frames (each gets 1/frames of it), so that a still picture gives the same response.
- Modules that the source lacks as a whole (aggregation, slope, fuse) start as untrained ones; so does fc where the
  source has ImageNet's 1000 outputs. All else must be there, with the right shape and finite.
- num_batches_tracked is dropped; every number becomes single precision.
Width is read off conv1; options that are not given come from the metadata of a vmt weights file, else are the paper's
full network (slope, conv1, channelwise, 5 frames, 88 keys).
Exit status: 0 done, 2 wrong usage, 65 bad input, 74 input/output error.
"""
import argparse
import dataclasses
import os
import pickle
import sys

import torch

import onset_net
from onset_net import OnsetNet, Options

NEW_MODULES = ("aggregation", "slope", "fuse")


class BadInput(Exception):
    pass


def read(path):
    """The flat state dict of a file (name -> single-precision tensor) and its metadata."""
    metadata = {}
    if path.endswith(".safetensors"):
        from safetensors import SafetensorError, safe_open
        try:
            with safe_open(path, "pt") as f:
                metadata = f.metadata() or {}
                content = {k: f.get_tensor(k) for k in f.keys()}
        except SafetensorError as e:
            raise BadInput(f"{path}: not a safetensors file: {e}") from e
    else:
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as e:
            told = isinstance(e, (pickle.UnpicklingError, RuntimeError))
            reason = str(e).strip().split(". ")[0] if told else "no pickle"
            raise BadInput(f"{path}: not a PyTorch file of plain tensors, made by torch.save(net.state_dict(), …): "
                           f"{reason}") from e
    for wrapper in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not content:
        raise BadInput(f"{path}: holds a {type(content).__name__}, expected a state dict (names and tensors)")
    tensors = {}
    for name, t in content.items():
        if not isinstance(name, str) or not isinstance(t, torch.Tensor):
            raise BadInput(f"{path}: entry {name!r} is a {type(t).__name__}, expected a tensor with a name")
        name = name.removeprefix("module.")
        if name.endswith("num_batches_tracked"):
            continue
        if not t.is_floating_point():
            raise BadInput(f"{path}: {name} has type {t.dtype}, expected floating-point numbers")
        t = t.detach().float()
        if not torch.isfinite(t).all():
            raise BadInput(f"{path}: {name} has values that are not finite (in single precision)")
        if name.endswith("running_var") and (t < 0).any():
            raise BadInput(f"{path}: {name} has negative values")
        tensors[name] = t
    return tensors, metadata


def adapt_conv1(weight, options, meaning):
    """conv1.weight for `options`; `meaning` of its input channels: rgb, frames, or auto."""
    channels = weight.shape[1]
    frames = options.frames if options.variant == "resnet" else 1
    if meaning == "auto":
        if channels == 3 and frames == 3:
            raise BadInput("conv1.weight has 3 input channels: say --conv1 rgb or --conv1 frames")
        meaning = "rgb" if channels == 3 else "frames"
    if meaning == "rgb":
        if channels != 3:
            raise BadInput(f"conv1.weight has {channels} input channels, expected 3 for --conv1 rgb")
        weight = weight.sum(1, keepdim=True)
    if weight.shape[1] == 1 and frames > 1:
        weight = (weight / frames).expand(-1, frames, -1, -1)
    if weight.shape[1] != frames:
        raise BadInput(f"conv1.weight has {weight.shape[1]} input channels, expected {frames} for variant "
                       f"{options.variant} with {options.frames} frames (or 3 for RGB)")
    return weight.contiguous()


def convert(source, options, meaning):
    """(network, names that it had to initialise)."""
    net = OnsetNet(options)
    own = onset_net.state(net)
    source = dict(source, **{"conv1.weight": adapt_conv1(source["conv1.weight"], options, meaning)})
    if source.get("fc.weight", torch.empty(0)).shape[:1] == (1000,) and options.keys != 1000:
        source = {k: v for k, v in source.items() if not k.startswith("fc.")}
        optional = NEW_MODULES + ("fc",)
    else:
        optional = NEW_MODULES
    present = {k.split(".")[0] for k in source}
    fresh = [k for k in own if k not in source and k.split(".")[0] in optional and k.split(".")[0] not in present]
    faults = [f"{k} is missing" for k in own if k not in source and k not in fresh]
    faults += [f"{k} is not part of {options.variant}" for k in source if k not in own]
    faults += [f"{k} has shape {list(v.shape)}, expected {list(own[k].shape)}" for k, v in source.items()
               if k in own and v.shape != own[k].shape]
    if faults:
        shown = faults[:20] + ([f"… and {len(faults) - 20} more"] if len(faults) > 20 else [])
        raise BadInput("the weights do not fit (" + ", ".join(f"{k} {v}" for k, v in vars(options).items()) + "):\n  "
                       + "\n  ".join(shown))
    net.load_state_dict(source, strict=False)
    return net, fresh


def main():
    p = argparse.ArgumentParser(usage="%(prog)s [options] SOURCE OUT | %(prog)s --random [options] OUT",
                                description="Makes a vmt weights file from PyTorch weights.",
                                epilog="See the head of this file for what is converted how.")
    p.add_argument("files", nargs="+", metavar="FILE", help=argparse.SUPPRESS)
    p.add_argument("--random", action="store_true", help="no source: random weights, for benchmarks and tests")
    p.add_argument("--variant", choices=onset_net.VARIANTS)
    p.add_argument("--stem", choices=onset_net.STEMS)
    p.add_argument("--aggregation", choices=onset_net.AGGREGATIONS)
    p.add_argument("--frames", type=int)
    p.add_argument("--keys", type=int)
    p.add_argument("--width", type=int, help="default: that of the source; 64 with --random")
    p.add_argument("--conv1", choices=("auto", "rgb", "frames"), default="auto",
                   help="what the channels of the source's conv1 are")
    p.add_argument("--seed", type=int, default=0, help="of everything that is initialised")
    a = p.parse_args()
    if len(a.files) != (1 if a.random else 2):
        p.error("expected OUT" if a.random else "expected SOURCE and OUT")
    out = a.files[-1]
    if not a.random and os.path.exists(out) and os.path.exists(a.files[0]) and os.path.samefile(a.files[0], out):
        p.error("OUT is the source itself: give another name")
    torch.manual_seed(a.seed)
    try:
        source, metadata = ({}, {}) if a.random else read(a.files[0])
        given = {k: getattr(a, k) for k in Options.__dataclass_fields__ if getattr(a, k) is not None}
        if not a.random:
            first = source.get("conv1.weight")
            if first is None or first.dim() != 4:
                raise BadInput(f"{a.files[0]}: conv1.weight of 4 dimensions is missing: not a torchvision ResNet-18")
            given = {"width": first.shape[0], **given}
        try:
            base = Options.from_metadata(metadata) if "vmt.model" in metadata else Options()
        except ValueError as e:
            raise BadInput(f"{a.files[0]}: {e}") from e
        try:
            options = dataclasses.replace(base, **given)
        except ValueError as e:
            p.error(str(e))
        if a.random:
            net, fresh = onset_net.randomise(OnsetNet(options), a.seed), []
        else:
            net, fresh = convert(source, options, a.conv1)
        onset_net.save(net, out)
    except BadInput as e:
        print(f"convert_weights: {e}", file=sys.stderr)
        return 65
    except OSError as e:
        print(f"convert_weights: {e}", file=sys.stderr)
        return 74
    print(f"{out}: {options.variant}, width {options.width}, {sum(q.numel() for q in net.parameters()):,} parameters",
          file=sys.stderr)
    if fresh:
        print("untrained: " + ", ".join(fresh), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
