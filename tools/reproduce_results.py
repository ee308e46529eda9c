#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains the paper's three variants on the example clip and fills the tables of docs/results.md.

    tools/reproduce_results.py VMT RUNS [--train] [--device cuda] [--width 16] [--epochs 30 150] [--variants slope,…]

VMT is the program, RUNS a folder for the training runs (kept, and gone on with when called again). Without --train the
runs must be there. For each variant and decoder the threshold is chosen on seconds 75–88 of the clip (the best F1 at
±50 ms), then used once on seconds 88–132, which neither training nor the choice has seen. An epoch is 960 windows: 15 to
20 seconds on two cores, 45 to 60 minutes a variant; 2 seconds where the three train at once on an H100. The scores take 4 minutes a variant.
"""
import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "examples/data/bach"
VALIDATION, TEST = (75.0, 88.0), (88.0, 132.0)
THRESHOLDS = {"peaks": [0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.993, 0.995],
              "paper": [0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7]}
# Two stages, since there is little data: small batches with many onsets in them. The first has next to no augmentation,
# and learns that a press can be seen at all: with the paper's, 6,000 windows taught only how often each key is played. The
# second moves the windows along the keyboard and splices them, without which notes are learnt by heart. The validation part is too short to
# steer by, so the learning rate follows a cosine and the last weights count.
COMMON = ("--batch", 8, "--samples-per-epoch", 960, "--validation-samples", 120, "--learning-rate", 0.001, "--stop-after", 0,
          "--onset-repeats", 4)
FIRST = (*COMMON, "--patience", 1000, "--brightness", 0.05, "--margin", 1)
SECOND = (*COMMON, "--schedule", "cosine", "--warm-up", 100, "--weight-decay", 0.05, "--margin", 5, "--splices", 0.5, "--shifts", 7)


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}\nended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def reference(part, folder):
    """The notes of a part of the clip, as a file."""
    path = folder / f"reference-{part[0]:g}.csv"
    with (CLIP / "notes.csv").open() as source, path.open("w") as out:
        rows = csv.reader(source)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(next(rows))
        writer.writerows(row for row in rows if part[0] <= float(row[0]) < part[1])
    return path


def transcribe(vmt, weights, part, decoder, threshold, folder):
    notes = folder / "estimate.csv"
    run(vmt, "transcribe", CLIP / "video.mp4", "--keyboard", CLIP / "keyboard.json", "--model", weights, "--start",
        part[0], "--end", part[1], "--decoder", decoder, "--threshold", threshold, "-o", folder / "estimate.mid",
        "--csv", notes)
    return notes


def scores(vmt, truth, notes):
    return json.loads(run(vmt, "evaluate", truth, notes, "--json"))


def row(name, threshold, s):
    parts = [f"{100 * s[kind][key]:.1f}" for kind in ("onset_50ms", "onset_100ms")
             for key in ("precision", "recall", "accuracy", "f1")]
    return f"| {name} | {threshold:g} | " + " | ".join(parts) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vmt")
    parser.add_argument("runs", type=Path)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--epochs", type=int, nargs=2, default=(30, 150), help="of the two stages")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="to train on; cuda computes in f32")
    parser.add_argument("--variants", default="resnet,aggregation,slope")
    options = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = {part: reference(part, folder) for part in (VALIDATION, TEST)}
        for variant in options.variants.split(","):
            out = options.runs / variant
            if options.train:
                train = (options.vmt, "train", "--data", ROOT / "examples/data", "--cache", options.runs / "strips", "--resume",
                         "--device", options.device, "--arithmetic", "f32")
                begun = options.runs / f"{variant}-first"
                run(*train, "--out", begun, "--variant", variant, "--width", options.width, "--epochs", options.epochs[0], *FIRST)
                run(*train, "--out", out, "--from", begun / "last.safetensors", "--epochs", options.epochs[1], *SECOND)
            for decoder in ("paper", "peaks"):
                best = (-1.0, 0.0)
                for threshold in THRESHOLDS[decoder]:
                    notes = transcribe(options.vmt, out / "last.safetensors", VALIDATION, decoder, threshold, folder)
                    f1 = scores(options.vmt, truth[VALIDATION], notes)["onset_50ms"]["f1"]
                    print(f"{variant} {decoder} {threshold}: validation F1 {100 * f1:.1f}", file=sys.stderr)
                    best = max(best, (f1, threshold))
                notes = transcribe(options.vmt, out / "last.safetensors", TEST, decoder, best[1], folder)
                lines.append(row(f"{variant}, {decoder}", best[1], scores(options.vmt, truth[TEST], notes)))
                print(lines[-1], flush=True)
    print("\n| variant, decoder | threshold | P ±50 ms | R | Acc | F1 | P ±100 ms | R | Acc | F1 |")
    print("| --- " * 10 + "|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
