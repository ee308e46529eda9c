// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/eigen.hpp>
#include <vmt/backend/cpu/isa.hpp>

#include <type_traits>

#if VMT_CPU_X86_DISPATCH
#include <immintrin.h>
#endif

// GCC at -O2 leaves short loops over register arrays rolled, with the registers in memory.
#if defined(__clang__)
#define VMT_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define VMT_UNROLL _Pragma("GCC unroll 16")
#else
#define VMT_UNROLL
#endif

namespace vmt::inline VMT_ABI {

/// The inner loop of every matrix product: one tile of C (rows × columns, row-major) from packed panels,
///   tile[m][n] = (accumulate ? tile[m][n] : 0) + Σ_k a[k·rows + m] · b[k·columns + n],
/// the sum in the order of k, so that a result does not depend on where its tile lies.
template <class T>
struct tile_kernel {
  index_t rows;
  index_t columns;
  void (*run)(index_t depth, const T* a, const T* b, T* tile, bool accumulate);
};

namespace detail {

// 4×8 outer products on Eigen's packets: the portable path, and the one for double.
template <class T>
void tile_portable(index_t depth, const T* a, const T* b, T* tile, bool accumulate) {
  using row = Eigen::Array<T, 8, 1>;
  row sum[4];
  VMT_UNROLL
  for (int m = 0; m < 4; ++m) {
    if (accumulate) {
      sum[m] = Eigen::Map<const row>(tile + 8 * m);
    } else {
      sum[m].setZero();
    }
  }
  for (index_t k = 0; k < depth; ++k, a += 4, b += 8) {
    const row right = Eigen::Map<const row>(b);
    VMT_UNROLL
    for (int m = 0; m < 4; ++m) sum[m] += a[m] * right;
  }
  VMT_UNROLL
  for (int m = 0; m < 4; ++m) Eigen::Map<row>(tile + 8 * m) = sum[m];
}

#if VMT_CPU_X86_DISPATCH

// 4 rows × 3 vectors = 12 sums, 3 vectors of b and one broadcast: all 16 registers of AVX2.
__attribute__((target("avx2,fma"))) inline void tile_avx2(index_t depth, const float* a, const float* b, float* tile,
                                                          bool accumulate) {
  __m256 sum[4][3];
  VMT_UNROLL
  for (int m = 0; m < 4; ++m) {
    VMT_UNROLL
    for (int v = 0; v < 3; ++v) sum[m][v] = accumulate ? _mm256_loadu_ps(tile + 24 * m + 8 * v) : _mm256_setzero_ps();
  }
  for (index_t k = 0; k < depth; ++k, a += 4, b += 24) {
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
  VMT_UNROLL
  for (int m = 0; m < 4; ++m) {
    VMT_UNROLL
    for (int v = 0; v < 3; ++v) _mm256_storeu_ps(tile + 24 * m + 8 * v, sum[m][v]);
  }
}

// 8 rows × 3 vectors = 24 sums, 3 vectors of b and a broadcast of the 32 registers. Eleven loads for 24 multiply-adds
// leave the load ports idle half of the time; eight rows divide every channel count of the networks.
__attribute__((target("avx512f"))) inline void tile_avx512(index_t depth, const float* a, const float* b, float* tile,
                                                           bool accumulate) {
  __m512 sum[8][3];
  VMT_UNROLL
  for (int m = 0; m < 8; ++m) {
    VMT_UNROLL
    for (int v = 0; v < 3; ++v) sum[m][v] = accumulate ? _mm512_loadu_ps(tile + 48 * m + 16 * v) : _mm512_setzero_ps();
  }
  for (index_t k = 0; k < depth; ++k, a += 8, b += 48) {
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
  VMT_UNROLL
  for (int m = 0; m < 8; ++m) {
    VMT_UNROLL
    for (int v = 0; v < 3; ++v) _mm512_storeu_ps(tile + 48 * m + 16 * v, sum[m][v]);
  }
}

#endif  // VMT_CPU_X86_DISPATCH

}  // namespace detail

/// The kernel for numbers of type T on `isa`.
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
