#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks `PROGRAM evaluate REF EST --json` against mir_eval on random pieces, to 1e-9.

    check_eval.py PROGRAM [--pieces N]

Note scores: mir_eval.transcription with offset_ratio None and 0.2; accuracy from its matching. Frame scores:
mir_eval.multipitch on a grid of 100 frames a second on both sides. Pieces include repeated notes within the tolerance,
differences of exactly 50 and 100 ms, overlapping notes of one pitch, and sides without notes; some go through MIDI.
"""

import argparse
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

import mido
import mir_eval
import numpy as np

TOLERANCE = 1e-9


def random_reference(rng):
    notes = []
    length = rng.choice([2, 20, 200])
    pitches = rng.choice([[60], [60, 61, 64], list(range(33, 97))])
    for _ in range(rng.choice([0, 1, 10, 80, 300])):
        onset = round(rng.uniform(0, length), rng.choice([2, 3, 9]))
        notes.append((onset, onset + rng.choice([0.01, 0.1, rng.uniform(0.02, 3)]), rng.choice(pitches)))
    return notes


def random_estimate(rng, reference):
    """The reference with errors of all kinds."""
    notes = []
    for onset, offset, pitch in reference:
        kind = rng.random()
        if kind < 0.1:
            continue
        if kind < 0.15:
            pitch += rng.choice([-12, -1, 1])
        shift = rng.choice([0, 0.05, -0.05, 0.1, -0.1, rng.gauss(0, 0.03), rng.gauss(0, 0.08)])
        onset = max(0.0, onset + shift)
        offset = max(onset + 0.005, offset + rng.choice([0, 0.05, rng.gauss(0, 0.05), rng.gauss(0, 0.5)]))
        notes.append((onset, offset, pitch))
        if rng.random() < 0.1:
            notes.append((onset + rng.uniform(0, 0.05), offset + 0.01 + 0.05, pitch))
    for _ in range(rng.choice([0, 0, 5, 50])):
        onset = rng.uniform(0, 20)
        notes.append((onset, onset + rng.uniform(0.01, 1), rng.randint(40, 80)))
    rng.shuffle(notes)
    return notes


def write_csv(path, notes):
    with open(path, "w", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(["onset", "offset", "pitch"])
        writer.writerows((repr(onset), repr(offset), pitch) for onset, offset, pitch in notes)


def write_midi(path, notes):
    """Writes by mido, one note a pitch at a time, and returns the notes as they stand in the file."""
    midi = mido.MidiFile(ticks_per_beat=500)  # at 120 bpm a tick is 1 ms
    track = mido.MidiTrack()
    midi.tracks.append(track)
    ends, events, kept = {}, [], []
    for onset, offset, pitch in sorted(notes):
        on, off = round(onset * 1000), round(offset * 1000)
        off = max(off, on + 1)
        if on < ends.get(pitch, 0):
            continue
        ends[pitch] = off
        events += [(on, 1, pitch), (off, 0, pitch)]
        kept.append((on / 1000, off / 1000, pitch))
    now = 0
    for tick, is_on, pitch in sorted(events):
        track.append(mido.Message("note_on", note=pitch, velocity=64 * is_on, time=tick - now))
        now = tick
    midi.save(path)
    return kept


def arrays(notes):
    intervals = np.array([(onset, offset) for onset, offset, _ in notes], dtype=float).reshape(-1, 2)
    return intervals, 440.0 * 2.0 ** ((np.array([p for _, _, p in notes], dtype=float) - 69.0) / 12.0)


def note_scores(reference, estimate, onset_tolerance, offset_ratio):
    ref, est = arrays(reference), arrays(estimate)
    options = {"onset_tolerance": onset_tolerance, "offset_ratio": offset_ratio}
    precision, recall, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(*ref, *est, **options)
    hits = len(mir_eval.transcription.match_notes(*ref, *est, **options)) if reference and estimate else 0
    either = len(reference) + len(estimate) - hits
    return {"precision": precision, "recall": recall, "accuracy": hits / either if either else 0.0, "f1": f1}


def frame_scores(reference, estimate):
    end = max([offset for _, offset, _ in reference + estimate], default=0.0)
    times = np.arange(int(end * 100) + 2) / 100

    def roll(notes):
        active = np.zeros((len(times), 128), dtype=bool)
        for onset, offset, pitch in notes:
            active[(times >= onset) & (times < offset), pitch] = True
        return [440.0 * 2.0 ** ((np.flatnonzero(frame) - 69.0) / 12.0) for frame in active]

    metrics = mir_eval.multipitch.metrics(times, roll(reference), times, roll(estimate))
    precision, recall, accuracy = metrics[:3]
    both = precision + recall
    return {"precision": precision, "recall": recall, "accuracy": accuracy,
            "f1": 2 * precision * recall / both if both else 0.0}


def expected(reference, estimate):
    return {
        "onset_50ms": note_scores(reference, estimate, 0.05, None),
        "onset_100ms": note_scores(reference, estimate, 0.1, None),
        "onset_offset_50ms": note_scores(reference, estimate, 0.05, 0.2),
        "onset_offset_100ms": note_scores(reference, estimate, 0.1, 0.2),
        "frame": frame_scores(reference, estimate),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="vmt")
    parser.add_argument("--pieces", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    warnings.simplefilter("ignore")  # mir_eval warns of empty sides
    worst = 0.0
    seen = set()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for piece in range(arguments.pieces):
            reference = random_reference(rng)
            estimate = random_estimate(rng, reference)
            suffix = "mid" if piece % 4 == 3 else "csv"
            paths = [folder / f"reference.{suffix}", folder / f"estimate.{suffix}"]
            if suffix == "mid":
                reference, estimate = write_midi(paths[0], reference), write_midi(paths[1], estimate)
            else:
                write_csv(paths[0], reference)
                write_csv(paths[1], estimate)
            done = subprocess.run([arguments.program, "evaluate", *paths, "--json"], capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"check_eval: piece {piece}: exit status {done.returncode}: {done.stderr}")
            found, right = json.loads(done.stdout), expected(reference, estimate)
            if {k: set(v) for k, v in found.items()} != {k: set(v) for k, v in right.items()}:
                sys.exit(f"check_eval: piece {piece}: the names are {found}")
            for level, scores in right.items():
                for key, value in scores.items():
                    difference = abs(found[level][key] - value)
                    worst = max(worst, difference)
                    seen.add(value)
                    if not difference <= TOLERANCE:
                        sys.exit(f"check_eval: piece {piece}: {level} {key}: {found[level][key]}, mir_eval {value}")
    if len(seen) < arguments.pieces:
        sys.exit("check_eval: the pieces are too much alike to mean anything")
    print(f"{arguments.pieces} pieces, {len(seen)} different scores, worst difference {worst:.1e}")


if __name__ == "__main__":
    main()
