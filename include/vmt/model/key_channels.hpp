// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <algorithm>  // clamp
#include <cstdint>
#include <span>

namespace vmt::inline VMT_ABI {

/// The three input channels of `key_net` from one gray frame of the strip, all rows × width, row by row:
///   c0 = (I − white)/range + 1/2
///   c1 = clamp(2 (I − plate)/range, ±1.5)        the plate: the strip as it looks without hands
///   c2 = clamp(3 (I − I_before)/range, ±1.5)     the frame before
/// \param frame   I, the strip's bytes
/// \param before  the frame before; empty: the first of a video, c2 = 0
/// \param plate   gray 0 … 255, of the frame's size
/// \param white   the white keys' level in each column; its length is the width, a multiple of 16
/// \param range   white minus black level in each column, above 0
/// \param out     3 × rows × width
/// Throws `shape_mismatch` if the sizes do not agree, `invalid_argument` for a range that is not above 0.
inline void key_channels(std::span<const std::uint8_t> frame, std::span<const std::uint8_t> before,
                         std::span<const float> plate, std::span<const float> white, std::span<const float> range,
                         std::span<float> out) {
  constexpr std::size_t run = 16;  // columns at a time: a loop of known length, which compilers vectorise
  const std::size_t size = frame.size();
  const std::size_t width = white.size();
  if (width == 0 || width % run != 0 || size == 0 || size % width != 0 || range.size() != width ||
      plate.size() != size || out.size() != 3 * size || (!before.empty() && before.size() != size)) {
    throw error(errc::shape_mismatch,
                "key_channels: the frame has " + std::to_string(size) + " pixels, the frame before " +
                    std::to_string(before.size()) + ", the plate " + std::to_string(plate.size()) + ", the levels " +
                    std::to_string(width) + " and " + std::to_string(range.size()) + " columns, the room " +
                    std::to_string(out.size()) + "; expected rows × width with a width that is a multiple of 16");
  }
  const std::uint8_t* const previous = before.empty() ? frame.data() : before.data();
  for (std::size_t column = 0; column < width; column += run) {
    float scale[run];
    float middle[run];
    for (std::size_t i = 0; i < run; ++i) {
      if (!(range[column + i] > 0)) {
        throw error(errc::invalid_argument,
                    "key_channels: the range of column " + std::to_string(column + i) + " is not above 0");
      }
      scale[i] = 1.0F / range[column + i];
      middle[i] = 0.5F - white[column + i] * scale[i];
    }
    for (std::size_t at = column; at < size; at += width) {
      const std::uint8_t* const now = frame.data() + at;
      const std::uint8_t* const then = previous + at;
      const float* const empty = plate.data() + at;
      float* const y = out.data() + at;
      for (std::size_t i = 0; i < run; ++i) {
        const float gray = static_cast<float>(now[i]);
        const float change = static_cast<float>(now[i] - then[i]);
        y[i] = gray * scale[i] + middle[i];
        y[size + i] = std::clamp(2.0F * (gray - empty[i]) * scale[i], -1.5F, 1.5F);
        y[2 * size + i] = std::clamp(3.0F * change * scale[i], -1.5F, 1.5F);
      }
    }
  }
}

}  // namespace vmt::inline VMT_ABI
