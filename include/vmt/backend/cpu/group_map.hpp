// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <algorithm>  // fill_n, max

namespace vmt::inline VMT_ABI::detail {

[[nodiscard]] constexpr index_t groups_of(index_t channels, index_t group) noexcept {
  return (channels + group - 1) / group;
}

/// How the fast convolutions lay out a feature map: channels in groups (two registers wide), all channels of a group
/// for one pixel side by side, pixels row by row, a border of zeros around,
///   number of channel c at (i, j) = ((c / group · rows + top + i) · pitch + left + j) · group + c mod group.
/// Registers then hold channels: a step to the next pixel, row or every other pixel is one constant, so strides and
/// Winograd transforms gather nothing, and the zeros replace every special case at the edges. Missing channels of the
/// last group are zeros, too. Writers leave the border as it is.
struct group_map {
  index_t group = 1;
  index_t channels = 0, height = 0, width = 0;
  index_t top = 0, left = 0;
  index_t rows = 0, pitch = 0;

  [[nodiscard]] constexpr index_t groups() const noexcept { return groups_of(channels, group); }
  [[nodiscard]] constexpr index_t group_size() const noexcept { return rows * pitch * group; }
  /// Numbers of one image.
  [[nodiscard]] constexpr index_t size() const noexcept { return groups() * group_size(); }
  [[nodiscard]] constexpr index_t row_size() const noexcept { return pitch * group; }
  [[nodiscard]] constexpr index_t at(index_t g, index_t i, index_t j) const noexcept {
    return ((g * rows + top + i) * pitch + left + j) * group;
  }

  /// Without a border.
  [[nodiscard]] static constexpr group_map plain(index_t group, index_t channels, index_t height,
                                                 index_t width) noexcept {
    return {group, channels, height, width, 0, 0, height, width};
  }
  /// With one zero around, and to the right and below as many as a 3×3 convolution reads for tiles of 4×4 or 5×5
  /// outputs, these also with stride 2.
  [[nodiscard]] static constexpr group_map bordered(index_t group, index_t channels, index_t height,
                                                    index_t width) noexcept {
    const auto tiled = [](index_t n) { return (std::max)((n + 3) / 4 * 4, (n + 9) / 10 * 10) + 2; };
    return {group, channels, height, width, 1, 1, tiled(height), tiled(width)};
  }
};

/// C×H×W → the interior of a map (missing channels become zeros).
inline void to_groups(const group_map& m, const float* planes, float* map) noexcept {
  for (index_t g = 0; g < m.groups(); ++g) {
    const index_t known = (std::min)(m.group, m.channels - g * m.group);
    for (index_t i = 0; i < m.height; ++i) {
      float* const row = map + m.at(g, i, 0);
      const float* const in = planes + (g * m.group * m.height + i) * m.width;
      for (index_t j = 0; j < m.width; ++j) {
        for (index_t c = 0; c < known; ++c) row[j * m.group + c] = in[c * m.height * m.width + j];
        std::fill_n(row + j * m.group + known, m.group - known, 0.0F);
      }
    }
  }
}
/// The interior of a map → C×H×W.
inline void from_groups(const group_map& m, const float* map, float* planes) noexcept {
  for (index_t c = 0; c < m.channels; ++c)
    for (index_t i = 0; i < m.height; ++i) {
      const float* const row = map + m.at(c / m.group, i, 0) + c % m.group;
      float* const out = planes + (c * m.height + i) * m.width;
      for (index_t j = 0; j < m.width; ++j) out[j] = row[j * m.group];
    }
}

}  // namespace vmt::inline VMT_ABI::detail
