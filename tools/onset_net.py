# SPDX-License-Identifier: MIT
"""The PyTorch twin of vmt's `onset_net`: the network of "Sight to Sound: an end-to-end approach for visual piano
transcription" (Koepke, Wiles, Moses, Zisserman; ICASSP 2020) and its two baselines.

Input N x frames x H x W gray frames (the paper: N x 5 x 145 x 800), output N x keys logits (key 0 = A0, MIDI 21) and
the final feature N x 8w. A target is 1 where a note starts within 32 ms of the middle frame.

Where the paper leaves room, our readings are:
- It prints 64x73x400 "after the first block" and 256x10x50 after the third. 73x400 is the size before ResNet's pool,
  so the pool stands after the aggregation. Whether layer1 belongs to the "first block" is open: `stem = conv1` puts
  layer1 behind the pool, `stem = layer1` runs it on each frame at 73x400 before the aggregation.
- "Channel-wise temporal weighted average": one weight per channel and frame, no bias, starts as the mean
  (`aggregation = channelwise`). `dense` is the plain 3D convolution over all channels, which starts as the same mean.
- Slope: conv1d(1 -> w), ReLU, conv1d(w -> w), then linear resampling from `keys` to the columns of layer3 with both
  ends kept (`align_corners=True`), repeated over the rows. No activation after the last convolution.
- `fuse`, the 3x3 convolution behind the concatenation [layer3, slope], has a bias and neither norm nor activation.
- "The weight of onset events is equal to that of non-onset events": see `balanced_bce`.

Run as a program it prints the number of parameters of the three variants and checks them.
"""
import dataclasses
import json
import os
import sys

import torch
import torch.nn.functional as F
from torch import nn

VARIANTS = ("resnet", "aggregation", "slope")
STEMS = ("conv1", "layer1")
AGGREGATIONS = ("channelwise", "dense")
PARAMETERS_AT_WIDTH_64 = {"resnet": 11_227_928, "aggregation": 11_215_704, "slope": 11_965_848}


