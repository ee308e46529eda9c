// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/number_of.hpp>

#include <cstdint>
#include <cstring>  // memcpy: of bits, also on a device

namespace vmt::inline VMT_ABI::gpu {

/// The nearest bfloat16, ties to even, as its bits; NaN stays NaN.
[[nodiscard]] VMT_HOST_DEVICE inline std::uint16_t to_bf16(float x) noexcept {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  // Two at once, for the sake of an integer register: of the result of cvt.rn.bf16.f32, which is one of 16 bits,
  // ptxas 13.0 stores the low byte alone as the number converted to a byte.
  std::uint32_t word = 0;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(0.0F), "f"(x));
  return static_cast<std::uint16_t>(word);
#else
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
#endif
}
/// Two of them as the halves of a word, the first one lowest.
[[nodiscard]] VMT_HOST_DEVICE inline std::uint32_t to_bf16_pair(float low, float high) noexcept {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  std::uint32_t word = 0;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#else
  return static_cast<std::uint32_t>(to_bf16(low)) | static_cast<std::uint32_t>(to_bf16(high)) << 16;
#endif
}
[[nodiscard]] VMT_HOST_DEVICE inline float from_bf16(std::uint16_t x) noexcept {
  const std::uint32_t bits = static_cast<std::uint32_t>(x) << 16;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// A number of a map that is kept in 16 bits. Spans of it read and write float.
struct stored_bf16 {
  using number = float;
  std::uint16_t bits;
};

/// A number as it is kept, and as what bodies compute with.
template <class Kept>
[[nodiscard]] VMT_HOST_DEVICE Kept to_kept(number_of<Kept> x) noexcept {
  if constexpr (std::is_same_v<Kept, stored_bf16>) {
    return {to_bf16(x)};
  } else {
    return x;
  }
}
template <class Kept>
[[nodiscard]] VMT_HOST_DEVICE number_of<Kept> from_kept(Kept x) noexcept {
  if constexpr (std::is_same_v<Kept, stored_bf16>) {
    return from_bf16(x.bits);
  } else {
    return x;
  }
}

}  // namespace vmt::inline VMT_ABI::gpu
