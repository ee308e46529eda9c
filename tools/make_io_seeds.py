#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seeds of the fuzz targets of io/ below tests/fuzz/corpus/: safetensors by its own Python package, npy by
NumPy, csv and json by hand. tests/io/ reads some of them as golden data.

    tools/make_io_seeds.py
"""
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "fuzz" / "corpus"

# Texts that a reader must accept, and some that it must refuse.
JSON = {
    "keyboard.json": '{"image": [1280, 720], "corners": [[10.5, 20], [1270, 22.25], [1271, 300], [9, 298]],\n'
                     ' "lowest_key": 21, "highest_key": 108, "lens": -0.02, "score": 0.97}\n',
    "all-kinds.json": '[null, true, false, 0, -1, 9223372036854775807, 9223372036854775808, 1.5e-3, 1E+2, -0, -0.0, '
                      '"", "a\\u00e9\\u65e5\\ud83c\\udfb9\\n\\"\\\\\\/\\b\\f\\r\\t", "é日🎹", [], {}, {"a": {"b": [[]]}}]',
    "duplicate.json": '{"a": 1, "b": 2, "\\u0061": 3}',
    "half-surrogate.json": '"\\ud83c"',
    "deep.json": "[" * 40 + "]" * 40,
    "out-of-range.json": "[1e400]",
    "cut.json": '{"a": [1, "b',
}
CSV = {
    "notes.csv": "onset,offset,pitch,velocity,confidence\n0.5,1.25,60,64,0.98\n1e0,2,62,100,1\n",
    "quoted.csv": '\ufeffname,"say ""it""", n\r\n"a, b","two\r\nlines",3\r\n\r\nplain,,-4.5\r\n',
    "ragged.csv": "a,b\n1,2\n3\n",
    "open-quote.csv": 'a,b\n1,"2\n',
    "twice.csv": "a,b,a\n1,2,3\n",
    "carriage.csv": "a,b\r1,2\r",
}


def main():
    for name in ("safetensors", "npy", "csv", "json"):
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
    for name, texts in (("json", JSON), ("csv", CSV)):
        for file, text in texts.items():
            (CORPUS / name / file).write_bytes(text.encode("utf-8"))

    ramp = torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4 - 0.5
    save_file({"conv1.weight": ramp, "bn1.num_batches_tracked": torch.tensor(7), "half": ramp.half(),
               "brain": ramp.bfloat16(), "double": ramp.double(), "empty": torch.zeros(0, 4),
               "mask": torch.tensor([True, False, True]), "bytes": torch.tensor([0, 255], dtype=torch.uint8),
               "small": torch.tensor([-128, 127], dtype=torch.int8), "int": torch.tensor([-(2**31)], dtype=torch.int32)},
              CORPUS / "safetensors" / "torch.safetensors", metadata={"format": "pt", "ton\u00e9": "\u65e5 \"x\"\n"})
    save_file({"x": torch.tensor([1.0, float("nan")])}, CORPUS / "safetensors" / "nan.safetensors")
    save_file({}, CORPUS / "safetensors" / "none.safetensors")
    # 4194305 * 4194305 * 211106198978564 wraps to a small number in 64 bits.
    header = b'{"a":{"dtype":"F32","shape":[4194305,4194305,211106198978564],"data_offsets":[0,16]}}'
    (CORPUS / "safetensors" / "wrapping.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))

    for name, array in (("f4", np.arange(6, dtype="<f4").reshape(2, 3)), ("f8", np.array(2.5)),
                        ("u1", np.zeros((0, 88), "u1")), ("i4", np.array([-5, 5], "<i4")),
                        ("i8", np.array([[2**62]])), ("fortran", np.asfortranarray(np.ones((2, 3)))),
                        ("big-endian", np.ones(2, ">f4")), ("record", np.zeros(1, [("a", "<f4")]))):
        np.save(CORPUS / "npy" / f"{name}.npy", array)
    with (CORPUS / "npy" / "version-2.npy").open("wb") as file:
        np.lib.format.write_array(file, np.arange(3, dtype="<f4"), version=(2, 0))


if __name__ == "__main__":
    main()
