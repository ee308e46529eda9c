#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad input gets a sentence and the right exit status, and leaves no output: test_bad_input.py VMT_PROGRAM"""
import os
import resource
import struct
import subprocess
import unittest

import common
from common import BAD_DATA, DONE, IMAGES, IO_ERROR, USAGE, WIDTH, HEIGHT, ToolTest
from common import main, notes_csv, pgm, png_bytes, read_tensors, strips, weights, write_tensors, y4m


class BadFrames(ToolTest):
    def setUp(self):
        super().setUp()
        self.model = weights(self)

    def transcribe_refuses(self, status, source, *more, **options):
        return self.refuses(status, "transcribe", source, "--model", self.model, "-o", "out.mid", "--csv", "out.csv",
                            "--report", "out.html", "--probabilities", "out.npy", *more, **options)

    def test_a_missing_folder(self):
        self.transcribe_refuses(IO_ERROR, "nowhere", says=["nowhere"])

    def test_a_folder_without_images(self):
        (self.folder / "frames").mkdir()
        (self.folder / "frames" / "readme.txt").write_text("none")
        self.transcribe_refuses(BAD_DATA, "frames", "--fps", 25, says=["frames", "no images"])

    def test_a_truncated_jpeg(self):
        frames = strips(self.folder / "frames", 8)
        (frames / "frame00008.jpg").write_bytes((IMAGES / "truncated.jpg").read_bytes())
        self.transcribe_refuses(BAD_DATA, frames, "--fps", 25, says=["frame00008.jpg"])

    def test_a_png_with_a_flipped_byte(self):
        frames = strips(self.folder / "frames", 8)
        good = png_bytes(8)
        (frames / "frame00008.png").write_bytes(good)
        self.succeeds("transcribe", frames, "--fps", 25, "--model", self.model, "-o", "good.mid")
        for place in (len(good) // 2, 20, len(good) - 20):
            bad = bytearray(good)
            bad[place] ^= 1
            (frames / "frame00008.png").write_bytes(bad)
            self.transcribe_refuses(BAD_DATA, frames, "--fps", 25, says=["frame00008.png"])

    def test_damaged_frames_may_be_skipped_or_repeated(self):
        frames = strips(self.folder / "frames", 12)
        (frames / "frame00006.pgm").write_bytes((frames / "frame00006.pgm").read_bytes()[:5000])
        self.transcribe_refuses(BAD_DATA, frames, "--fps", 25, says=["frame00006.pgm"])
        for policy, count in (("skip", 11), ("repeat", 12)):
            ran = self.vmt("transcribe", frames, "--fps", 25, "--model", self.model, "-o", "out.mid", "--damaged", policy)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertIn(f"in {count} frames".encode(), ran.stderr)

    def test_frames_that_change_size(self):
        frames = strips(self.folder / "frames", 8)
        pgm(frames / "frame00008.pgm", 8, WIDTH, HEIGHT + 1)
        self.transcribe_refuses(BAD_DATA, frames, "--fps", 25, says=["frame00008.pgm", "800x146", "800x145"])

    def test_a_gap_in_the_numbering(self):
        frames = strips(self.folder / "frames", 12)
        (frames / "frame00005.pgm").unlink()
        self.transcribe_refuses(BAD_DATA, frames, "--fps", 25, says=["misses 1 frame", "5"])
        self.succeeds("transcribe", frames, "--fps", 25, "--model", self.model, "-o", "out.mid", "--gaps", "allow")

    def test_frames_that_are_no_strips(self):
        (self.folder / "frames").mkdir()
        for k in range(6):
            pgm(self.folder / "frames" / f"{k}.pgm", k, 320, 180)
        self.transcribe_refuses(BAD_DATA, "frames", "--fps", 25, says=["no keyboard was found"])
        self.transcribe_refuses(BAD_DATA, "frames", "--fps", 25, "--keyboard", "strip", says=["320x180"])
        (self.folder / "keyboard.json").write_text('{"image_size": [320, 180], "corners": [[0, 0], [9, 9]]}')
        self.transcribe_refuses(BAD_DATA, "frames", "--fps", 25, "--keyboard", "keyboard.json", says=["keyboard.json"])
        (self.folder / "keyboard.json").write_text(
            '{"image_size": [320, 180], "corners": [[10, 60], [310, 60], [310, 120], [10, 120]]}')
        self.succeeds("transcribe", "frames", "--fps", 25, "--keyboard", "keyboard.json", "--model", self.model, "-o", "k.mid")

    def test_a_stream_that_breaks_off(self):
        ran = self.vmt("transcribe", "-", "--model", self.model, "-o", "out.mid", "--csv", "out.csv", input=y4m(9)[:-100])
        self.assertEqual(ran.returncode, BAD_DATA)
        self.assertIn("the outputs hold what came before", ran.stderr.decode())
        whole = self.vmt("transcribe", "-", "--model", self.model, "-o", "whole.mid", "--csv", "whole.csv", input=y4m(8))
        self.assertEqual(whole.returncode, DONE)
        self.assertEqual((self.folder / "out.csv").read_bytes(), (self.folder / "whole.csv").read_bytes())
        self.transcribe_refuses(BAD_DATA, "-", input=b"RIFF1234AVI " * 200, says=["YUV4MPEG2"])
        self.transcribe_refuses(BAD_DATA, "-", input=b"")

    def test_a_part_without_frames(self):
        frames = strips(self.folder / "frames", 6)
        self.transcribe_refuses(BAD_DATA, frames, "--fps", 25, "--start", 10, says=["no frames"])

    def test_options_out_of_range(self):
        frames = strips(self.folder / "frames", 6)
        self.transcribe_refuses(USAGE, frames, says=["--fps"])
        for option in (("--fps", "nan"), ("--fps", 0), ("--fps", 25, "--threshold", 1.5), ("--fps", 25, "--lag", "inf"),
                       ("--fps", 25, "--decoder", "magic"), ("--fps", 25, "--start", 2, "--end", 1), ("--colour", "red")):
            self.transcribe_refuses(USAGE, frames, *option)


class BadWeights(ToolTest):
    def setUp(self):
        super().setUp()
        self.model = weights(self)
        self.frames = strips(self.folder / "frames", 6)

    def model_refuses(self, path, says):
        self.refuses(BAD_DATA, "transcribe", self.frames, "--fps", 25, "--model", path, "-o", "out.mid", says=says)
        self.refuses(BAD_DATA, "info", path, says=says)

    def test_a_nan(self):
        tensors, metadata = read_tensors(self.model)
        dtype, shape, content = tensors["layer2.0.conv1.weight"]
        tensors["layer2.0.conv1.weight"] = dtype, shape, struct.pack("<f", float("nan")) + content[4:]
        path = write_tensors(self.folder / "nan.safetensors", tensors, metadata)
        self.model_refuses(path, ["nan.safetensors", "layer2.0.conv1.weight"])

    def test_missing_extra_and_misshaped_tensors_are_named_at_once(self):
        tensors, metadata = read_tensors(self.model)
        del tensors["fc.bias"]
        del tensors["layer4.1.bn2.running_var"]
        tensors["left.over"] = "F32", [1], struct.pack("<f", 1)
        dtype, shape, content = tensors["fc.weight"]
        tensors["fc.weight"] = dtype, shape[::-1], content
        path = write_tensors(self.folder / "odd.safetensors", tensors, metadata)
        self.model_refuses(path, ["odd.safetensors", "fc.bias", "layer4.1.bn2.running_var", "left.over", "fc.weight"])

    def test_options_that_no_network_has(self):
        tensors, metadata = read_tensors(self.model)
        for key, value in (("vmt.width", "9999"), ("vmt.variant", "cubist"), ("vmt.model", "cat_net")):
            path = write_tensors(self.folder / "options.safetensors", tensors, metadata | {key: value})
            self.model_refuses(path, ["options.safetensors"])

    def test_files_that_are_no_weights(self):
        for content in (b"", b"hello", b"\xff" * 64, self.model.read_bytes()[:-1], self.model.read_bytes()[:100]):
            path = self.folder / "none.safetensors"
            path.write_bytes(content)
            self.model_refuses(path, ["none.safetensors"])
        self.refuses(IO_ERROR, "info", "nowhere.safetensors", says=["nowhere.safetensors"])

    def test_changed_numbers_are_seen_by_the_stored_check(self):
        tensors, metadata = read_tensors(self.model)
        dtype, shape, content = tensors["fc.bias"]
        tensors["fc.bias"] = dtype, shape, struct.pack("<f", 40.0) * shape[0]
        path = write_tensors(self.folder / "other.safetensors", tensors, metadata)
        self.model_refuses(path, ["other.safetensors", "differ"])


class BadNotes(ToolTest):
    def test_cut_and_hostile_midi(self):
        reference = notes_csv(self.folder / "reference.csv", 10)
        track = bytes.fromhex("00903c40 60803c40 00ff2f00")
        good = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", len(track)) + track
        (self.folder / "good.mid").write_bytes(good)
        self.succeeds("evaluate", reference, "good.mid")
        hostile = {
            "cut.mid": good[:-6],
            "long.mid": good[:18] + struct.pack(">I", 0x7FFFFFFF) + track,
            "division.mid": good[:12] + b"\0\0" + good[14:],
            "format2.mid": good[:9] + b"\2" + good[10:],
            "number.mid": good[:22] + b"\xff\xff\xff\xff\xff" + good[27:],
            "empty.mid": b"",
        }
        for name, content in hostile.items():
            (self.folder / name).write_bytes(content)
            self.refuses(BAD_DATA, "evaluate", reference, name, says=[name])
            self.refuses(BAD_DATA, "evaluate", "--json", name, reference, says=[name])

    def test_bad_tables(self):
        good = notes_csv(self.folder / "good.csv", 5)
        for text in ("", "a,b,c\n1,2,3\n", "onset,offset,pitch\n1,0.5,60\n", "onset,offset,pitch\nnan,1,60\n",
                     "onset,offset,pitch\n0,1,128\n"):
            (self.folder / "bad.csv").write_text(text)
            self.refuses(BAD_DATA, "evaluate", good, "bad.csv", says=["bad.csv"])
        self.refuses(IO_ERROR, "evaluate", good, "nowhere.mid", says=["nowhere.mid"])


class Outputs(ToolTest):
    def setUp(self):
        super().setUp()
        self.model = weights(self)
        self.frames = strips(self.folder / "frames", 8)
        self.base = ["transcribe", self.frames, "--fps", 25, "--model", self.model, "--threshold", "0.01"]

    def test_an_output_that_is_an_input(self):
        (self.folder / "hard.mid").hardlink_to(self.model)
        (self.folder / "soft.mid").symlink_to(self.model)
        reference = notes_csv(self.folder / "reference.csv", 5)
        for name in (self.model, "./frames/../weights.safetensors", "hard.mid", "soft.mid", "frames/frame00003.pgm"):
            self.refuses(USAGE, *self.base, "-o", name, says=["--output"])
        self.refuses(USAGE, *self.base, "-o", "out.mid", "--reference", reference, "--csv", "reference.csv", says=["--csv"])
        self.refuses(USAGE, "forward", "--model", self.model, "--input", self.model, "--output", self.model)

    def test_two_outputs_in_one_file(self):
        self.refuses(USAGE, *self.base, "-o", "out.mid", "--csv", "./frames/../out.mid", says=["--csv", "--output"])

    def test_a_folder_that_is_not_there(self):
        self.refuses(IO_ERROR, *self.base, "-o", "none/out.mid", says=["none"])
        self.refuses(IO_ERROR, *self.base, "-o", "out.mid", "--report", "none/out.html", says=["--report"])
        (self.folder / "made").mkdir()
        self.refuses(USAGE, *self.base, "-o", "made", says=["folder"])
        self.refuses(USAGE, *self.base, "-o", self.frames, says=["--output"])

    def test_a_full_disk(self):
        def small():
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

        (self.folder / "old.mid").write_bytes(b"old")
        self.refuses(IO_ERROR, *self.base, "-o", "old.mid", says=["old.mid"], preexec_fn=small)
        self.refuses(IO_ERROR, *self.base, "-o", "out.mid", "--probabilities", "p.npy", preexec_fn=small)
        self.refuses(IO_ERROR, *self.base, "-o", "/dev/full", says=["/dev/full"])
        reference = notes_csv(self.folder / "reference.csv", 5)
        with open("/dev/full", "wb") as full:
            ran = subprocess.run([common.program, "evaluate", reference, reference], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(ran.returncode, IO_ERROR)
        self.assertIn(b"standard output", ran.stderr)

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_a_folder_that_may_not_be_written(self):
        (self.folder / "closed").mkdir(mode=0o555)
        self.refuses(IO_ERROR, *self.base, "-o", "closed/out.mid")


if __name__ == "__main__":
    main()
