// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <bit>      // bit_cast
#include <cstdint>  // uint16_t

namespace vmt::inline VMT_ABI {

/// The upper half of a float: 8 bits of exponent, 7 of mantissa.
using bfloat16 = std::uint16_t;

/// Rounds to the nearest, ties to even; NaN stays one.
[[nodiscard]] inline bfloat16 to_bf16(float x) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<bfloat16>((bits >> 16) | 0x40U);
  return static_cast<bfloat16>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}
[[nodiscard]] inline float from_bf16(bfloat16 x) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16);
}

/// The same for code that is written for all numbers of maps.
[[nodiscard]] inline float to_float(float x) noexcept {
  return x;
}
[[nodiscard]] inline float to_float(bfloat16 x) noexcept {
  return from_bf16(x);
}
[[nodiscard]] inline float to_float(std::uint8_t x) noexcept {
  return static_cast<float>(x);
}

}  // namespace vmt::inline VMT_ABI
