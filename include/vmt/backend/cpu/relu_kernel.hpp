// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/context.hpp>

namespace vmt::inline VMT_ABI::detail {

// A comparison of random numbers mispredicts every other branch, and compilers at -O2 leave the branch: hence by hand.

#if VMT_CPU_X86_DISPATCH

__attribute__((target("avx2"))) inline void relu_avx2(index_t n, const float* x, float* y) {
  const __m256 zero = _mm256_setzero_ps();
  index_t i = 0;
  // max returns its second operand where one is NaN
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, _mm256_max_ps(zero, _mm256_loadu_ps(x + i)));
  for (; i < n; ++i) y[i] = x[i] <= 0.0F ? 0.0F : x[i];
}

__attribute__((target("avx2"))) inline void relu_backward_avx2(index_t n, const float* y, const float* dy, float* dx) {
  const __m256 zero = _mm256_setzero_ps();
  index_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 open = _mm256_cmp_ps(_mm256_loadu_ps(y + i), zero, _CMP_GT_OQ);
    _mm256_storeu_ps(dx + i, _mm256_and_ps(open, _mm256_loadu_ps(dy + i)));
  }
  for (; i < n; ++i) dx[i] = y[i] > 0.0F ? dy[i] : 0.0F;
}

#endif

template <class T>
void relu_run([[maybe_unused]] cpu_isa isa, index_t n, const T* x, T* y) {
#if VMT_CPU_X86_DISPATCH
  if constexpr (std::is_same_v<T, float>) {
    if (isa != cpu_isa::portable) return relu_avx2(n, x, y);
  }
#endif
  const const_array_map<T> in(x, n);
  array_map<T>(y, n) = (in <= T(0)).select(T(0), in);  // keeps NaN
}

template <class T>
void relu_backward_run([[maybe_unused]] cpu_isa isa, index_t n, const T* y, const T* dy, T* dx) {
#if VMT_CPU_X86_DISPATCH
  if constexpr (std::is_same_v<T, float>) {
    if (isa != cpu_isa::portable) return relu_backward_avx2(n, y, dy, dx);
  }
#endif
  array_map<T>(dx, n) = (const_array_map<T>(y, n) > T(0)).select(const_array_map<T>(dy, n), T(0));
}

}  // namespace vmt::inline VMT_ABI::detail
