// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>

namespace vmt::inline VMT_ABI::ops::generic {

template <class T>
void aggregate(const_view<T, 5> x, const_view<T, 2> weight, tensor_view<T, 4> y, index_t first, index_t last) {
  const index_t size = x.extent(3) * x.extent(4);
  for (index_t n = 0; n < x.extent(0); ++n)
    for (index_t c = first; c < last; ++c) {
      T* out = y[n][c].data_handle();
      for (index_t i = 0; i < size; ++i) out[i] = T(0);
      for (index_t f = 0; f < x.extent(1); ++f) {
        const T* in = x[n][f][c].data_handle();
        const T w = weight(c, f);
        for (index_t i = 0; i < size; ++i) out[i] += w * in[i];
      }
    }
}

template <class T>
void aggregate_backward(const_view<T, 5> x, const_view<T, 4> dy, const_view<T, 2> weight, tensor_view<T, 2> dweight,
                        tensor_view<T, 5> dx, index_t first, index_t last) {
  const index_t size = x.extent(3) * x.extent(4);
  for (index_t n = 0; n < x.extent(0); ++n)
    for (index_t c = first; c < last; ++c) {
      const T* g = dy[n][c].data_handle();
      for (index_t f = 0; f < x.extent(1); ++f) {
        const T* in = x[n][f][c].data_handle();
        T* out = dx[n][f][c].data_handle();
        const T w = weight(c, f);
        double part[4] = {0, 0, 0, 0};
        for (index_t i = 0; i < size; ++i) {
          part[i & 3] += static_cast<double>(g[i]) * static_cast<double>(in[i]);
          out[i] = w * g[i];
        }
        dweight(c, f) += static_cast<T>((part[0] + part[1]) + (part[2] + part[3]));
      }
    }
}

}  // namespace vmt::inline VMT_ABI::ops::generic
