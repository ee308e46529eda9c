# SPDX-License-Identifier: MIT
"""From the outputs of a `key_net` to notes and their scores, outside the library: numpy, scipy and mir_eval only."""
import csv

import numpy as np
import mir_eval

LOWEST = 21
OFFSET = {1: -0.093, 3: 0.095, 6: -0.132, 8: 0.0, 10: 0.149}  # of black keys from the crack, in white keys
BLACK = np.array([p % 12 in OFFSET for p in range(LOWEST, LOWEST + 88)])


def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -40, 40)))


def decode(logits, times, white=0.5, black=0.5, apart=0.07, sub_frame="parabola", gate=0.2):
    """Notes from N x 5 x 88 logits: onset, offset, pitch, velocity 0..1, probability of the onset.

    Onsets are local maxima of the onset output above the threshold of the key's colour, where the key is held or let go with at
    least `gate` then or in the three frames after. A note ends with the largest
    release output near the first frame in which the key is no longer held, else with that frame, at the latest with the
    next onset of its key."""
    onset, held, release = (sigmoid(logits[:, i]) for i in range(3))
    velocity, period, notes = sigmoid(logits[:, 3]), np.median(np.diff(times)), []
    count = len(times)
    for key in range(logits.shape[2]):
        p = onset[:, key]
        around = np.pad(p, 1)
        threshold = black if BLACK[key] else white
        tops = np.flatnonzero((p > threshold) & (p >= around[:-2]) & (p > around[2:]))
        tops = [i for i in tops if max(held[i : i + 4, key].max(), release[i : i + 4, key].max()) >= gate]
        kept = []
        for i in sorted(tops, key=lambda i: -p[i]):
            if all(abs(times[i] - times[j]) >= apart for j in kept):
                kept.append(i)
        kept.sort()
        starts = []
        for i in kept:
            a, b, c = around[i], p[i], around[i + 2]
            bend = a - 2 * b + c
            shift = 0.5 * (a - c) / bend if bend < -1e-6 else 0.0
            if sub_frame == "place":
                shift = logits[i, 4, key]
            starts.append(times[i] + period * np.clip(shift, -0.5 if sub_frame == "parabola" else -1, 1))
        for n, i in enumerate(kept):
            stop = kept[n + 1] if n + 1 < len(kept) else count
            up = np.flatnonzero(held[i + 2 : stop, key] < 0.3)
            end = i + 2 + up[0] if len(up) else stop
            lo, hi = max(i + 1, end - 3), min(end + 3, stop, count)
            if hi > lo:
                best = lo + int(np.argmax(release[lo:hi, key]))
                if release[best, key] > 0.25:
                    end = best
            end_time = times[min(end, count - 1)]
            if n + 1 < len(kept):
                end_time = min(end_time, starts[n + 1])
            notes.append((starts[n], max(end_time, starts[n] + 0.03), key + LOWEST, velocity[i, key], p[i]))
    return np.array(sorted(notes)).reshape(-1, 5)


def read_notes(path, velocity=80):
    """N x 5, sorted: onset, offset, pitch, velocity 0..1, confidence. The CSV may call the times onset_s and offset_s, and
    lack the last two: then `velocity`, of 127, and 1."""
    with open(path, newline="") as lines:
        rows = [(float(r.get("onset") or r["onset_s"]), float(r.get("offset") or r["offset_s"]), int(r["pitch"]),
                 float(r.get("velocity") or velocity) / 127, float(r.get("confidence") or 1)) for r in csv.DictReader(lines)]
    return np.array(sorted(rows)).reshape(-1, 5)


def _spans(notes, shift=0.0):
    spans = notes[:, :2] + shift
    return np.maximum(spans, 0) + np.array([0, 1e-3]), mir_eval.util.midi_to_hz(notes[:, 2])


def match(reference, found, tolerance, lag=0.0, offsets=False):
    """Pairs (reference, found) of mir_eval's matching; `lag` is added to what was found."""
    if not len(found) or not len(reference):
        return []
    r, rp = _spans(reference)
    f, fp = _spans(found, lag)
    return mir_eval.transcription.match_notes(
        r, rp, f, fp, onset_tolerance=tolerance, offset_ratio=0.2 if offsets else None, offset_min_tolerance=0.05)