@dataclasses.dataclass(frozen=True)
class Options:
    variant: str = "slope"
    stem: str = "conv1"
    aggregation: str = "channelwise"
    width: int = 64
    frames: int = 5
    keys: int = 88

    def __post_init__(self):
        for name, allowed in (("variant", VARIANTS), ("stem", STEMS), ("aggregation", AGGREGATIONS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is '{getattr(self, name)}', expected one of {', '.join(allowed)}")
        for name in ("width", "frames", "keys"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 1")
        if self.variant == "resnet" and self.stem != "conv1":
            raise ValueError("variant resnet has no per-frame stem: use stem conv1")

    def metadata(self):
        """As the weights file carries it."""
        return {"vmt.model": "onset_net", **{f"vmt.{k}": str(v) for k, v in dataclasses.asdict(self).items()}}

    @staticmethod
    def from_metadata(metadata):
        if metadata.get("vmt.model") != "onset_net":
            raise ValueError(f"vmt.model is {metadata.get('vmt.model')!r}, expected 'onset_net'")
        fields = {f.name: f.type for f in dataclasses.fields(Options)}
        return Options(**{k: t(metadata[f"vmt.{k}"]) for k, t in fields.items() if f"vmt.{k}" in metadata})


class BasicBlock(nn.Module):
    """ResNet's block of two 3x3 convolutions, with torchvision's parameter names."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Aggregation(nn.Module):
    """frames x 1 x 1 convolution over stacked frames: N x frames x C x H x W -> N x C x H x W."""

    def __init__(self, channels, frames, kind):
        super().__init__()
        self.kind = kind
        self.weight = nn.Parameter(torch.empty(channels, 1 if kind == "channelwise" else channels, frames, 1, 1))
        self.reset()

    def reset(self):
        """Starts as the mean over the frames."""
        channels, _, frames = self.weight.shape[:3]
        mean = torch.ones(channels, 1) if self.kind == "channelwise" else torch.eye(channels)
        with torch.no_grad():
            self.weight.copy_((mean / frames)[:, :, None, None, None].expand_as(self.weight))

    def forward(self, x):
        if self.kind == "dense":
            channels, frames = x.shape[2], x.shape[1]
            w = self.weight.transpose(1, 2).reshape(channels, frames * channels, 1, 1)
            return F.conv2d(x.flatten(1, 2), w)
        w = self.weight[:, 0, :, 0, 0].t()[None, :, :, None, None]
        return (x * w).sum(1)  # conv3d with groups = channels, but several times as fast on a CPU


class Slope(nn.Module):
    """The position of each key, as `width` learned channels: (rows, columns) -> 1 x width x rows x columns."""

    def __init__(self, width, keys):
        super().__init__()
        self.conv1 = nn.Conv1d(1, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1)
        self.keys = keys

    def forward(self, rows, columns):
        weight = self.conv1.weight
        x = torch.linspace(0, 1, self.keys, dtype=weight.dtype, device=weight.device).reshape(1, 1, -1)
        y = self.conv2(F.relu(self.conv1(x)))
        y = F.interpolate(y, size=columns, mode="linear", align_corners=True)
        return y.unsqueeze(2).expand(-1, -1, rows, -1)


class OnsetNet(nn.Module):
    def __init__(self, options=Options()):
        super().__init__()
        self.options = o = options
        w = o.width
        self.conv1 = nn.Conv2d(o.frames if o.variant == "resnet" else 1, w, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(w)
        self.layer1 = nn.Sequential(BasicBlock(w, w), BasicBlock(w, w))
        self.layer2 = nn.Sequential(BasicBlock(w, 2 * w, 2), BasicBlock(2 * w, 2 * w))
        self.layer3 = nn.Sequential(BasicBlock(2 * w, 4 * w, 2), BasicBlock(4 * w, 4 * w))
        self.layer4 = nn.Sequential(BasicBlock(4 * w, 8 * w, 2), BasicBlock(8 * w, 8 * w))
        for m in self.modules():  # torchvision's initialisation of the backbone; the rest keeps PyTorch's default
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
        if o.variant != "resnet":
            self.aggregation = Aggregation(w, o.frames, o.aggregation)
        if o.variant == "slope":
            self.slope = Slope(w, o.keys)
            self.fuse = nn.Conv2d(5 * w, 4 * w, 3, 1, 1)
        self.fc = nn.Linear(8 * w, o.keys)

    def forward(self, x):
        """(logits N x keys, features N x 8w) of x: N x frames x H x W."""
        o = self.options
        if x.dim() != 4 or x.shape[1] != o.frames:
            raise ValueError(f"input has shape {tuple(x.shape)}, expected N x {o.frames} x H x W")
        n, _, height, width = x.shape
        if o.variant != "resnet":
            x = x.reshape(n * o.frames, 1, height, width)
        x = F.relu(self.bn1(self.conv1(x)))
        if o.stem == "layer1":
            x = self.layer1(x)
        if o.variant != "resnet":
            x = self.aggregation(x.unflatten(0, (n, o.frames)))
        x = F.max_pool2d(x, 3, 2, 1)
        if o.stem == "conv1":
            x = self.layer1(x)
        x = self.layer3(self.layer2(x))
        if o.variant == "slope":
            x = self.fuse(torch.cat([x, self.slope(*x.shape[2:]).expand(n, -1, -1, -1)], 1))
        features = self.layer4(x).mean((2, 3))
        return self.fc(features), features


def balanced_bce(logits, targets):
    """Binary cross-entropy on logits, mean over all M = N x keys; each onset weighs M / (2 positives), each non-onset
    M / (2 negatives); all weigh 1 where the batch has only one kind."""
    total, positives = targets.numel(), targets.sum()
    weight = torch.ones_like(logits)
    if 0 < positives < total:
        weight = torch.where(targets > 0.5, total / (2 * positives), total / (2 * (total - positives)))
    return F.binary_cross_entropy_with_logits(logits, targets, weight)


def randomise(net, seed):
    """Seeded weights with the statistics of a trained network: no channel is degenerate, no activation explodes, and
    every parameter matters (norms and aggregation differ from their starting values)."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for m in net.modules():
            if isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Linear)):
                fan_in = m.weight[0].numel()
                m.weight.copy_(torch.randn(m.weight.shape, generator=g) * (2 / fan_in) ** 0.5)
                if m.bias is not None:
                    m.bias.copy_(torch.rand(m.bias.shape, generator=g) * 0.2 - 0.1)
            elif isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
                m.weight.copy_(torch.rand(m.weight.shape, generator=g) * 0.4 + 0.4)
                m.bias.copy_(torch.rand(m.bias.shape, generator=g) * 0.2 - 0.1)
                m.running_mean.copy_(torch.rand(m.bias.shape, generator=g) * 0.2 - 0.1)
                m.running_var.copy_(torch.rand(m.bias.shape, generator=g) + 0.5)
            elif isinstance(m, Aggregation):
                m.reset()
                m.weight.add_((torch.rand(m.weight.shape, generator=g) - 0.5) * 0.2)
    return net


def save_safetensors(path, tensors, metadata):
    """Writes a safetensors file, the same bytes for the same input (the safetensors package orders metadata at random),
    under a temporary name that then replaces `path`."""
    names = {torch.float64: "F64", torch.int64: "I64", torch.float32: "F32"}
    header, blobs, offset = {"__metadata__": dict(sorted(metadata.items()))}, [], 0
    for name, t in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        blob = t.detach().cpu().contiguous().numpy()
        blob = blob.astype(blob.dtype.newbyteorder("<")).tobytes()
        header[name] = {"dtype": names[t.dtype], "shape": list(t.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as f:
            f.write(len(text).to_bytes(8, "little") + text + b"".join(blobs))
        os.replace(temporary, path)
    except OSError:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def state(net):
    """Parameters and running statistics by name; PyTorch's counters of batches are dropped."""
    return {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}


def save(net, path):
    save_safetensors(path, {k: v.float() for k, v in state(net).items()}, net.options.metadata())


def load(path):
    from safetensors import safe_open
    with safe_open(path, "pt") as f:
        net = OnsetNet(Options.from_metadata(f.metadata() or {}))
        tensors = {k: f.get_tensor(k) for k in f.keys()}
    result = net.load_state_dict(tensors, strict=False)
    missing = [k for k in result.missing_keys if not k.endswith("num_batches_tracked")]
    if missing or result.unexpected_keys:
        raise ValueError(f"{path}: missing {missing}, unexpected {result.unexpected_keys}")
    return net.eval()


def check_parameter_counts():
    for variant, expected in PARAMETERS_AT_WIDTH_64.items():
        found = sum(p.numel() for p in OnsetNet(Options(variant)).parameters())
        if found != expected:
            sys.exit(f"{variant}: {found} parameters, expected {expected}")


if __name__ == "__main__":
    check_parameter_counts()
    for v, count in PARAMETERS_AT_WIDTH_64.items():
        print(f"{v:12} {count:>12,}")
