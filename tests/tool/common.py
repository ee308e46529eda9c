# SPDX-License-Identifier: MIT
"""What the tests of the program share: running it, and making small inputs. Plain Python, no packages."""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib
from pathlib import Path

IMAGES = Path(__file__).resolve().parents[1] / "data" / "images"
WIDTH, HEIGHT, FPS = 800, 145, 25
DONE, USAGE, BAD_DATA, IO_ERROR, STOPPED = 0, 2, 65, 74, 75
program = None


class ToolTest(unittest.TestCase):
    """A fresh folder for each test, and the program."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()

    def vmt(self, *args, **options):
        return subprocess.run([program, *map(str, args)], capture_output=True, timeout=300, cwd=self.folder, **options)

    def succeeds(self, *args, **options):
        ran = self.vmt(*args, **options)
        self.assertEqual(ran.returncode, DONE, ran.stderr.decode(errors="replace"))
        return ran.stdout.decode()

    def files(self):
        """Every file below the folder, with its content."""
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}

    def refuses(self, status, *args, says=(), **options):
        """The status is that, a sentence on stderr has the words, and no file came, went or changed."""
        before = self.files()
        ran = self.vmt(*args, **options)
        said = ran.stderr.decode(errors="replace")
        self.assertEqual(ran.returncode, status, said)
        for words in says:
            self.assertIn(str(words), said)
        self.assertGreater(len(said.split()), 4, "a sentence is expected")
        self.assertEqual(self.files().keys(), before.keys())
        self.assertEqual(self.files(), before)
        return said


def main():
    global program
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} VMT_PROGRAM [unittest's options]")
    program = os.path.abspath(sys.argv.pop(1))
    unittest.main()


def pixels(number, width=WIDTH, height=HEIGHT):
    """A strip with dark bars that wander, so that a network has something to see."""
    rng = random.Random(number // 5)
    row = bytearray(rng.choices(range(200, 230), k=width))
    for _ in range(4):
        at = rng.randrange(width - 16)
        row[at:at + 16] = bytes([90 + 10 * (number % 5)]) * 16
    return bytes(row) * height


def pgm(path, number, width=WIDTH, height=HEIGHT):
    path.write_bytes(b"P5\n%d %d\n255\n" % (width, height) + pixels(number, width, height))


def png_bytes(number, width=WIDTH, height=HEIGHT):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    gray = pixels(number, width, height)
    rows = b"".join(b"\0" + gray[y * width:(y + 1) * width] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def strips(folder, count):
    """A frame folder of straightened strips."""
    folder.mkdir(parents=True)
    for number in range(count):
        pgm(folder / f"frame{number:05}.pgm", number)
    return folder


def y4m(count):
    frames = (b"FRAME\n" + pixels(number) for number in range(count))
    return b"YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 Cmono\n" % (WIDTH, HEIGHT, FPS) + b"".join(frames)


def notes_csv(path, seconds, pitches=range(40, 90, 3)):
    rng = random.Random(1)
    lines = ["onset,offset,pitch,velocity"]
    for k in range(int(4 * seconds)):
        lines.append(f"{k / 4:.3f},{k / 4 + 0.2:.3f},{rng.choice(list(pitches))},64")
    path.write_text("\n".join(lines) + "\n")
    return path


def data_set(folder, count=40):
    strips(folder / "clip" / "frames", count)
    (folder / "clip" / "frames" / "times.csv").write_text(
        "index,seconds\n" + "".join(f"{k},{k / FPS}\n" for k in range(count)))
    notes_csv(folder / "clip" / "notes.csv", count / FPS)
    border = 0.75 * count / FPS
    (folder / "split.csv").write_text(f"clip,split,start,end\nclip,train,0,{border}\nclip,validation,{border},\n")
    return folder


TRAINING = ["--variant", "slope", "--width", "1", "--epochs", "1", "--samples-per-epoch", "4", "--batch", "2"]


def weights(test):
    """A small trained network; made in a folder of its own, which is gone at the end of the test."""
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    data_set(Path(folder.name) / "data")
    test.succeeds("train", "--data", Path(folder.name) / "data", "--out", Path(folder.name) / "run", *TRAINING)
    path = test.folder / "weights.safetensors"
    (Path(folder.name) / "run" / "best.safetensors").rename(path)
    return path


def read_tensors(path):
    """({name: (dtype, shape, bytes)}, metadata) of a safetensors file."""
    content = path.read_bytes()
    size, = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + size])
    metadata = header.pop("__metadata__", {})
    data = content[8 + size:]
    return {k: (v["dtype"], v["shape"], data[slice(*v["data_offsets"])]) for k, v in header.items()}, metadata


def write_tensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path
