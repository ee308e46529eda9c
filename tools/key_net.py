# SPDX-License-Identifier: MIT
"""The PyTorch twin of vmt's `key_net`: one small network, shared by all keys, that looks at the columns around its key.

Input B x T x 3 x rows x W (T frames in a row of a strip whose white keys are 16 pixels wide) and B x K key places
(centre in pixels, 1 for a black key), output B x K x 5 x T: logits of onset, held, release and velocity, and the
onset's place inside the frame. Where `future` allows less than the four frames that the temporal convolutions look ahead, the
later ones look only back.

Run as a program it prints the number of parameters and checks it.
"""
import dataclasses
import sys

import torch
import torch.nn.functional as F
from torch import nn

DILATIONS = (1, 1, 2)
OUTPUTS = 5
PARAMETERS = 203_541


@dataclasses.dataclass(frozen=True)
class Options:
    rows: int = 96
    channels: tuple = (16, 32, 48, 48)
    features: int = 64
    window: int = 13
    future: int = 4
    dropout: float = 0.15

    def metadata(self):
        """As the weights file carries it."""
        values = {**dataclasses.asdict(self), "channels": ",".join(map(str, self.channels))}
        return {"vmt.model": "key_net", **{f"vmt.{k}": str(v) for k, v in values.items()}}


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Temporal(nn.Module):
    """x + relu(bn(conv(x))) over time; zeros beside the clip."""

    def __init__(self, channels, dilation, causal):
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation, bias=False)
        self.bn = nn.BatchNorm1d(channels)
        self.sides = (2 * dilation, 0) if causal else (dilation, dilation)

    def forward(self, x):
        return x + F.relu(self.bn(self.conv(F.pad(x, self.sides))))


def sample_columns(x, centres, window):
    """Columns of maps around fractional centres: x N x C x W, centres N x K in columns -> N x C x K x window."""
    width = x.shape[2]
    place = (centres[:, :, None] + torch.arange(window) - (window - 1) // 2).clamp(0, width - 1)
    left = place.floor().long()
    fraction = (place - left).to(x.dtype)[:, None]
    at = lambda i: x.gather(2, i.reshape(len(x), 1, -1).expand(-1, x.shape[1], -1)).unflatten(2, i.shape[1:])
    return at(left) * (1 - fraction) + at((left + 1).clamp(max=width - 1)) * fraction


class KeyNet(nn.Module):
    def __init__(self, options=Options()):
        super().__init__()
        self.options = o = options
        c = o.channels
        self.trunk = nn.Sequential(ConvNorm(3, c[0], 5, 2, 2), ConvNorm(c[0], c[1], 3, 2, 1),
                                   ConvNorm(c[1], c[2], 3, (2, 1), 1), ConvNorm(c[2], c[3], 3, (2, 1), 1))
        self.columns = ConvNorm(c[3], o.features, (o.rows // 16, 1))
        self.white = nn.Linear(o.features * o.window, o.features)
        self.black = nn.Linear(o.features * o.window, o.features)
        self.norm = nn.BatchNorm1d(o.features)
        blocks, left = [], o.future
        for d in DILATIONS:
            blocks.append(Temporal(o.features, d, causal=d > left))
            left -= d if d <= left else 0
        self.temporal = nn.Sequential(*blocks)
        self.head = nn.Conv1d(o.features, OUTPUTS, 1)
        with torch.no_grad():
            self.head.bias[:3] = -2

    def forward(self, x, keys):
        """B x K x 5 x T of x: B x T x 3 x rows x W and keys: B x K x 2."""
        samples, frames = x.shape[:2]
        maps = self.columns(self.trunk(x.flatten(0, 1))).squeeze(2)
        centres = (keys[:, :, 0] / 4 - 0.5).repeat_interleave(frames, 0)
        seen = sample_columns(maps, centres, self.options.window)  # B T x F x K x window
        seen = seen.transpose(1, 2).flatten(2)
        black = (keys[:, :, 1] != 0).repeat_interleave(frames, 0)[:, :, None]
        read = torch.where(black, self.black(seen), self.white(seen))  # B T x K x F
        read = read.unflatten(0, (samples, frames)).permute(0, 2, 3, 1).flatten(0, 1)  # B K x F x T
        read = F.dropout(F.relu(self.norm(read)), self.options.dropout, self.training)
        return self.head(self.temporal(read)).unflatten(0, (samples, -1))


def key_loss(y, t, share=(1.0, 0.7, 0.4, 0.5, 0.1), positive=(3.0, 0.5, 2.0), edge=2):
    """The loss of outputs y and targets t, both B x K x 5 x T: see vmt::train::key_loss."""
    y, t = y[..., edge:-edge], t[..., edge:-edge]
    struck = t[:, :, 0] > 0
    loss = 0.0
    for o in range(OUTPUTS):
        target = t[:, :, o]
        counts = (target >= 0) if o == 1 else struck if o > 2 else torch.ones_like(struck)
        if not counts.any():
            continue
        out, target = y[:, :, o][counts], target[counts]
        if o == 4:
            loss = loss + share[o] * F.smooth_l1_loss(out, target)
        else:
            weight = 1 + positive[o] * target if o < 3 else None
            loss = loss + share[o] * F.binary_cross_entropy_with_logits(out, target, weight)
    return loss


def check_parameter_count():
    found = sum(p.numel() for p in KeyNet().parameters())
    if found != PARAMETERS:
        sys.exit(f"key_net: {found} parameters, expected {PARAMETERS}")


if __name__ == "__main__":
    check_parameter_count()
    print(f"key_net {PARAMETERS:>12,}")
