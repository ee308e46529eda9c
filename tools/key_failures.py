#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where a `key_net` falls short on clips with truth: a table of its errors by kind, and pictures of ten of them.

key_failures.py VMT --model WEIGHTS CLIP [CLIP …] [--threshold 0.45] [--lag auto] --out FOLDER
key_failures.py --self-test

VMT is the program; a CLIP is a folder with video.mp4, notes.csv (onset, offset, pitch, velocity) and perhaps keyboard.json;
without it the keyboard is searched. --notes CSV [--probabilities NPY], once for each clip, takes what `vmt transcribe --csv
--probabilities` wrote before instead of transcribing. --lag: seconds to add to the found onsets, or auto: the median
difference to the truth. FOLDER gets errors.md, the table; errors.csv, every error; failures.png, the pictures.

What was found is matched to the truth within 50 ms, by a maximum matching. Each error, missed or extra, is of the first kind
in KINDS that applies. A key counts as hidden where HIDDEN of its columns are: a column is, where in the middle one of five
frames around the onset at least COVERED of the pixels on its visible length differ from the plate as a hand does. The camera
is taken to stand still. Needs numpy, mir_eval, Pillow and ffmpeg.
"""
import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    import key_scores
except ImportError as e:
    print(f"key_failures: {e}; numpy, mir_eval (with scipy) and Pillow are needed")
    sys.exit(77 if "--self-test" in sys.argv else 1)

TOLERANCE = 0.05
TIMING, NEAR, REPEAT, CHORD, EDGE = 0.2, 0.1, 0.25, 0.03, 2.0  # seconds
HIDDEN, COVERED = 0.5, 0.8
KINDS = {
    "timing": "an error of the other side on the same key within 0.2 s",
    "neighbour key": "an error of the other side within 0.1 s, one or two semitones away",
    "octave": "an error of the other side within 0.1 s, twelve semitones away",
    "hidden": "the hand covers the key",
    "repeat": "an onset of the same key within 0.25 s before",
    "chord": "three or more onsets within 30 ms, this one included",
    "first or last two seconds": "counted from the first onset of the truth and to its last",
    "other": "none of these",
}
NAMES = "C C# D D# E F F# G G# A A# B".split()
PITCH = 20                          # pixels of a white key in the pictures
BEHIND, ON, BEFORE = 5, 100, 15     # rows behind, on and before the keys
ROWS = BEHIND + ON + BEFORE
MARGIN = 6                          # columns beside a key that its looks need
SAMPLES = 160                       # frames behind the plate
AROUND = 3                          # white keys on either side of the key in a picture
MOMENTS = (-0.12, -0.04, 0.0, 0.04, 0.12)  # seconds from the onset of the five frames
LARGEST = 400_000                   # bytes of the contact sheet
RED, BLUE, GREEN = (200, 0, 0), (0, 60, 200), (0, 150, 60)


def is_black(pitch):
    return pitch % 12 in key_scores.OFFSET


def name_of(pitch):
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


# ---- notes and errors


def unmatched(reference, found, lag):
    """Indices of the notes missed and of those found that are none."""
    pairs = key_scores.match(reference, found, TOLERANCE, lag)
    left, right = {i for i, _ in pairs}, {j for _, j in pairs}
    return [i for i in range(len(reference)) if i not in left], [j for j in range(len(found)) if j not in right]


def kind_of(note, own, opposite, span, hidden):
    """The kind of an error. own: all notes of its side, itself among them; opposite: the errors of the other side, both on
    the clock of the truth; span: the truth's first and last onset; hidden: share of the key's columns."""
    time, pitch = note[0], note[2]
    for kind in ("timing", "neighbour key", "octave"):
        if partner_of(kind, note, opposite) is not None:
            return kind
    if hidden >= HIDDEN:
        return "hidden"
    if np.any((own[:, 2] == pitch) & (own[:, 0] < time) & (own[:, 0] >= time - REPEAT)):
        return "repeat"
    if np.sum(abs(own[:, 0] - time) <= CHORD) >= 3:
        return "chord"
    if time < span[0] + EDGE or time > span[1] - EDGE:
        return "first or last two seconds"
    return "other"


def partner_of(kind, note, opposite):
    """The error of the other side that explains a note of the first three kinds, else None."""
    apart, steps = abs(opposite[:, 0] - note[0]), abs(opposite[:, 2] - note[2])
    fits = {"timing": (apart < TIMING) & (steps == 0), "neighbour key": (apart < NEAR) & (steps > 0) & (steps <= 2),
            "octave": (apart < NEAR) & (steps == 12)}
    if kind not in fits or not np.any(fits[kind]):
        return None
    return opposite[np.argmin(np.where(fits[kind], apart, np.inf))]


def share_out(counts, total):
    """How many of each, in proportion, by the largest remainders; at most as many as there are."""
    everything = sum(counts.values())
    total = min(total, everything)
    exact = {k: total * n / max(1, everything) for k, n in counts.items()}
    given = {k: int(x) for k, x in exact.items()}
    for k in sorted(exact, key=lambda k: (int(exact[k]) - exact[k], k))[: total - sum(given.values())]:
        given[k] += 1
    return given


def choose(errors, total=10):
    """Typical ones: each kind of each side in proportion, evenly spread over the errors of that kind in order of time. Where
    an error on either side makes one failure, as of timing, it is told by the missed one."""
    groups = {}
    for e in errors:
        if e["side"] == "extra" and e["kind"] in ("timing", "neighbour key", "octave"):
            continue
        groups.setdefault((list(KINDS).index(e["kind"]), e["side"] == "extra"), []).append(e)
    given = share_out({k: len(g) for k, g in groups.items()}, total)
    chosen = []
    for k in sorted(groups):
        n, group = given[k], groups[k]
        chosen += [group[int((i + 0.5) * len(group) / n)] for i in range(n)]
    return chosen


def table_of(clips):
    """Markdown: rows of kinds, two columns a clip."""
    head, columns = ["kind"], []
    for c in clips:
        for side in ("missed", "extra"):
            head.append(f"{c['name']} {side}")
            columns.append([e for e in c["errors"] if e["side"] == side])
    rows = [(k, [sum(e["kind"] == k for e in col) for col in columns]) for k in KINDS]
    rows += [("all", [len(col) for col in columns])]
    rows += [("white keys of these", [sum(not is_black(e["pitch"]) for e in col) for col in columns]),
             ("black keys of these", [sum(is_black(e["pitch"]) for e in col) for col in columns])]
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " --- |" * len(columns)]
    lines += [f"| {k} | " + " | ".join(map(str, v)) + " |" for k, v in rows]
    for c in clips:
        n, m = len(c["reference"]), len(c["found"])
        right = n - sum(e["side"] == "missed" for e in c["errors"])
        hidden = [h >= HIDDEN for h in c["hidden"]]
        lost = sum(e["side"] == "missed" and e["hidden"] >= HIDDEN for e in c["errors"])
        lines += ["", f"{c['name']}: {n} notes, {m} found, {right} right, onset F1 {200 * right / max(1, n + m):.1f} % within "
                      f"50 ms, lag {1000 * c['lag']:+.1f} ms, threshold {c['threshold']:g}. Hidden are the keys of "
                      f"{sum(hidden)} notes, of which {lost} were missed."]
    return "\n".join(lines + ["", *(f"- {k}: {v}" for k, v in KINDS.items())]) + "\n"


# ---- pictures


class Straightener:
    """Cuts the keyboard, or a part of it, out of pictures: `vmt::keyboard::key_strip` with PITCH pixels a white key."""

    def __init__(self, where, width, height):
        scale = np.array([width / where["image_size"][0], height / where["image_size"][1]])
        self.width, self.height = width, height
        self.low, self.high = where["lowest_key"], where["highest_key"]
        self.whites = [p for p in range(self.low, self.high + 1) if not is_black(p)]
        k, centre = where.get("lens", 0.0), np.array([width, height]) / 2
        unit = np.hypot(*centre)
        corners = (np.array(where["corners"]) * scale - centre) / unit
        seen = np.hypot(*corners.T)
        r = seen.copy()
        for _ in range(50):
            r -= (r * (1 + k * r * r) - seen) / (1 + 3 * k * r * r)
        q = corners * (r / np.where(seen > 0, seen, 1))[:, None]
        # The projective map of the unit square to q, by its eight equations.
        a, b = [], []
        for (u, v), (x, y) in zip(((0, 0), (1, 0), (1, 1), (0, 1)), q):
            a += [[u, v, 1, 0, 0, 0, -u * x, -v * x], [0, 0, 0, u, v, 1, -u * y, -v * y]]
            b += [x, y]
        h = np.append(np.linalg.solve(a, b), 1).reshape(3, 3)
        spans = where.get("keys")
        if spans:
            spans = [spans[p - self.low] for p in self.whites]
            borders = [spans[0][0]] + [(s[1] + t[0]) / 2 for s, t in zip(spans, spans[1:])] + [spans[-1][1]]
        else:
            borders = np.arange(len(self.whites) + 1) / len(self.whites)
        column = (np.arange(2 * PITCH * len(self.whites)) + 0.5) / (2 * PITCH)  # two samples a pixel, in both directions
        u, v = np.meshgrid(np.interp(column, np.arange(len(borders)), borders), ((np.arange(2 * ROWS) + 0.5) / 2 - BEHIND) / ON)
        x, y, w = np.tensordot(h, np.stack([u, v, np.ones_like(u)]), 1)
        x, y = x / w, y / w
        s = 1 + k * (x * x + y * y)
        self.x = np.clip(centre[0] + unit * s * x - 0.5, 0, width - 1.001).astype(np.float32)
        self.y = np.clip(centre[1] + unit * s * y - 0.5, 0, height - 1.001).astype(np.float32)
        self.top, self.bottom = int(self.y.min()), int(self.y.max()) + 2  # the rows of the picture that are looked at
        self.y -= self.top

    def __call__(self, picture, columns=slice(None)):
        """Rows x columns x 3, of a picture from row `top` to `bottom`."""
        if columns != slice(None):
            columns = slice(2 * columns.start, 2 * columns.stop)
        x, y = self.x[:, columns], self.y[:, columns]
        i, j = y.astype(int), x.astype(int)
        fy, fx = (y - i)[..., None], (x - j)[..., None]
        at, pixels = i * self.width + j, picture.reshape(-1, 3)
        top = pixels[at] * (1 - fx) + pixels[at + 1] * fx
        low = pixels[at + self.width] * (1 - fx) + pixels[at + self.width + 1] * fx
        fine = top * (1 - fy) + low * fy
        return np.round(fine.reshape(ROWS, 2, -1, 2, 3).mean(axis=(1, 3))).astype(np.uint8)

    def centre(self, pitch):
        """The middle of a key, in columns."""
        before = sum(w < pitch for w in self.whites)
        return PITCH * (before + (key_scores.OFFSET[pitch % 12] if is_black(pitch) else 0.5))

    def span(self, pitch, margin=0):
        """First and last column of a key, as a slice."""
        half = PITCH * (0.3 if is_black(pitch) else 0.5) + margin
        return slice(max(0, round(self.centre(pitch) - half)), min(PITCH * len(self.whites), round(self.centre(pitch) + half)))

    def part(self, pitch):
        """Columns of AROUND white keys on either side; at the ends of the keyboard as many as elsewhere."""
        width = PITCH * min(2 * AROUND + 1, len(self.whites))
        begin = round(self.centre(pitch) / PITCH - 0.5) * PITCH - AROUND * PITCH
        begin = min(max(0, begin), PITCH * len(self.whites) - width)
        return slice(begin, begin + width)

    def black_at(self):
        """Rows x columns: whether a pixel is likely to show a black key."""
        x, y = np.meshgrid(np.arange(PITCH * len(self.whites)) + 0.5, np.arange(ROWS) + 0.5)
        black = np.zeros(x.shape, bool)
        for pitch in filter(is_black, range(self.low, self.high + 1)):
            black |= (abs(x - self.centre(pitch)) <= 0.33 * PITCH) & (y >= BEHIND) & (y < BEHIND + 0.65 * ON)
        return black

    def visible(self, pitch, black):
        """Rows x columns of the key's span: the pixels in which nothing but a hand can cover the key."""
        mask = black[:, self.span(pitch)].copy()
        if not is_black(pitch):
            mask = ~mask
            mask[:BEHIND] = mask[BEHIND + ON :] = False
        return mask


