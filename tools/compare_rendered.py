#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts rendered strips beside real ones of the same notes, and prints what tells them apart.

compare_rendered.py --vmt BUILD/bin/vmt CLIP [CLIP …] [--seeds 12] [--seconds 20] [--pictures docs]

A CLIP is a folder with video.mp4, notes.csv and keyboard.json (or registration.json). Its frames are straightened to
145x800 by ffmpeg, `vmt render --preset paper` plays the same notes with several seeds, and both go through the same
measurements: levels, edges, noise, and the change that a press makes. A row is marked where the real value lies outside
what the seeds span. Needs numpy, Pillow and ffmpeg.
"""
import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

W, H, WHITE = 800, 145, 800 / 52
OFFSET = {1: -0.093, 3: 0.095, 6: -0.132, 8: 0.0, 10: 0.149}  # of black keys from the crack, in white keys


def key_centres():
    x, black, whites = [], [], 0
    for pitch in range(21, 109):
        if pitch % 12 in OFFSET:
            x.append((whites + OFFSET[pitch % 12]) * WHITE)
            black.append(True)
        else:
            x.append((whites + 0.5) * WHITE)
            black.append(False)
            whites += 1
    return np.array(x), np.array(black)


CENTRE, BLACK = key_centres()


def corners_of(clip):
    """Top left, top right, bottom right, bottom left as the player sees them, in the pixels of the file."""
    if (clip / "keyboard.json").exists():
        return json.loads((clip / "keyboard.json").read_text())["corners"]
    registration = json.loads((clip / "registration.json").read_text())
    points = registration["keyboard_corners_px"]["pts"]
    if registration.get("rotate180"):
        w, h = map(int, registration["resolution"].split("x"))
        points = [[w - x, h - y] for x, y in points]
    return points


def rate_of(clip):
    """Frames a second."""
    rate = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=avg_frame_rate",
                           "-of", "csv=p=0", str(clip / "video.mp4")], capture_output=True, text=True, check=True).stdout
    top, bottom = rate.strip().strip(",").split("/")
    return float(top) / float(bottom)


def real_strips(clip, start, seconds):
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners_of(clip)
    fps = rate_of(clip)
    warp = (f"perspective=x0={ax}:y0={ay}:x1={bx}:y1={by}:x2={dx}:y2={dy}:x3={cx}:y3={cy}:sense=source,"
            f"scale={W}:{H}:flags=area,format=gray")
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", str(clip / "video.mp4"), "-ss", str(start), "-t", str(seconds), "-vf",
                          warp, "-f", "rawvideo", "-pix_fmt", "gray", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, H, W), fps


def load_notes(clip, start, seconds):
    notes = []
    with open(clip / "notes.csv", newline="") as f:
        for row in csv.DictReader(f):
            onset = float(row.get("onset_s") or row.get("onset")) - start
            offset = float(row.get("offset_s") or row.get("offset")) - start
            if 0 <= onset < seconds - 0.3:
                notes.append((onset, min(offset, seconds), int(row["pitch"]), int(row.get("velocity") or 80)))
    return sorted(notes)


def rendered_strips(vmt, notes, fps, seed, seconds, settings=()):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.csv"
        source.write_text("onset,offset,pitch,velocity\n" + "".join(f"{a},{b},{p},{v}\n" for a, b, p, v in notes))
        out = Path(folder) / "out"
        command = [vmt, "render", str(source), "-o", str(out), "--preset", "paper", "--seed", str(seed), "--fps", f"{fps:.6f}",
                   "--set", f"picture.seconds={seconds}"]
        for s in settings:
            command += ["--set", s]
        subprocess.run(command, check=True, capture_output=True)
        played = load_notes(out, 0, seconds)
        return np.stack([np.asarray(Image.open(p)) for p in sorted(out.glob("*.png"))]), played


def plate_of(strips):
    """The keyboard without hands: dark pixels by the median, light ones by the 75th percentile."""
    some = strips[:: max(1, len(strips) // 120)].astype(np.float32)
    middle, high = np.percentile(some, [50, 75], axis=0)
    return np.where(middle < (middle.max() + middle.min()) / 2, middle, high)


def rise(profile):
    """Pixels from 10 % to 90 % of a step, by linear interpolation."""
    low, high = profile.min(), profile.max()
    if high - low < 20:
        return np.nan
    p = (profile - low) / (high - low)
    if p[0] > p[-1]:
        p = p[::-1]
    at = [np.interp(level, p[: p.argmax() + 1], np.arange(p.argmax() + 1)) for level in (0.1, 0.9)]
    return at[1] - at[0]


def measure(strips, fps, notes):
    plate = plate_of(strips)
    white, black = np.percentile(plate[100:138], 70), np.percentile(plate[8:80], 12)
    span = max(white - black, 20)
    result = {"white level": white, "black level": black}
    flat = np.sort(plate.ravel())
    for share in (5, 25, 50, 75, 95):
        result[f"brightness, {share} %"] = flat[int(share / 100 * (flat.size - 1))]
    sides, fronts = [], []
    for x in CENTRE[BLACK]:
        i = int(round(x))
        line = plate[20:70].mean(axis=0)
        sides += [rise(line[max(0, i - 9):i + 1]), rise(line[i:i + 10])]
        fronts.append(rise(plate[80:108, max(0, i - 2):i + 3].mean(axis=1)))
    result["edge, sides of black keys (px)"] = np.nanmedian(sides)
    result["edge, fronts of black keys (px)"] = np.nanmedian(fronts)
    gaps = []
    for k in np.flatnonzero(~BLACK)[1:]:
        x = int(round(CENTRE[k] - WHITE / 2))
        line = plate[108:138, max(0, x - 5):x + 6].mean(axis=0)
        gaps.append((np.percentile(line, 80) - line.min()) / span)
    result["depth of white gaps (share of white - black)"] = np.median(gaps)
    # Noise, where nothing moves: the quietest fifth of the front of the keys.
    s = strips[:, 104:138].astype(np.float32)
    change = np.diff(s, axis=0)
    still = np.median(np.abs(change), axis=0)
    quiet = np.percentile(np.abs(change), 80, axis=0) <= np.percentile(np.percentile(np.abs(change), 80, axis=0), 30)
    result["noise (sd, gray levels)"] = np.sqrt(np.mean(change[:, quiet] ** 2) / 2)
    result["frames without any noise (share of pixels)"] = np.mean(change[:, quiet] == 0)
    both = quiet[:, :-1] & quiet[:, 1:]
    a, b = change[:, :, :-1][:, both], change[:, :, 1:][:, both]
    result["noise, correlation of neighbours"] = np.sum(a * b) / max(np.sqrt(np.sum(a * a) * np.sum(b * b)), 1e-9)
    fine = plate[104:138]
    rows = fine[:, 1:] - fine[:, :-1]
    result["grain of the plate (sd along rows)"] = np.median(np.std(rows[:, 4:], axis=0))
    # The change that a press makes, between just before and just after.
    for name, is_black in (("white", False), ("black", True)):
        inner, border = [], []
        for onset, offset, pitch, _ in notes:
            k = pitch - 21
            if BLACK[k] != is_black or offset - onset < 0.2:
                continue
            if any(abs(o - onset) < 0.2 and abs(p - pitch) <= 2 and (o, p) != (onset, pitch) for o, _, p, _ in notes):
                continue
            i = int(round(onset * fps))
            w = max(1, int(round(0.05 * fps)))
            g = int(round(0.06 * fps))
            if i - g - w < 0 or i + g + w >= len(strips):
                continue
            before = strips[i - g - w:i - g].astype(np.float32).mean(axis=0)
            after = strips[i + g + 1:i + g + 1 + w].astype(np.float32).mean(axis=0)
            d = np.abs(after - before) / span
            x = CENTRE[k]
            rows_ = slice(6, 80) if is_black else slice(94, 112)
            half = WHITE * (0.3 if is_black else 0.5)
            lo, hi = int(max(0, round(x - half))), int(min(W, round(x + half)))
            inner.append(d[rows_, lo + 2:hi - 2].mean())
            edge = d[rows_].mean(axis=0)
            border.append(max(edge[max(0, lo - 2):lo + 2].max(), edge[hi - 2:min(W, hi + 2)].max()))
        if len(inner) >= 5:
            result[f"press, {name} key: change of its top"] = np.median(inner)
            result[f"press, {name} key: change at its border"] = np.median(border)
    return result


def settings_like(real):
    """Options that give a paper preset the levels of a real strip."""
    m = measure(real, 25, [])
    return [f"keys.white={min(250, m['white level']):.0f}", f"keys.black={max(4, m['black level'] - 6):.0f}", "keys.black_top=6",
            "sensor.gain=1", "sensor.gamma=1", "sensor.veil=0", "light.red=1", "light.green=1", "light.blue=1",
            f"hands.skin={0.62 * m['white level']:.0f}", "hands.finger=9.5", "hands.reach=92", "hands.spread=1.2",
            "sensor.noise=0.6", "sensor.vignette=0", "light.gradient_x=0", "light.gradient_y=0", "sensor.registration=0.3",
            "keys.gap=0.35", "hands.sleeve=-1", "hands.count=2", "light.glare=0"]


def side_by_side(path, real, rendered, fps, times):
    rows = []
    for t in times:
        i = min(int(t * fps), len(real) - 1, len(rendered) - 1)
        rows += [real[i], rendered[i], np.full((6, W), 128, np.uint8)]
    Image.fromarray(np.concatenate(rows[:-1]) & 0xF8).save(path, optimize=True)  # 32 grays are enough here


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--vmt", required=True)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--start", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--pictures", type=Path)
    args = parser.parse_args()
    outside = 0
    for clip in args.clips:
        real, fps = real_strips(clip, args.start, args.seconds)
        notes = load_notes(clip, args.start, args.seconds)
        want = measure(real, fps, notes)
        got = []
        for seed in range(1, args.seeds + 1):
            strips, played = rendered_strips(args.vmt, notes, fps, seed, args.seconds)
            got.append(measure(strips, fps, played))
        print(f"\n{clip.name}: {len(real)} frames, {len(notes)} notes; rendered: {args.seeds} seeds of `paper`")
        print(f"| {'measure':46} | {'real':>8} | {'least':>8} | {'median':>8} | {'most':>8} |   |")
        print("|---|---|---|---|---|---|")
        for name, value in want.items():
            all_ = np.array([g[name] for g in got if name in g and np.isfinite(g[name])])
            if not len(all_):
                continue
            mark = " " if all_.min() <= value <= all_.max() else "<" if value < all_.min() else ">"
            outside += mark != " "
            print(f"| {name:46} | {value:8.3f} | {all_.min():8.3f} | {np.median(all_):8.3f} | {all_.max():8.3f} | {mark} |")
        if args.pictures:
            strips, _ = rendered_strips(args.vmt, notes, fps, 5, args.seconds, settings_like(real))
            side_by_side(args.pictures / f"rendering-{clip.name}.png", real, strips, fps, (3.0, 9.0))
    print(f"\n{outside} values lie outside what the seeds span")
    return 0


if __name__ == "__main__":
    sys.exit(main())
