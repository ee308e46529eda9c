#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Onset scores of a `key_net` on real clips, from outside the library: PyTorch twin, peaks, mir_eval.

validate_key_net.py WEIGHTS STRIPS NOTES [STRIPS NOTES ...]

STRIPS is the key-aligned strip file that `vmt train --model key-net` leaves in its cache, NOTES a CSV with onset,
offset, pitch (or onset_s, offset_s). The plate, the levels and the channels are computed here, the 88 keys lie as on a whole piano.
Needs numpy, scipy, torch and mir_eval.
"""
import argparse
import csv
import struct

import mir_eval
import numpy as np
import scipy.ndimage
import torch
from safetensors import safe_open

import key_net

BLACK = {1: -0.093, 3: 0.095, 6: -0.132, 8: 0.0, 10: 0.149}
ROWS, PITCH = 96, 16


def read_strips(path):
    """Frames N x 96 x W and times."""
    with open(path, "rb") as f:
        magic, order, version, stamp, height, width, count, crc, unused = struct.unpack("<8sIIQqqqII", f.read(56))
        if magic != b"vmtstrip":
            raise SystemExit(f"{path} is no strip file")
        frames = np.frombuffer(f.read(count * height * width), np.uint8).reshape(count, height, width)
        return frames, np.frombuffer(f.read(8 * count))


def read_notes(path):
    with open(path, newline="") as f:
        rows = list(csv.DictReader(f))
    onset = "onset" if "onset" in rows[0] else "onset_s"
    return np.array([(float(r[onset]), int(r["pitch"])) for r in rows])


def piano():
    """88 x 2: centre in pixels, 1 for a black key."""
    keys, white = [], 0
    for pitch in range(21, 109):
        black = pitch % 12 in BLACK
        keys.append((PITCH * (white + (BLACK[pitch % 12] if black else 0.5)), float(black)))
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
    with safe_open(path, "pt") as f:
        m, state = f.metadata(), {k: f.get_tensor(k) for k in f.keys()}
    options = key_net.Options(future=int(m["vmt.future"]), window=int(m["vmt.window"]), features=int(m["vmt.features"]),
                              channels=tuple(int(c) for c in m["vmt.channels"].split(",")))
    net = key_net.KeyNet(options)
    net.load_state_dict(state, strict=False)
    return net.eval()


@torch.no_grad()
def outputs(net, frames, keys, chunk=120, around=12):
    """88 x 5 x N, the three logits as probabilities."""
    plate = plate_of(frames, keys)
    white, scale = levels_of(plate)
    places, parts = torch.tensor(keys, dtype=torch.float32)[None], []
    for begin in range(0, len(frames), chunk):
        lo, hi = max(0, begin - around), min(len(frames), begin + chunk + around)
        before = frames[max(0, lo - 1)][None].astype(np.float32)
        y = net(torch.from_numpy(channels(frames[lo:hi], plate, white, scale, before))[None], places)[0]
        parts.append(y[:, :, begin - lo : min(begin + chunk, len(frames)) - lo])
    y = torch.cat(parts, 2)
    y[:, :3] = y[:, :3].sigmoid()
    return y.numpy()


def peaks(onset, times, threshold, apart=0.07):
    """(time, pitch) of local maxima, with a parabola through three frames."""
    found, period = [], np.median(np.diff(times))
    for key, p in enumerate(onset):
        padded = np.pad(p, 1)
        top = np.flatnonzero((p > threshold) & (p >= padded[:-2]) & (p > padded[2:]))
        kept = []
        for i in sorted(top, key=lambda i: -p[i]):
            if all(abs(times[i] - times[j]) >= apart for j in kept):
                kept.append(i)
                a, b, c = padded[i], p[i], padded[i + 2]
                bend = a - 2 * b + c
                shift = 0.5 * (a - c) / bend if bend < -1e-6 else 0.0
                found.append((times[i] + period * np.clip(shift, -0.5, 0.5), key + 21))
    return np.array(sorted(found)).reshape(-1, 2)


def f1(reference, estimate, tolerance):
    estimate = estimate[estimate[:, 0] >= 0]
    if not len(estimate):
        return 0.0, 0.0, 0.0
    spans = lambda n: np.stack([n[:, 0], n[:, 0] + 0.1], 1)
    hertz = lambda n: mir_eval.util.midi_to_hz(n[:, 1])
    p, r, f, _ = mir_eval.transcription.precision_recall_f1_overlap(
        spans(reference), hertz(reference), spans(estimate), hertz(estimate), onset_tolerance=tolerance, offset_ratio=None)
    return p, r, f


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("pairs", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    net, keys = load(a.weights), piano()
    for strips, notes in zip(a.pairs[::2], a.pairs[1::2]):
        frames, times = read_strips(strips)
        reference, onset = read_notes(notes), outputs(net, frames, keys)[:, 0]
        print(strips, f"{len(frames)} frames, {len(reference)} notes")
        for threshold in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
            found = peaks(onset, times, threshold)
            p, r, f = f1(reference, found, 0.05)
            best = max((f1(reference, found + [[lag, 0]], 0.05)[2], lag) for lag in np.arange(-60, 61, 10) / 1000)
            print(f"  threshold {threshold}: F1@50 {100 * f:.1f} (P {100 * p:.1f} R {100 * r:.1f}), "
                  f"@100 {100 * f1(reference, found, 0.1)[2]:.1f}, best lag {1000 * best[1]:+.0f} ms {100 * best[0]:.1f}, "
                  f"{len(found)} found")


if __name__ == "__main__":
    main()
