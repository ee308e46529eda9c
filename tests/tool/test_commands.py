#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vmt evaluate, forward, info, bench, and what all commands share: test_commands.py VMT_PROGRAM"""
import json
import os
import random
import struct
from pathlib import Path

from common import (BAD_DATA, USAGE, ToolTest, data_set, main, notes_csv, pixels, read_tensors, strips, weights,
                    write_tensors)

COMMANDS = ["transcribe", "train", "evaluate", "forward", "info", "bench", "quantize"]


class Everything(ToolTest):
    def test_help_names_every_command_and_its_options(self):
        text = self.succeeds("--help")
        for command in COMMANDS:
            self.assertIn(command, text)
            self.assertIn("--help", self.succeeds(command, "--help"))
        self.assertRegex(self.succeeds("--version"), r"^vmt \d+\.\d+\.\d+\n$")

    def test_wrong_usage(self):
        for command in ([], ["sing"], ["evaluate", "one.mid"], ["info", "--loud"], ["bench", "--seconds", "nan"]):
            self.refuses(USAGE, *command)


class Evaluate(ToolTest):
    def write(self, name, notes):
        lines = ["onset,offset,pitch"] + [f"{a},{b},{p}" for a, b, p in notes]
        (self.folder / name).write_text("\n".join(lines) + "\n")

    def test_scores_of_a_piece_counted_by_hand(self):
        self.write("reference.csv", [(0, 1, 60), (1, 2, 62), (2, 3, 64), (3, 4, 65)])
        # right; 30 ms late and much too short; 80 ms late; another key; one too many
        self.write("estimate.csv", [(0, 1, 60), (1.03, 1.1, 62), (2.08, 3, 64), (3, 4, 66), (3.5, 4, 70)])
        scores = json.loads(self.succeeds("evaluate", "--json", "reference.csv", "estimate.csv"))
        self.assertEqual(list(scores), ["onset_50ms", "onset_100ms", "onset_offset_50ms", "onset_offset_100ms", "frame"])
        for name, hits in (("onset_50ms", 2), ("onset_100ms", 3), ("onset_offset_50ms", 1), ("onset_offset_100ms", 2)):
            expected = {"precision": hits / 5, "recall": hits / 4, "accuracy": hits / (9 - hits), "f1": 2 * hits / 9}
            for key, value in expected.items():
                self.assertAlmostEqual(scores[name][key], value, places=12)
        table = self.succeeds("evaluate", "reference.csv", "estimate.csv")
        self.assertIn("0.4000  0.5000    0.2857  0.4444", table)

    def test_a_piece_against_itself(self):
        notes_csv(self.folder / "a.csv", 20)
        scores = json.loads(self.succeeds("evaluate", "--json", "a.csv", "a.csv"))
        self.assertTrue(all(value == 1 for score in scores.values() for value in score.values()))


