// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>

namespace vmt::inline VMT_ABI::ops::generic {

template <class T>
void linear(const_view<T, 2> x, const_view<T, 2> w, const_view<T, 1> bias, tensor_view<T, 2> y) {
  for (index_t n = 0; n < y.extent(0); ++n)
    for (index_t o = 0; o < y.extent(1); ++o) {
      T sum = bias.data_handle() == nullptr ? T(0) : bias(o);
      for (index_t i = 0; i < x.extent(1); ++i) sum += w(o, i) * x(n, i);
      y(n, o) = sum;
    }
}

template <class T>
void linear_backward_input(const_view<T, 2> dy, const_view<T, 2> w, tensor_view<T, 2> dx) {
  for (T& value : dx.span()) value = T(0);
  for (index_t n = 0; n < dy.extent(0); ++n)
    for (index_t o = 0; o < dy.extent(1); ++o)
      for (index_t i = 0; i < dx.extent(1); ++i) dx(n, i) += dy(n, o) * w(o, i);
}

template <class T>
void linear_backward_weight(const_view<T, 2> x, const_view<T, 2> dy, tensor_view<T, 2> dw, tensor_view<T, 1> dbias) {
  for (index_t n = 0; n < dy.extent(0); ++n)
    for (index_t o = 0; o < dy.extent(1); ++o) {
      if (dbias.data_handle() != nullptr) dbias(o) += dy(n, o);
      for (index_t i = 0; i < x.extent(1); ++i) dw(o, i) += dy(n, o) * x(n, i);
    }
}

}  // namespace vmt::inline VMT_ABI::ops::generic
