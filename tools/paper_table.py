#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Table 1 of the paper on data that anybody can make: rendered clips, rendered Hanon, and real clips.

    tools/paper_table.py VMT FOLDER [--device cuda] [--width 64] [--epochs 60] [--clips 40] [--seconds 30] [--midi FOLDER]
                         [--key-epochs 60] [--looks 0] [--real CLIP …] [--recipe own|short|paper] [--networks …] [--estimate]

VMT is the program, FOLDER is where everything goes. What is done stays done: after a stop (Ctrl-C, SIGTERM, a crash) the
same command goes on, trainings from their checkpoint. Other options need another FOLDER.

 1. `vmt render --preset paper` makes clips to train with (--clips), to choose thresholds with (a tenth of them more) and to
    test with (a fifth), by other seeds and, with --midi, of other pieces; and the same for Hanon: exercises of the
    generator to train with, numbers 1 and 5, hands an octave apart, to test with. Each clip has a keyboard, camera and
    hands of its own; with --looks N there are N of them in all parts, as the paper trained and tested on one channel.
 2. resnet, aggregation, slope and key_net learn the same clips, as many windows each, and go on with the Hanon clips, the
    onset networks with `--targets held`. The frame-difference detector learns nothing.
 3. Thresholds are those with the best F1 at ±50 ms (held keys: the best accuracy) on the validation clips.
 4. Scores on the test clips, on Hanon and on the real clips (with keyboard.json or registration.json, else the keyboard
    is searched; key_net always searches), as Markdown on stdout and in FOLDER/table.md.

Before all that a short training is measured, and the time that the rest will take is printed; --estimate ends there. MIDI
must be free to use: what is rendered is made of it. Needs numpy, scipy, mir_eval, Pillow, ffmpeg; with --midi pretty_midi.
"""
import argparse
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from compare_rendered import BLACK, CENTRE, WHITE, corners_of, plate_of, rate_of, real_strips
from key_scores import lag_of, match, read_notes

ROOT = Path(__file__).resolve().parent.parent
FPS, STOPPED, BAD_DATA = 25, 75, 65
ONSET_NETS = ("resnet", "aggregation", "slope")
NETWORKS = (*ONSET_NETS, "key_net", "difference")
# Each part's clips and their looks come from seeds of their own.
SEEDS = {"train": 1_000_000, "validation": 2_000_000, "test": 3_000_000, "hanon_train": 4_000_000,
         "hanon_validation": 5_000_000, "hanon_test": 6_000_000}
GENERATORS = ("mixed", "random", "chords", "scales", "arpeggios", "repeats", "trills")
THRESHOLDS = {
    "peaks": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.993, 0.995),
    "paper": (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9),
    "held": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99),
    "notes": (0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7),
    "difference": tuple(float(f"{t:.3g}") for t in np.geomspace(0.004, 0.4, 17)),
}
# Learning rates and augmentation of the onset networks. "own" has two stages, as tools/reproduce_results.py has: the first
# sixth of the epochs with next to no augmentation, the others with windows that are moved along the keyboard and spliced;
# the last weights count. "paper" is section 4.2: one stage, the rate falls when the validation loss stays, the best count.
OWN = ("--batch", 8, "--learning-rate", 0.001, "--stop-after", 0)
RECIPES = {
    "own": {"weights": "last.safetensors",
            "first": (*OWN, "--onset-repeats", 4, "--patience", 100000, "--brightness", 0.05, "--margin", 1),
            "main": (*OWN, "--onset-repeats", 4, "--schedule", "cosine", "--warm-up", 100, "--weight-decay", 0.05,
                     "--margin", 5, "--splices", 0.5, "--shifts", 7),
            "held": ("--batch", 8, "--learning-rate", 0.0003, "--stop-after", 0, "--schedule", "cosine", "--margin", 5,
                     "--splices", 0.5, "--shifts", 7)},
    "short": {"weights": "last.safetensors",  # of some ten thousand windows of few keyboards
              "main": (*OWN, "--onset-repeats", 4, "--schedule", "cosine", "--warm-up", 100, "--weight-decay", 0.05,
                       "--brightness", 0.05, "--margin", 1),
              "held": ("--batch", 8, "--learning-rate", 0.0003, "--stop-after", 0, "--schedule", "cosine", "--brightness",
                       0.05, "--margin", 1)},
    "paper": {"weights": "best.safetensors",
              "main": ("--batch", 24, "--learning-rate", 0.001, "--margin", 5),
              "held": ("--batch", 24, "--learning-rate", 0.001, "--margin", 5)},
}
# The paper's Table 1: precision, recall, accuracy, F1 in per cent.
PAPER = {
    "PianoYT": {"resnet": (61.40, 67.59, 50.29, 63.72), "aggregation": (63.86, 67.87, 52.20, 65.26),
                "slope": (62.23, 73.00, 53.33, 66.63)},
    "MIDI": {"resnet": (65.26, 42.82, 36.86, 49.94), "aggregation": (72.83, 52.44, 44.97, 59.57),
             "slope": (74.76, 73.08, 59.59, 72.91)},
    "Hanon": {"resnet": (92.36, 86.25, 80.27, 88.53), "aggregation": (92.55, 93.69, 86.96, 92.76),
              "slope": (93.07, 93.40, 87.43, 93.00)},
}
# Hanon, The Virtuoso Pianist (1873): degrees of the figure on each step upwards, and on each step down again.
HANON = {1: ((0, 2, 3, 4, 5, 4, 3, 2), (4, 2, 1, 0, -1, 0, 1, 2)), 5: ((0, 5, 4, 5, 3, 4, 2, 3), (0, 1, 0, 2, 1, 3, 2, 4))}
MAJOR = (0, 2, 4, 5, 7, 9, 11)


# ---------------------------------------------------------------- running the program

children = []
stopping = False


def stop(*_):
    """Tells the program that runs; it ends in good order, and this with it."""
    global stopping
    stopping = True
    for child in children:
        child.send_signal(signal.SIGTERM)
    if not children:
        sys.exit(STOPPED)


def run(*words, show=False, allowed=()):
    """Runs a program to its end; returns its status and stdout. `show`: its progress goes to stderr."""
    # In a session of its own a program gets the one signal of `stop`, not the terminal's besides.
    with subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, stderr=None if show else subprocess.PIPE,
                          text=True, start_new_session=True) as child:
        children.append(child)
        out, complaint = child.communicate()
        children.remove(child)
    if stopping or child.returncode == STOPPED:
        print("stopped; the same command goes on", file=sys.stderr)
        sys.exit(STOPPED)
    if child.returncode != 0 and child.returncode not in allowed:
        sys.exit(f"{' '.join(map(str, words))}\nended with {child.returncode}: {(complaint or '').strip()}")
    return child.returncode, out


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def write(path, text):
    """The file is there whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)


