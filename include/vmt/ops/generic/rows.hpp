// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>

#include <algorithm>  // copy_n

namespace vmt::inline VMT_ABI::ops::generic {

template <class T>
void take_rows(const_view<T, 3> x, std::span<const index_t> rows, tensor_view<T, 3> y) {
  for (index_t m = 0; m < y.extent(0); ++m)
    for (index_t c = 0; c < y.extent(1); ++c) {
      std::copy_n(x[c][rows[static_cast<std::size_t>(m)]].data_handle(), x.extent(2), y[m][c].data_handle());
    }
}

template <class T>
void take_rows_backward(const_view<T, 3> dy, std::span<const index_t> rows, tensor_view<T, 3> dx) {
  for (T& value : dx.span()) value = T(0);
  for (index_t m = 0; m < dy.extent(0); ++m)
    for (index_t c = 0; c < dy.extent(1); ++c) {
      T* const to = dx[c][rows[static_cast<std::size_t>(m)]].data_handle();
      const T* const from = dy[m][c].data_handle();
      for (index_t i = 0; i < dy.extent(2); ++i) to[i] += from[i];
    }
}

}  // namespace vmt::inline VMT_ABI::ops::generic
