// SPDX-License-Identifier: MIT
#pragma once

#if !defined(__CUDACC__)
#error "<vmt/backend/cuda/tensor_math.cuh> is for CUDA compilers; a .cpp file includes <vmt/backend/cuda/gpu.hpp>"
#endif

#include <vmt/backend/cuda/math.hpp>

#include <mma.h>

namespace vmt::inline VMT_ABI::gpu {

/// The factors of the tensor cores as wmma names them.
struct bf16_fragments : bf16_factor {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  using wmma_type = __nv_bfloat16;
  static constexpr int step = 16;
#endif
};
struct tf32_fragments : tf32_factor {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  using wmma_type = nvcuda::wmma::precision::tf32;
  static constexpr int step = 8;
#endif
};

/// A tensor math on the device: a warp keeps 2 × 2 fragments of 16 × 16 sums. Below compute capability 8.0 there are no
/// such instructions; the context refuses the precision there, and the code is empty.
template <class Factor>
struct tensor_cores : tensor_shape, Factor {
  using Factor::depth;
  using Factor::enter;
  using typename Factor::element;
  using tiles = factor_tiles<element, rows, columns, depth, Factor::margin>;

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  struct sums {
    nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, Factor::step, float> at[2][2];
  };
  static __device__ void clear(sums& s) {
    for (auto& row : s.at)
      for (auto& f : row) nvcuda::wmma::fill_fragment(f, 0.0F);
  }
  static __device__ void multiply(const tiles& f, int thread, sums& s) {
    namespace wmma = nvcuda::wmma;
    constexpr int step = Factor::step;
    using type = typename Factor::wmma_type;
    // bfloat16 is kept as its bits; tf32 as float.
    using stored = std::conditional_t<std::is_same_v<type, __nv_bfloat16>, __nv_bfloat16, float>;
    const stored* const left = reinterpret_cast<const stored*>(f.left) + warp_row(thread) * tiles::left_pitch;
    const stored* const right = reinterpret_cast<const stored*>(f.right) + warp_column(thread);
#pragma unroll
    for (int d = 0; d < depth; d += step) {
      wmma::fragment<wmma::matrix_a, 16, 16, step, type, wmma::row_major> a[2];
      wmma::fragment<wmma::matrix_b, 16, 16, step, type, wmma::row_major> b[2];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        wmma::load_matrix_sync(a[i], left + 16 * i * tiles::left_pitch + d, tiles::left_pitch);
        wmma::load_matrix_sync(b[i], right + d * tiles::right_pitch + 16 * i, tiles::right_pitch);
      }
#pragma unroll
      for (int i = 0; i < 2; ++i)
#pragma unroll
        for (int j = 0; j < 2; ++j) wmma::mma_sync(s.at[i][j], a[i], b[j], s.at[i][j]);
    }
  }
  static __device__ void spill(const sums& s, int thread, float* stage) {
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 2; ++j) {
        float* const to = stage + (warp_row(thread) + 16 * i) * stage_pitch + warp_column(thread) + 16 * j;
        nvcuda::wmma::store_matrix_sync(to, s.at[i][j], stage_pitch, nvcuda::wmma::mem_row_major);
      }
  }
#else
  struct sums {};
  static VMT_HOST_DEVICE void clear(sums&) {}
  static VMT_HOST_DEVICE void multiply(const tiles&, int, sums&) {}
  static VMT_HOST_DEVICE void spill(const sums&, int, float*) {}
#endif
};

}  // namespace vmt::inline VMT_ABI::gpu
