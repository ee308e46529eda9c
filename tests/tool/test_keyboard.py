#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vmt render and vmt find-keyboard from end to end, one against the other: test_keyboard.py VMT_PROGRAM"""
import csv
import json
import math
import shutil
import subprocess

from common import BAD_DATA, USAGE, ToolTest, main, png_bytes


def corners_of(path):
    return json.loads(path.read_text())["corners"]


class RenderAndFind(ToolTest):
    def render(self, name, *more, seconds=2, fps=5):
        self.succeeds("render", "--exercise", "scales", "--seconds", seconds, "--preset", "clean", "--fps", fps, "--size",
                      "640x360", "-o", name, *more)
        return self.folder / name

    def test_the_found_keyboard_is_the_rendered_one(self):
        made = self.render("made")
        said = self.vmt("find-keyboard", made, "-o", "found.json", "--overlay", "found.png")
        self.assertEqual(said.returncode, 0, said.stderr.decode())
        truth, found = json.loads((made / "keyboard.json").read_text()), json.loads((self.folder / "found.json").read_text())
        self.assertEqual((found["lowest_key"], found["highest_key"]), (truth["lowest_key"], truth["highest_key"]))
        for a, b in zip(truth["corners"], found["corners"]):
            self.assertLess(math.dist(a, b), 4)
        self.assertEqual((self.folder / "found.png").read_bytes()[:4], b"\x89PNG")

    def test_a_rendering_is_a_folder_that_other_commands_read(self):
        made = self.render("made", "--seed", 4)
        with open(made / "notes.csv", newline="") as lines:
            notes = list(csv.DictReader(lines))
        self.assertGreater(len(notes), 3)
        self.succeeds("transcribe", made, "-o", "found.mid", "--keyboard", made / "keyboard.json", "--reference",
                      made / "notes.csv")
        again = self.render("again", "--seed", 4)
        self.assertEqual({p.name: p.read_bytes() for p in made.iterdir()}, {p.name: p.read_bytes() for p in again.iterdir()})
        other = self.render("other", "--seed", 5)
        self.assertNotEqual((made / "notes.csv").read_bytes(), (other / "notes.csv").read_bytes())

    def test_transcribe_finds_the_keyboard_itself(self):
        made = self.render("made")
        said = self.vmt("transcribe", made, "-o", "found.mid")
        self.assertEqual(said.returncode, 0, said.stderr.decode())
        self.assertIn("found a keyboard", said.stderr.decode())

    def test_a_rendered_video_becomes_whole_notes_without_a_word_about_the_camera(self):
        made = self.render("made", seconds=6, fps=30)
        table = self.succeeds("transcribe", made, "-o", "found.mid", "--csv", "found.csv", "--report", "r.html", "--probabilities",
                              "p.npy", "--reference", made / "notes.csv")
        scores = json.loads(self.succeeds("evaluate", "--json", made / "notes.csv", "found.csv"))
        self.assertGreater(scores["onset_50ms"]["f1"], 0.8, table)
        self.assertGreater(scores["onset_offset_100ms"]["f1"], 0.5, table)
        with open(self.folder / "found.csv", newline="") as lines:
            notes = list(csv.DictReader(lines))
        self.assertGreater(len({n["velocity"] for n in notes}), 3)
        self.assertGreater(len({round(float(n["offset"]) - float(n["onset"]), 2) for n in notes}), 3)
        page = (self.folder / "r.html").read_text(encoding="utf-8")
        self.assertIn("key_net", page)
        # The same by threads and from a stream, where the keyboard has to be told.
        self.succeeds("transcribe", made, "-o", "one.mid", "--threads", 1)
        self.assertEqual((self.folder / "found.mid").read_bytes(), (self.folder / "one.mid").read_bytes())

    def test_the_lag_is_estimated_where_there_is_a_reference(self):
        made = self.render("made", seconds=6, fps=30)
        late = (made / "notes.csv").read_text().splitlines()
        for i, line in enumerate(late[1:], 1):
            onset, offset, *rest = line.split(",")
            late[i] = ",".join([str(float(onset) + 0.12), str(float(offset) + 0.12), *rest])
        (self.folder / "late.csv").write_text("\n".join(late) + "\n")
        for lag, low, high in (("0", 0, 0.2), ("auto", 0.8, 1)):
            self.succeeds("transcribe", made, "-o", "x.mid", "--csv", "x.csv", "--lag", lag, "--reference", "late.csv")
            f1 = json.loads(self.succeeds("evaluate", "--json", "late.csv", "x.csv"))["onset_50ms"]["f1"]
            self.assertTrue(low <= f1 <= high, f"{lag}: {f1}")
        self.refuses(USAGE, "transcribe", made, "-o", "y.mid", "--lag", "auto", says=["--reference"])
        self.refuses(USAGE, "transcribe", made, "-o", "y.mid", "--decoder", "paper", says=["onset_net"])

    def test_an_octave_that_cannot_be_told_is_guessed_aloud(self):
        if shutil.which("ffmpeg") is None:
            self.skipTest("ffmpeg is not installed")
        made = self.render("made")
        (self.folder / "cut").mkdir()  # the picture's edges on both sides: any octave would do
        subprocess.run(["ffmpeg", "-v", "error", "-framerate", "5", "-i", made / "%06d.png", "-vf", "crop=iw*0.3:ih:iw*0.36:0", "-start_number", "0",
                        self.folder / "cut" / "%06d.png"], check=True)
        (made / "times.csv").rename(self.folder / "cut" / "times.csv")
        found = self.vmt("find-keyboard", "cut", "-o", "k.json")
        self.assertEqual(found.returncode, BAD_DATA)
        self.assertIn("--lowest-key", found.stderr.decode())
        said = self.vmt("transcribe", "cut", "-o", "found.mid")
        self.assertEqual(said.returncode, 0, said.stderr.decode())
        self.assertIn("going on with", said.stderr.decode())
        self.refuses(BAD_DATA, "transcribe", "cut", "--which", 3, "-o", "x.mid", says=["3"])

    def test_no_keyboard_and_bad_options(self):
        (self.folder / "gray").mkdir()
        for i in range(3):
            (self.folder / "gray" / f"{i}.png").write_bytes(png_bytes(i, 320, 180))
        self.refuses(BAD_DATA, "find-keyboard", "gray", "--fps", 5, "-o", "k.json", says=["gray", "no keyboard"])
        self.refuses(USAGE, "render", "--exercise", "scales", "--preset", "odd", "-o", "x", says=["odd"])
        self.refuses(USAGE, "render", "--exercise", "scales", "--set", "hands.count=99", "-o", "x", says=["hands.count"])
        self.refuses(USAGE, "render", "-o", "x")


if __name__ == "__main__":
    main()
