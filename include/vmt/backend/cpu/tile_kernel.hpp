// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/eigen.hpp>
#include <vmt/backend/cpu/lanes.hpp>

#include <type_traits>

#if VMT_CPU_X86_DISPATCH
#include <immintrin.h>
#endif

namespace vmt::inline VMT_ABI {

/// The inner loop of a convolution: one tile of `rows` output channels × `columns` output places, the channels'
/// weights packed together,
///   out[m·row + n] = Σ_c Σ_t a[(c·taps + t)·rows + m] · x[channel[c] + tap[t] + n],
/// the sum in this order, so that a result does not depend on where its tile lies.
template <class T>
struct tile_kernel {
  index_t rows;
  index_t columns;
  void (*run)(index_t channels, index_t taps, const T* a, const T* x, const index_t* channel, const index_t* tap,
              T* out, index_t row);
};

/// The inner loop of a weight gradient: `rows` output channels × `taps` taps, summed over runs of `count` places in
/// `images` images (count a multiple of `step`),
///   sums[m][t] = Σ_i Σ_p dy[i·dy_image + m·dy_row + p] · x[i·x_image + tap[t] + p].
template <class T>
struct dot_kernel {
  index_t rows;
  index_t taps;
  index_t step;
  struct operands {
    const T* dy;
    index_t dy_row, dy_image;
    const T* x;
    const index_t* tap;
    index_t x_image;
    index_t count, images;
  };
  void (*run)(const operands& o, T* sums);
};

namespace detail {

// 4×8 outer products on Eigen's packets: the portable path, and the one for double.
template <class T>
void tile_portable(index_t channels, index_t taps, const T* a, const T* x, const index_t* channel, const index_t* tap,
                   T* out, index_t row) {
  using run = Eigen::Array<T, 8, 1>;
  run sum[4];
  VMT_UNROLL
  for (int m = 0; m < 4; ++m) sum[m].setZero();
  for (index_t c = 0; c < channels; ++c) {
    for (index_t t = 0; t < taps; ++t, a += 4) {
      const run right = Eigen::Map<const run>(x + channel[c] + tap[t]);
      VMT_UNROLL
      for (int m = 0; m < 4; ++m) sum[m] += a[m] * right;
    }
  }
  VMT_UNROLL
  for (int m = 0; m < 4; ++m) Eigen::Map<run>(out + row * m) = sum[m];
}

template <class T>
void dot_portable(const typename dot_kernel<T>::operands& o, T* sums) {
  using run = Eigen::Array<T, 4, 1>;
  run sum[4][2];
  VMT_UNROLL
  for (int m = 0; m < 4; ++m) {
    VMT_UNROLL
    for (int t = 0; t < 2; ++t) sum[m][t].setZero();
  }
  for (index_t i = 0; i < o.images; ++i) {
    const T* const dy = o.dy + i * o.dy_image;
    const T* const x0 = o.x + i * o.x_image + o.tap[0];
    const T* const x1 = o.x + i * o.x_image + o.tap[1];
    for (index_t p = 0; p < o.count; p += 4) {
      const run first = Eigen::Map<const run>(x0 + p);
      const run second = Eigen::Map<const run>(x1 + p);
      VMT_UNROLL
      for (int m = 0; m < 4; ++m) {
        const run left = Eigen::Map<const run>(dy + m * o.dy_row + p);
        sum[m][0] += left * first;
        sum[m][1] += left * second;
      }
    }
  }
  VMT_UNROLL
  for (int m = 0; m < 4; ++m) {
    VMT_UNROLL
    for (int t = 0; t < 2; ++t) sums[2 * m + t] = sum[m][t].sum();
  }
}

#if VMT_CPU_X86_DISPATCH

// 4 rows × 3 vectors = 12 sums, 3 vectors of x and one broadcast: all 16 registers of AVX2.
__attribute__((target("avx2,fma"))) inline void tile_avx2(index_t channels, index_t taps, const float* a,
                                                          const float* x, const index_t* channel, const index_t* tap,
                                                          float* out, index_t row) {
  __m256 sum[4][3];
  VMT_UNROLL
  for (int m = 0; m < 4; ++m) {
    VMT_UNROLL
    for (int v = 0; v < 3; ++v) sum[m][v] = _mm256_setzero_ps();
  }
  for (index_t c = 0; c < channels; ++c) {
    const float* const plane = x + channel[c];
    for (index_t t = 0; t < taps; ++t, a += 4) {
      const float* const b = plane + tap[t];
      const __m256 b0 = _mm256_loadu_ps(b);
      const __m256 b1 = _mm256_loadu_ps(b + 8);
      const __m256 b2 = _mm256_loadu_ps(b + 16);
      VMT_UNROLL
      for (int m = 0; m < 4; ++m) {
        const __m256 left = _mm256_broadcast_ss(a + m);
        sum[m][0] = _mm256_fmadd_ps(left, b0, sum[m][0]);
        sum[m][1] = _mm256_fmadd_ps(left, b1, sum[m][1]);
        sum[m][2] = _mm256_fmadd_ps(left, b2, sum[m][2]);
      }
    }
  }
  VMT_UNROLL
  for (int m = 0; m < 4; ++m) {
    VMT_UNROLL
    for (int v = 0; v < 3; ++v) _mm256_storeu_ps(out + row * m + 8 * v, sum[m][v]);
  }
}

/// sums[i] = the sum of the lanes of v[i], four at a time.
__attribute__((target("avx2"))) inline void store_lane_sums(const __m256* v, float* sums) {
  const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
  _mm_storeu_ps(sums, _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1)));
}

