// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/lanes.hpp>
#include <vmt/backend/cpu/narrow_tile.hpp>

#include <bit>    // bit_cast
#include <cmath>  // fma
#include <cstdint>

#if VMT_CPU_X86_DISPATCH
#include <immintrin.h>
#endif

namespace vmt::inline VMT_ABI::detail {

/// The nearest whole number (of two the even one) in 0 … 255. NaN gives 255.
VMT_ALWAYS_INLINE std::uint8_t to_u8(float v) noexcept {
  v = v < 255.0F ? v : 255.0F;
  v = v > 0.0F ? v : 0.0F;
  // Added to 1.5·2²³ a number loses its fraction, and its lowest bits are those of the whole number.
  return static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(v + 12582912.0F) & 255U);
}

/// Maps of u8, weights of s8, whole sums of 32 bits; 255·127·9·512 products of the largest layer are far from the
/// largest of those.
struct int8_numbers {
  using number = std::uint8_t;
  using weight = std::int8_t;
  static constexpr index_t packed = 4;

  /// to_u8(fma(residual of the job, residual, fma(sum, scale[k], bias[k]))): the steps and zero points of input,
  /// weights, residual and output are in these numbers, and 0 is where a ReLU ends. All of it is exact or rounded as
  /// IEEE 754 says, so every instruction set gives the same.
  struct end {
    const float* scale;
    const float* bias;
    float residual;

    [[nodiscard]] end of_group(index_t g) const noexcept {
      return {scale + g * narrow_group, bias + g * narrow_group, residual};
    }
  };
};
using int8_tile_job = narrow_tile_job<int8_numbers>;

/// Plain loops: what the others must equal, and what runs where there are none.
template <int P>
struct int8_tile_plain {
  static void run(const int8_tile_job* job) noexcept {
    for (index_t p = 0; p < P; ++p) {
      std::int32_t sum[narrow_group] = {};
      const std::int8_t* w = job->w;
      for (index_t r = 0; r < job->runs; ++r) {
        const std::uint8_t* const x = job->x + job->offset[r] + p * job->step;
        for (index_t c = 0; c < narrow_group; c += 4)
          for (index_t k = 0; k < narrow_group; ++k, w += 4) {
            sum[k] += x[c] * w[0] + x[c + 1] * w[1] + x[c + 2] * w[2] + x[c + 3] * w[3];
          }
      }
      for (index_t k = 0; k < narrow_group; ++k) {
        float v = std::fma(static_cast<float>(sum[k]), job->end.scale[k], job->end.bias[k]);
        if (job->residual != nullptr) {
          v = std::fma(static_cast<float>(job->residual[p * job->y_step + k]), job->end.residual, v);
        }
        job->y[p * job->y_step + k] = to_u8(v);
      }
    }
  }
};
/// y[y_step·p + c] = to_u8(x[group·p + c] / step + zero) for c < group.
inline void quantise_plain(const float* x, index_t pixels, index_t group, float per_step, float zero, std::uint8_t* y,
                           index_t y_step) noexcept {
  for (index_t p = 0; p < pixels; ++p)
    for (index_t c = 0; c < group; ++c) y[p * y_step + c] = to_u8(std::fma(*x++, per_step, zero));
}

#if VMT_CPU_X86_DISPATCH

/// Registers of sums. As numbers of 32 bits: arrays of __m512i, whose elements have 64, GCC 12 keeps in memory.
using sums_of_16 = std::int32_t __attribute__((vector_size(64)));
using sums_of_8 = std::int32_t __attribute__((vector_size(32)));

// The forms with masks, for GCC 12 warns about what its own others leave undefined.
__attribute__((target("avx512f"), always_inline)) inline void store_u8(__m512 v, std::uint8_t* y) noexcept {
  v = _mm512_maskz_min_ps(0xFFFF, v, _mm512_set1_ps(255.0F));
  v = _mm512_maskz_max_ps(0xFFFF, v, _mm512_setzero_ps());
  const __m128i bytes = _mm512_maskz_cvtepi32_epi8(0xFFFF, _mm512_maskz_cvtps_epi32(0xFFFF, v));
  std::memcpy(y, &bytes, sizeof bytes);
}
/// 16 sums of a pixel → 16 numbers of its output.
__attribute__((target("avx512f"), always_inline)) inline void finish_int8(const int8_tile_job& job, __m512i sum,
                                                                          index_t pixel, index_t k) noexcept {
  __m512 v = _mm512_fmadd_ps(_mm512_maskz_cvtepi32_ps(0xFFFF, sum), _mm512_loadu_ps(job.end.scale + k),
                             _mm512_loadu_ps(job.end.bias + k));
  if (job.residual != nullptr) {
    __m128i bytes;
    std::memcpy(&bytes, job.residual + pixel * job.y_step + k, sizeof bytes);
    const __m512 r = _mm512_maskz_cvtepi32_ps(0xFFFF, _mm512_maskz_cvtepu8_epi32(0xFFFF, bytes));
    v = _mm512_fmadd_ps(r, _mm512_set1_ps(job.end.residual), v);
  }
  store_u8(v, job.y + pixel * job.y_step + k);
}

