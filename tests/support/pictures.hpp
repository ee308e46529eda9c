// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/media/frame.hpp>

#include <cmath>

namespace vmt_test {

/// Random pixels, the same each time.
inline vmt::frame noise(vmt::index_t width, vmt::index_t height) {
  vmt::frame f;
  f.resize(width, height);
  vmt::rng random(5);
  for (auto& v : f.pixels) v = static_cast<std::uint8_t>(random.below(256));
  return f;
}

/// A picture of a function of the position, in pixel-edge coordinates, at the pixel centres.
template <class F>
vmt::frame picture(vmt::index_t width, vmt::index_t height, F&& value) {
  vmt::frame f;
  f.resize(width, height);
  for (vmt::index_t y = 0; y < height; ++y) {
    for (vmt::index_t x = 0; x < width; ++x) {
      const double v = value(static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5);
      f.row(y)[x] = static_cast<std::uint8_t>(std::lround(v));
    }
  }
  return f;
}

}  // namespace vmt_test
