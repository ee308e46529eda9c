// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/bf16.hpp>
#include <vmt/backend/cpu/lanes.hpp>
#include <vmt/backend/cpu/narrow_tile.hpp>

#if VMT_CPU_X86_DISPATCH
#include <immintrin.h>
#endif

namespace vmt::inline VMT_ABI::detail {

/// Maps and weights of bf16; sums, bias and what follows are float; what is stored is rounded.
struct bf16_numbers {
  using number = bfloat16;
  using weight = bfloat16;
  static constexpr index_t packed = 2;

  /// act(sum + bias + residual).
  struct end {
    const float* bias;
    bool relu;

    [[nodiscard]] end of_group(index_t g) const noexcept { return {bias + g * narrow_group, relu}; }
  };
};
using bf16_tile_job = narrow_tile_job<bf16_numbers>;

#if VMT_CPU_X86_DISPATCH

__attribute__((target("avx512f"), always_inline)) inline __m512 widen_bf16(const bfloat16* x) noexcept {
  __m256i narrow;
  std::memcpy(&narrow, x, sizeof narrow);
  return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xFFFF, _mm512_maskz_cvtepu16_epi32(0xFFFF, narrow), 16));
}

/// act(sum + bias + residual) of one pixel's 32 channels → y.
__attribute__((target("avx512f,avx512bf16"), always_inline)) inline void finish_bf16(const bf16_tile_job& job,
                                                                                     __m512 s0, __m512 s1,
                                                                                     index_t pixel) noexcept {
  s0 = _mm512_add_ps(s0, _mm512_loadu_ps(job.end.bias));
  s1 = _mm512_add_ps(s1, _mm512_loadu_ps(job.end.bias + 16));
  if (job.residual != nullptr) {
    const bfloat16* const r = job.residual + pixel * job.y_step;
    s0 = _mm512_add_ps(s0, widen_bf16(r));
    s1 = _mm512_add_ps(s1, widen_bf16(r + 16));
  }
  if (job.end.relu) {
    relu_lanes<16>(s0);
    relu_lanes<16>(s1);
  }
  const __m512bh both = _mm512_cvtne2ps_pbh(s1, s0);
  std::memcpy(job.y + pixel * job.y_step, &both, sizeof both);
}

/// P pixels × 2 registers of sums, as `pixel_tile`: 28 sums, two of weights, one broadcast pair.
template <int P>
struct bf16_tile {
  static constexpr std::size_t pixels = P;

  __attribute__((target("avx512f,avx512bf16"))) static void run(const bf16_tile_job* job) noexcept {
    __m512 sum[pixels][2];
    VMT_UNROLL
    for (int p = 0; p < P; ++p) sum[p][0] = sum[p][1] = _mm512_setzero_ps();
    const index_t step = job->step * static_cast<index_t>(sizeof(bfloat16));
    const bfloat16* w = job->w;
    for (index_t r = 0; r < job->runs; ++r) {
      const char* x = reinterpret_cast<const char*>(job->x + job->offset[r]);
      for (index_t pair = 0; pair < narrow_group / 2; ++pair, x += 4, w += 2 * narrow_group) {
        __m512bh w0, w1;
        std::memcpy(&w0, w, sizeof w0);
        std::memcpy(&w1, w + narrow_group, sizeof w1);
        VMT_UNROLL
        for (int p = 0; p < P; ++p) {
          int number;
          std::memcpy(&number, x + p * step, sizeof number);
          const __m512i all = _mm512_set1_epi32(number);
          __m512bh broadcast;
          std::memcpy(&broadcast, &all, sizeof all);
          sum[p][0] = _mm512_dpbf16_ps(sum[p][0], w0, broadcast);
          sum[p][1] = _mm512_dpbf16_ps(sum[p][1], w1, broadcast);
        }
      }
    }
    VMT_UNROLL
    for (int p = 0; p < P; ++p) finish_bf16(*job, sum[p][0], sum[p][1], p);
  }
};

/// y[i] = x[i] rounded, n a multiple of 32.
__attribute__((target("avx512f,avx512bf16"))) inline void round_bf16(const float* x, index_t n, bfloat16* y) noexcept {
  for (index_t i = 0; i < n; i += 32) {
    const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + 16), _mm512_loadu_ps(x + i));
    std::memcpy(y + i, &both, sizeof both);
  }
}

#endif  // VMT_CPU_X86_DISPATCH

}  // namespace vmt::inline VMT_ABI::detail
