#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a clip to train with from a video with sound: the notes come from the sound, their clock from the picture.

    label_from_audio.py VMT VIDEO DATA [--transcriber transkun|basic-pitch|FILE.mid] [--split train] [--lowest-key N]

VMT is the program. The sound is transcribed by `transkun` or `basic-pitch` (from PyPI, installed by you; the first is by far
the better one for pianos), or the notes are those of a MIDI file that the instrument recorded. `vmt find-keyboard` says where
the keyboard is, and `vmt transcribe` what the picture shows; where the two agree on the notes, their clocks are compared (offset and rate), and the
times of the sound are brought onto the picture's clock, which is what a network learns. Into the folder DATA come

    NAME/video.EXT  NAME/keyboard.json  NAME/notes.csv     and a line of split.csv

ready for `vmt train --model key-net --data DATA --from models/key_net.safetensors`. Look at NAME/keyboard.png before you train. It
stops where sound and picture agree on fewer than half of the notes: then the keyboard, the octave or the MIDI file is wrong.
"""
import argparse
import bisect
import csv
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

STEP = 0.02  # seconds


def run(*words, **options):
    words = [str(word) for word in words]
    if shutil.which(words[0]) is None:
        sys.exit(f"label_from_audio: there is no program '{words[0]}'; install it first")
    done = subprocess.run(words, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"label_from_audio: {' '.join(words)}\nended with {done.returncode}: {done.stderr.strip()[-800:]}")
    return done.stderr


def notes_of_sound(vmt, video, transcriber, folder):
    """Rows of onset, offset, pitch, velocity."""
    if transcriber.lower().endswith((".mid", ".midi")):
        midi = Path(transcriber)
    else:
        sound, midi = folder / "sound.wav", folder / "sound.mid"
        run("ffmpeg", "-v", "error", "-i", video, "-vn", "-ar", 44100, sound)
        if transcriber == "transkun":
            run("transkun", sound, midi)
        else:
            run("basic-pitch", folder, sound)
            midi = folder / "sound_basic_pitch.mid"
    try:
        import pretty_midi
    except ImportError:
        sys.exit("label_from_audio: pretty_midi is needed to read MIDI (pip install pretty_midi)")
    notes = [(n.start, n.end, n.pitch, n.velocity) for part in pretty_midi.PrettyMIDI(str(midi)).instruments for n in part.notes]
    return sorted(notes)


def by_pitch(notes):
    onsets = {}
    for onset, pitch in notes:
        onsets.setdefault(pitch, []).append(onset)
    return {pitch: sorted(times) for pitch, times in onsets.items()}


def begin_of(sound, seen):
    """The lag at which most pairs of a heard and a seen note of one pitch lie within 40 ms, up to a minute."""
    counts = {}
    for pitch, times in by_pitch(seen).items():
        for s in sound.get(pitch, []):
            for t in times[bisect.bisect_left(times, s - 60):bisect.bisect_right(times, s + 60)]:
                counts[round((t - s) / STEP)] = counts.get(round((t - s) / STEP), 0) + 1
    agree = lambda i: sum(counts.get(i + j, 0) for j in (-2, -1, 0, 1, 2))
    return STEP * max(counts, key=lambda i: (agree(i), -abs(i)), default=0)


def clock_between(heard, seen):
    """(offset, rate, share): a time t of the sound is at offset + rate * t in the picture; the share of the seen notes that
    then have a partner within 50 ms. Two devices' clocks may run apart by some milliseconds a second."""
    sound = by_pitch((onset, pitch) for onset, _, pitch, _ in heard)
    offset, rate, share = begin_of(sound, seen), 1.0, 0.0
    for reach in (0.15, 0.1, 0.07, 0.05, 0.05):
        pairs = []
        for time, pitch in seen:
            times = sound.get(pitch, [])
            at = bisect.bisect(times, (time - offset) / rate)
            near = [(t, time) for t in times[max(0, at - 1):at + 1] if abs(offset + rate * t - time) <= reach]
            pairs += sorted(near, key=lambda p: abs(offset + rate * p[0] - p[1]))[:1]
        share = len(pairs) / max(1, len(seen))
        middle = statistics.fmean(t for t, _ in pairs) if pairs else 0
        spread = sum((t - middle) ** 2 for t, _ in pairs)
        if len(pairs) < 8 or spread == 0:
            break
        mean = statistics.fmean(time for _, time in pairs)
        rate = sum((t - middle) * (time - mean) for t, time in pairs) / spread
        # The median of what is left does not mind wrong pairs.
        offset = statistics.median(time - rate * t for t, time in pairs)
    return offset, rate, share


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vmt")
    parser.add_argument("video", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--transcriber", default="transkun", help="transkun, basic-pitch, or a MIDI file")
    parser.add_argument("--split", default="train", choices=["train", "validation", "test"])
    parser.add_argument("--lowest-key", help="for vmt find-keyboard, where it asks")
    o = parser.parse_args()
    clip = o.data / o.video.stem
    if clip.exists():
        sys.exit(f"label_from_audio: '{clip}' is there already; move it away first")
    more = ["--lowest-key", o.lowest_key] if o.lowest_key else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keyboard, picture = folder / "keyboard.json", folder / "keyboard.png"
        run(o.vmt, "find-keyboard", o.video, "-o", keyboard, "--overlay", picture, *more)
        run(o.vmt, "transcribe", o.video, "--keyboard", keyboard, "-o", folder / "seen.mid", "--csv", folder / "seen.csv")
        with (folder / "seen.csv").open() as rows:
            seen = [(float(r["onset"]), int(r["pitch"])) for r in csv.DictReader(rows)]
        sound = notes_of_sound(o.vmt, o.video, o.transcriber, folder)
        offset, rate, agreed = clock_between(sound, seen)
        print(f"{len(sound)} notes heard, {len(seen)} seen; the picture is {1000 * offset:+.0f} ms behind the sound and its clock runs "
              f"{1e6 * (rate - 1):+.0f} ppm fast; {100 * agreed:.0f} % of the notes seen agree within 50 ms")
        if agreed < 0.5 or abs(rate - 1) > 0.01:
            sys.exit("label_from_audio: too few agree; look at the keyboard (vmt find-keyboard --overlay), its octave, and whether "
                     "sound and picture are of one performance. Nothing was written")
        clip.mkdir(parents=True)
        shutil.copyfile(o.video, clip / f"video{o.video.suffix}")
        shutil.copyfile(keyboard, clip / "keyboard.json")
        shutil.copyfile(picture, clip / "keyboard.png")
        with (clip / "notes.csv").open("w") as out:
            out.write("onset,offset,pitch,velocity,confidence\n")
            for onset, until, pitch, velocity in sound:
                begin, end = (offset + rate * t for t in (onset, max(until, onset + 0.01)))
                if begin >= 0:
                    out.write(f"{begin:.4f},{end:.4f},{pitch},{velocity},1\n")
    table = o.data / "split.csv"
    first = not table.exists()
    with table.open("a") as out:
        out.write(("clip,split\n" if first else "") + f"{clip.name},{o.split}\n")
    print(f"{clip}: a clip for '{o.split}'")


if __name__ == "__main__":
    main()