# ---------------------------------------------------------------- notes

def write_notes(path, notes):
    write(path, "onset,offset,pitch,velocity\n" + "".join(
        f"{n[0]:.6f},{n[1]:.6f},{int(n[2])},{min(127, max(1, round(n[3] * 127)))}\n" for n in sorted(map(tuple, notes))))


def hanon(number, bpm, seed, seconds):
    """Sixteenths through two octaves and back, both hands, an octave apart, as unlike a machine as a pianist is."""
    up, down = HANON[number]
    degrees = [r + d for r in range(14) for d in up] + [r + d for r in range(14, 0, -1) for d in down] + [0]
    r, step, notes = np.random.default_rng(seed), 15 / bpm, []
    for base, loud in ((60, 0.55), (48, 0.5)):
        for i, degree in enumerate(degrees):
            onset = 1 + i * step + r.normal() * 0.008
            length = step * r.uniform(0.8, 0.98) if i + 1 < len(degrees) else 4 * step
            pitch = base + 12 * (degree // 7) + MAJOR[degree % 7]
            notes.append((onset, onset + length, pitch, np.clip(loud + r.normal() * 0.05, 0.1, 0.9)))
    return [n for n in notes if n[0] < seconds]


class Pieces:
    """The MIDI files of a folder, each for one part only."""

    def __init__(self, folder):
        files = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in (".mid", ".midi"))
        if len(files) < 3:
            sys.exit(f"--midi {folder} has {len(files)} MIDI files; at least three are needed, each for one part only")
        random.Random(1).shuffle(files)
        test, validation = max(1, len(files) // 5), max(1, len(files) // 10)
        self.of = {"test": files[:test], "validation": files[test:test + validation], "train": files[test + validation:]}

    def excerpt(self, part, i, seconds):
        import pretty_midi
        piece = pretty_midi.PrettyMIDI(str(self.of[part][i % len(self.of[part])]))
        notes = [n for t in piece.instruments if not t.is_drum for n in t.notes]
        start = random.Random(SEEDS[part] + i).uniform(0, max(0.0, max(n.start for n in notes) - seconds))
        return [(n.start - start + 0.5, min(n.end - start + 0.5, seconds), n.pitch, n.velocity / 127) for n in notes
                if start <= n.start < start + seconds - 1]


# ---------------------------------------------------------------- clips

class Clip:
    """A video with its truth: a folder of strips, or a real clip with a keyboard file."""

    def __init__(self, name, source, keyboard=None):
        self.name, self.source, self.keyboard = name, source, keyboard
        self.notes_file = (source if source.is_dir() else source.parent) / "notes.csv"
        self.fps = rate_of(source.parent) if keyboard else FPS
        self._truth = None

    @property
    def truth(self):
        if self._truth is None:
            self._truth = read_notes(self.notes_file)
        return self._truth

    def strips(self):
        """Frames x 145 x 800, and their times."""
        if self.keyboard:
            pictures = real_strips(self.source.parent, 0, 100000)[0]
            return pictures, np.arange(len(pictures)) / self.fps
        files = sorted(self.source.glob("*.png"))
        return np.stack([np.asarray(Image.open(f).convert("L")) for f in files]), self.times()

    def times(self):
        with open(self.source / "times.csv", newline="") as lines:
            return np.array([float(row["seconds"]) for row in csv.DictReader(lines)])


class Table:
    def __init__(self, options):
        self.o = o = options
        self.folder = o.folder
        self.pieces = Pieces(o.midi) if o.midi else None
        self.nets = o.networks.split(",")
        self.recipe = RECIPES[o.recipe]
        tests, validations = max(1, o.clips // 5), max(1, o.clips // 10)
        looks = 1 if o.clips < 10 else 3
        self.parts = {"train": o.clips, "validation": validations, "test": tests, "hanon_train": max(1, o.clips // 2),
                      "hanon_validation": validations, "hanon_test": 2 * looks}
        first = o.epochs // 6 if "first" in self.recipe else 0
        self.looked_at = max(8, o.samples // 8)  # windows to validate with
        self.samples = ("--samples-per-epoch", o.samples, "--validation-samples", self.looked_at)
        self.epochs = {"first": first, "main": o.epochs - first, "held": o.held_epochs or max(1, o.epochs // 6),
                       "key_net": o.key_epochs or o.epochs}
        for name in ("clips", "data", "runs", "found"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    # -- making data

    def exercise(self, name, part, i):
        """Notes of the generator."""
        with tempfile.TemporaryDirectory() as folder:
            run(self.o.vmt, "render", "--exercise", name, "--seconds", self.o.seconds, "--seed", SEEDS[part] + i, "-o",
                Path(folder) / "clip", "--preset", "clean", "--size", "64x32", "--fps", 1)
            return read_notes(Path(folder) / "clip" / "notes.csv")

    def notes(self, part, i):
        """What a clip plays."""
        if part == "hanon_test":
            return hanon((1, 5)[i % 2], (84, 60, 108)[i // 2 % 3], SEEDS[part] + i, self.o.seconds_hanon)
        if part.startswith("hanon"):
            return self.exercise("hanon", part, i)
        if self.pieces and i % 20 < 13:
            return self.pieces.excerpt(part, i, self.o.seconds)
        return self.exercise(GENERATORS[i % len(GENERATORS)], part, i)

    def clip(self, part, i):
        folder = self.folder / "clips" / f"{part}-{i:03}"
        if not folder.exists():
            notes = folder.with_suffix(".csv")
            write_notes(notes, self.notes(part, i))
            unfinished = folder.with_name(folder.name + ".part")
            shutil.rmtree(unfinished, ignore_errors=True)
            # A strip is registered already: no lens is left in it. Hanon is for two hands.
            hands = ("--set", "hands.count=2") if part.startswith("hanon") or self.o.looks else ()
            look = SEEDS["train"] + i % self.o.looks if self.o.looks else SEEDS[part] + i
            run(self.o.vmt, "render", notes, "-o", unfinished, "--preset", "paper", "--fps", FPS, "--seed", look, "--set",
                "camera.lens=0", *hands)
            unfinished.replace(folder)
        return Clip(folder.name, folder)

    def clips(self, part):
        return [self.clip(part, i) for i in range(self.parts[part])]

    def data_set(self, name, lines, clips, with_keyboard):
        """A folder for `vmt train --data`. The pictures are strips for both: key_net is told so by a keyboard file."""
        root = self.folder / "data" / name
        for clip in clips:
            (root / clip.name).mkdir(parents=True, exist_ok=True)
            if not (root / clip.name / "frames").is_symlink():
                (root / clip.name / "frames").symlink_to(os.path.relpath(clip.source, root / clip.name))
            shutil.copyfile(clip.notes_file, root / clip.name / "notes.csv")
            if with_keyboard:
                write(root / clip.name / "keyboard.json",
                      '{"image_size": [800, 145], "corners": [[0, 0], [800, 0], [800, 145], [0, 145]]}\n')
        write(root / "split.csv", "clip,split,start,end\n" + "".join(lines))
        return root

    def data(self, prefix, with_keyboard):
        used, lines = [], []
        for part in ("train", "validation"):
            clips = self.clips(prefix + part)
            used += clips
            lines += [f"{c.name},{part},,\n" for c in clips]
        return self.data_set((prefix or "music_") + ("key" if with_keyboard else "onset"), lines, used, with_keyboard)

    def real_clips(self):
        clips = []
        for source in self.o.real:
            folder = self.folder / "real" / source.resolve().name
            folder.mkdir(parents=True, exist_ok=True)
            video = folder / "video.mp4"
            if not video.is_symlink():
                video.symlink_to((source / "video.mp4").resolve())
            write_notes(folder / "notes.csv", read_notes(source / "notes.csv"))
            keyboard = folder / "keyboard.json"
            if (source / "keyboard.json").exists():
                shutil.copyfile(source / "keyboard.json", keyboard)
            elif (source / "registration.json").exists():
                width, height = json.loads((source / "registration.json").read_text())["resolution"].split("x")
                write(keyboard, json.dumps({"image_size": [int(width), int(height)], "corners": corners_of(source)}))
            elif not keyboard.exists():
                run(self.o.vmt, "find-keyboard", video, "-o", keyboard)
            clips.append(Clip(folder.name, video, keyboard))
        return clips

    # -- training

    def train(self, name, *words, show=True):
        """Weights of a training, which is gone on with or already done."""
        out = self.folder / "runs" / name
        if not (out / "finished").exists():
            say(f"training {name}")
            o = self.o
            run(o.vmt, "train", "--resume", "--out", out, "--threads", o.threads, "--device", o.device, "--arithmetic",
                o.arithmetic, "--loader-threads", max(1, min(4, (os.cpu_count() or 1) // 2)), "--seed", 1, *words, show=show)
            write(out / "finished", "")
        return out

    def stage(self, stage):
        return ("--epochs", self.epochs[stage], *self.samples, *self.recipe[stage])

    def weights(self, net, held=False):
        """Of the onset network or key_net; trains what is not trained yet."""
        key = net == "key_net"
        last = "last.safetensors" if key else self.recipe["weights"]
        cache = ("--cache", self.folder / ("strips-key" if key else "strips"))
        if held:
            data = ("--data", self.data("hanon_", key), *cache, "--from", self.weights(net))
            if key:
                return self.train("key_net-hanon", "--model", "key-net", *data, "--learning-rate", 0.001, "--epochs",
                                  self.epochs["held"], *self.samples) / last
            return self.train(f"{net}-held", *data, "--targets", "held", *self.stage("held")) / last
        data = ("--data", self.data("", key))
        if key:  # its own recipe, as many windows
            return self.train("key_net", "--model", "key-net", *data, *cache, "--epochs", self.epochs["key_net"],
                              *self.samples) / last
        begin = ("--variant", net, "--width", self.o.width)
        if self.epochs["first"] > 0:
            before = self.train(f"{net}-first", *data, *begin, "--cache", self.folder / "strips-first", *self.stage("first"))
            begin = ("--from", before / "last.safetensors")
        return self.train(net, *data, *begin, *cache, *self.stage("main")) / last

    # -- transcribing

    def transcribe(self, net, weights, clip, decoder, threshold, probabilities=False):
        """The program's notes of a clip, and its probabilities if wanted."""
        run_name = weights.parent.name
        folder = self.folder / "found" / f"{run_name}-{decoder}-{threshold:g}"
        folder.mkdir(parents=True, exist_ok=True)
        notes, table = folder / f"{clip.name}.csv", folder / f"{clip.name}.npy"
        if not notes.exists() or (probabilities and not table.exists()):
            words = ["--model", weights, "--threshold", threshold, "-o", folder / f"{clip.name}.mid", "--csv", notes,
                     "--threads", self.o.threads, "--device", self.o.device, "--arithmetic", self.o.arithmetic]
            if probabilities:
                words += ["--probabilities", table]
            if net == "key_net":
                words += ["--keyboard", "auto" if clip.keyboard else "strip"]
            else:
                words += ["--keyboard", clip.keyboard or "strip", "--decoder", decoder]
            if run(self.o.vmt, "transcribe", clip.source, *words, allowed=(BAD_DATA,))[0] == BAD_DATA:
                say(f"{net}: no keyboard was found in {clip.name}; it has no notes there")
                write_notes(notes, [])
        return read_notes(notes), np.load(table) if probabilities else None

    def transcribed(self, net, weights, clips, decoder, threshold):
        """The program's notes of clips, checked against the decoder that chose the threshold."""
        found = []
        for clip in clips:
            check = net in ONSET_NETS and not clip.keyboard
            notes, p = self.transcribe(net, weights, clip, decoder, threshold, check)
            if check:
                ours = decode(p, clip.times(), decoder, threshold)
                if len(ours) != len(notes) or (len(ours) and np.abs(ours[:, :3] - notes[:, :3]).max() > 1e-3):
                    sys.exit(f"{net}, {decoder}: the program has other notes of {clip.name} than decode() in {__file__}")
            found.append(notes)
        return found

    def differences(self, clip, kind):
        """What the frame-difference detector sees, frames x keys, and the times."""
        path = self.folder / "found" / f"difference-{kind}-{clip.name}.npz"
        if not path.exists():
            strips, times = clip.strips()
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as part:
                np.savez(part, x=(changes if kind == "onset" else covered)(strips), times=times)
            os.replace(part.name, path)
        with np.load(path) as stored:
            return stored["x"], stored["times"]

    def notes_of(self, net, decoder, held=False):
        """(function of clips and a threshold that gives notes by numpy or the program, the same by the program)."""
        if net == "difference":
            def detect(clips, threshold):
                return [decode(*self.differences(c, "held" if held else "onset"), "held" if held else "peaks", threshold)
                        for c in clips]
            return detect, detect
        weights = self.weights(net, held)

        def program(clips, threshold):
            return self.transcribed(net, weights, clips, decoder, threshold)
        if net == "key_net":
            return program, program

        def quick(clips, threshold):  # one look at the video serves all thresholds
            return [decode(self.transcribe(net, weights, c, "peaks", 0.5, True)[1], c.times(), decoder, threshold)
                    for c in clips]
        return quick, program

    def choose(self, decoder, notes_of, clips, score):
        return max(THRESHOLDS[decoder], key=lambda t: score(clips, notes_of(clips, t)))

    def frame_scores(self, clips, found):
        """Frames of 10 ms of all clips together (Bay et al.), by the program: one after the other on one clock."""
        with tempfile.TemporaryDirectory() as name:
            for side, lists in (("truth", [c.truth for c in clips]), ("found", found)):
                write_notes(Path(name) / f"{side}.csv", [(n[0] + 1000 * i, n[1] + 1000 * i, n[2], n[3])
                                                         for i, notes in enumerate(lists) for n in notes])
            out = run(self.o.vmt, "evaluate", Path(name) / "truth.csv", Path(name) / "found.csv", "--json")[1]
        frame = json.loads(out)["frame"]
        return [100 * frame[k] for k in ("precision", "recall", "accuracy", "f1")]

    # -- how long it takes

    def measured(self):
        """Seconds for a rendered frame, a window trained, a frame transcribed; measured once for a folder."""
        path = self.folder / "speed.json"
        if path.exists():
            return json.loads(path.read_text())
        say("measuring how fast this machine is")
        speed = {}
        probe = self.folder / "clips" / "validation-000"
        shutil.rmtree(probe, ignore_errors=True)
        begin = time.monotonic()
        clip = self.clip("validation", 0)
        end = clip.times()[-1]
        speed["render"] = (time.monotonic() - begin) / len(clip.times())
        lines = [f"{clip.name},train,0,{end / 2:.3f}\n", f"{clip.name},validation,{end / 2:.3f},\n"]
        kinds = {"onset": [n for n in self.nets if n in ONSET_NETS][-1:], "key": [n for n in self.nets if n == "key_net"]}
        for kind, nets in kinds.items():
            for net in nets:
                key = kind == "key"
                batch = 6 if key else self.recipe["main"][1]
                words = ("--model", "key-net") if key else ("--variant", net, "--width", self.o.width, "--batch", batch)
                data = self.data_set(f"probe-{kind}", lines, [clip], key)
                shutil.rmtree(self.folder / "runs" / f"probe-{kind}", ignore_errors=True)
                out = self.train(f"probe-{kind}", "--data", data, *words, "--epochs", 2, "--samples-per-epoch", 4 * batch,
                                 "--validation-samples", batch, show=False)
                with open(out / "curves.csv", newline="") as curves:
                    seconds = min(float(row["seconds"]) for row in csv.DictReader(curves))
                # Looking at a window costs about a third of learning it.
                speed[f"train {kind}"] = seconds / (4 * batch + batch / 3)
                begin = time.monotonic()
                self.transcribe(net, out / "last.safetensors", clip, "notes" if key else "peaks", 0.5)
                speed[f"transcribe {kind}"] = (time.monotonic() - begin) / len(clip.times())
        write(path, json.dumps(speed, indent=1))
        return speed

    def estimate(self):
        speed, o = self.measured(), self.o
        frames = {part: count * (min(45, o.seconds_hanon) if part == "hanon_test" else o.seconds) * FPS
                  for part, count in self.parts.items()}
        real = sum(read_notes(source / "notes.csv")[:, 1].max() for source in o.real) * FPS
        rendering = speed["render"] * sum(frames.values())
        training, looking, epochs = 0.0, 0.0, []
        windows = o.samples + self.looked_at / 3
        for net in self.nets:
            kind = "key" if net == "key_net" else "onset"
            if f"train {kind}" not in speed or net == "difference":
                continue
            own = self.epochs["key_net"] if kind == "key" else o.epochs
            training += speed[f"train {kind}"] * windows * (own + self.epochs["held"])
            epochs.append(f"{net} {speed[f'train {kind}'] * windows:.1f} s")
            passes = len(THRESHOLDS["notes"]) if kind == "key" else 1
            tests = 1 if kind == "key" else 2
            looking += speed[f"transcribe {kind}"] * (passes * (frames["validation"] + frames["hanon_validation"])
                                                      + tests * (frames["test"] + real) + frames["hanon_test"])
        clock = [f"{int(s // 3600)} h {int(s % 3600 // 60)} min" for s in
                 (rendering, training, looking, rendering + training + looking)]
        say(f"an epoch of {o.samples} windows: {', '.join(epochs)}")
        say(f"in all about {clock[3]}: rendering {clock[0]}, training {clock[1]}, transcribing {clock[2]}; "
            f"{0.4e-3 * sum(frames.values()):.1f} GB in {self.folder}")


# ---------------------------------------------------------------- decoders

def decode(p, times, decoder, threshold):
    """The program's decoders of onset networks (include/vmt/transcribe), for thresholds to be tried quickly."""
    p = p.astype(np.float64)
    if decoder == "peaks":
        return peaks(p, times, threshold)
    return runs(gaussian_filter1d(p, 5, axis=0, mode="reflect", truncate=4) if decoder == "paper" else p, times, threshold)


def peaks(p, times, threshold, refractory=0.07, length=0.3):
    notes, end = [], times[-1] + (times[-1] - times[-2])
    before, after = np.vstack([p[:1] - 1, p[:-1]]), np.vstack([p[1:], p[-1:]])
    for key in range(p.shape[1]):
        onsets = []
        for i in np.flatnonzero((p[:, key] >= threshold) & (p[:, key] > before[:, key]) & (after[:, key] <= p[:, key])):
            at = times[i]
            if 0 < i < len(times) - 1:
                up = (p[i, key] - p[i - 1, key]) / (times[i] - times[i - 1])
                down = (p[i + 1, key] - p[i, key]) / (times[i + 1] - times[i])
                low, high = (times[i - 1] + times[i]) / 2, (times[i] + times[i + 1]) / 2
                at = np.clip(low + (high - low) * up / (up - down), low, high)
            if not onsets or at - onsets[-1][0] >= refractory:
                onsets.append((at, p[i, key]))
        for n, (at, high) in enumerate(onsets):
            stop_at = min(at + length, end, onsets[n + 1][0] if n + 1 < len(onsets) else end)
            notes.append((at, stop_at, key + 21, 0.63, high))
    return np.array(sorted(notes)).reshape(-1, 5)


def runs(p, times, threshold):
    borders = np.append(times, times[-1] + (times[-1] - times[-2]))
    notes = []
    for key in range(p.shape[1]):
        steps = np.diff(np.concatenate([[0], (p[:, key] > threshold).astype(int), [0]]))
        for a, b in zip(np.flatnonzero(steps > 0), np.flatnonzero(steps < 0)):
            notes.append((borders[a], borders[b], key + 21, 0.63, min(1.0, p[a:b, key].max())))
    return np.array(sorted(notes)).reshape(-1, 5)


# ---------------------------------------------------------------- the frame-difference detector

def key_means(picture):
    """The mean of each key's own part of a strip: the front of white keys, the tops of black ones."""
    columns = np.arange(800)[:, None] + 0.5
    half = np.where(BLACK, 0.22, 0.38) * WHITE
    inside = (np.abs(columns - CENTRE) <= half).astype(np.float32)
    inside /= inside.sum(axis=0)
    return np.where(BLACK, picture[10:80].mean(axis=0) @ inside, picture[102:138].mean(axis=0) @ inside)


def changes(strips):
    """How much each key's pixels change from the frame before, beyond what most keys change, 0 … 1."""
    rows = [np.zeros(88)]
    for last, now in zip(strips[:-1], strips[1:]):
        d = key_means(np.abs(now.astype(np.float32) - last.astype(np.float32)))
        rows.append(np.clip((d - np.median(d)) / 255, 0, 1))
    return np.array(rows)


def covered(strips):
    """How far each key's pixels are from those of the empty keyboard, beyond what most keys are, 0 … 1."""
    plate, rows = plate_of(strips), []
    for now in strips:
        d = key_means(np.abs(now.astype(np.float32) - plate))
        rows.append(np.clip((d - np.median(d)) / 255, 0, 1))
    return np.array(rows)


# ---------------------------------------------------------------- scores

def rates(hits, truth, found):
    """Precision, recall, accuracy, F1 in per cent; nothing there and nothing found is 0, as in mir_eval."""
    return [100 * a / max(1, b) for a, b in ((hits, found), (hits, truth), (hits, truth + found - hits),
                                             (2 * hits, truth + found))]


def lag_within(clip, found, frames=2):
    """The constant lag of a clip, to be added to what was found, no more than two frames."""
    return float(np.clip(lag_of(clip.truth, found), -frames / clip.fps, frames / clip.fps))


def note_scores(clips, found, corrected):
    """At ±50 and ±100 ms, and with offsets: all notes together, and the mean of the clips; mean |onset error|."""
    counts, errors = [], []
    for clip, notes in zip(clips, found):
        lag = lag_within(clip, notes) if corrected else 0.0
        pairs = match(clip.truth, notes, 0.1, lag)
        errors += [abs(clip.truth[i, 0] - notes[j, 0] - lag) for i, j in pairs]
        counts.append([len(match(clip.truth, notes, 0.05, lag)), len(pairs),
                       len(match(clip.truth, notes, 0.05, lag, True)), len(clip.truth), len(notes)])
    counts = np.array(counts)
    error = 1000 * float(np.mean(errors)) if errors else float("nan")
    result = {"error": error}
    for name, rows in (("micro", counts.sum(axis=0)[None]), ("mean", counts)):
        result[name] = [np.mean([rates(row[k], row[3], row[4]) for row in rows], axis=0) for k in range(3)]
    return result


def best_notes(clips, found):
    """What a threshold is chosen by: F1 of all notes at ±50 ms, then at ±100 ms."""
    score = note_scores(clips, found, False)["micro"]
    return score[0][3], score[1][3]


# ---------------------------------------------------------------- tables

def numbers(values):
    return " | ".join(f"{v:.1f}" for v in values)


def of_paper(test_set, net):
    return " / ".join(f"{v:.1f}" for v in PAPER[test_set][net]) if net in PAPER[test_set] else "–"


NOTE_HEAD = ("| network, decoder | threshold | P ±50 ms | R | Acc | F1 | P ±100 ms | R | Acc | F1 | F1 + offset | error, ms |"
             " paper, PianoYT: P / R / Acc / F1 | paper, MIDI test set |\n" + "| --- " * 14 + "|")


def note_row(name, threshold, score, way, net):
    within50, within100, offsets = score[way]
    with_offset = f"{offsets[3]:.1f}" if net == "key_net" else "–"
    error = "–" if np.isnan(score["error"]) else f"{score['error']:.0f}"
    return (f"| {name} | {threshold:g} | {numbers(within50)} | {numbers(within100)} | {with_offset} | {error} | "
            f"{of_paper('PianoYT', net)} | {of_paper('MIDI', net)} |")


def note_tables(title, rows, ways):
    """rows: (net, decoder, threshold, clips, found)."""
    text = []
    for way, words in ways:
        for corrected in (False, True):
            clock = "one lag of up to two frames taken away from each clip" if corrected else "times as they come"
            text += [f"**{title}; {words}, {clock}**", "", NOTE_HEAD]
            text += [note_row(f"{net}, {decoder}", threshold, note_scores(clips, found, corrected), way, net)
                     for net, decoder, threshold, clips, found in rows] + [""]
    return text


def frame_table(table, rows):
    text = ["**Hanon 1 and 5, rendered, two hands: frames of 10 ms in which a key is down**", "",
            "| network | threshold | P | R | Acc | F1 | mean of clips: P | R | Acc | F1 | lag taken away: P | R | Acc | F1 |"
            " paper, Hanon: P / R / Acc / F1 |", "| --- " * 15 + "|"]
    for net, threshold, clips, found in rows:
        one = [table.frame_scores([c], [f]) for c, f in zip(clips, found)]
        moved = []
        for clip, notes in zip(clips, found):
            notes = notes.copy()
            if len(notes):
                notes[:, :2] = np.maximum(notes[:, :2] + lag_within(clip, notes), 0)
            moved.append(notes)
        text.append(f"| {net} | {threshold:g} | {numbers(table.frame_scores(clips, found))} | "
                    f"{numbers(np.mean(one, axis=0))} | {numbers(table.frame_scores(clips, moved))} | "
                    f"{of_paper('Hanon', net)} |")
    return [*text, "| [12] with sound and video, in the paper " + "| " * 13 + "| – / – / 75.4 / – |", ""]


def make(table):
    o, text = table.o, []
    validation, test, real = table.clips("validation"), table.clips("test"), table.real_clips()
    on_test, on_real, on_hanon = [], [], []
    for net in table.nets:
        decoders = ("peaks", "paper") if net in ONSET_NETS else ("notes",) if net == "key_net" else ("difference",)
        for decoder in decoders:
            quick, program = table.notes_of(net, decoder)
            threshold = table.choose(decoder, quick, validation, best_notes)
            say(f"{net}, {decoder}: threshold {threshold:g}")
            on_test.append((net, decoder, threshold, test, program(test, threshold)))
            on_real += [(net, decoder, threshold, [c], program([c], threshold)) for c in real]
    hanon_validation, hanon_test = table.clips("hanon_validation"), table.clips("hanon_test")
    for net in table.nets:
        decoder = {"key_net": "notes", "difference": "difference"}.get(net, "held")
        quick, program = table.notes_of(net, decoder, held=True)
        threshold = table.choose(decoder, quick, hanon_validation, lambda c, f: table.frame_scores(c, f)[2])
        say(f"{net}, Hanon: threshold {threshold:g}")
        on_hanon.append((net, threshold, hanon_test, program(hanon_test, threshold)))

    notes = [sum(len(c.truth) for c in clips) for clips in (test, hanon_test)]
    music = "generators and excerpts of MIDI files (no piece in two parts)" if table.pieces else "generators"
    shorter = f" (key_net: {table.epochs['key_net']})" if table.epochs["key_net"] != o.epochs else ""
    looks = f"{o.looks} keyboard{'s' * (o.looks > 1)} in all parts" if o.looks else "each clip with its own keyboard"
    text += [
        f"Trained on {o.clips} rendered clips of {o.seconds:g} s (`vmt render --preset paper`, {music}; "
        f"{looks}), {o.epochs} epochs of "
        f"{o.samples} windows{shorter}, width {o.width}, recipe \"{o.recipe}\"; {table.epochs['held']} epochs more on "
        f"{table.parts['hanon_train']} clips of Hanon-like exercises for the frames. "
        f"Thresholds from {len(validation)} and {len(hanon_validation)} validation clips. Tested on {len(test)} clips of other "
        f"seeds ({notes[0]} notes), {len(hanon_test)} of Hanon ({notes[1]} notes), and {len(real)} real ones, on which nothing "
        "was trained or chosen. In per cent; accuracy is TP / (TP + FP + FN).", "",
        "The paper's numbers stand beside ours for their order, not their size: it trained on 20 hours of real video with "
        "notes guessed from the sound and tested on real video, of its own pianist or of another; ours is rendered, with "
        "exact notes, of less music, and the paper does not print its tolerance.", ""]
    both = (("micro", "all notes together"), ("mean", "mean of the clips"))
    text += note_tables("Rendered clips", on_test, both)
    text += frame_table(table, on_hanon)
    for clip in real:
        text += note_tables(f"Real video, {clip.name} ({len(clip.truth)} notes)", [r for r in on_real if r[3][0] is clip],
                            both[:1])
    return "\n".join(text)


def same_options(folder, options):
    """A folder is for one table."""
    own = {k: str(v) for k, v in vars(options).items() if k not in ("vmt", "folder", "threads", "estimate", "device",
                                                                  "arithmetic")}
    path = folder / "options.json"
    if path.exists() and json.loads(path.read_text()) != own:
        before = json.loads(path.read_text())
        changed = ", ".join(k for k in own if own[k] != before.get(k))
        sys.exit(f"{folder} holds a table with other options ({changed}); choose another folder, or the same options")
    folder.mkdir(parents=True, exist_ok=True)
    write(path, json.dumps(own, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vmt", type=lambda p: Path(shutil.which(p) or p).resolve())
    parser.add_argument("folder", type=lambda p: Path(p).resolve())
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="for the networks")
    parser.add_argument("--arithmetic", choices=("f32", "tf32", "bf16"), default="f32", help="of --device cuda")
    parser.add_argument("--width", type=int, default=64, help="of the onset networks; the paper's is 64")
    parser.add_argument("--epochs", type=int, default=60, help="of each network")
    parser.add_argument("--key-epochs", type=int, default=0, help="of key_net; default: as the others")
    parser.add_argument("--held-epochs", type=int, default=0, help="on Hanon; default: a sixth of --epochs")
    parser.add_argument("--samples", type=int, default=960, help="windows in an epoch")
    parser.add_argument("--clips", type=int, default=40, help="to train with")
    parser.add_argument("--seconds", type=float, default=30, help="length of a clip")
    parser.add_argument("--seconds-hanon", type=float, default=60, help="length of a Hanon test clip at most")
    parser.add_argument("--looks", type=int, default=0, help="keyboards and cameras in all; 0: one for each clip")
    parser.add_argument("--midi", type=lambda p: Path(p).resolve(), help="MIDI for two thirds of the clips to play")
    parser.add_argument("--real", type=lambda p: Path(p).resolve(), nargs="*", default=[ROOT / "examples/data/bach"],
                        help="folders with video.mp4, notes.csv and, if known, keyboard.json")
    parser.add_argument("--recipe", choices=tuple(RECIPES), default="own", help="of the onset networks")
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--estimate", action="store_true", help="say how long it takes, no more")
    options = parser.parse_args()
    unknown = set(options.networks.split(",")) - set(NETWORKS)
    if unknown or options.clips < 1 or options.epochs < 1 or options.seconds < 4:
        parser.error(f"no network {', '.join(unknown)}" if unknown else "--clips and --epochs from 1, --seconds from 4")
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    same_options(options.folder, options)
    table = Table(options)
    table.estimate()
    if options.estimate:
        return
    text = make(table)
    write(options.folder / "table.md", text + "\n")
    print(text)


if __name__ == "__main__":
    main()
