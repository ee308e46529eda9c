#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/transcribe/gaussian_golden.hpp: what scipy.ndimage.gaussian_filter1d makes of short and long signals.

Needs scipy. The signal is x[i] = ((37 i² + 11 i + 5) mod 101) / 128, exact in single precision.
"""
import pathlib

import numpy
from scipy.ndimage import gaussian_filter1d

out = pathlib.Path(__file__).resolve().parent.parent / "tests" / "transcribe" / "gaussian_golden.hpp"
lines = [
    "// SPDX-License-Identifier: MIT",
    "#pragma once",
    "",
    "// Written by tools/make_gaussian_golden.py: scipy.ndimage.gaussian_filter1d(x, sigma, mode=\"reflect\", truncate=4)",
    "// of x[i] = ((37 i² + 11 i + 5) mod 101) / 128, i < n.",
    "",
    "#include <vector>",
    "",
    "namespace vmt_test {",
    "",
    "struct gaussian_golden {",
    "  double sigma;",
    "  std::vector<double> smooth;",
    "};",
    "",
    "inline const std::vector<gaussian_golden>& gaussian_goldens() {",
    "  static const std::vector<gaussian_golden> all{",
]
for sigma, n in [*((5, n) for n in (1, 2, 3, 7, 19, 20, 21, 22, 41, 64)), (1.3, 4), (1.3, 16)]:
    i = numpy.arange(n)
    x = ((37 * i * i + 11 * i + 5) % 101) / 128.0
    values = [repr(float(v)) for v in gaussian_filter1d(x, sigma, mode="reflect", truncate=4.0)]
    lines.append(f"      {{{float(sigma)},")
    lines.append("       {" + values[0] + ("," if n > 1 else "}},"))
    for start in range(1, n, 5):
        part = ", ".join(values[start:start + 5])
        lines.append("        " + part + ("," if start + 5 < n else "}},"))
lines += ["  };", "  return all;", "}", "", "}  // namespace vmt_test"]
out.write_text("\n".join(lines) + "\n", encoding="utf-8")
