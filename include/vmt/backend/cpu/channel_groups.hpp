// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/group_map.hpp>
#include <vmt/backend/cpu/lanes.hpp>

#include <algorithm>  // min

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace vmt::inline VMT_ABI::detail {

/// Four rows of four numbers, `in_row` apart, are written as columns: out[s·out_row + t] = in[t·in_row + s].
VMT_ALWAYS_INLINE void transpose_4x4(const float* in, index_t in_row, float* out, index_t out_row) noexcept {
#if defined(__SSE2__)
  __m128 a = _mm_loadu_ps(in);
  __m128 b = _mm_loadu_ps(in + in_row);
  __m128 c = _mm_loadu_ps(in + 2 * in_row);
  __m128 d = _mm_loadu_ps(in + 3 * in_row);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  _mm_storeu_ps(out, a);
  _mm_storeu_ps(out + out_row, b);
  _mm_storeu_ps(out + 2 * out_row, c);
  _mm_storeu_ps(out + 3 * out_row, d);
#else
  for (index_t t = 0; t < 4; ++t)
    for (index_t s = 0; s < 4; ++s) out[s * out_row + t] = in[t * in_row + s];
#endif
}

/// Rows of planes → pixels with their channels side by side: out[j·group + c] = x[c·plane + j], j < width, zeros for
/// known ≤ c < group.
inline void gather_channels(const float* x, index_t plane, index_t known, index_t width, index_t group,
                            float* out) noexcept {
  index_t c = 0;
  for (; c + 4 <= known; c += 4) {
    index_t j = 0;
    for (; j + 4 <= width; j += 4) transpose_4x4(x + c * plane + j, plane, out + j * group + c, group);
    for (; j < width; ++j)
      for (index_t i = c; i < c + 4; ++i) out[j * group + i] = x[i * plane + j];
  }
  for (; c < group; ++c)
    for (index_t j = 0; j < width; ++j) out[j * group + c] = c < known ? x[c * plane + j] : 0.0F;
}
/// The way back: y[c·plane + j] = in[j·group + c], j < width, c < known.
inline void scatter_channels(const float* in, index_t group, index_t known, index_t width, index_t plane,
                             float* y) noexcept {
  index_t c = 0;
  for (; c + 4 <= known; c += 4) {
    index_t j = 0;
    for (; j + 4 <= width; j += 4) transpose_4x4(in + j * group + c, group, y + c * plane + j, plane);
    for (; j < width; ++j)
      for (index_t i = c; i < c + 4; ++i) y[i * plane + j] = in[j * group + i];
  }
  for (; c < known; ++c)
    for (index_t j = 0; j < width; ++j) y[c * plane + j] = in[j * group + c];
}

}  // namespace vmt::inline VMT_ABI::detail