// 4 rows × 3 taps = 12 sums, 3 vectors of x and one of dy.
__attribute__((target("avx2,fma"))) inline void dot_avx2(const dot_kernel<float>::operands& o, float* sums) {
  __m256 sum[12];
  VMT_UNROLL
  for (int k = 0; k < 12; ++k) sum[k] = _mm256_setzero_ps();
  for (index_t i = 0; i < o.images; ++i) {
    const float* const dy = o.dy + i * o.dy_image;
    const float* const x = o.x + i * o.x_image;
    for (index_t p = 0; p < o.count; p += 8) {
      __m256 right[3];
      VMT_UNROLL
      for (int t = 0; t < 3; ++t) right[t] = _mm256_loadu_ps(x + o.tap[t] + p);
      VMT_UNROLL
      for (int m = 0; m < 4; ++m) {
        const __m256 left = _mm256_loadu_ps(dy + m * o.dy_row + p);
        VMT_UNROLL
        for (int t = 0; t < 3; ++t) sum[3 * m + t] = _mm256_fmadd_ps(left, right[t], sum[3 * m + t]);
      }
    }
  }
  VMT_UNROLL
  for (int k = 0; k < 12; k += 4) store_lane_sums(sum + k, sums + k);
}

// 8 rows × 3 vectors = 24 sums, 3 vectors of x and a broadcast of the 32 registers. Eleven loads for 24 multiply-adds
// leave the load ports idle half of the time; eight rows divide every channel count of the networks.
__attribute__((target("avx512f"))) inline void tile_avx512(index_t channels, index_t taps, const float* a,
                                                           const float* x, const index_t* channel, const index_t* tap,
                                                           float* out, index_t row) {
  __m512 sum[8][3];
  VMT_UNROLL
  for (int m = 0; m < 8; ++m) {
    VMT_UNROLL
    for (int v = 0; v < 3; ++v) sum[m][v] = _mm512_setzero_ps();
  }
  for (index_t c = 0; c < channels; ++c) {
    const float* const plane = x + channel[c];
    for (index_t t = 0; t < taps; ++t, a += 8) {
      const float* const b = plane + tap[t];
      const __m512 b0 = _mm512_loadu_ps(b);
      const __m512 b1 = _mm512_loadu_ps(b + 16);
      const __m512 b2 = _mm512_loadu_ps(b + 32);
      VMT_UNROLL
      for (int m = 0; m < 8; ++m) {
        const __m512 left = _mm512_set1_ps(a[m]);
        sum[m][0] = _mm512_fmadd_ps(left, b0, sum[m][0]);
        sum[m][1] = _mm512_fmadd_ps(left, b1, sum[m][1]);
        sum[m][2] = _mm512_fmadd_ps(left, b2, sum[m][2]);
      }
    }
  }
  VMT_UNROLL
  for (int m = 0; m < 8; ++m) {
    VMT_UNROLL
    for (int v = 0; v < 3; ++v) _mm512_storeu_ps(out + row * m + 16 * v, sum[m][v]);
  }
}

