// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>

#include <algorithm>  // clamp, min
#include <cstdint>
#include <span>

namespace vmt::inline VMT_ABI::ops {

/// What becomes of a window of frames in bytes, see `window_input`.
struct window_crop {
  std::int32_t top = 0;   ///< the first row
  std::int32_t left = 0;  ///< the first column; behind the last one comes column 0
  float scale = 1.0F / 255;
  std::int32_t padding = 0;  ///< the struct has no gaps
  double noise = 0;          ///< deviation of the noise, as a part of the window's mean value
};

namespace generic {

/// One window: bytes F×H×W, rows F×H' places in `normals`, y: F×H'×W'.
inline void window_input(const_view<std::uint8_t, 3> bytes, const window_crop& crop, std::span<const std::int32_t> rows,
                         std::span<const float> normals, tensor_view<float, 3> y) {
  const index_t in_width = bytes.extent(2), height = y.extent(1), width = y.extent(2);
  const index_t until_wrap = (std::min)(in_width - crop.left, width);
  float* to = y.data_handle();
  for (index_t f = 0; f < y.extent(0); ++f) {
    for (index_t i = 0; i < height; ++i, to += width) {
      const std::uint8_t* const row = bytes.data_handle() + (f * bytes.extent(1) + crop.top + i) * in_width;
      for (index_t x = 0; x < until_wrap; ++x) to[x] = static_cast<float>(row[crop.left + x]) * crop.scale;
      for (index_t x = until_wrap; x < width; ++x) to[x] = static_cast<float>(row[x - until_wrap]) * crop.scale;
    }
  }
  if (crop.noise > 0) {
    double sum = 0;
    to = y.data_handle();
    for (index_t row = 0; row < y.extent(0) * height; ++row, to += width) {
      float of_row = 0;
      for (index_t x = 0; x < width; ++x) of_row += to[x];
      sum += static_cast<double>(of_row);
    }
    const auto deviation = static_cast<float>(crop.noise * sum / static_cast<double>(y.size()));
    to = y.data_handle();
    for (index_t row = 0; row < y.extent(0) * height; ++row, to += width) {
      const float* const normal = normals.data() + rows[static_cast<std::size_t>(row)];
      for (index_t x = 0; x < width; ++x) to[x] += deviation * normal[x];
    }
  }
  for (float& v : y.span()) v = std::clamp(v, 0.0F, 1.0F);
}

}  // namespace generic
}  // namespace vmt::inline VMT_ABI::ops
