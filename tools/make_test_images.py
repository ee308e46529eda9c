#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/data/images/: one small picture in every file format that is read, and damaged copies.

Needs Pillow and numpy. The gray values that the tests expect (`*.pgm`) are Pillow's own, by convert("L").
"""
import pathlib
import numpy
from PIL import Image

out = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "images"
out.mkdir(parents=True, exist_ok=True)
y, x = numpy.mgrid[0:17, 0:31]
colour = numpy.stack([x * 8, y * 15, (x * y) % 256], axis=-1).astype(numpy.uint8)
image = Image.fromarray(colour, "RGB")
gray = image.convert("L")


def pgm(name, picture):
    (out / name).write_bytes(b"P5\n%d %d\n255\n" % picture.size + picture.tobytes())


gray.save(out / "gray.png")
image.save(out / "colour.png")
image.convert("RGBA").save(out / "alpha.png")
image.quantize(64).save(out / "palette.png")
pgm("gray.pgm", gray)
pgm("palette.pgm", image.quantize(64).convert("RGB").convert("L"))
(out / "colour.ppm").write_bytes(b"P6\n31 17\n255\n" + image.tobytes())
Image.fromarray((numpy.asarray(gray).astype(numpy.uint16) * 257)).save(out / "gray16.png")
gray.save(out / "gray.jpg", quality=90)
pgm("gray_jpg.pgm", Image.open(out / "gray.jpg"))
image.save(out / "colour.jpg", quality=90, subsampling=2)
image.save(out / "progressive.jpg", quality=90, progressive=True)
pgm("colour_jpg.pgm", Image.open(out / "colour.jpg").convert("YCbCr").getchannel(0))

# A palette of 3 colours, and pixels that name a fourth: black, as libpng and Pillow have it.
short = Image.fromarray((x % 4).astype(numpy.uint8), "P")
short.putpalette([10, 20, 30, 200, 100, 50, 255, 255, 255])
short.save(out / "short_palette.png", bits=4)
pgm("short_palette.pgm", Image.open(out / "short_palette.png").convert("RGB").convert("L"))

jpeg = (out / "colour.jpg").read_bytes()
(out / "truncated.jpg").write_bytes(jpeg[:-40])
png = bytearray((out / "gray.png").read_bytes())
png[png.index(b"IDAT") + 20] ^= 0x10
(out / "flipped.png").write_bytes(png)
