// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/device_span.hpp>

#include <cstdint>
#include <cstring>  // memcpy: of bits, also on a device

/// \file
/// How a block multiplies two tiles in shared memory. A math names the tile's sizes, how numbers get into it, and the
/// sums that each thread keeps. `exact` is plain arithmetic; the tensor cores' is in `tensor_tile.hpp`.

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

/// The nearest number with 10 bits of mantissa, ties away from zero, as the instruction cvt.rna.tf32 has it.
[[nodiscard]] VMT_HOST_DEVICE inline float to_tf32(float x) noexcept {
  std::uint32_t bits = 0;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
#else
  std::memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7F800000U) != 0x7F800000U) bits = (bits + 0x1000U) & 0xFFFFE000U;
#endif
  std::memcpy(&x, &bits, sizeof bits);
  return x;
}

/// Plain arithmetic in T: 128 threads, each with 8 × 8 sums (double: 4 × 8) in blocks of 4 × 4, so that shared memory
/// gives four numbers at a time. Both tiles lie there with the depth as rows. `narrow` is half as wide.
template <class T, unsigned Across = 2>
struct exact {
  using narrow = exact<T, 1>;
  using value = T;
  using sum = T;
  using arranged = T;  ///< what weights that are arranged for it are kept as
  static constexpr const char* name = "exact";
  static constexpr unsigned down_blocks = sizeof(T) == 4 ? 2 : 1;  // of 4 × 4 sums
  static constexpr int down = down_blocks, across = Across;
  static constexpr int rows = 32 * down, columns = 64 * across, depth = 16, threads = 128;
  static constexpr int blocks = 4;  ///< that a multiprocessor holds
  static constexpr int run = 1;     ///< numbers of a column that go to shared memory together
  static constexpr int left_pitch = rows + 4, right_pitch = columns + 4;
  static constexpr int stage_pitch = columns + 4;
  struct tiles {
    alignas(4 * sizeof(T)) T left[static_cast<std::size_t>(depth * left_pitch)];
    alignas(4 * sizeof(T)) T right[static_cast<std::size_t>(depth * right_pitch)];

    VMT_HOST_DEVICE void put_left(int row, int d, T x) noexcept { left[d * left_pitch + row] = x; }
    VMT_HOST_DEVICE void put_right(int column, int d, T x) noexcept { right[d * right_pitch + column] = x; }
    VMT_HOST_DEVICE void put_right_run(int column, int d, const T* x) noexcept { put_right(column, d, *x); }
  };
  struct sums {
    T at[4 * down_blocks][4 * Across];
  };

  static VMT_HOST_DEVICE void clear(sums& s) noexcept {
    for (int i = 0; i < 4 * down; ++i)
      for (int j = 0; j < 4 * across; ++j) s.at[i][j] = T(0);
  }
  static VMT_HOST_DEVICE void multiply(const tiles& f, int thread, sums& s) noexcept {
    const T* const left = f.left + thread / 16 * 4;
    const T* const right = f.right + thread % 16 * 4;
    for (int d = 0; d < depth; ++d) {
      four<T> a[down_blocks], b[Across];
      for (int i = 0; i < down; ++i) a[i] = load_four(left + d * left_pitch + 32 * i);
      for (int j = 0; j < across; ++j) b[j] = load_four(right + d * right_pitch + 64 * j);
      for (int i = 0; i < 4 * down; ++i)
        for (int j = 0; j < 4 * across; ++j) s.at[i][j] += a[i / 4].at[i % 4] * b[j / 4].at[j % 4];
    }
  }
  static VMT_HOST_DEVICE void spill(const sums& s, int thread, T* stage) noexcept {
    for (int i = 0; i < 4 * down; ++i)
      for (int j = 0; j < across; ++j) {
        const four<T> v{{s.at[i][4 * j], s.at[i][4 * j + 1], s.at[i][4 * j + 2], s.at[i][4 * j + 3]}};
        store_four(stage + (thread / 16 * 4 + i / 4 * 32 + i % 4) * stage_pitch + thread % 16 * 4 + 64 * j, v);
      }
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
