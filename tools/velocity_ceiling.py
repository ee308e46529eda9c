#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How much of a note's velocity can be seen at all: what a perfect reader of a key's depth would get right.

    tools/velocity_ceiling.py MIDI_FOLDER [--fps 30 60] [--press 32-50 60-60] [--noise 0 0.03 0.1]

Velocities are those of the MIDI files. A key goes down evenly, half way at the onset, in PRESS ms (drawn from the range)
times exp((64 - velocity) / 50), as `vmt render` has it (include/vmt/synth/strokes.hpp); a camera with --exposure sees the mean
of its depth at seven frames around the onset, whose place between frames is random, with noise of the given share of
the travel. From these seven numbers velocity is read by the 80 nearest of 400,000 other notes: the value that is within 0.1
(of 127) of most of them. Printed is how often that is within 0.1 of the truth, and what the best constant gets. Needs numpy,
scipy and pretty_midi.
"""
import argparse
from pathlib import Path

import numpy as np
import pretty_midi
from scipy.spatial import cKDTree

GUESSES = np.arange(0.1, 1, 0.02)


def velocities(folder):
    files = [p for p in sorted(Path(folder).rglob("*")) if p.suffix.lower() in (".mid", ".midi")]
    return np.array([note.velocity for file in files for track in pretty_midi.PrettyMIDI(str(file)).instruments
                     if not track.is_drum for note in track.notes])


def within(truth, guess):
    return np.mean(np.abs(truth - guess) <= 0.1)


def seen(r, played, count, fps, press, noise, exposure):
    v = r.choice(played, count)
    travel = r.uniform(*press, count) / 1000 * np.exp((64 - v) / 50) * r.uniform(0.9, 1.12, count)
    travel = np.clip(travel, 0.006, 0.16)
    time = (np.arange(-3, 4)[None, :] + r.uniform(-0.5, 0.5, count)[:, None]) / fps
    depth = np.mean([np.clip((time + e) / travel[:, None] + 0.5, 0, 1) for e in np.linspace(-exposure, exposure, 7) / 2], axis=0)
    depth *= r.uniform(0.85, 1, count)[:, None]
    return depth + r.normal(0, noise, depth.shape), v / 127


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("midi")
    p.add_argument("--fps", type=float, nargs="+", default=[30, 60])
    p.add_argument("--press", type=lambda t: tuple(map(float, t.split("-"))), nargs="+", default=[(32, 50), (60, 60)])
    p.add_argument("--noise", type=float, nargs="+", default=[0, 0.03, 0.1])
    p.add_argument("--exposure", type=float, default=0.02, help="seconds")
    o = p.parse_args()
    played = velocities(o.midi)
    print(f"best constant: {100 * max(within(played / 127, g) for g in GUESSES):.0f} % of {len(played)} notes")
    print("| press at 64, ms | frames/s | noise of depth | within 0.1 | correlation |\n| --- | --- | --- | --- | --- |")
    r = np.random.default_rng(1)
    for press in o.press:
        for fps in o.fps:
            for noise in o.noise:
                known, truth = seen(r, played, 400_000, fps, press, noise, o.exposure)
                new, wanted = seen(r, played, 6_000, fps, press, noise, o.exposure)
                _, near = cKDTree(known).query(new, 80)
                guess = np.array([max(GUESSES, key=lambda g, i=i: within(truth[i], g)) for i in near])
                print(f"| {press[0]:g} to {press[1]:g} | {fps:g} | {noise:g} | {100 * within(wanted, guess):.0f} % | "
                      f"{np.corrcoef(guess, wanted)[0, 1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
