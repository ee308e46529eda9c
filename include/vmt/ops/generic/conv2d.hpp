// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>

#include <algorithm>  // max, min

namespace vmt::inline VMT_ABI::ops {

/// Stride, zero padding and, along the width, dilation of a 2D convolution.
struct conv2d_params {
  index_t stride_h = 1;
  index_t stride_w = 1;
  index_t padding_h = 0;
  index_t padding_w = 0;
  index_t dilation_w = 1;
  index_t shift_w =
      0;  ///< moves all taps to the left; the output keeps its size. shift = padding: a causal convolution

  /// Where tap (r, s) lies, seen from i·stride_h and j·stride_w.
  [[nodiscard]] constexpr index_t tap_row(index_t r) const noexcept { return r - padding_h; }
  [[nodiscard]] constexpr index_t tap_column(index_t s) const noexcept { return s * dilation_w - padding_w - shift_w; }

  /// H' = ⌊(H + 2·padding − R) / stride⌋ + 1, zero or less where the kernel does not fit.
  [[nodiscard]] constexpr index_t out_height(index_t h, index_t kernel) const noexcept {
    const index_t room = h + 2 * padding_h - kernel;
    return room < 0 ? 0 : room / stride_h + 1;
  }
  [[nodiscard]] constexpr index_t out_width(index_t w, index_t kernel) const noexcept {
    const index_t room = w + 2 * padding_w - dilation_w * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride_w + 1;
  }
};

namespace generic {

// The outputs that tap `offset = r − padding` reaches inside an input of `size`: first and one past the last.
struct tap_range {
  index_t begin, end;
  constexpr tap_range(index_t offset, index_t stride, index_t size, index_t outputs) noexcept
      : begin(offset >= 0 ? 0 : steps(-offset, stride)),
        end(size - offset <= 0 ? 0 : (std::min)(outputs, steps(size - offset, stride))) {}

  // ⌈n / stride⌉. Packing asks for it at every tap, and a division takes longer than copying what the tap sees.
  static constexpr index_t steps(index_t n, index_t stride) noexcept {
    return stride == 1 ? n : stride == 2 ? (n + 1) >> 1 : (n + stride - 1) / stride;
  }
};

// Calls f(n, k, c, r, s, i, j, h, w) for each product of the sum: output (n,k,i,j), weight (k,c,r,s), input (n,c,h,w).
template <class F>
void for_each_product(const extents<4>& x, const extents<4>& w, const extents<4>& y, const conv2d_params& p, F f) {
  for (index_t n = 0; n < y[0]; ++n)
    for (index_t k = 0; k < y[1]; ++k)
      for (index_t c = 0; c < x[1]; ++c)
        for (index_t r = 0; r < w[2]; ++r)
          for (index_t s = 0; s < w[3]; ++s) {
            const tap_range rows(p.tap_row(r), p.stride_h, x[2], y[2]);
            const tap_range columns(p.tap_column(s), p.stride_w, x[3], y[3]);
            for (index_t i = rows.begin; i < rows.end; ++i)
              for (index_t j = columns.begin; j < columns.end; ++j)
                f(n, k, c, r, s, i, j, i * p.stride_h + p.tap_row(r), j * p.stride_w + p.tap_column(s));
          }
}

template <class T>
void conv2d(const_view<T, 4> x, const_view<T, 4> w, const_view<T, 1> bias, tensor_view<T, 4> y,
            const conv2d_params& p) {
  for (index_t n = 0; n < y.extent(0); ++n)
    for (index_t k = 0; k < y.extent(1); ++k)
      for (T& value : y[n][k].span()) value = bias.data_handle() == nullptr ? T(0) : bias(k);
  for_each_product(x.extents(), w.extents(), y.extents(), p,
                   [&](index_t n, index_t k, index_t c, index_t r, index_t s, index_t i, index_t j, index_t h,
                       index_t v) { y(n, k, i, j) += w(k, c, r, s) * x(n, c, h, v); });
}

template <class T>
void conv2d_backward_input(const_view<T, 4> dy, const_view<T, 4> w, tensor_view<T, 4> dx, const conv2d_params& p) {
  for (T& value : dx.span()) value = T(0);
  for_each_product(dx.extents(), w.extents(), dy.extents(), p,
                   [&](index_t n, index_t k, index_t c, index_t r, index_t s, index_t i, index_t j, index_t h,
                       index_t v) { dx(n, c, h, v) += w(k, c, r, s) * dy(n, k, i, j); });
}

template <class T>
void conv2d_backward_weight(const_view<T, 4> x, const_view<T, 4> dy, tensor_view<T, 4> dw, const conv2d_params& p) {
  for_each_product(x.extents(), dw.extents(), dy.extents(), p,
                   [&](index_t n, index_t k, index_t c, index_t r, index_t s, index_t i, index_t j, index_t h,
                       index_t v) { dw(k, c, r, s) += x(n, c, h, v) * dy(n, k, i, j); });
}

template <class T>
void channel_sum(const_view<T, 4> dy, tensor_view<T, 1> db, index_t first_channel, index_t last_channel) {
  for (index_t c = first_channel; c < last_channel; ++c) {
    double sum = 0;
    for (index_t n = 0; n < dy.extent(0); ++n)
      for (const T value : dy[n][c].span()) sum += static_cast<double>(value);
    db(c) += static_cast<T>(sum);
  }
}

}  // namespace generic
}  // namespace vmt::inline VMT_ABI::ops