class Video:
    """Pictures of a file, at most 1280 pixels wide, and their times from the file's start."""

    def __init__(self, path, size):
        self.path = path
        scale = min(1, 1280 / size[0])
        self.width, self.height = round(size[0] * scale), round(size[1] * scale)
        said = run("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time:format=start_time",
                   "-of", "json", path)
        said = json.loads(said)
        start = float(said["format"].get("start_time", 0))
        self.times = np.sort([float(p["pts_time"]) for p in said["packets"] if "pts_time" in p]) - start

    def pictures(self, wanted, top, bottom):
        """(number, rows top to bottom x width x 3) of the wanted frames, in their order."""
        wanted = set(wanted)
        filters = f"scale={self.width}:{self.height},crop={self.width}:{bottom - top}:0:{top}:exact=1"
        command = ["ffmpeg", "-v", "error", "-i", str(self.path), "-map", "0:V:0", "-vf", filters, "-fps_mode", "passthrough",
                   "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
        size, last = self.width * (bottom - top) * 3, max(wanted, default=-1)
        with subprocess.Popen(command, stdout=subprocess.PIPE) as decoder:
            for number in range(last + 1):
                data = decoder.stdout.read(size)
                if len(data) < size:
                    break
                if number in wanted:
                    yield number, np.frombuffer(data, np.uint8).reshape(-1, self.width, 3)
            decoder.kill()

    def around(self, time):
        """The numbers of the five frames around a moment."""
        return [int(np.argmin(abs(self.times - (time + m)))) for m in MOMENTS]


def run(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"key_failures: {' '.join(map(str, words))}\nended with {done.returncode}: {done.stderr.strip()[-800:]}")
    return done.stdout


def plate_of(strips, black):
    """The empty keyboard: the median where black keys are, the 75th percentile elsewhere."""
    strips.partition((len(strips) // 2, len(strips) * 3 // 4), axis=0)
    return np.where(black[..., None], strips[len(strips) // 2], strips[len(strips) * 3 // 4])


def opened(mask, size):
    """A mask without what is smaller than a square of size x size: its opening."""
    def slide(m, all_of):
        views = np.lib.stride_tricks.sliding_window_view(m, (size, size))
        return views.all(axis=(2, 3)) if all_of else views.any(axis=(2, 3))

    return slide(np.pad(slide(mask, True), size - 1), False)


def hand_in(crop, plate, scale):
    """Rows x columns: what differs from the plate like a hand: by a quarter of the distance of white and black in a colour, in
    squares of a quarter of a white key, so that the shade of a pressed key, a thin line along its side, does not count."""
    return opened(abs(crop.astype(float) - plate).max(axis=2) > 0.25 * scale, PITCH // 4)


def hidden_share(hand, visible):
    """The share of a key's columns in which a hand covers the visible length but for a fifth."""
    length = visible.sum(axis=0)
    columns = length > 0
    return float(np.mean((hand & visible).sum(axis=0)[columns] >= COVERED * length[columns])) if columns.any() else 0.0


# ---- a clip


def answers(vmt, options, clip, where, number, folder):
    """Found notes, and the onset probabilities of the frames or None."""
    if options.notes:
        table = options.notes[number]
        numbers = options.probabilities[number] if options.probabilities else None
    else:
        table, numbers = folder / "notes.csv", folder / "probabilities.npy"
        command = [vmt, "transcribe", clip / "video.mp4", "-o", folder / "notes.mid", "--csv", table,
                   "--probabilities", numbers, "--keyboard", where, "--threshold", options.threshold, "--threads", options.threads]
        run(*command, *(["--model", options.model] if options.model else []))
    return key_scores.read_notes(table, 0), np.load(numbers) if numbers else None


def look_at(vmt, options, clip, number, folder):
    """Everything about a clip: truth, what was found, the errors with their kinds and pictures."""
    where = clip / "keyboard.json"
    if not where.exists():
        where = folder / "keyboard.json"
        run(vmt, "find-keyboard", clip / "video.mp4", "-o", where)
    reference = key_scores.read_notes(clip / "notes.csv", 0)
    found, probabilities = answers(vmt, options, clip, where, number, folder)
    lag = key_scores.lag_of(reference, found) if options.lag == "auto" else float(options.lag)
    where = json.loads(where.read_text())
    video = Video(clip / "video.mp4", where["image_size"])
    straight = Straightener(where, video.width, video.height)
    if probabilities is not None and len(probabilities) != len(video.times):
        probabilities = None  # frames were thinned out or left out: which ones is not told
    missed, extra = unmatched(reference, found, lag)
    errors = [{"side": "missed", "note": reference[i], "seen": reference[i, 0] - lag} for i in missed]
    errors += [{"side": "extra", "note": found[j], "seen": found[j, 0]} for j in extra]
    # Errors keep what is shown, all other notes only the key.
    looks = errors + [{"note": n, "seen": n[0] - lag} for n in reference]
    jobs = {int(f): [] for f in np.linspace(0, len(video.times) - 1, SAMPLES)}
    samples = set(jobs)
    for look in looks:
        look["pitch"], look["frames"], look["crops"] = int(look["note"][2]), video.around(look["seen"]), {}
        if straight.low <= look["pitch"] <= straight.high:
            look["part"] = straight.part(look["pitch"]) if "side" in look else straight.span(look["pitch"], MARGIN)
            for f in look["frames"]:
                jobs.setdefault(f, []).append(look)
    strips = []
    for f, picture in video.pictures(jobs, straight.top, straight.bottom):
        if f in samples:
            strips.append(straight(picture))
        for look in jobs[f]:
            look["crops"][f] = straight(picture, look["part"])
    if not strips:
        sys.exit(f"key_failures: no frame of {clip / 'video.mp4'} could be read")
    black = straight.black_at()
    plate = plate_of(np.array(strips), black)
    scale = np.percentile(plate[BEHIND + 2 * ON // 3 : BEHIND + ON], 70) - np.percentile(plate[BEHIND : BEHIND + ON // 2], 12)
    for look in looks:
        shares = [0.0]
        if look["crops"]:
            part, key, visible = look["part"], straight.span(look["pitch"]), straight.visible(look["pitch"], black)
            inside = slice(key.start - part.start, key.stop - part.start)
            hands = [hand_in(c, plate[:, part], max(scale, 20))[:, inside] for c in look["crops"].values()]
            shares = [hidden_share(hand, visible) for hand in hands]
        look["hidden"] = float(np.median(shares))

    shifted = found + np.array([lag, lag, 0, 0, 0])
    sides = {"missed": (reference, shifted[extra]), "extra": (shifted, reference[missed])}
    for e in errors:
        e.update(clip=clip.name, plate=plate, straight=straight, frame_times=video.times, threshold=options.threshold)
        on_truth = np.array([e["seen"] + lag, 0, e["pitch"]])
        e["kind"] = kind_of(on_truth, *sides[e["side"]], (reference[0, 0], reference[-1, 0]), e["hidden"])
        twin = partner_of(e["kind"], on_truth, sides[e["side"]][1])
        e["partner"] = None if twin is None else (int(twin[2]), float(twin[0] - on_truth[0]))
        others = reference[(abs(reference[:, 0] - on_truth[0]) <= NEAR) & (reference[:, 2] != e["pitch"]), 2]
        e["struck"] = [int(p) for p in others if straight.low <= p <= straight.high]
        e["said"] = said_at(probabilities, video.times, e["seen"], e["pitch"] - straight.low)
        e["probabilities"] = probabilities
    errors.sort(key=lambda e: (e["seen"], e["pitch"], e["side"]))
    return {"name": clip.name, "reference": reference, "found": found, "lag": lag, "errors": errors,
            "threshold": options.threshold, "hidden": [look["hidden"] for look in looks[len(errors):]]}


def said_at(probabilities, times, moment, key):
    """The largest onset probability of a key within 0.1 s, and when after the moment; None where it is not known."""
    if probabilities is None or not 0 <= key < probabilities.shape[1]:
        return None
    near = np.flatnonzero(abs(times - moment) <= 0.1)
    if not len(near):
        return None
    best = near[np.argmax(probabilities[near, key])]
    return float(probabilities[best, key]), float(times[best] - moment)


# ---- the contact sheet


def caption_of(number, e):
    left = f"{number}  {e['side']}, {e['kind']}"
    if e["partner"]:
        left += f": {name_of(e['partner'][0])} {1000 * e['partner'][1]:+.0f} ms"
    colour = "black" if is_black(e["pitch"]) else "white"
    parts = [f"{e['clip']}  {e['seen']:.2f} s", f"{name_of(e['pitch'])} ({colour})", f"velocity {127 * e['note'][3]:.0f}",
             f"hand over {100 * e['hidden']:.0f} %"]
    if e["said"] is not None:
        verdict = "over" if e["said"][0] >= e["threshold"] else "under"
        parts.append(f"network: p {e['said'][0]:.2f} at {1000 * e['said'][1]:+.0f} ms, {verdict} {e['threshold']:g}")
    return left, "   ".join(parts)


def row_of(number, e, width):
    """The plate, five frames, and what changed between the first and the last, under a caption."""
    straight, part, span = e["straight"], e["straight"].part(e["pitch"]), e["straight"].span(e["pitch"])
    blank = np.full((ROWS, part.stop - part.start, 3), 128, np.uint8)
    crops = [e["crops"].get(f, blank) for f in e["frames"]]
    change = np.clip(128 + 2 * (crops[-1].astype(float).mean(axis=2) - crops[0].astype(float).mean(axis=2)), 0, 255)
    panels = [("empty", e["plate"][:, part])]
    for f, crop in zip(e["frames"], crops):
        p = e["probabilities"]
        said = "" if p is None else f"   p {p[f, e['pitch'] - straight.low]:.2f}"
        panels.append((f"{1000 * (e['frame_times'][f] - e['seen']):+.0f} ms{said}", crop))
    panels.append(("last less first", np.repeat(change[..., None], 3, axis=2).astype(np.uint8)))

    head, tick, foot = 18, 7, 15
    row = Image.new("RGB", (width, head + tick + ROWS + tick + foot + 6), "white")
    draw = ImageDraw.Draw(row)
    bold, small = ImageFont.load_default(13), ImageFont.load_default(12)
    left, right = caption_of(number, e)
    red = RED if e["side"] == "missed" else BLUE
    draw.text((4, 1), left, red, font=bold)
    draw.text((width - 4 - draw.textlength(right, font=small), 2), right, "black", font=small)
    step = (width + 3) // len(panels)
    for i, (words, picture) in enumerate(panels):
        x, y = i * step, head + tick
        row.paste(Image.fromarray(picture), (x, y))
        marks = [(straight.span(p), GREEN) for p in e["struck"]] + [(span, red)]
        for key, colour in marks:
            a, b = x + key.start - part.start + 1, x + key.stop - part.start - 2
            if key.start >= part.start and key.stop <= part.stop:
                draw.rectangle((a, y - 5, b, y - 2), fill=colour)
                draw.rectangle((a, y + ROWS + 1, b, y + ROWS + 4), fill=colour)
        draw.text((x + 2, y + ROWS + tick - 1), words, "black", font=small)
    return row


def contact_sheet(chosen, path):
    """Writes the rows below each other, with as many colours as LARGEST allows."""
    width = 7 * (2 * AROUND + 1) * PITCH + 6 * 3
    rows = [row_of(i + 1, e, width) for i, e in enumerate(chosen)]
    sheet = Image.new("RGB", (width, 22 + sum(r.height for r in rows)), "white")
    draw, x, y = ImageDraw.Draw(sheet), 4, 22
    for words, colour in (("missed", RED), ("extra", BLUE), ("other keys struck within 0.1 s, by the truth", GREEN),
                          ("times from the onset; p: onset probability of the marked key", (0, 0, 0))):
        draw.rectangle((x, 9, x + 14, 12), fill=colour)
        draw.text((x + 20, 3), words, "black", font=ImageFont.load_default(12))
        x += 40 + int(draw.textlength(words, font=ImageFont.load_default(12)))
    for r in rows:
        sheet.paste(r, (0, y))
        y += r.height
    for colours in (256, 128, 96, 64, 48, 32, 24, 16, 8):
        own = [*RED, *BLUE, *GREEN, 0, 0, 0, 255, 255, 255]  # marks keep their colours, whatever the pictures need
        palette = Image.new("P", (1, 1))
        palette.putpalette(sheet.quantize(colours).getpalette()[: 3 * (colours - len(own) // 3)] + own)
        sheet.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size < LARGEST:
            return


# ---- checks without a video


def self_test():
    def note(time, pitch):
        return (time, time + 0.1, pitch, 64)

    reference = np.array([note(1, 60), note(5, 62), note(6, 64), note(7, 60), note(8, 65), note(8.2, 65), note(9, 48),
                          note(9.01, 52), note(9.02, 55), note(10, 70), note(20, 72)])
    found = np.array([note(5, 62), note(6, 65), note(7.1, 60), note(8, 65), note(9, 48), note(9.01, 52), note(10, 58),
                      note(20, 72)])
    missed, extra = unmatched(reference, found, 0.0)
    assert [reference[i, 0] for i in missed] == [1, 6, 7, 8.2, 9.02, 10] and [found[j, 0] for j in extra] == [6, 7.1, 10]
    span = (1, 20)
    assert list(partner_of("octave", reference[9], found[extra])) == list(found[6])
    assert partner_of("other", reference[9], found[extra]) is None
    kinds = [kind_of(reference[i], reference, found[extra], span, 0) for i in missed]
    assert kinds == ["first or last two seconds", "neighbour key", "timing", "repeat", "chord", "octave"], kinds
    kinds = [kind_of(found[j], found, reference[missed], span, 0) for j in extra]
    assert kinds == ["neighbour key", "timing", "octave"], kinds
    alone = np.array([note(12, 80)])
    assert kind_of(alone[0], alone, found[:0], span, HIDDEN) == "hidden"
    assert kind_of(alone[0], alone, found[:0], span, 0) == "other"

    assert share_out({"a": 15, "b": 4, "c": 1}, 10) == {"a": 8, "b": 2, "c": 0}
    assert share_out({"a": 2, "b": 1}, 10) == {"a": 2, "b": 1}
    errors = [{"kind": "other", "side": "missed", "pitch": i} for i in range(30)] + [
        {"kind": "hidden", "side": "extra", "pitch": i} for i in range(15)]
    errors.append({"kind": "timing", "side": "extra", "pitch": 60})
    chosen = choose(errors)
    assert len(chosen) == 10 and sum(e["kind"] == "hidden" for e in chosen) == 3 and chosen == choose(errors)

    # A keyboard that lies straight in the picture, 40 pixels a white key, 200 deep: the strip is the picture shrunk by two.
    where = {"image_size": [2080, 400], "corners": [[0, 100], [2080, 100], [2080, 300], [0, 300]], "lowest_key": 21,
             "highest_key": 108}
    straight = Straightener(where, 2080, 400)
    y, x = np.mgrid[0:400, 0:2080]
    strip = straight(np.stack([x % 200, y % 200, (x + y) % 100], axis=2).astype(np.uint8)[straight.top : straight.bottom])
    assert np.all(abs(strip[BEHIND + 10, 300:310, 0] - (np.arange(300, 310) * 2 + 0.5) % 200) <= 0.5)
    assert np.all(abs(strip[BEHIND : BEHIND + 40, 300, 1] - (np.arange(100, 180, 2) + 0.5)) <= 0.5)
    assert straight.span(60).start == 23 * PITCH and straight.part(60) == slice(20 * PITCH, 27 * PITCH)

    plate = np.full((ROWS, 7 * PITCH, 3), 200.0)
    line, finger, whole = plate.copy(), plate.copy(), plate.copy()
    line[:, 62:64] = 120
    finger[BEHIND + 50 :, 58:84] = 120
    whole[:, 55:90] = 120
    visible = straight.visible(60, straight.black_at())
    shares = [hidden_share(hand_in(c, plate, 150)[:, 60:80], visible) for c in (line, finger, whole)]
    assert shares[0] == 0 and 0 < shares[1] < HIDDEN and shares[2] == 1, shares
    print("key_failures: all is well")


def main():
    if "--self-test" in sys.argv:
        return self_test()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vmt", metavar="VMT")
    parser.add_argument("clips", metavar="CLIP", nargs="+", type=Path)
    parser.add_argument("--model", help="weights; default: the released ones")
    parser.add_argument("--notes", action="append", type=Path, metavar="CSV")
    parser.add_argument("--probabilities", action="append", type=Path, metavar="NPY")
    parser.add_argument("--threshold", type=float, default=0.45)
    parser.add_argument("--lag", default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args()
    for given in (options.notes, options.probabilities):
        if given and len(given) != len(options.clips):
            parser.error("--notes and --probabilities are given once for each clip, in the same order")
    options.out.mkdir(parents=True, exist_ok=True)
    clips = []
    for number, clip in enumerate(options.clips):
        with tempfile.TemporaryDirectory() as folder:
            clips.append(look_at(options.vmt, options, clip, number, Path(folder)))
    errors = [e for c in clips for e in c["errors"]]
    table = table_of(clips)
    (options.out / "errors.md").write_text(table)
    with open(options.out / "errors.csv", "w", newline="") as f:
        out = csv.writer(f)
        out.writerow("clip side kind seconds pitch key velocity hidden probability".split())
        for e in errors:
            out.writerow([e["clip"], e["side"], e["kind"], f"{e['seen']:.3f}", e["pitch"], name_of(e["pitch"]),
                          f"{127 * e['note'][3]:.0f}", f"{e['hidden']:.2f}", "" if e["said"] is None else f"{e['said'][0]:.3f}"])
    if errors:
        contact_sheet(choose(errors), options.out / "failures.png")
    print(table, end="")


if __name__ == "__main__":
    main()
