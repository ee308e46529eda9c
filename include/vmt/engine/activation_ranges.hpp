// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>
#include <vmt/io/number.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace vmt::inline VMT_ABI {

/// What a map of activations spans, as int8 has to know it: low ≤ 0 ≤ high, low = 0 behind a ReLU. What lies beyond is
/// cut off.
struct activation_range {
  float low = 0, high = 0;

  friend bool operator==(const activation_range&, const activation_range&) = default;
};

/// By name of the map: `pool` behind the max-pool, else of the convolution that writes it, as `layer1.0.conv2`, `fuse`;
/// residual and ReLU belong to it.
using activation_ranges = std::map<std::string, activation_range>;

namespace engine {

/// q = round(x / step) + zero, 0 … 255; step · (q − zero) is the number that it stands for.
struct affine {
  double step = 1;
  int zero = 0;

  affine() = default;
  explicit affine(const activation_range& r) {
    const double span = static_cast<double>(r.high) - static_cast<double>(r.low);
    if (span > 0) step = span / 255;
    zero = static_cast<int>(std::clamp(std::nearbyint(-static_cast<double>(r.low) / step), 0.0, 255.0));
  }
  [[nodiscard]] std::uint8_t operator()(float x) const noexcept {
    return static_cast<std::uint8_t>(std::clamp(std::nearbyint(static_cast<double>(x) / step) + zero, 0.0, 255.0));
  }
};

/// The ranges that a convolution has to do with.
struct conv_ranges {
  activation_range in, out;
  activation_range residual;  ///< of what is added, if anything
};

/// The range of a map; zeros where they have none, and nothing that float and bf16 need.
[[nodiscard]] inline activation_range range_of(const activation_ranges& ranges, const std::string& name) {
  const auto found = ranges.find(name);
  return found == ranges.end() ? activation_range{} : found->second;
}

}  // namespace engine

/// The ranges in a weights file's metadata, `quant.<map>` = "low high". Throws `bad_format`.
[[nodiscard]] inline activation_ranges activation_ranges_of(const std::map<std::string, std::string>& metadata) {
  constexpr std::string_view prefix = "quant.";
  activation_ranges ranges;
  for (const auto& [key, text] : metadata) {
    if (!key.starts_with(prefix)) continue;
    const std::size_t space = text.find(' ');
    const auto low = io::parse_double(std::string_view(text).substr(0, space));
    const auto high = space == std::string::npos ? low : io::parse_double(std::string_view(text).substr(space + 1));
    if (space == std::string::npos || !low || !high || !(*low <= 0) || !(*high >= 0) || !(*high - *low < 1e30)) {
      throw error(errc::bad_format, "the metadata " + key + " of the weights is '" + text +
                                        "', two numbers were expected, the first not above 0, the second not below");
    }
    ranges[key.substr(prefix.size())] = {static_cast<float>(*low), static_cast<float>(*high)};
  }
  return ranges;
}

/// Puts ranges into metadata, so that `activation_ranges_of` gives the same.
inline void add_to_metadata(const activation_ranges& ranges, std::map<std::string, std::string>& metadata) {
  for (const auto& [name, r] : ranges) {
    std::string text;
    io::append_number(text, static_cast<double>(r.low));
    io::append_number(text += ' ', static_cast<double>(r.high));
    metadata["quant." + name] = text;
  }
}

}  // namespace vmt::inline VMT_ABI
