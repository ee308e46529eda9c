// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <cstdint>
#include <cstring>  // memcpy: of bits, also on a device

/// \file
/// How a block multiplies two tiles in shared memory. A math names the tile's sizes, the type of its numbers, how a
/// number enters it, and the sums that each thread keeps. `exact` is plain arithmetic. The tensor cores' maths come in
/// two forms of the same sizes and rounding: written with wmma for devices (`tensor_math.cuh`), and here for the host.

namespace vmt::inline VMT_ABI::gpu {

/// The arithmetic of matrix products and convolutions; sums are float in each.
enum class precision {
  f32,   ///< float
  tf32,  ///< factors with 10 bits of mantissa; needs compute capability 8.0
  bf16,  ///< factors with 7 bits of mantissa; needs compute capability 8.0
};
[[nodiscard]] constexpr const char* name(precision p) noexcept {
  return p == precision::f32 ? "f32" : p == precision::tf32 ? "tf32" : "bf16";
}

/// The nearest bfloat16, ties to even, as its bits; NaN stays NaN.
[[nodiscard]] VMT_HOST_DEVICE inline std::uint16_t to_bf16(float x) noexcept {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}
[[nodiscard]] VMT_HOST_DEVICE inline float from_bf16(std::uint16_t x) noexcept {
  const std::uint32_t bits = static_cast<std::uint32_t>(x) << 16;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
/// The nearest number with 10 bits of mantissa, ties away from zero, as the instruction cvt.rna.tf32 has it.
[[nodiscard]] VMT_HOST_DEVICE inline float to_tf32(float x) noexcept {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7F800000U) != 0x7F800000U) bits = (bits + 0x1000U) & 0xFFFFE000U;
  std::memcpy(&x, &bits, sizeof bits);
  return x;
}

/// Two tiles of factors: left rows × depth, right depth × columns. The margins keep threads off each other's banks, and
/// the rows' starts where wmma wants them.
template <class Element, int Rows, int Columns, int Depth, int Margin>
struct factor_tiles {
  static constexpr int left_pitch = Depth + Margin;
  static constexpr int right_pitch = Columns + Margin;
  Element left[static_cast<std::size_t>(Rows * left_pitch)];
  Element right[static_cast<std::size_t>(Depth * right_pitch)];
};

/// Plain arithmetic in T: 256 threads, each with 4 × 4 sums.
template <class T>
struct exact {
  using value = T;
  using element = T;
  using sum = T;
  static constexpr const char* name = "exact";
  static constexpr int rows = 64, columns = 64, depth = 16, threads = 256;
  using tiles = factor_tiles<T, rows, columns, depth, 1>;
  static constexpr int stage_pitch = columns + 1;
  struct sums {
    T at[4][4];
  };

  [[nodiscard]] static VMT_HOST_DEVICE T enter(T x) noexcept { return x; }
  static VMT_HOST_DEVICE void clear(sums& s) noexcept {
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) s.at[i][j] = T(0);
  }
  static VMT_HOST_DEVICE void multiply(const tiles& f, int thread, sums& s) noexcept {
    const int row = thread / 16;
    const int column = thread % 16;
    for (int d = 0; d < depth; ++d) {
      T a[4], b[4];
      for (int i = 0; i < 4; ++i) a[i] = f.left[(row + 16 * i) * tiles::left_pitch + d];
      for (int j = 0; j < 4; ++j) b[j] = f.right[d * tiles::right_pitch + column + 16 * j];
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) s.at[i][j] += a[i] * b[j];
    }
  }
  static VMT_HOST_DEVICE void spill(const sums& s, int thread, T* stage) noexcept {
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) stage[(thread / 16 + 16 * i) * stage_pitch + thread % 16 + 16 * j] = s.at[i][j];
  }
};

/// The shape of both tensor maths: eight warps in 2 × 4, each with 32 × 32 sums.
struct tensor_shape {
  using value = float;
  using sum = float;
  static constexpr int rows = 64, columns = 128, threads = 256;
  static constexpr int stage_pitch = columns + 4;
  [[nodiscard]] static VMT_HOST_DEVICE int warp_row(int thread) noexcept { return thread / 32 / 4 * 32; }
  [[nodiscard]] static VMT_HOST_DEVICE int warp_column(int thread) noexcept { return thread / 32 % 4 * 32; }
};

/// What a factor is in each of the two: bits of bfloat16, or a rounded float.
struct bf16_factor {
  using element = std::uint16_t;
  static constexpr const char* name = "bf16";
  static constexpr int depth = 32, margin = 8;
  [[nodiscard]] static VMT_HOST_DEVICE element enter(float x) noexcept { return to_bf16(x); }
  [[nodiscard]] static VMT_HOST_DEVICE float leave(element x) noexcept { return from_bf16(x); }
};
struct tf32_factor {
  using element = float;
  static constexpr const char* name = "tf32";
  static constexpr int depth = 16, margin = 4;
  [[nodiscard]] static VMT_HOST_DEVICE element enter(float x) noexcept { return to_tf32(x); }
  [[nodiscard]] static VMT_HOST_DEVICE float leave(element x) noexcept { return x; }
};

/// A tensor math on the host: the first thread of a warp does the warp's work.
template <class Factor>
struct emulated : tensor_shape, Factor {
  using Factor::depth;
  using Factor::enter;
  using typename Factor::element;
  using tiles = factor_tiles<element, rows, columns, depth, Factor::margin>;
  struct sums {
    float at[32][32];
  };

  static VMT_HOST_DEVICE void clear(sums& s) noexcept { s = sums{}; }
  static VMT_HOST_DEVICE void multiply(const tiles& f, int thread, sums& s) noexcept {
    if (thread % 32 != 0) return;
    for (int i = 0; i < 32; ++i)
      for (int d = 0; d < depth; ++d) {
        const float a = Factor::leave(f.left[(warp_row(thread) + i) * tiles::left_pitch + d]);
        for (int j = 0; j < 32; ++j) {
          s.at[i][j] += a * Factor::leave(f.right[d * tiles::right_pitch + warp_column(thread) + j]);
        }
      }
  }
  static VMT_HOST_DEVICE void spill(const sums& s, int thread, float* stage) noexcept {
    if (thread % 32 != 0) return;
    for (int i = 0; i < 32; ++i)
      for (int j = 0; j < 32; ++j) {
        stage[(warp_row(thread) + i) * stage_pitch + warp_column(thread) + j] = s.at[i][j];
      }
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
