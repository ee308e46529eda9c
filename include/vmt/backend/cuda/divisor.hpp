// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <cstdint>

namespace vmt::inline VMT_ABI::gpu {

/// Division by a number that is known before the launch: a multiplication and a shift (Granlund and Montgomery,
/// "Division by invariant integers using multiplication", PLDI 1994). Devices have no instruction for it, and a body
/// that finds its place in a tensor divides for every number. For 0 ≤ n < 2³¹ and 1 ≤ d < 2³¹.
class divisor {
 public:
  divisor() = default;
  explicit divisor(index_t d) : value_(static_cast<int>(d)) {
    if (d < 1 || d > 0x7FFFFFFF) {
      throw error(errc::limit_exceeded, "a size of " + std::to_string(d) + " cannot be a divisor on a device");
    }
    while ((std::uint64_t{1} << shift_) < static_cast<std::uint64_t>(d)) ++shift_;
    const std::uint64_t rest = (std::uint64_t{1} << shift_) - static_cast<std::uint64_t>(d);
    multiplier_ = static_cast<std::uint32_t>((rest << 32) / static_cast<std::uint64_t>(d) + 1);
  }

  [[nodiscard]] VMT_HOST_DEVICE int value() const noexcept { return value_; }
  /// ⌊n / d⌋
  [[nodiscard]] VMT_HOST_DEVICE int quotient(int n) const noexcept {
    const auto u = static_cast<std::uint32_t>(n);
    const auto high = static_cast<std::uint32_t>((static_cast<std::uint64_t>(multiplier_) * u) >> 32);
    return static_cast<int>((high + u) >> shift_);
  }
  [[nodiscard]] VMT_HOST_DEVICE int remainder(int n) const noexcept { return n - quotient(n) * value_; }

 private:
  std::uint32_t multiplier_ = 1;  // of d = 1
  std::uint32_t shift_ = 0;
  int value_ = 1;
};

}  // namespace vmt::inline VMT_ABI::gpu
