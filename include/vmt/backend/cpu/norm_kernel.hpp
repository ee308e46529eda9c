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

// The passes over memory are what costs; a compiler without -m flags would make them SSE2 in double. Sums are in float
// over short runs, 16 lanes of at most 32 numbers, and in double over the runs: a fixed order, and as exact as the
// numbers themselves.
inline constexpr index_t sum_run = 512;

__attribute__((target("avx2,fma"))) inline double sum_of_lanes(__m256 a, __m256 b) {
  const __m256d low =
      _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(a)), _mm256_cvtps_pd(_mm256_castps256_ps128(b)));
  const __m256d high =
      _mm256_add_pd(_mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)), _mm256_cvtps_pd(_mm256_extractf128_ps(b, 1)));
  const __m256d both = _mm256_add_pd(low, high);
  const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(both), _mm256_extractf128_pd(both, 1));
  return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

/// Σ (x − origin) and Σ (x − origin)². Each run is summed around the mean of the one before it, the first one around
/// its first number, so that squares in float stay as small as the deviations whatever the origin.
__attribute__((target("avx2,fma"))) inline std::array<double, 2> moments_avx2(index_t n, const float* x, float origin) {
  std::array<double, 2> sums{0, 0};
  float centre = n > 0 ? x[0] : origin;
  index_t i = 0;
  while (i + 16 <= n) {
    const index_t begin = i;
    const index_t end = (std::min)(n, i + sum_run);
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, q0 = s0, q1 = s0;
    const __m256 o = _mm256_set1_ps(centre);
    for (; i + 16 <= end; i += 16) {
      const __m256 a = _mm256_sub_ps(_mm256_loadu_ps(x + i), o);
      const __m256 b = _mm256_sub_ps(_mm256_loadu_ps(x + i + 8), o);
      s0 = _mm256_add_ps(s0, a);
      s1 = _mm256_add_ps(s1, b);
      q0 = _mm256_fmadd_ps(a, a, q0);
      q1 = _mm256_fmadd_ps(b, b, q1);
    }
    const double count = static_cast<double>(i - begin);
    const double shift = static_cast<double>(centre) - static_cast<double>(origin);
    const double sum = sum_of_lanes(s0, s1);
    sums[0] += sum + count * shift;
    sums[1] += sum_of_lanes(q0, q1) + shift * (2 * sum + count * shift);
    centre += static_cast<float>(sum / count);
  }
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

/// y = weight · normalised(x), or that added to y. Bit i of `open`, unless that is null, tells whether the ReLU let
/// number i through.
__attribute__((target("avx2,fma"))) inline void weigh_normalised_avx2(index_t n, const float* x, const norm_line& l,
                                                                      float weight, bool add, float* y,
                                                                      unsigned char* open) {
  const __m256 scale = _mm256_set1_ps(l.scale), mean = _mm256_set1_ps(l.mean), shift = _mm256_set1_ps(l.shift);
  const __m256 zero = _mm256_setzero_ps(), w = _mm256_set1_ps(weight);
  index_t i = 0;
  for (; i + 8 <= n; i += 8) {
    __m256 v = _mm256_fmadd_ps(scale, _mm256_sub_ps(_mm256_loadu_ps(x + i), mean), shift);
    if (open != nullptr) {
      open[i / 8] = static_cast<unsigned char>(_mm256_movemask_ps(_mm256_cmp_ps(v, zero, _CMP_GT_OQ)));
    }
    if (l.relu) v = _mm256_max_ps(zero, v);
    _mm256_storeu_ps(y + i, add ? _mm256_fmadd_ps(w, v, _mm256_loadu_ps(y + i)) : _mm256_mul_ps(w, v));
  }
  if (open != nullptr && i < n) open[i / 8] = 0;
  for (; i < n; ++i) {
    float v = normalised(x[i], l);
    if (open != nullptr && v > 0.0F) open[i / 8] = static_cast<unsigned char>(open[i / 8] | 1U << i % 8);
    if (l.relu && v <= 0.0F) v = 0.0F;
    y[i] = add ? __builtin_fmaf(weight, v, y[i]) : weight * v;
  }
}

/// Σ g and Σ g·(x − mean).
__attribute__((target("avx2,fma"))) inline std::array<double, 2> gradient_sums_avx2(index_t n, const float* x,
                                                                                    const float* dy,
                                                                                    const norm_line& l) {
  std::array<double, 2> sums{0, 0};
  const __m256 scale = _mm256_set1_ps(l.scale), mean = _mm256_set1_ps(l.mean), shift = _mm256_set1_ps(l.shift);
  const __m256 zero = _mm256_setzero_ps();
  const __m256 always = _mm256_castsi256_ps(_mm256_set1_epi32(l.relu ? 0 : -1));
  index_t i = 0;
  while (i + 16 <= n) {
    const index_t end = (std::min)(n, i + sum_run);
    __m256 s0 = zero, s1 = zero, q0 = zero, q1 = zero;
    for (; i + 16 <= end; i += 16) {
      const __m256 a = _mm256_sub_ps(_mm256_loadu_ps(x + i), mean);
      const __m256 b = _mm256_sub_ps(_mm256_loadu_ps(x + i + 8), mean);
      const __m256 open_a = _mm256_cmp_ps(_mm256_fmadd_ps(scale, a, shift), zero, _CMP_GT_OQ);
      const __m256 open_b = _mm256_cmp_ps(_mm256_fmadd_ps(scale, b, shift), zero, _CMP_GT_OQ);
      const __m256 g = _mm256_and_ps(_mm256_or_ps(always, open_a), _mm256_loadu_ps(dy + i));
      const __m256 h = _mm256_and_ps(_mm256_or_ps(always, open_b), _mm256_loadu_ps(dy + i + 8));
      s0 = _mm256_add_ps(s0, g);
      s1 = _mm256_add_ps(s1, h);
      q0 = _mm256_fmadd_ps(g, a, q0);
      q1 = _mm256_fmadd_ps(h, b, q1);
    }
    sums[0] += sum_of_lanes(s0, s1);
    sums[1] += sum_of_lanes(q0, q1);
  }
  for (; i < n; ++i) {
    if (l.relu && !(normalised(x[i], l) > 0.0F)) continue;
    sums[0] += static_cast<double>(dy[i]);
    sums[1] += static_cast<double>(dy[i]) * (static_cast<double>(x[i]) - static_cast<double>(l.mean));
  }
  return sums;
}

/// out = g, which is dy, or 0 where the ReLU's output was 0; returns Σ g. out may be x.
__attribute__((target("avx2,fma"))) inline double open_gradient_avx2(index_t n, const float* x, const float* dy,
                                                                     const norm_line& l, float* out) {
  double all = 0;
  const __m256 scale = _mm256_set1_ps(l.scale), mean = _mm256_set1_ps(l.mean), shift = _mm256_set1_ps(l.shift);
  const __m256 zero = _mm256_setzero_ps();
  index_t i = 0;
  while (i + 16 <= n) {
    const index_t end = (std::min)(n, i + sum_run);
    __m256 s0 = zero, s1 = zero;
    for (; i + 16 <= end; i += 16) {
      const __m256 a = _mm256_fmadd_ps(scale, _mm256_sub_ps(_mm256_loadu_ps(x + i), mean), shift);
      const __m256 b = _mm256_fmadd_ps(scale, _mm256_sub_ps(_mm256_loadu_ps(x + i + 8), mean), shift);
      const __m256 g = _mm256_and_ps(_mm256_cmp_ps(a, zero, _CMP_GT_OQ), _mm256_loadu_ps(dy + i));
      const __m256 h = _mm256_and_ps(_mm256_cmp_ps(b, zero, _CMP_GT_OQ), _mm256_loadu_ps(dy + i + 8));
      s0 = _mm256_add_ps(s0, g);
      s1 = _mm256_add_ps(s1, h);
      _mm256_storeu_ps(out + i, g);
      _mm256_storeu_ps(out + i + 8, h);
    }
    all += sum_of_lanes(s0, s1);
  }
  for (; i < n; ++i) {
    out[i] = normalised(x[i], l) > 0.0F ? dy[i] : 0.0F;
    all += static_cast<double>(out[i]);
  }
  return all;
}

/// The same, given the bits that `weigh_normalised_avx2` wrote.
__attribute__((target("avx2,fma"))) inline double open_gradient_avx2(index_t n, const unsigned char* open,
                                                                     const float* dy, float* out) {
  double all = 0;
  const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  index_t i = 0;
  while (i + 8 <= n) {
    const index_t end = (std::min)(n, i + sum_run);
    __m256 sum = _mm256_setzero_ps();
    for (; i + 8 <= end; i += 8) {
      const __m256i bits = _mm256_and_si256(_mm256_set1_epi32(open[i / 8]), bit);
      const __m256 g = _mm256_and_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(bits, bit)), _mm256_loadu_ps(dy + i));
      sum = _mm256_add_ps(sum, g);
      _mm256_storeu_ps(out + i, g);
    }
    all += sum_of_lanes(sum, _mm256_setzero_ps());
  }
  for (; i < n; ++i) {
    out[i] = (open[i / 8] >> i % 8 & 1) != 0 ? dy[i] : 0.0F;
    all += static_cast<double>(out[i]);
  }
  return all;
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
