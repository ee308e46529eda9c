// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>

#include <algorithm>  // copy_n, min

namespace vmt::inline VMT_ABI::ops::generic {

template <class T>
void concat_channels(const_view<T, 4> a, const_view<T, 4> b, tensor_view<T, 4> y) {
  for (index_t n = 0; n < y.extent(0); ++n) {
    std::copy_n(a[n].data_handle(), a[n].size(), y[n].data_handle());
    std::copy_n(b[n].data_handle(), b[n].size(), y[n].data_handle() + a[n].size());
  }
}

template <class T>
void split_channels(const_view<T, 4> x, tensor_view<T, 4> a, tensor_view<T, 4> b) {
  for (index_t n = 0; n < x.extent(0); ++n) {
    std::copy_n(x[n].data_handle(), a[n].size(), a[n].data_handle());
    std::copy_n(x[n].data_handle() + a[n].size(), b[n].size(), b[n].data_handle());
  }
}

// Output m of M lies between inputs `left` and `right` of L, at `fraction` of the way; the ends fall on the ends.
struct resample_point {
  index_t left, right;
  double fraction;
  resample_point(index_t m, index_t outputs, index_t inputs) noexcept {
    const double place =
        outputs > 1 ? static_cast<double>(m) * static_cast<double>(inputs - 1) / static_cast<double>(outputs - 1) : 0.0;
    left = (std::min)(static_cast<index_t>(place), inputs - 1);
    right = (std::min)(left + 1, inputs - 1);
    fraction = place - static_cast<double>(left);
  }
};

template <class T>
void resample_linear(const_view<T, 3> x, tensor_view<T, 3> y) {
  for (index_t m = 0; m < y.extent(2); ++m) {
    const resample_point p(m, y.extent(2), x.extent(2));
    const T f = static_cast<T>(p.fraction);
    for (index_t n = 0; n < y.extent(0); ++n)
      for (index_t c = 0; c < y.extent(1); ++c) y(n, c, m) = (T(1) - f) * x(n, c, p.left) + f * x(n, c, p.right);
  }
}

template <class T>
void resample_linear_backward(const_view<T, 3> dy, tensor_view<T, 3> dx) {
  for (T& value : dx.span()) value = T(0);
  for (index_t m = 0; m < dy.extent(2); ++m) {
    const resample_point p(m, dy.extent(2), dx.extent(2));
    const T f = static_cast<T>(p.fraction);
    for (index_t n = 0; n < dy.extent(0); ++n)
      for (index_t c = 0; c < dy.extent(1); ++c) {
        dx(n, c, p.left) += (T(1) - f) * dy(n, c, m);
        dx(n, c, p.right) += f * dy(n, c, m);
      }
  }
}

template <class T>
void swap_last_two(const_view<T, 3> x, bool accumulate, tensor_view<T, 3> y) {
  for (index_t n = 0; n < x.extent(0); ++n)
    for (index_t i = 0; i < x.extent(1); ++i)
      for (index_t j = 0; j < x.extent(2); ++j) y(n, j, i) = x(n, i, j) + (accumulate ? y(n, j, i) : T(0));
}

template <class T>
void repeat_rows(const_view<T, 2> x, tensor_view<T, 4> y) {
  for (index_t n = 0; n < y.extent(0); ++n)
    for (index_t c = 0; c < y.extent(1); ++c)
      for (index_t h = 0; h < y.extent(2); ++h) std::copy_n(x[c].data_handle(), x.extent(1), y[n][c][h].data_handle());
}

template <class T>
void repeat_rows_backward(const_view<T, 4> dy, tensor_view<T, 2> dx) {
  for (index_t c = 0; c < dy.extent(1); ++c)
    for (index_t w = 0; w < dy.extent(3); ++w) {
      double sum = 0;
      for (index_t n = 0; n < dy.extent(0); ++n)
        for (index_t h = 0; h < dy.extent(2); ++h) sum += static_cast<double>(dy(n, c, h, w));
      dx(c, w) = static_cast<T>(sum);
    }
}

}  // namespace vmt::inline VMT_ABI::ops::generic
