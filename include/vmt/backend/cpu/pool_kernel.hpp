// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/context.hpp>
#include <vmt/ops/generic/pool2d.hpp>

namespace vmt::inline VMT_ABI::detail {

#if VMT_CPU_X86_DISPATCH

/// The numbers at x, x + stride, …, eight of them. With stride 2 the number behind the last one is read, too.
template <index_t Stride>
__attribute__((target("avx2"))) inline __m256 strided_load_avx2(const float* x) {
  static_assert(Stride == 1 || Stride == 2);
  const __m256 low = _mm256_loadu_ps(x);
  if constexpr (Stride == 1) return low;
  const __m256 pairs = _mm256_shuffle_ps(low, _mm256_loadu_ps(x + 8), _MM_SHUFFLE(2, 0, 2, 0));
  return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(pairs), _MM_SHUFFLE(3, 1, 2, 0)));
}

/// Eight neighbours of an output row at a time, where all of their windows lie inside: `plane` is the input of width
/// `width`, the rows of the windows are rows.begin … rows.end − 1. Returns the first output that is left; those before
/// `first` are left to the caller as well. Of equal numbers the first counts, of several NaN the last.
template <index_t Stride>
__attribute__((target("avx2"))) inline index_t max_pool_row_avx2(const float* plane, index_t width,
                                                                 const ops::generic::pool_window& rows, index_t first,
                                                                 const ops::pool2d_params& p, index_t outputs, float* y,
                                                                 std::int32_t* argmax) {
  const __m256i step = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(Stride));
  index_t j = first;
  // The widest load ends at column j·Stride − padding + kernel − 1 + 8·Stride − 1.
  for (; j + 8 <= outputs && j * Stride - p.padding + p.kernel - 1 + 8 * Stride <= width; j += 8) {
    const index_t corner = rows.begin * width + j * Stride - p.padding;
    __m256 best = strided_load_avx2<Stride>(plane + corner);
    __m256i place = _mm256_add_epi32(step, _mm256_set1_epi32(static_cast<int>(corner)));
    for (index_t h = rows.begin; h < rows.end; ++h)
      for (index_t k = 0; k < p.kernel; ++k) {
        const index_t at = h * width + j * Stride - p.padding + k;
        const __m256 v = strided_load_avx2<Stride>(plane + at);
        const __m256 better = _mm256_or_ps(_mm256_cmp_ps(v, best, _CMP_GT_OQ), _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
        best = _mm256_blendv_ps(best, v, better);
        const __m256i here = _mm256_add_epi32(step, _mm256_set1_epi32(static_cast<int>(at)));
        place = _mm256_blendv_epi8(place, here, _mm256_castps_si256(better));
      }
    _mm256_storeu_ps(y + j, best);
    if (argmax != nullptr) _mm256_storeu_si256(reinterpret_cast<__m256i*>(argmax + j), place);
  }
  return j;
}

/// `max_pool2d` of one plane; strides 1 and 2.
inline void max_pool_plane_avx2(const float* x, index_t height, index_t width, const ops::pool2d_params& p,
                                index_t out_height, index_t out_width, float* y, std::int32_t* argmax) {
  const index_t first = (std::min)((p.padding + p.stride - 1) / p.stride, out_width);
  for (index_t i = 0; i < out_height; ++i, y += out_width) {
    const ops::generic::pool_window rows(i, height, p);
    const auto one = [&](index_t j) {
      const index_t best = ops::generic::max_place(x, width, rows, ops::generic::pool_window(j, width, p));
      y[j] = x[best];
      if (argmax != nullptr) argmax[j] = static_cast<std::int32_t>(best);
    };
    const index_t end = p.stride == 1 ? max_pool_row_avx2<1>(x, width, rows, first, p, out_width, y, argmax)
                                      : max_pool_row_avx2<2>(x, width, rows, first, p, out_width, y, argmax);
    for (index_t j = 0; j < first; ++j) one(j);
    for (index_t j = end; j < out_width; ++j) one(j);
    if (argmax != nullptr) argmax += out_width;
  }
}

#endif  // VMT_CPU_X86_DISPATCH

}  // namespace vmt::inline VMT_ABI::detail
