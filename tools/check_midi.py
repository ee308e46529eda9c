#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the MIDI reader and writer against mido, pretty_midi and FluidSynth.

    check_midi.py PROGRAM [--pieces N] [--files DIR]

PROGRAM is vmt-midi-convert. Random notes go CSV -> MIDI -> mido and pretty_midi, and must come out at the ticks
that this script computes by itself. Random MIDI files from mido go MIDI -> CSV and must give the notes of this script's
own pairing.
With --files, every file below DIR that both sides accept must give the same notes. FluidSynth, where it is installed,
must render a file without a word on stderr (a sound font is looked for, and not needed for the check of the parser).
"""

import argparse
import bisect
import collections
import csv
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import mido
import pretty_midi


def fail(message):
    sys.exit("check_midi: " + message)


def convert(program, source, target, *options, accept_failure=False):
    done = subprocess.run([program, source, target, *map(str, options)], capture_output=True, text=True)
    if done.returncode == 65 and accept_failure:
        return None
    if done.returncode != 0:
        fail(f"{source}: exit status {done.returncode}: {done.stderr}")
    return target


def write_csv(path, notes):
    with open(path, "w", newline="") as f:
        f.write("onset,offset,pitch,velocity\n")
        for onset, offset, pitch, velocity in notes:
            f.write(f"{onset!r},{offset!r},{pitch},{velocity}\n")


def read_csv(path):
    with open(path, newline="") as f:
        return [
            (float(r["onset"]), float(r["offset"]), int(r["pitch"]), int(r["velocity"])) for r in csv.DictReader(f)
        ]


def random_notes(rng, count, length):
    notes = []
    for _ in range(count):
        onset = rng.choice([rng.uniform(0, length), round(rng.uniform(0, length), 1)])
        duration = rng.choice([0.0, rng.uniform(0, 0.001), rng.uniform(0, 0.2), rng.uniform(0, 5)])
        notes.append((onset, onset + duration, rng.randint(0, 127) if rng.random() < 0.3 else rng.randint(58, 62),
                      rng.randint(1, 127)))
    return notes


def expected_ticks(notes, bpm, ppq):
    """The notes on the tick grid: {(pitch, on): (off, velocity)}."""
    tempo = round(6e7 / bpm)
    by_pitch = collections.defaultdict(dict)
    for onset, offset, pitch, velocity in notes:
        on = int(onset * ppq * 1e6 / tempo + 0.5)
        off = max(int(offset * ppq * 1e6 / tempo + 0.5), on + 1)
        old = by_pitch[pitch].get(on, (0, 0))
        by_pitch[pitch][on] = (max(off, old[0]), max(velocity, old[1]))
    result = []
    for pitch, starts in by_pitch.items():
        ons = sorted(starts)
        for on, following in zip(ons, ons[1:] + [None]):
            off, velocity = starts[on]
            result.append((on, off if following is None else min(off, following), pitch, velocity))
    return sorted(result), tempo


def paired(midi):
    """(on tick, off tick, pitch, velocity) of a mido file: first in, first out, per track and channel."""
    result = []
    for track in midi.tracks:
        tick = 0
        sounding = collections.defaultdict(collections.deque)
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity > 0:
                sounding[message.channel, message.note].append((tick, message.velocity))
            elif message.type in ("note_on", "note_off") and sounding[message.channel, message.note]:
                on, velocity = sounding[message.channel, message.note].popleft()
                result.append((on, tick, message.note, velocity))
            elif message.type == "end_of_track":
                break
        for (_, pitch), rest in sounding.items():
            result.extend((on, tick, pitch, velocity) for on, velocity in rest)
    return sorted(result)


def seconds_of(midi):
    """tick -> seconds, from exact integer sums."""
    tempos = {0: 500000}  # of several at one tick the last counts, over the tracks in their order
    for track in midi.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                tempos[tick] = message.tempo
            if message.type == "end_of_track":
                break
    starts = sorted(tempos)
    sums = [0]
    for a, b in zip(starts, starts[1:]):
        sums.append(sums[-1] + (b - a) * tempos[a])

    def seconds(tick):
        i = bisect.bisect_right(starts, tick) - 1
        return (sums[i] + (tick - starts[i]) * tempos[starts[i]]) / (1e6 * midi.ticks_per_beat)

    return seconds


def same_times(found, expected, what):
    found, expected = sorted(found, key=order), sorted(expected, key=order)
    if len(found) != len(expected):
        fail(f"{what}: {len(found)} notes, expected {len(expected)}")
    for f, e in zip(found, expected):
        if f[2:] != e[2:] or abs(f[0] - e[0]) > 1e-9 * (1 + e[0]) or abs(f[1] - e[1]) > 1e-9 * (1 + e[1]):
            fail(f"{what}: note {f}, expected {e}")


def order(note):
    return (note[2], round(note[0], 6), round(note[1], 6), note[3])


def check_writer(program, folder, rng, pieces):
    for piece in range(pieces):
        bpm = rng.choice([120, 60, 97.3, 240, 33.333])
        ppq = rng.choice([960, 480, 96, 1000, 32767, 1])
        midi_format = rng.randint(0, 1)
        length = rng.choice([5, 60, 36000])
        notes = random_notes(rng, rng.randint(0, 300), length)
        write_csv(folder / "in.csv", notes)
        convert(program, folder / "in.csv", folder / "out.mid", bpm, ppq, midi_format)
        expected, tempo = expected_ticks(notes, bpm, ppq)
        midi = mido.MidiFile(folder / "out.mid")
        what = f"piece {piece} ({bpm} bpm, {ppq} ticks, format {midi_format})"
        if midi.type != midi_format or midi.ticks_per_beat != ppq or len(midi.tracks) != 1 + midi_format:
            fail(f"{what}: header {midi.type}, {midi.ticks_per_beat}, {len(midi.tracks)} tracks")
        tempos = [m.tempo for track in midi.tracks for m in track if m.type == "set_tempo"]
        if tempos != [tempo]:
            fail(f"{what}: tempos {tempos}, expected {tempo}")
        if paired(midi) != expected:
            fail(f"{what}: mido reads other notes than were written")
        for track in midi.tracks:
            ons, offs = (sum(m.type == kind for m in track) for kind in ("note_on", "note_off"))
            if ons != offs or track[-1].type != "end_of_track":
                fail(f"{what}: {ons} note-ons, {offs} note-offs, last event {track[-1]}")
        tick = tempo / (1e6 * ppq)
        in_seconds = [(on * tick, off * tick, pitch, velocity) for on, off, pitch, velocity in expected]
        for onset, _, pitch, _ in notes:
            if not any(n[2] == pitch and abs(n[0] - onset) <= tick * (0.5 + 1e-6) for n in in_seconds):
                fail(f"{what}: no onset within half a tick of {onset} s, pitch {pitch}")
        convert(program, folder / "out.mid", folder / "back.csv")
        same_times(read_csv(folder / "back.csv"), in_seconds, what + ", own reader")
        if length <= 60 and ppq <= 1000:  # pretty_midi keeps a table of all ticks
            pretty = pretty_midi.PrettyMIDI(str(folder / "out.mid"))
            pretty_notes = [(n.start, n.end, n.pitch, n.velocity) for i in pretty.instruments for n in i.notes]
            same_times(pretty_notes, in_seconds, what + ", pretty_midi")
    print(f"writer: {pieces} pieces read back exactly by mido, pretty_midi and the own reader")


def random_midi(rng, path):
    midi = mido.MidiFile(type=rng.randint(0, 1), ticks_per_beat=rng.choice([24, 96, 480, 960]))
    for track_number in range(1 if midi.type == 0 else rng.randint(1, 4)):
        track = mido.MidiTrack()
        midi.tracks.append(track)
        for _ in range(rng.randint(0, 400)):
            time = rng.choice([0, rng.randint(0, 40), rng.randint(0, 20000)])
            kind = rng.random()
            channel = rng.randint(0, 3)
            pitch = rng.randint(0, 127) if kind < 0.1 else rng.randint(60, 63)
            if kind < 0.45:
                velocity = rng.randint(0, 127)
                track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=velocity, time=time))
            elif kind < 0.8:
                track.append(mido.Message("note_off", channel=channel, note=pitch, time=time))
            elif kind < 0.85 and track_number == 0:
                track.append(mido.MetaMessage("set_tempo", tempo=rng.randint(1, 2**24 - 1), time=time))
            elif kind < 0.9:
                control, value = rng.choice([64, 7]), rng.randint(0, 127)
                track.append(mido.Message("control_change", control=control, value=value, time=time))
            elif kind < 0.95:
                data = [rng.randint(0, 127) for _ in range(rng.randint(0, 200))]
                track.append(mido.Message("sysex", data=data, time=time))
            else:
                track.append(mido.MetaMessage("text", text="x" * rng.randint(0, 300), time=time))
    midi.save(path)


def expected_notes(midi):
    seconds = seconds_of(midi)
    return [(seconds(on), seconds(off), pitch, velocity) for on, off, pitch, velocity in paired(midi)]


def check_reader(program, folder, rng, pieces):
    for piece in range(pieces):
        random_midi(rng, folder / "in.mid")
        convert(program, folder / "in.mid", folder / "out.csv")
        expected = expected_notes(mido.MidiFile(folder / "in.mid"))
        same_times(read_csv(folder / "out.csv"), expected, f"reader, piece {piece}")
    print(f"reader: {pieces} files of mido give the same notes")


def check_files(program, folder, files):
    counts = collections.Counter()
    for path in sorted(p for p in files.rglob("*") if p.suffix.lower() in (".mid", ".midi")):
        own = convert(program, path, folder / "out.csv", accept_failure=True)
        try:
            midi = mido.MidiFile(path)
        except Exception:  # mido has no one error for bad files
            midi = None
        counts[("accepted" if own else "refused", "accepted" if midi else "refused")] += 1
        all_tracks = midi and path.read_bytes().count(b"MTrk") == len(midi.tracks)  # mido believes the header's number
        if own and all_tracks and midi.ticks_per_beat < 0x8000:  # it does not know SMPTE time
            same_times(read_csv(folder / "out.csv"), expected_notes(midi), str(path))
            counts["equal"] += 1
        elif bool(own) != bool(midi):
            print(f"  {path.name}: here {'accepted' if own else 'refused'}, mido {'accepted' if midi else 'refused'}")
    for key, count in counts.items():
        print(f"files: {count} {key if isinstance(key, str) else f'{key[0]} here and {key[1]} by mido'}")


def check_fluidsynth(program, folder, rng):
    if shutil.which("fluidsynth") is None:
        print("fluidsynth: not installed, skipped")
        return
    write_csv(folder / "in.csv", random_notes(rng, 100, 5))
    convert(program, folder / "in.csv", folder / "out.mid")
    fonts = [p for d in ("/usr/share/sounds/sf2", "/usr/share/soundfonts") for p in pathlib.Path(d).glob("*.sf[23]")]
    if not fonts:
        print("fluidsynth: no sound font, skipped")
        return
    done = subprocess.run(
        ["fluidsynth", "-ni", "-F", folder / "out.wav", "-r", "22050", fonts[0], folder / "out.mid"],
        capture_output=True, text=True, timeout=300)
    complaints = [line for line in done.stderr.splitlines() if "error" in line.lower() or "warning" in line.lower()]
    if done.returncode != 0 or complaints or (folder / "out.wav").stat().st_size < 22050:
        fail(f"fluidsynth: exit status {done.returncode}: {done.stderr}")
    print("fluidsynth: renders without complaint")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="vmt-midi-convert")
    parser.add_argument("--pieces", type=int, default=100)
    parser.add_argument("--files", type=pathlib.Path, help="a folder of MIDI files to read on both sides")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    program = shutil.which(arguments.program) or fail(f"no program {arguments.program}")
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_writer(program, folder, rng, arguments.pieces)
        check_reader(program, folder, rng, arguments.pieces)
        if arguments.files:
            check_files(program, folder, arguments.files)
        check_fluidsynth(program, folder, rng)


if __name__ == "__main__":
    main()