class Network(ToolTest):
    def setUp(self):
        super().setUp()
        self.model = weights(self)

    def test_forward_gives_the_logits_that_the_weights_file_states(self):
        tensors, _ = read_tensors(self.model)
        write_tensors(self.folder / "x.safetensors", {"x": tensors["check.input"]}, {})
        self.succeeds("forward", "--model", self.model, "--input", "x.safetensors", "--output", "y.safetensors")
        y, _ = read_tensors(self.folder / "y.safetensors")
        self.assertEqual(y["logits"][:2], ("F32", [1, 88]))
        self.assertEqual(y["features"][:2], ("F32", [1, 8]))
        found = struct.unpack("<88f", y["logits"][2])
        expected = struct.unpack("<88f", tensors["check.logits"][2])
        largest = max(map(abs, expected))
        self.assertTrue(all(abs(f - e) <= 1e-4 * largest for f, e in zip(found, expected)))

    def test_forward_treats_windows_one_by_one(self):
        rng = random.Random(2)
        windows = [struct.pack("<15360f", *(rng.random() for _ in range(15360))) for _ in range(3)]
        for name, chosen in (("all", windows), ("last", windows[2:])):
            write_tensors(self.folder / "x.safetensors", {"x": ("F32", [len(chosen), 5, 48, 64], b"".join(chosen))}, {})
            self.succeeds("forward", "--model", self.model, "--input", "x.safetensors", "--output", name)
        self.assertEqual(read_tensors(self.folder / "all")[0]["logits"][2][-88 * 4:],
                         read_tensors(self.folder / "last")[0]["logits"][2])

    def test_forward_refuses_what_does_not_fit(self):
        for shape in ([1, 4, 48, 64], [5, 48, 64], [0, 5, 48, 0], [1, 5, 0, 64]):
            count = 4
            for extent in shape:
                count *= extent
            write_tensors(self.folder / "x.safetensors", {"x": ("F32", shape, bytes(count))}, {})
            self.refuses(BAD_DATA, "forward", "--model", self.model, "--input", "x.safetensors", "--output", "y.safetensors")
        write_tensors(self.folder / "x.safetensors", {"y": ("F32", [1], bytes(4))}, {})
        self.refuses(BAD_DATA, "forward", "--model", self.model, "--input", "x.safetensors", "--output", "y.safetensors",
                     says=["x.safetensors"])

    def test_info_counts_the_parameters_of_the_file(self):
        tensors, metadata = read_tensors(self.model)
        text = self.succeeds("info", self.model)
        count = sum(len(content) // 4 for name, (_, _, content) in tensors.items()
                    if not name.startswith("check.") and "running_" not in name)
        total = next(line for line in text.splitlines() if line.startswith("total"))
        self.assertEqual(total.split()[1], f"{count:,}")
        for word in ("slope", "conv1", "channelwise", "layer4", "1x8x5x25", "800x145"):
            self.assertIn(word, text)

    def test_info_shows_how_the_engine_computes(self):
        text = self.succeeds("info", self.model, "--engine", "--windows", 2)
        self.assertIn("2 windows at once", text)
        lines = {line.split()[0]: line for line in text.splitlines() if line.startswith(("layer", "fuse"))}
        self.assertIn("direct", lines["layer2.0.downsample.0"])
        self.assertIn("winograd", lines["fuse"])

    def test_bench_measures_each_use(self):
        for use, batch in (("window", 1), ("window", 2), ("stream", 1), ("chunk", 3), ("train", 2)):
            line = json.loads(self.succeeds("bench", "--use", use, "--model", self.model, "--threads", 1, "--batch", batch,
                                            "--seconds", 0, "--json"))
            self.assertEqual(list(line), ["use", "precision", "threads", "batch", "n", "min_ms", "median_ms", "peak_rss_mb"])
            self.assertEqual((line["use"], line["precision"], line["threads"], line["batch"]), (use, "f32", 1, batch))
            self.assertGreaterEqual(line["n"], 3)
            self.assertTrue(0 < line["min_ms"] <= line["median_ms"])
        for name in ("resnet", "aggregation", "slope"):
            text = self.succeeds("bench", "--model", name, "--width", 2, "--layers", "--seconds", 0)
            self.assertIn("layer4", text)
            self.assertEqual("fuse" in text, name == "slope")
        for option in (["--precision", "int4"], ["--use", "train", "--precision", "bf16"], ["--use", "stream", "--batch", 2]):
            self.refuses(USAGE, "bench", *option)