__attribute__((target("avx512f"))) inline void store_lane_sums(const __m512* v, float* sums) {
  alignas(64) float lanes[4][16];  // through memory, for GCC 12 warns about its own casts and extracts
  __m256 half[4];
  VMT_UNROLL
  for (int k = 0; k < 4; ++k) _mm512_store_ps(lanes[k], v[k]);
  VMT_UNROLL
  for (int k = 0; k < 4; ++k) half[k] = _mm256_add_ps(_mm256_load_ps(lanes[k]), _mm256_load_ps(lanes[k] + 8));
  store_lane_sums(half, sums);
}

// 4 rows × 6 taps = 24 sums, 6 vectors of x and one of dy: ten loads for 24 multiply-adds.
__attribute__((target("avx512f"))) inline void dot_avx512(const dot_kernel<float>::operands& o, float* sums) {
  __m512 sum[24];
  VMT_UNROLL
  for (int k = 0; k < 24; ++k) sum[k] = _mm512_setzero_ps();
  for (index_t i = 0; i < o.images; ++i) {
    const float* const dy = o.dy + i * o.dy_image;
    const float* const x = o.x + i * o.x_image;
    for (index_t p = 0; p < o.count; p += 16) {
      __m512 right[6];
      VMT_UNROLL
      for (int t = 0; t < 6; ++t) right[t] = _mm512_loadu_ps(x + o.tap[t] + p);
      VMT_UNROLL
      for (int m = 0; m < 4; ++m) {
        const __m512 left = _mm512_loadu_ps(dy + m * o.dy_row + p);
        VMT_UNROLL
        for (int t = 0; t < 6; ++t) sum[6 * m + t] = _mm512_fmadd_ps(left, right[t], sum[6 * m + t]);
      }
    }
  }
  VMT_UNROLL
  for (int k = 0; k < 24; k += 4) store_lane_sums(sum + k, sums + k);
}

#endif  // VMT_CPU_X86_DISPATCH

}  // namespace detail

/// The kernels for numbers of type T on `isa`.
template <class T>
[[nodiscard]] dot_kernel<T> make_dot_kernel([[maybe_unused]] cpu_isa isa) {
#if VMT_CPU_X86_DISPATCH
  if constexpr (std::is_same_v<T, float>) {
    if (isa == cpu_isa::avx512) return {4, 6, 16, &detail::dot_avx512};
    if (isa == cpu_isa::avx2) return {4, 3, 8, &detail::dot_avx2};
  }
#endif
  return {4, 2, 4, &detail::dot_portable<T>};
}
template <class T>
[[nodiscard]] tile_kernel<T> make_tile_kernel([[maybe_unused]] cpu_isa isa) {
#if VMT_CPU_X86_DISPATCH
  if constexpr (std::is_same_v<T, float>) {
    if (isa == cpu_isa::avx512) return {8, 48, &detail::tile_avx512};
    if (isa == cpu_isa::avx2) return {4, 24, &detail::tile_avx2};
  }
#endif
  return {4, 8, &detail::tile_portable<T>};
}

}  // namespace vmt::inline VMT_ABI
