// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/body.hpp>
#include <vmt/backend/cuda/divisor.hpp>
#include <vmt/ops/generic/window_input.hpp>

/// \file
/// Windows of frames in bytes to network input. Sums go in the host's order and no product is joined with an addition,
/// so that a window is the same to the bit on host and device.

namespace vmt::inline VMT_ABI::gpu {

/// a · b rounded, also where a compiler would add to it in the same instruction.
[[nodiscard]] VMT_HOST_DEVICE inline float rounded_product(float a, float b) noexcept {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}

/// What lies where: bytes N×F×H×W, y N×F×H'×W'.
struct window_bytes {
  int in_height, in_width, height, width;
  divisor by_height, by_frames;  ///< H', F
  input_span<std::uint8_t> bytes;
  input_span<ops::window_crop> crops;

  [[nodiscard]] VMT_HOST_DEVICE int window(int row) const { return by_frames.quotient(by_height.quotient(row)); }
  /// Number `column` of row (n, f, i) of y, before noise.
  [[nodiscard]] VMT_HOST_DEVICE float at(const ops::window_crop& crop, int row, int column) const {
    const int frame = by_height.quotient(row);
    const int line = frame * in_height + crop.top + (row - frame * height);
    const int place = crop.left + column;
    return rounded_product(static_cast<float>(bytes[line * in_width + (place < in_width ? place : place - in_width)]),
                           crop.scale);
  }
};

/// The sum of each row of the windows that have noise.
struct window_row_sums_body {
  using kind = map_kind;
  static constexpr const char* name = "window_row_sums";
  window_bytes windows;
  device_span<float> sums;
  VMT_HOST_DEVICE void operator()(int row) const {
    const ops::window_crop crop = windows.crops[windows.window(row)];
    if (!(crop.noise > 0)) return;
    float sum = 0;
    for (int x = 0; x < windows.width; ++x) sum += windows.at(crop, row, x);
    sums.set(row, sum);
  }
};

/// The deviation of each window's noise.
struct window_deviation_body {
  using kind = map_kind;
  static constexpr const char* name = "window_deviation";
  int rows, width;  ///< of a window: F·H' and W'
  input_span<ops::window_crop> crops;
  input_span<float> sums;
  device_span<float> deviations;
  VMT_HOST_DEVICE void operator()(int n) const {
    const double noise = crops[n].noise;
    double sum = 0;
    for (int row = 0; noise > 0 && row < rows; ++row) sum += static_cast<double>(sums[n * rows + row]);
    const double count = static_cast<double>(rows) * static_cast<double>(width);
    deviations.set(n, static_cast<float>(noise * sum / count));
  }
};

/// The windows; without `deviations` no window has noise.
struct window_input_body {
  using kind = map_kind;
  static constexpr const char* name = "window_input";
  window_bytes windows;
  divisor by_width;  ///< W'
  input_span<std::int32_t> rows;
  input_span<float> normals, deviations;
  device_span<float> y;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int row = by_width.quotient(i);
    const int column = i - row * windows.width;
    const int n = windows.window(row);
    const ops::window_crop crop = windows.crops[n];
    float v = windows.at(crop, row, column);
    if (crop.noise > 0) v += rounded_product(deviations[n], normals[rows[row] + column]);
    y.set(i, v < 0 ? 0.0F : v > 1 ? 1.0F : v);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
