#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vmt train from end to end: test_train.py VMT_PROGRAM"""
import csv
import signal
import struct
import subprocess
import time

import common
from common import BAD_DATA, IO_ERROR, STOPPED, USAGE, ToolTest, data_set, main, read_tensors


class Train(ToolTest):
    def setUp(self):
        super().setUp()
        self.data = data_set(self.folder / "data")
        self.short = ["--data", self.data, "--cache", self.folder / "cache", "--batch", 4, "--samples-per-epoch", 12,
                      "--validation-samples", 4]
        self.on_data = [*self.short, "--width", 1]

    def train(self, out, *more):
        self.succeeds("train", *self.on_data, "--out", out, *more)
        return (self.folder / out / "best.safetensors").read_bytes()

    def test_it_leaves_weights_a_checkpoint_and_curves(self):
        self.train("run", "--epochs", 2, "--variant", "aggregation", "--stem", "layer1", "--aggregation", "dense")
        names = sorted(p.name for p in (self.folder / "run").iterdir())
        self.assertEqual(names, ["best.safetensors", "checkpoint.a.safetensors", "checkpoint.b.safetensors", "curves.csv",
                                 "last.safetensors"])
        with open(self.folder / "run" / "curves.csv", newline="") as lines:
            curves = list(csv.DictReader(lines))
        self.assertEqual([row["epoch"] for row in curves], ["0", "1"])
        self.assertTrue(all(float(row["validation_loss"]) > 0 for row in curves))
        metadata = read_tensors(self.folder / "run" / "best.safetensors")[1]
        self.assertEqual((metadata["vmt.variant"], metadata["vmt.stem"], metadata["vmt.aggregation"], metadata["vmt.width"]),
                         ("aggregation", "layer1", "dense", "1"))
        shown = self.succeeds("info", "run/best.safetensors")
        self.assertIn("aggregation", shown)

    def test_the_same_bits_for_any_number_of_threads_and_another_seed_gives_others(self):
        one = self.train("one", "--epochs", 2, "--threads", 1)
        self.assertEqual(one, self.train("four", "--epochs", 2, "--threads", 4))
        self.assertNotEqual(one, self.train("other", "--epochs", 2, "--seed", 6))

    def test_held_targets_train_other_weights_and_a_training_keeps_to_its_targets(self):
        one = self.train("one", "--epochs", 1)
        self.assertEqual(one, self.train("onset", "--epochs", 1, "--targets", "onset"))
        self.assertNotEqual(one, self.train("held", "--epochs", 1, "--targets", "held"))
        self.refuses(BAD_DATA, "train", *self.on_data, "--out", "held", "--epochs", 2, "--resume", says=["data"])

    def test_a_stopped_training_resumes_to_the_same_bits(self):
        whole = self.train("whole", "--epochs", 12)
        command = ["train", *self.on_data, "--out", "run", "--epochs", 12]
        stops = 0
        for _ in range(3):
            with subprocess.Popen([common.program, *map(str, command), "--resume"], stderr=subprocess.PIPE,
                                  cwd=self.folder) as vmt:
                while not vmt.stderr.readline().startswith(b"epoch"):
                    if vmt.poll() is not None:
                        break
                vmt.send_signal(signal.SIGTERM)
                vmt.stderr.read()
            self.assertIn(vmt.returncode, (0, STOPPED))
            stops += vmt.returncode == STOPPED
        self.assertGreater(stops, 0)
        self.assertEqual(whole, self.train("run", "--epochs", 12, "--resume"))

    def test_a_killed_training_resumes_to_the_same_bits(self):
        whole = self.train("whole", "--epochs", 6)
        with subprocess.Popen([common.program, "train", *map(str, self.on_data), "--out", "run", "--epochs", "6"],
                              stderr=subprocess.PIPE, cwd=self.folder) as vmt:
            for line in vmt.stderr:
                if line.startswith(b"epoch 1"):
                    break
            time.sleep(0.05)
            vmt.kill()
        self.assertEqual(whole, self.train("run", "--epochs", 6, "--resume"))

    def test_a_key_net_is_trained_on_rendered_and_real_video_to_the_same_bits_by_any_threads(self):
        clip = self.folder / "piano" / "clip"
        data_set(clip.parent, 120)
        (clip / "keyboard.json").write_text(
            '{"image_size": [%d, %d], "corners": [[0, 7], [%d, 7], [%d, %d], [0, %d]]}'
            % (common.WIDTH, common.HEIGHT, common.WIDTH, common.WIDTH, common.HEIGHT - 15, common.HEIGHT - 15))
        short = ["--model", "key-net", "--render", 2, "--fresh", 1, "--batch", 2, "--samples-per-epoch", 4,
                 "--validation-samples", 2, "--epochs", 2]
        made = []
        for out, *more in (["one", "--threads", 1], ["three", "--threads", 3, "--loader-threads", 2, "--render-threads", 2],
                           ["seed", "--seed", 6]):
            self.succeeds("train", *short, "--data", clip.parent, "--cache", "cache", "--out", out, *more)
            made.append((self.folder / out / "best.safetensors").read_bytes())
        self.assertEqual(made[0], made[1])
        self.assertNotEqual(made[0], made[2])
        self.succeeds("train", *short, "--out", "rendered")
        self.assertIn("key_net", self.succeeds("info", "rendered/best.safetensors"))
        for out in "stored", "again":  # segments that were kept train to the same bits
            self.succeeds("train", *short, "--out", out, "--rendered", "segments")
            self.assertEqual((self.folder / out / "best.safetensors").read_bytes(),
                             (self.folder / "rendered" / "best.safetensors").read_bytes())
        self.succeeds("train", *short, "--out", "tuned", "--from", "rendered/best.safetensors", "--learning-rate", 1e-3)

    def test_what_a_training_needs_must_be_given(self):
        self.refuses(USAGE, "train", "--model", "key-net", "--out", "run", says=["--data", "--render"])
        self.refuses(USAGE, "train", "--out", "run", says=["--data"])
        self.refuses(USAGE, "train", "--model", "key-net", "--render", 2, "--targets", "held", "--out", "run",
                     says=["--targets"])

    def test_it_goes_on_from_weights_of_another_training(self):
        self.train("run", "--epochs", 1, "--variant", "aggregation")
        start = self.folder / "run" / "best.safetensors"
        self.succeeds("train", *self.short, "--out", "tuned", "--from", start, "--epochs", 2, "--schedule", "cosine",
                      "--warm-up", 2, "--weight-decay", 0.1, "--splices", 0.5, "--learning-rate", 1e-4)
        before, after = read_tensors(start), read_tensors(self.folder / "tuned" / "best.safetensors")
        self.assertEqual(after[1]["vmt.variant"], "aggregation")
        numbers = [struct.unpack(f"<{len(t['fc.bias'][2]) // 4}f", t["fc.bias"][2]) for t in (before[0], after[0])]
        moved = max(abs(a - b) for a, b in zip(*numbers))
        self.assertLess(moved, 12 * 1e-4)
        self.assertGreater(moved, 0)
        self.refuses(USAGE, "train", *self.short, "--out", "no", "--from", start, "--variant", "slope", says=["--from"])
        self.refuses(BAD_DATA, "train", *self.short, "--out", "no", "--from", self.data / "split.csv", says=["split.csv"])

    def test_a_folder_that_holds_a_training_is_not_overwritten(self):
        self.train("run", "--epochs", 1)
        self.refuses(USAGE, "train", *self.on_data, "--out", "run", "--epochs", 1, says=["--resume"])
        self.refuses(BAD_DATA, "train", *self.on_data, "--out", "run", "--variant", "resnet", "--resume", says=["another model"])

    def test_bad_data_sets(self):
        def refused(status, *more, says):
            data = [] if "--data" in more else ["--data", self.data]
            options = [] if "--width" in more else ["--width", 1]
            self.refuses(status, "train", *options, *data, *more, says=says)
            self.assertFalse((self.folder / "run").exists())

        refused(IO_ERROR, "--data", self.folder / "nowhere", "--out", "run", says=["nowhere"])
        refused(USAGE, "--out", self.data, says=["--out"])
        refused(IO_ERROR, "--out", "none/run", says=["none"])
        refused(USAGE, "--out", "run", "--variant", "resnet", "--stem", "layer1", says=["resnet"])
        refused(USAGE, "--out", "run", "--width", 0, says=["--width"])
        refused(USAGE, "--out", "run", "--learning-rate", "nan", says=["--learning-rate"])
        notes = (self.data / "clip" / "notes.csv").read_bytes()
        (self.data / "clip" / "notes.csv").write_text("onset,offset,pitch\n1,2,x\n")
        refused(BAD_DATA, "--out", "run", says=["notes.csv"])
        (self.data / "clip" / "notes.csv").write_bytes(notes)
        (self.data / "split.csv").write_text("clip,split\nother,train\n")
        refused(BAD_DATA, "--out", "run", says=["other"])
        (self.data / "split.csv").write_text("clip,split\nclip,train\n")
        refused(BAD_DATA, "--out", "run", says=["validation"])


if __name__ == "__main__":
    main()