def f1(reference, found, *args, **more):
    n = len(match(reference, found, *args, **more))
    p, r = n / max(1, len(found)), n / max(1, len(reference))
    return 200 * n / max(1, len(found) + len(reference)), 100 * p, 100 * r


def lag_of(reference, found):
    """What must be added to the found onsets: the median difference of the pairs within 100 ms."""
    pairs = match(reference, found, 0.1)
    return float(np.median([reference[i, 0] - found[j, 0] for i, j in pairs])) if pairs else 0.0


def scores(reference, found):
    lag = lag_of(reference, found)
    pairs = match(reference, found, 0.05, lag)
    errors = [abs(reference[i, 0] - found[j, 0] - lag) for i, j in pairs]
    raw50, raw100 = f1(reference, found, 0.05), f1(reference, found, 0.1)
    return {
        "found": len(found), "notes": len(reference), "F1@50": raw50[0], "P@50": raw50[1], "R@50": raw50[2],
        "F1@100": raw100[0], "lag ms": 1000 * lag, "F1@50 lag": f1(reference, found, 0.05, lag)[0],
        "F1@100 lag": f1(reference, found, 0.1, lag)[0], "F1 onset+offset": f1(reference, found, 0.05, lag, True)[0],
        "median error ms": 1000 * float(np.median(errors)) if errors else float("nan"),
        "velocity within 0.1 %": 100 * float(np.mean([abs(reference[i, 3] - found[j, 3]) <= 0.1 for i, j in pairs]))
        if pairs else float("nan"),
    }


def logit(p):
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def confident(found, scale, shift):
    """The notes with their confidence, sigmoid(scale logit(p) + shift), instead of the onset's probability."""
    found = found.copy()
    if len(found):
        found[:, 4] = sigmoid(scale * logit(found[:, 4]) + shift)
    return found


def fit(clips, thresholds=np.arange(0.2, 0.81, 0.05)):
    """The threshold with the best mean of F1@50 over (logits, times, reference) of several clips, then the scale and the
    shift that make the confidence of what it finds the share that is right: logistic regression by Newton's steps."""
    best = max(thresholds, key=lambda t: np.mean([f1(r, decode(y, at, t, t), 0.05)[0] for y, at, r in clips]))
    x, right = [], []
    for y, at, reference in clips:
        found = decode(y, at, best, best)
        good = np.zeros(len(found))
        for _, j in match(reference, found, 0.1):
            good[j] = 1
        x.append(logit(found[:, 4]))
        right.append(good)
    x, right, w = np.concatenate(x), np.concatenate(right), np.array([1.0, 0.0])
    design = np.stack([x, np.ones(len(x))], 1)
    for _ in range(50):
        p = sigmoid(design @ w)
        slope = design.T @ (right - p) - 1e-3 * (w - [1, 0])
        bend = design.T @ (design * (p * (1 - p))[:, None]) + 1e-3 * np.eye(2)
        w = w + np.linalg.solve(bend, slope)
    return float(best), float(w[0]), float(w[1])


def report(name, logits, times, reference, threshold, confidence):
    """Prints scores and calibration. What the errors are is told by key_failures.py."""
    found = decode(logits, times, threshold, threshold)
    lag = lag_of(reference, found)
    print(name, "threshold", threshold)
    for key, value in scores(reference, found).items():
        print(f"  {key:22} {value:.1f}")
    print(f"  {'calibration error':22} {calibration(reference, confident(found, *confidence), lag):.3f}")


def calibration(reference, found, lag=0.0, bins=10):
    """Expected calibration error: over equal bins of the confidence, |share that is right - mean confidence|, weighted by
    the notes in the bin. Right: matched within 100 ms."""
    right = np.zeros(len(found))
    for _, j in match(reference, found, 0.1, lag):
        right[j] = 1
    place = np.minimum((found[:, 4] * bins).astype(int), bins - 1)
    return sum(abs(right[place == b].sum() - found[place == b, 4].sum()) for b in range(bins)) / max(1, len(found))
