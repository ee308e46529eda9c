// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

namespace vmt::inline VMT_ABI::gpu {

/// C = op(A) · op(B), or C + that, for row-major matrices: op(A) is m×k, op(B) k×n, C m×n. A batch repeats it at
/// strides, in numbers. Device pointers.
template <class T>
struct matrix_product {
  index_t m = 0, n = 0, k = 0;
  const T* a = nullptr;
  bool transpose_a = false;  ///< A lies there as k×m
  const T* b = nullptr;
  bool transpose_b = false;  ///< B lies there as n×k
  T* c = nullptr;
  bool accumulate = false;
  index_t batch = 1, stride_a = 0, stride_b = 0, stride_c = 0;
};

/// The same in the words of BLAS, whose matrices are column-major: Cᵀ = op(B)ᵀ · op(A)ᵀ, so A and B change places and
/// no number moves. `first` is `n`×`k`-sided: gemm(rows, columns, depth, first, second).
template <class T>
struct blas_product {
  int rows, columns, depth;
  const T* first;
  bool transpose_first;
  int first_pitch;
  const T* second;
  bool transpose_second;
  int second_pitch;
  T* result;
  int result_pitch;
  bool accumulate;
  int batch;
  long long first_stride, second_stride, result_stride;
};

template <class T>
[[nodiscard]] blas_product<T> column_major(const matrix_product<T>& p) {
  const index_t sizes[] = {p.m, p.n, p.k, p.batch};
  for (const index_t size : sizes) {
    if (size < 1 || size > 0x7FFFFFFF) {
      throw error(errc::limit_exceeded, "a matrix product with a size of " + std::to_string(size));
    }
  }
  const auto to_int = [](index_t v) { return static_cast<int>(v); };
  return {to_int(p.n),
          to_int(p.m),
          to_int(p.k),
          p.b,
          p.transpose_b,
          to_int(p.transpose_b ? p.k : p.n),
          p.a,
          p.transpose_a,
          to_int(p.transpose_a ? p.m : p.k),
          p.c,
          to_int(p.n),
          p.accumulate,
          to_int(p.batch),
          p.stride_b,
          p.stride_a,
          p.stride_c};
}

}  // namespace vmt::inline VMT_ABI::gpu
