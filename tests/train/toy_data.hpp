// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/tensor/extents.hpp>

#include <algorithm>
#include <functional>
#include <span>

namespace vmt_test {

/// A data source of small windows: a pressed key darkens its columns in the later frames. With `augment` some noise is
/// added, keyed like the library's.
struct toy_data {
  vmt::index_t count = 20;
  vmt::index_t frames = 3;
  vmt::index_t height = 33;
  vmt::index_t width = 40;
  vmt::index_t outputs = 4;
  std::uint64_t seed = 1;
  /// May spoil a sample.
  std::function<void(vmt::index_t sample, std::uint32_t epoch, std::span<float> x, std::span<float> y)> spoil = {};

  [[nodiscard]] vmt::index_t size() const { return count; }
  [[nodiscard]] vmt::index_t keys() const { return outputs; }
  [[nodiscard]] vmt::extents<3> input_sizes() const { return {frames, height, width}; }
  [[nodiscard]] std::uint64_t fingerprint() const { return seed * 1000 + static_cast<std::uint64_t>(count); }
  void load(vmt::index_t sample, std::uint32_t epoch, bool augment, std::span<float> x, std::span<float> y) const {
    vmt::rng random(seed, augment ? epoch + 1 : 0, static_cast<std::uint32_t>(sample));
    vmt::rng labels(seed, 0xFFFF, static_cast<std::uint32_t>(sample));
    for (float& v : y) v = labels.uniform() < 0.4 ? 1.0F : 0.0F;
    std::size_t i = 0;
    for (vmt::index_t f = 0; f < frames; ++f) {
      for (vmt::index_t r = 0; r < height; ++r) {
        for (vmt::index_t c = 0; c < width; ++c, ++i) {
          const bool pressed = y[static_cast<std::size_t>(c * outputs / width)] > 0 && f >= frames / 2;
          x[i] = (pressed ? 0.3F : 0.7F) + static_cast<float>(random.uniform(-0.05, 0.05));
        }
      }
    }
    if (spoil) spoil(sample, epoch, x, y);
  }
};

}  // namespace vmt_test
