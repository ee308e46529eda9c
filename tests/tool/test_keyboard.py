#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vmt render and vmt find-keyboard from end to end, one against the other: test_keyboard.py VMT_PROGRAM"""
import csv
import json
import math

from common import BAD_DATA, USAGE, ToolTest, main, png_bytes


def corners_of(path):
    return json.loads(path.read_text())["corners"]


class RenderAndFind(ToolTest):
    def render(self, name, *more):
        self.succeeds("render", "--exercise", "scales", "--seconds", 2, "--preset", "clean", "--fps", 5, "--size", "640x360",
                      "-o", name, *more)
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