class Quantised(ToolTest):
    def setUp(self):
        super().setUp()
        self.model = weights(self)

    def has_int8(self):
        flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
        return "avx512_vnni" in flags and not os.environ.get("VMT_CPU_ISA")

    def check_weights(self):
        """q.safetensors is the model with the ranges of every map in its metadata."""
        tensors, metadata = read_tensors(self.model)
        found, more = read_tensors(self.folder / "q.safetensors")
        self.assertEqual(found, tensors)
        self.assertEqual({k: v for k, v in more.items() if not k.startswith("quant.")}, metadata)
        ranges = {k[6:]: [float(v) for v in text.split()] for k, text in more.items() if k.startswith("quant.")}
        self.assertEqual(set(ranges), {"pool", "fuse"} | {f"layer{i}.{b}.conv{k}" for i in range(1, 5) for b in (0, 1) for k in (1, 2)}
                         | {f"layer{i}.0.downsample.0" for i in (2, 3, 4)})
        for name, (low, high) in ranges.items():
            self.assertLessEqual(low, 0)
            self.assertGreaterEqual(high, 0)
            if "conv" in name:
                self.assertEqual(low, 0)

    def test_weights_get_the_ranges_and_everything_computes_with_them(self):
        strips(self.folder / "frames", 12)
        text = self.succeeds("quantize", self.model, "q.safetensors", "--video", "frames", "--fps", 25)
        self.assertIn("8 windows", text)
        self.assertIn("layer4.1.conv2", text)
        self.check_weights()
        self.assertEqual(self.succeeds("info", "q.safetensors").splitlines()[1:], self.succeeds("info", self.model).splitlines()[1:])
        x = {"x": ("F32", [1, 5, 145, 800], struct.pack("<580000f", *(p / 255 for k in range(5) for p in pixels(k))))}
        write_tensors(self.folder / "x.safetensors", x, {})
        if not self.has_int8():
            return
        logits = {}
        for precision in ("f32", "int8"):
            self.succeeds("forward", "--model", "q.safetensors", "--input", "x.safetensors", "--output", precision,
                          "--precision", precision)
            logits[precision] = struct.unpack("<88f", read_tensors(self.folder / precision)[0]["logits"][2])
        worst = max(abs(a - b) for a, b in zip(*logits.values()))
        self.assertTrue(0 < worst < 0.1 * max(map(abs, logits["f32"])), worst)
        self.assertRegex(self.succeeds("info", "q.safetensors", "--engine", "--precision", "int8"), "int8 (tiles|vnni)")
        line = json.loads(self.succeeds("bench", "--use", "stream", "--model", "q.safetensors", "--precision", "int8",
                                        "--seconds", 0, "--json"))
        self.assertEqual(line["precision"], "int8")
        self.succeeds("bench", "--width", 2, "--precision", "int8", "--seconds", 0)
        self.succeeds("transcribe", "frames", "--fps", 25, "-o", "out.mid", "--model", "q.safetensors", "--precision", "int8")

    def test_a_data_set_gives_the_ranges_too(self):
        data_set(self.folder / "data")
        text = self.succeeds("quantize", self.model, "q.safetensors", "--data", "data", "--windows", 4)
        self.assertIn("8 windows", text)
        self.check_weights()
        self.assertFalse((self.folder / "q.safetensors.strips").exists())

    def test_what_is_missing_is_said(self):
        strips(self.folder / "frames", 12)
        for command in (["forward", "--input", "x", "--output", "y"], ["bench"], ["info", "--engine"]):
            write_tensors(self.folder / "x", {"x": ("F32", [1, 5, 32, 32], bytes(5 * 32 * 32 * 4))}, {})
            model = [self.model] if command[0] == "info" else ["--model", self.model]
            self.refuses(BAD_DATA, *command, *model, "--precision", "int8", says=["quantize"])
        self.refuses(BAD_DATA, "transcribe", "frames", "--fps", 25, "-o", "out.mid", "--model", self.model,
                     "--precision", "int8", says=["quantize"])
        self.refuses(USAGE, "quantize", self.model, "q.safetensors")
        self.refuses(USAGE, "quantize", self.model, self.model, "--video", "frames", "--fps", 25)
        strips(self.folder / "few", 5)
        self.refuses(BAD_DATA, "quantize", self.model, "q.safetensors", "--video", "few", "--fps", 25, says=["6 consecutive"])
        tensors, metadata = read_tensors(self.model)
        write_tensors(self.folder / "bad.safetensors", tensors, {**metadata, "quant.pool": "1 2"})
        self.refuses(BAD_DATA, "bench", "--model", "bad.safetensors", "--precision", "int8", says=["quant.pool"])


class KeyNetwork(ToolTest):
    def test_forward_and_info_know_a_key_net(self):
        golden = Path(__file__).resolve().parent.parent / "data/golden/key_net_future_4.safetensors"
        tensors, _ = read_tensors(golden)
        rng = random.Random(3)
        sizes = [2, 4, 3, 32, 32]
        clips = [struct.pack("<12288f", *(rng.uniform(-1, 1) for _ in range(12288))) for _ in range(2)]
        places = [struct.pack("<4f", 8, 0, 20, 1), struct.pack("<4f", 24, 0, 31, 0)]
        for name, chosen in (("both", (0, 1)), ("second", (1,))):
            count = len(chosen)
            write_tensors(self.folder / "x.safetensors", {
                "x": ("F32", [count, *sizes[1:]], b"".join(clips[i] for i in chosen)),
                "keys": ("F32", [2 * count, 2], b"".join(places[i] for i in chosen))}, {})
            self.succeeds("forward", "--model", golden, "--input", "x.safetensors", "--output", name)
            dtype, shape, _ = read_tensors(self.folder / name)[0]["y"]
            self.assertEqual((dtype, shape), ("F32", [count, 2, 5, 4]))
        both, second = (read_tensors(self.folder / name)[0]["y"][2] for name in ("both", "second"))
        self.assertEqual(both[-2 * 5 * 4 * 4:], second)
        self.assertNotEqual(both[:2 * 5 * 4 * 4], second)
        for keys in ([3, 2], [4], [0, 2]):
            content = bytes(4 * keys[0] * (keys[1] if len(keys) > 1 else 1))
            write_tensors(self.folder / "x.safetensors",
                          {"x": ("F32", sizes, b"".join(clips)), "keys": ("F32", keys, content)}, {})
            self.refuses(BAD_DATA, "forward", "--model", golden, "--input", "x.safetensors", "--output", "y.safetensors",
                         says=["key"])
        text = self.succeeds("info", golden)
        count = sum(len(content) // 4 for name, (_, _, content) in tensors.items() if "running_" not in name)
        total = next(line for line in text.splitlines() if line.startswith("total"))
        self.assertEqual(total.split()[1], f"{count:,}")
        for word in ("key_net", "3, 4, 5, 6", "832x32", "temporal.2", "1x8x1x208"):
            self.assertIn(word, text)


if __name__ == "__main__":
    main()
