// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/context.hpp>

#include <array>

namespace vmt::inline VMT_ABI::detail {

/// What batch norm does to the numbers of a channel, one contiguous run at a time:
///   y = scale · (x − mean) + shift, then ReLU where asked for.
struct norm_line {
  float scale, mean, shift;
  bool relu;
};
/// And its gradient: dx = a·g − c + b·(x − mean), where g is dy, or 0 where the ReLU's output was 0.
struct norm_gradient {
  float a, b, c;
};

#if VMT_CPU_X86_DISPATCH

// The passes over memory are what costs; a compiler without -m flags would make them SSE2 in double. Sums are in
// double, in eight lanes of fixed order.

__attribute__((target("avx2,fma"))) inline double sum_of(__m256d a, __m256d b) {
  const __m256d both = _mm256_add_pd(a, b);
  const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(both), _mm256_extractf128_pd(both, 1));
  return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}
__attribute__((target("avx2"))) inline __m256d low_of(__m256 v) {
  return _mm256_cvtps_pd(_mm256_castps256_ps128(v));
}
__attribute__((target("avx2"))) inline __m256d high_of(__m256 v) {
  return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
}

/// Σ (x − origin) and Σ (x − origin)².
__attribute__((target("avx2,fma"))) inline std::array<double, 2> moments_avx2(index_t n, const float* x, float origin) {
  __m256d s0 = _mm256_setzero_pd(), s1 = s0, q0 = s0, q1 = s0;
  const __m256d o = _mm256_set1_pd(static_cast<double>(origin));
  index_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 v = _mm256_loadu_ps(x + i);
    const __m256d a = _mm256_sub_pd(low_of(v), o);
    const __m256d b = _mm256_sub_pd(high_of(v), o);
    s0 = _mm256_add_pd(s0, a);
    s1 = _mm256_add_pd(s1, b);
    q0 = _mm256_fmadd_pd(a, a, q0);
    q1 = _mm256_fmadd_pd(b, b, q1);
  }
  std::array<double, 2> sums{sum_of(s0, s1), sum_of(q0, q1)};
  for (; i < n; ++i) {
    const double d = static_cast<double>(x[i]) - static_cast<double>(origin);
    sums[0] += d;
    sums[1] += d * d;
  }
  return sums;
}

__attribute__((target("avx2,fma"))) inline float normalised(float x, const norm_line& l) {
  return __builtin_fmaf(l.scale, x - l.mean, l.shift);
}

__attribute__((target("avx2,fma"))) inline void normalise_avx2(index_t n, const float* x, const norm_line& l,
                                                               float* y) {
  const __m256 scale = _mm256_set1_ps(l.scale), mean = _mm256_set1_ps(l.mean), shift = _mm256_set1_ps(l.shift);
  const __m256 zero = _mm256_setzero_ps();
  index_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 v = _mm256_fmadd_ps(scale, _mm256_sub_ps(_mm256_loadu_ps(x + i), mean), shift);
    // max returns its second operand where one is NaN
    _mm256_storeu_ps(y + i, l.relu ? _mm256_max_ps(zero, v) : v);
  }
  for (; i < n; ++i) {
    const float v = normalised(x[i], l);
    y[i] = l.relu && v <= 0.0F ? 0.0F : v;
  }
}

/// Σ g and Σ g·(x − mean).
__attribute__((target("avx2,fma"))) inline std::array<double, 2> gradient_sums_avx2(index_t n, const float* x,
                                                                                    const float* dy,
                                                                                    const norm_line& l) {
  __m256d s0 = _mm256_setzero_pd(), s1 = s0, q0 = s0, q1 = s0;
  const __m256 scale = _mm256_set1_ps(l.scale), mean = _mm256_set1_ps(l.mean), shift = _mm256_set1_ps(l.shift);
  const __m256d m = _mm256_set1_pd(static_cast<double>(l.mean));
  const __m256 always = _mm256_castsi256_ps(_mm256_set1_epi32(l.relu ? 0 : -1));
  index_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 v = _mm256_loadu_ps(x + i);
    const __m256 out = _mm256_fmadd_ps(scale, _mm256_sub_ps(v, mean), shift);
    const __m256 open = _mm256_or_ps(always, _mm256_cmp_ps(out, _mm256_setzero_ps(), _CMP_GT_OQ));
    const __m256 g = _mm256_and_ps(open, _mm256_loadu_ps(dy + i));
    const __m256d a = low_of(g), b = high_of(g);
    s0 = _mm256_add_pd(s0, a);
    s1 = _mm256_add_pd(s1, b);
    q0 = _mm256_fmadd_pd(a, _mm256_sub_pd(low_of(v), m), q0);
    q1 = _mm256_fmadd_pd(b, _mm256_sub_pd(high_of(v), m), q1);
  }
  std::array<double, 2> sums{sum_of(s0, s1), sum_of(q0, q1)};
  for (; i < n; ++i) {
    if (l.relu && !(normalised(x[i], l) > 0.0F)) continue;
    sums[0] += static_cast<double>(dy[i]);
    sums[1] += static_cast<double>(dy[i]) * (static_cast<double>(x[i]) - static_cast<double>(l.mean));
  }
  return sums;
}

__attribute__((target("avx2,fma"))) inline void norm_gradient_avx2(index_t n, const float* x, const float* dy,
                                                                   const norm_line& l, const norm_gradient& r,
                                                                   float* dx) {
  const __m256 scale = _mm256_set1_ps(l.scale), mean = _mm256_set1_ps(l.mean), shift = _mm256_set1_ps(l.shift);
  const __m256 a = _mm256_set1_ps(r.a), b = _mm256_set1_ps(r.b), c = _mm256_set1_ps(r.c);
  const __m256 always = _mm256_castsi256_ps(_mm256_set1_epi32(l.relu ? 0 : -1));
  index_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 d = _mm256_sub_ps(_mm256_loadu_ps(x + i), mean);
    const __m256 open =
        _mm256_or_ps(always, _mm256_cmp_ps(_mm256_fmadd_ps(scale, d, shift), _mm256_setzero_ps(), _CMP_GT_OQ));
    const __m256 g = _mm256_and_ps(open, _mm256_loadu_ps(dy + i));
    _mm256_storeu_ps(dx + i, _mm256_fmadd_ps(b, d, _mm256_fmsub_ps(a, g, c)));
  }
  for (; i < n; ++i) {
    const float g = l.relu && !(normalised(x[i], l) > 0.0F) ? 0.0F : dy[i];
    dx[i] = __builtin_fmaf(r.b, x[i] - l.mean, __builtin_fmaf(r.a, g, -r.c));
  }
}

#endif  // VMT_CPU_X86_DISPATCH

}  // namespace vmt::inline VMT_ABI::detail
