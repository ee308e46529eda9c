#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Scores of a `key_net` on real clips, from outside the library: PyTorch twin, decoder of tools/key_scores.py, mir_eval.

validate_key_net.py WEIGHTS STRIPS NOTES [STRIPS NOTES ...]

STRIPS is the key-aligned strip file that `vmt train --model key-net` leaves in its cache, NOTES a CSV with onset,
offset, pitch, velocity (or onset_s, offset_s). The plate, the levels and the channels are computed here, the 88 keys lie as on a
whole piano. --threshold, --confidence: what the weights' metadata say is used; these try something else. --fit: which
threshold and which confidence these clips would want, which is only of use for weights that were not trained on them.
Needs numpy, scipy, torch and mir_eval.
"""
import argparse
import struct

import numpy as np
import scipy.ndimage
import torch
from safetensors import safe_open

import key_net
import key_scores

ROWS, PITCH = 96, 16


def read_strips(path):
    """Frames N x 96 x W and times."""
    with open(path, "rb") as f:
        magic, order, version, stamp, height, width, count, crc, unused = struct.unpack("<8sIIQqqqII", f.read(56))
        if magic != b"vmtstrip":
            raise SystemExit(f"{path} is no strip file")
        frames = np.frombuffer(f.read(count * height * width), np.uint8).reshape(count, height, width)
        return frames, np.frombuffer(f.read(8 * count))


def piano():
    """88 x 2: centre in pixels, 1 for a black key."""
    keys, white = [], 0
    for pitch in range(21, 109):
        black = pitch % 12 in key_scores.OFFSET
        keys.append((PITCH * (white + (key_scores.OFFSET[pitch % 12] if black else 0.5)), float(black)))
        white += not black
    return np.array(keys)


def plate_of(frames, keys):
    some = np.sort(frames[:: max(1, len(frames) // 150)], axis=0)
    y, x = np.mgrid[0:ROWS, 0 : frames.shape[2]] + 0.5
    black = np.zeros(x.shape, bool)
    for centre in keys[keys[:, 1] > 0, 0]:
        black |= (np.abs(x - centre) <= 0.33 * PITCH) & (y >= 4) & (y < 4 + 0.65 * 80)
    return np.where(black, some[len(some) // 2], some[len(some) * 3 // 4]).astype(np.float32)


def levels_of(plate):
    def of(low, high, share, smooth):
        rows = plate[round(4 + 80 * low) : round(4 + 80 * high)]
        return scipy.ndimage.percentile_filter(np.percentile(rows, share, axis=0), smooth, size=113, mode="nearest")

    white = of(0.68, 0.95, 70, 50)
    return white, np.maximum(white - of(0.05, 0.60, 12, 20), 20)


def channels(frames, plate, white, scale, before):
    x = frames.astype(np.float32)
    change = np.diff(np.concatenate([before, x]), axis=0)
    return np.stack([(x - white) / scale + 0.5, np.clip(2 * (x - plate) / scale, -1.5, 1.5),
                     np.clip(3 * change / scale, -1.5, 1.5)], 1).astype(np.float32)


def load(path):
    """The network and its metadata."""
    with safe_open(path, "pt") as f:
        m, state = f.metadata(), {k: f.get_tensor(k).float() for k in f.keys()}
    options = key_net.Options(future=int(m["vmt.future"]), window=int(m["vmt.window"]), features=int(m["vmt.features"]),
                              channels=tuple(int(c) for c in m["vmt.channels"].split(",")))
    net = key_net.KeyNet(options)
    net.load_state_dict(state, strict=False)
    return net.eval(), m


@torch.no_grad()
def outputs(net, frames, keys, chunk=120, around=12):
    """N x 5 x 88 logits."""
    plate = plate_of(frames, keys)
    white, scale = levels_of(plate)
    places, parts = torch.tensor(keys, dtype=torch.float32)[None], []
    for begin in range(0, len(frames), chunk):
        lo, hi = max(0, begin - around), min(len(frames), begin + chunk + around)
        before = frames[max(0, lo - 1)][None].astype(np.float32)
        y = net(torch.from_numpy(channels(frames[lo:hi], plate, white, scale, before))[None], places)[0]
        parts.append(y[:, :, begin - lo : min(begin + chunk, len(frames)) - lo])
    return torch.cat(parts, 2).permute(2, 1, 0).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("pairs", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--confidence", type=float, nargs=2, metavar=("SCALE", "SHIFT"))
    parser.add_argument("--fit", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    net, said = load(a.weights)
    threshold = a.threshold or float(said.get("threshold.notes", 0.5))
    confidence = a.confidence or (float(said.get("confidence.scale", 1)), float(said.get("confidence.shift", 0)))
    made = []
    for strips, notes in zip(a.pairs[::2], a.pairs[1::2]):
        frames, times = read_strips(strips)
        made.append((outputs(net, frames, piano()), times, key_scores.read_notes(notes)))
        key_scores.report(strips, *made[-1], threshold, confidence)
    if a.fit:
        print("these clips would want threshold %.2f, confidence.scale %.3f, confidence.shift %.3f" % key_scores.fit(made))


if __name__ == "__main__":
    main()
