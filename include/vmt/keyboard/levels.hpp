// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/strip_layout.hpp>
#include <vmt/media/frame.hpp>

#include <algorithm>  // max
#include <array>      // histogram
#include <cstdint>    // uint8_t
#include <span>       // columns
#include <vector>     // levels

namespace vmt::inline VMT_ABI::keyboard {

/// How bright white and black keys are, column by column of a key-aligned strip: (gray − white) / range is about 0 on a
/// white key and about −1 on a black one, whatever the light and the camera.
struct levels {
  std::vector<float> white;  ///< gray of white keys, 0 … 255
  std::vector<float> range;  ///< white minus black level, at least 20
};

namespace detail {

/// Gray values with order statistics.
class gray_histogram {
 public:
  void add(std::uint8_t v) noexcept {
    ++counts_[v];
    ++total_;
  }
  void remove(std::uint8_t v) noexcept {
    --counts_[v];
    --total_;
  }
  /// The value number ⌊share · count⌋ in rising order; there must be one.
  [[nodiscard]] std::uint8_t quantile(double share) const noexcept {
    const auto wanted = (std::min)(static_cast<index_t>(share * static_cast<double>(total_)), total_ - 1);
    index_t below = 0;
    std::size_t v = 0;
    while ((below += counts_[v]) <= wanted) ++v;
    return static_cast<std::uint8_t>(v);
  }

 private:
  std::array<std::uint16_t, 256> counts_{};
  index_t total_ = 0;
};

/// out[x] = the quantile of line[x − reach … x + reach], cut at the ends.
inline void running_quantile(std::span<const std::uint8_t> line, index_t reach, double share, std::vector<float>& out) {
  const auto size = static_cast<index_t>(line.size());
  const auto at = [&](index_t i) { return line[static_cast<std::size_t>(i)]; };
  gray_histogram window;
  for (index_t i = 0; i < (std::min)(reach, size); ++i) window.add(at(i));
  for (index_t x = 0; x < size; ++x) {
    if (x + reach < size) window.add(at(x + reach));
    if (x - reach > 0) window.remove(at(x - reach - 1));
    out[static_cast<std::size_t>(x)] = static_cast<float>(window.quantile(share));
  }
}

}  // namespace detail

/// The levels of a plate. In each column the white level is the 70th percentile of the rows v = 0.68 … 0.95, before the
/// black keys, and the black level the 12th percentile of the rows 0.05 … 0.60, between them. Both are then smoothed
/// over 7 white keys, the white level by the median and the black one by the 20th percentile (most columns of a group
/// of keys show no black key). Reuse `result`: nothing is allocated then. Throws `shape_mismatch` where the picture is
/// no key-aligned strip.
inline void estimate_levels(const frame& plate, levels& result) {
  std::array<std::uint8_t, static_cast<std::size_t>(strip_layout{}.width())> of_columns{};  // no keyboard is wider
  if (plate.height != strip_layout::height() || plate.width < 1 || plate.width > strip_layout{}.width()) {
    throw error(errc::shape_mismatch,
                "levels: a picture of " + std::to_string(plate.width) + "x" + std::to_string(plate.height) +
                    " pixels is no key-aligned strip, which has at most " + std::to_string(strip_layout{}.width()) +
                    " columns and " + std::to_string(strip_layout::height()) + " rows");
  }
  const auto columns = static_cast<std::size_t>(plate.width);
  result.white.resize(columns);
  result.range.resize(columns);
  const auto line = std::span(of_columns).first(columns);
  const auto percentile = [&](double from, double to, double share) {
    const auto begin = static_cast<index_t>(strip_layout::row_of(from) + 0.5);
    const auto end = static_cast<index_t>(strip_layout::row_of(to) + 0.5);
    for (index_t x = 0; x < plate.width; ++x) {
      detail::gray_histogram column;
      for (index_t y = begin; y < end; ++y) column.add(plate.row(y)[x]);
      line[static_cast<std::size_t>(x)] = column.quantile(share);
    }
  };
  constexpr index_t reach = strip_layout::white_pitch * 7 / 2;
  percentile(0.05, 0.60, 0.12);
  detail::running_quantile(line, reach, 0.2, result.range);
  percentile(0.68, 0.95, 0.70);
  detail::running_quantile(line, reach, 0.5, result.white);
  for (std::size_t x = 0; x < columns; ++x) result.range[x] = (std::max)(result.white[x] - result.range[x], 20.0F);
}

[[nodiscard]] inline levels estimate_levels(const frame& plate) {
  levels result;
  estimate_levels(plate, result);
  return result;
}

}  // namespace vmt::inline VMT_ABI::keyboard
