#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two MIDI files through one synthesizer, their spectrograms side by side: the paper's Figure 2.

compare_spectrograms.py TRUTH.mid FOUND.mid -o spectrograms.png

FluidSynth plays both with the same sound font, the spectrogram is that of a Hann window (2048 samples, a quarter from one to the
next), in decibels below the louder file's maximum. Both pictures have the same axes and colours. --start and --seconds show a part.
Needs numpy, matplotlib, and `fluidsynth` with a sound font (Debian: fluidsynth, fluid-soundfont-gm).
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import wave

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

RATE, WINDOW, HOP = 22050, 2048, 512


def sound_font(given):
    if given:
        return given
    folders = (pathlib.Path(d) for d in ("/usr/share/sounds/sf2", "/usr/share/soundfonts"))
    fonts = sorted(p for d in folders for p in d.glob("*.sf[23]"))
    if not fonts:
        sys.exit("compare_spectrograms: no sound font found; name one with --sound-font")
    return fonts[0]


def sound_of(midi, font, folder):
    """What FluidSynth makes of a MIDI file: samples in [-1, 1], one channel."""
    if not midi.is_file():
        sys.exit(f"compare_spectrograms: there is no file {midi}")
    path = folder / "sound.wav"
    # Reverberation and chorus would smear what is to be compared.
    done = subprocess.run(["fluidsynth", "-ni", "-R", "0", "-C", "0", "-O", "s16", "-r", str(RATE), "-F", path, font, midi],
                          capture_output=True, text=True)
    if done.returncode != 0 or not path.is_file():
        sys.exit(f"compare_spectrograms: fluidsynth failed on {midi}: {done.stderr.strip()}")
    with wave.open(str(path)) as f:
        samples = np.frombuffer(f.readframes(f.getnframes()), "<i2").reshape(-1, f.getnchannels())
    path.unlink()
    return samples.mean(axis=1) / 32768


def spectrogram(sound):
    """Amplitudes, frequencies x times; time i is i HOP / RATE."""
    padded = np.pad(sound, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    return np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)).T


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", type=pathlib.Path)
    parser.add_argument("found", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    parser.add_argument("--sound-font", type=pathlib.Path)
    parser.add_argument("--start", type=float, default=0, help="seconds")
    parser.add_argument("--seconds", type=float, help="to show; default: to the end")
    parser.add_argument("--highest", type=float, default=4500, help="Hz")
    args = parser.parse_args()
    if shutil.which("fluidsynth") is None:
        sys.exit("compare_spectrograms: fluidsynth is not installed")
    font = sound_font(args.sound_font)
    with tempfile.TemporaryDirectory() as folder:
        sounds = [sound_of(m, font, pathlib.Path(folder)) for m in (args.truth, args.found)]
    first = int(args.start * RATE)
    last = first + int(args.seconds * RATE) if args.seconds else max(map(len, sounds))
    # Both to one length: what one file does not reach is silence.
    sounds = [np.pad(s, (0, max(0, last - len(s))))[first:last] for s in sounds]
    if not len(sounds[0]) or not any(s.any() for s in sounds):
        sys.exit("compare_spectrograms: there is no sound in that part")
    levels = [spectrogram(s) for s in sounds]
    loudest = max(level.max() for level in levels)
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), sharex=True, sharey=True, constrained_layout=True)
    for axis, level, title in zip(axes, levels, ("truth", "found in the video")):
        decibels = 20 * np.log10(np.maximum(level / loudest, 1e-4))
        picture = axis.imshow(decibels, origin="lower", aspect="auto", cmap="magma", vmin=-80, vmax=0, interpolation="nearest",
                              extent=(args.start, args.start + len(sounds[0]) / RATE, 0, RATE / 2))
        axis.set(title=title, xlabel="seconds", ylim=(0, args.highest))
    axes[0].set_ylabel("Hz")
    figure.colorbar(picture, ax=axes, label="dB")
    figure.savefig(args.output, dpi=110)
    a, b = (20 * np.log10(np.maximum(level / loudest, 1e-4)) for level in levels)
    print(f"{args.output}: the spectrograms correlate by {np.corrcoef(a.ravel(), b.ravel())[0, 1]:.3f}")


if __name__ == "__main__":
    main()
