#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vmt transcribe from end to end: test_transcribe.py VMT_PROGRAM"""
import csv
import json
import os
import pty
import signal
import struct
import subprocess
import time

import common
from common import FPS, STOPPED, ToolTest, main, notes_csv, strips, weights, y4m


def rows(path):
    with open(path, newline="") as lines:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(lines)]


class Transcribe(ToolTest):
    def setUp(self):
        super().setUp()
        self.model = weights(self)
        self.options = ["--model", self.model, "--threshold", "0.3"]

    def scores(self, reference, estimate):
        return json.loads(self.succeeds("evaluate", "--json", reference, estimate))

    def test_midi_and_csv_hold_the_same_notes(self):
        frames = strips(self.folder / "frames", 30)
        self.succeeds("transcribe", frames, "--fps", FPS, *self.options, "-o", "out.mid", "--csv", "out.csv")
        notes = rows(self.folder / "out.csv")
        self.assertGreater(len(notes), 10)
        self.assertTrue(all(0 <= n["onset"] < n["offset"] <= 30 / FPS + 0.1 for n in notes))
        scores = self.scores("out.csv", "out.mid")
        self.assertEqual(scores["onset_50ms"]["f1"], 1)
        self.assertGreater(scores["frame"]["f1"], 0.95)

    def test_folder_and_stream_and_threads_give_the_same_bytes(self):
        frames = strips(self.folder / "frames", 24)
        outputs = ["mid", "csv", "npy"]
        for name, source, more in (("a", frames, ["--fps", FPS, "--threads", 1]), ("b", frames, ["--fps", FPS, "--threads", 4]),
                                   ("c", "-", [])):
            self.succeeds("transcribe", source, *more, *self.options, "-o", f"{name}.mid", "--csv", f"{name}.csv",
                          "--probabilities", f"{name}.npy", input=y4m(24) if source == "-" else None)
        for kind in outputs:
            first, *others = [(self.folder / f"{name}.{kind}").read_bytes() for name in "abc"]
            self.assertTrue(all(other == first for other in others), kind)

    def test_probabilities_are_frames_by_keys(self):
        self.succeeds("transcribe", "-", *self.options, "-o", "out.mid", "--probabilities", "p.npy", input=y4m(13))
        content = (self.folder / "p.npy").read_bytes()
        size, = struct.unpack("<H", content[8:10])
        header = content[10:10 + size].decode()
        self.assertIn("'descr': '<f4'", header)
        self.assertIn("'shape': (13, 88)", header)
        values = struct.unpack("<1144f", content[10 + size:])
        self.assertTrue(all(0 <= v <= 1 for v in values))
        self.assertGreater(len(set(values)), 100)

    def test_a_part_of_the_video_keeps_the_clock_of_the_whole(self):
        self.succeeds("transcribe", "-", *self.options, "-o", "out.mid", "--csv", "out.csv", "--start", 0.5, "--end", 0.8,
                      input=y4m(40))
        notes = rows(self.folder / "out.csv")
        self.assertGreater(len(notes), 0)
        self.assertTrue(all(0.45 <= n["onset"] <= 0.85 for n in notes))

    def test_the_lag_is_taken_away(self):
        for name, lag in (("a", 0), ("b", -1.5)):
            self.succeeds("transcribe", "-", *self.options, "-o", f"{name}.mid", "--csv", f"{name}.csv", "--lag", lag, input=y4m(20))
        for a, b in zip(rows(self.folder / "a.csv"), rows(self.folder / "b.csv"), strict=True):
            self.assertAlmostEqual(a["onset"] + 1.5, b["onset"], places=9)

    def test_threshold_lowest_key_decoder_and_tempo_matter(self):
        def notes(*more):
            self.succeeds("transcribe", "-", "--model", self.model, *more, "-o", "out.mid", "--csv", "out.csv", input=y4m(20))
            return rows(self.folder / "out.csv")

        usual = notes("--threshold", 0.3)
        self.assertGreater(len(usual), len(notes("--threshold", 0.99)))
        self.assertEqual([n["pitch"] + 3 for n in usual], [n["pitch"] for n in notes("--threshold", 0.3, "--lowest-key", 24)])
        self.assertNotEqual(usual, notes("--threshold", 0.3, "--decoder", "paper"))
        for n in notes("--threshold", 0.3, "--decoder", "held"):  # runs begin and end at frames
            for time in n["onset"] * common.FPS, n["offset"] * common.FPS:
                self.assertAlmostEqual(time, round(time), 3)
        self.assertEqual(usual, notes("--threshold", 0.3, "--bpm", 100))
        tempo = b"\xff\x51\x03" + (600_000).to_bytes(3, "big")  # microseconds a quarter note
        self.assertTrue(tempo in (self.folder / "out.mid").read_bytes())
        self.assertEqual(self.scores("out.csv", "out.mid")["onset_50ms"]["f1"], 1)

    def test_the_report_stands_alone_and_shows_the_reference(self):
        reference = notes_csv(self.folder / "reference.csv", 1)
        table = self.succeeds("transcribe", "-", *self.options, "-o", "out.mid", "--report", "r.html", "--reference", reference,
                              input=y4m(20))
        self.assertIn("onset, 50 ms", table)
        self.assertEqual(table, self.succeeds("evaluate", reference, "out.mid"))
        page = (self.folder / "r.html").read_text(encoding="utf-8")
        self.assertTrue(page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>"))
        self.assertIn("notes in the reference", page)
        for outside in ("http://", "https://", "src=\"/", "@import"):
            self.assertNotIn(outside, page)

    def test_a_signal_ends_it_cleanly(self):
        command = [common.program, "transcribe", "-", *map(str, self.options), "-o", "out.mid", "--csv", "out.csv"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder) as vmt:
            vmt.stdin.write(y4m(20))
            vmt.stdin.flush()
            time.sleep(1)  # it now waits for more
            vmt.send_signal(signal.SIGTERM)
            said = vmt.stderr.read()
        self.assertEqual(vmt.returncode, STOPPED, said)
        self.assertIn(b"stopped", said)
        self.assertEqual(sorted(self.files()), ["out.csv", "out.mid", "weights.safetensors"])
        self.assertEqual(self.scores("out.csv", "out.mid")["onset_50ms"]["f1"], 1)

    def test_progress_is_for_terminals_only(self):
        frames = strips(self.folder / "frames", 40)
        command = ["transcribe", frames, "--fps", FPS, *self.options, "-o", "out.mid"]
        self.assertNotIn(b"\r", self.vmt(*command).stderr)
        ours, theirs = pty.openpty()
        ran = subprocess.run([common.program, *map(str, command)], stderr=theirs, cwd=self.folder)
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # the other end is closed
            pass
        os.close(ours)
        self.assertEqual(ran.returncode, 0)
        self.assertIn(b"\rframe 1,", shown)


if __name__ == "__main__":
    main()