/// P pixels × 2 registers of sums, as `pixel_tile`: 28 sums, two of weights, four channels of a pixel in all lanes.
template <int P>
struct int8_tile_avx512 {
  __attribute__((target("avx512f,avx512vnni"))) static void run(const int8_tile_job* job) noexcept {
    sums_of_16 sum[static_cast<std::size_t>(P)][2];
    VMT_UNROLL
    for (int p = 0; p < P; ++p) sum[p][0] = sum[p][1] = sums_of_16{};
    const std::int8_t* w = job->w;
    const index_t step = job->step;
    for (index_t r = 0; r < job->runs; ++r) {
      const std::uint8_t* x = job->x + job->offset[r];
      for (index_t c = 0; c < narrow_group; c += 4, x += 4, w += 4 * narrow_group) {
        __m512i w0, w1;
        std::memcpy(&w0, w, sizeof w0);
        std::memcpy(&w1, w + 64, sizeof w1);
        VMT_UNROLL
        for (int p = 0; p < P; ++p) {
          int four;
          std::memcpy(&four, x + p * step, sizeof four);
          const __m512i all = _mm512_set1_epi32(four);
          add(sum[p][0], all, w0);
          add(sum[p][1], all, w1);
        }
      }
    }
    VMT_UNROLL
    for (int p = 0; p < P; ++p) {
      finish_int8(*job, reinterpret_cast<__m512i>(sum[p][0]), p, 0);
      finish_int8(*job, reinterpret_cast<__m512i>(sum[p][1]), p, 16);
    }
  }

 private:
  __attribute__((target("avx512f,avx512vnni"), always_inline)) static void add(sums_of_16& sum, const __m512i& x,
                                                                               const __m512i& w) noexcept {
    sum = reinterpret_cast<sums_of_16>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), x, w));
  }
};
__attribute__((target("avx512f"))) inline void quantise_avx512(const float* x, index_t pixels, index_t group,
                                                               float per_step, float zero, std::uint8_t* y,
                                                               index_t y_step) noexcept {
  for (index_t p = 0; p < pixels; ++p)
    for (index_t c = 0; c < group; c += 16, x += 16) {
      store_u8(_mm512_fmadd_ps(_mm512_loadu_ps(x), _mm512_set1_ps(per_step), _mm512_set1_ps(zero)), y + p * y_step + c);
    }
}

/// P pixels × 4 registers of sums: with three pixels 12 of the 16 registers; three broadcasts, one of weights.
template <int P>
struct int8_tile_avx2 {
  __attribute__((target("avx2,fma,avxvnni"))) static void run(const int8_tile_job* job) noexcept {
    sums_of_8 sum[static_cast<std::size_t>(P)][4];
    VMT_UNROLL
    for (int p = 0; p < P; ++p) sum[p][0] = sum[p][1] = sum[p][2] = sum[p][3] = sums_of_8{};
    const std::int8_t* w = job->w;
    for (index_t r = 0; r < job->runs; ++r) {
      const std::uint8_t* x = job->x + job->offset[r];
      for (index_t c = 0; c < narrow_group; c += 4, x += 4, w += 4 * narrow_group) {
        __m256i all[static_cast<std::size_t>(P)];
        VMT_UNROLL
        for (int p = 0; p < P; ++p) {
          int four;
          std::memcpy(&four, x + p * job->step, sizeof four);
          all[p] = _mm256_set1_epi32(four);
        }
        VMT_UNROLL
        for (int k = 0; k < 4; ++k) {
          __m256i weights;
          std::memcpy(&weights, w + 32 * k, sizeof weights);
          VMT_UNROLL
          for (int p = 0; p < P; ++p) add(sum[p][k], all[p], weights);
        }
      }
    }
    VMT_UNROLL
    for (int p = 0; p < P; ++p) {
      VMT_UNROLL
      for (int k = 0; k < 4; ++k) finish(*job, reinterpret_cast<__m256i>(sum[p][k]), p, 8 * k);
    }
  }

 private:
  __attribute__((target("avx2,avxvnni"), always_inline)) static void add(sums_of_8& sum, const __m256i& x,
                                                                         const __m256i& w) noexcept {
    sum = reinterpret_cast<sums_of_8>(_mm256_dpbusd_avx_epi32(reinterpret_cast<__m256i>(sum), x, w));
  }
  __attribute__((target("avx2,fma"), always_inline)) static void finish(const int8_tile_job& job, __m256i sum,
                                                                        index_t pixel, index_t k) noexcept {
    __m256 v =
        _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(job.end.scale + k), _mm256_loadu_ps(job.end.bias + k));
    if (job.residual != nullptr) {
      std::int64_t bytes;
      std::memcpy(&bytes, job.residual + pixel * job.y_step + k, sizeof bytes);
      const __m256 r = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(bytes)));
      v = _mm256_fmadd_ps(r, _mm256_set1_ps(job.end.residual), v);
    }
    v = _mm256_max_ps(_mm256_min_ps(v, _mm256_set1_ps(255.0F)), _mm256_setzero_ps());
    const __m256i whole = _mm256_cvtps_epi32(v);
    const __m128i half = _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    const std::int64_t bytes = _mm_cvtsi128_si64(_mm_packus_epi16(half, half));
    std::memcpy(job.y + pixel * job.y_step + k, &bytes, sizeof bytes);
  }
};

#endif  // VMT_CPU_X86_DISPATCH

}  // namespace vmt::inline VMT_ABI::detail
