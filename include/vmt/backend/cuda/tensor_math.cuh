// SPDX-License-Identifier: MIT
#pragma once

#if !defined(__CUDACC__)
#error "<vmt/backend/cuda/tensor_math.cuh> is for CUDA compilers; a .cpp file includes <vmt/backend/cuda/gpu.hpp>"
#endif

#include <vmt/backend/cuda/tensor_tile.hpp>

/// \file
/// The instructions of the tensor cores. Below compute capability 8.0 there are none of these; the context refuses the
/// precision there, and the code is empty.

namespace vmt::inline VMT_ABI::gpu {

struct bf16_instruction : bf16_factor {
  static __device__ void multiply([[maybe_unused]] const left_words& a, [[maybe_unused]] const right_words& b,
                                  [[maybe_unused]] instruction_sums& c) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c.at[0]), "+f"(c.at[1]), "+f"(c.at[2]), "+f"(c.at[3])
        : "r"(a.at[0]), "r"(a.at[1]), "r"(a.at[2]), "r"(a.at[3]), "r"(b.at[0]), "r"(b.at[1]));
#endif
  }
};
struct tf32_instruction : tf32_factor {
  static __device__ void multiply([[maybe_unused]] const left_words& a, [[maybe_unused]] const right_words& b,
                                  [[maybe_unused]] instruction_sums& c) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c.at[0]), "+f"(c.at[1]), "+f"(c.at[2]), "+f"(c.at[3])
        : "r"(a.at[0]), "r"(a.at[1]), "r"(a.at[2]), "r"(a.at[3]), "r"(b.at[0]), "r"(b.at[1]));
#endif
  }
};

/// A tile's math on the device.
template <class Instruction, int Columns = 128>
struct tensor_cores : tensor_tile<Instruction, Columns> {
  using narrow = tensor_cores<Instruction, 64>;
  using tile = tensor_tile<Instruction, Columns>;
  using typename tile::tiles;
  struct sums {
    instruction_sums at[2][Columns / 32];
  };

  static __device__ void clear(sums& s) {
    for (auto& row : s.at)
      for (auto& block : row)
        for (float& v : block.at) v = 0.0F;
  }
  static __device__ void multiply(const tiles& f, int thread, sums& s) {
    left_words a[2][2];
    for (int m = 0; m < tile::down; ++m) tile::take_left(f, thread, m, a[m]);
    for (int n = 0; n < tile::across; ++n) {
      right_words b[2];
      tile::take_right(f, thread, n, b);
      for (int step = 0; step < 2; ++step)
        for (int m = 0; m < tile::down; ++m) Instruction::multiply(a[m][step], b[step], s.at[m][n]);
    }
  }
  static __device__ void spill(const sums& s, int thread, float* stage) {
    for (int m = 0; m < tile::down; ++m)
      for (int n = 0; n < tile::across; ++n) tile::spill_block(s.at[m][n], thread, m, n, stage);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
