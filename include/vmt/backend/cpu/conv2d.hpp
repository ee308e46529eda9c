// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/product.hpp>

namespace vmt::inline VMT_ABI {
namespace detail {

/// The taps of a forward convolution in the order of its weight: channel, row, column.
inline void forward_taps(const extents<4>& x, const extents<4>& w, const ops::conv2d_params& p, tap* taps) {
  for (index_t c = 0; c < w[1]; ++c)
    for (index_t r = 0; r < w[2]; ++r)
      for (index_t s = 0; s < w[3]; ++s) *taps++ = {c * x[2] * x[3], p.tap_row(r), p.tap_column(s)};
}

[[nodiscard]] inline gather forward_gather(const tap* taps, const extents<4>& x, const extents<4>& w,
                                           const extents<4>& y, const ops::conv2d_params& p) {
  return {taps, w[1] * w[2] * w[3], x[2], x[3], y[2], y[3], p.stride_h, p.stride_w};
}

}  // namespace detail

template <class T>
void vmt_conv2d(cpu_context& ctx, const_view<T, 4> x, const_view<T, 4> w, const_view<T, 1> bias, tensor_view<T, 4> y,
                const ops::conv2d_params& p) {
  const index_t depth = w.extent(1) * w.extent(2) * w.extent(3);
  const index_t rows = w.extent(0);
  auto scratch = ctx.scratch().borrow();
  detail::tap* const taps = scratch.template take<detail::tap>(depth);
  detail::forward_taps(x.extents(), w.extents(), p, taps);
  const detail::gather g = detail::forward_gather(taps, x.extents(), w.extents(), y.extents(), p);
  T* const left = scratch.template take<T>(detail::packed_size(ctx.kernel<T>(), rows, depth));
  detail::pack_left(
      ctx.kernel<T>(), rows, depth, [&](index_t m, index_t k) { return w.data_handle()[m * depth + k]; }, left);
  detail::multiply_gathered(
      ctx, left, rows, g, x.extent(0), [&](index_t n) { return x[n].data_handle(); },
      [&](index_t n, index_t m, index_t first, index_t count, const T* sums) {
        T* const out = y.data_handle() + (n * rows + m) * g.pixels() + first;
        const T b = bias.data_handle() == nullptr ? T(0) : bias(m);
        for (index_t i = 0; i < count; ++i) out[i] = sums[i] + b;
      });
}

/// The pixels of dx fall into stride² classes by their remainder; each class is a plain convolution of dy with the taps
/// that reach it, so no product with an inserted zero is computed.
template <class T>
void vmt_conv2d_backward_input(cpu_context& ctx, const_view<T, 4> dy, const_view<T, 4> w, tensor_view<T, 4> dx,
                               const ops::conv2d_params& p) {
  const index_t channels = w.extent(1);
  const index_t height = dx.extent(2);
  const index_t width = dx.extent(3);
  const index_t all_taps = w.extent(0) * w.extent(2) * w.extent(3);
  struct source {
    index_t k, r, s;
  };
  for (index_t ph = 0; ph < (std::min)(p.stride_h, height); ++ph)
    for (index_t pw = 0; pw < (std::min)(p.stride_w, width); ++pw) {
      auto scratch = ctx.scratch().borrow();
      detail::tap* const taps = scratch.template take<detail::tap>(all_taps);
      source* const sources = scratch.template take<source>(all_taps);
      index_t depth = 0;
      for (index_t k = 0; k < w.extent(0); ++k)
        for (index_t r = 0; r < w.extent(2); ++r)
          for (index_t s = 0; s < w.extent(3); ++s) {
            const index_t row = ph - p.tap_row(r);
            const index_t column = pw - p.tap_column(s);
            if (row % p.stride_h != 0 || column % p.stride_w != 0) continue;
            taps[depth] = {k * dy.extent(2) * dy.extent(3), row / p.stride_h, column / p.stride_w};
            sources[depth++] = {k, r, s};
          }
      const detail::gather g{taps,
                             depth,
                             dy.extent(2),
                             dy.extent(3),
                             detail::ceil_div(height - ph, p.stride_h),
                             detail::ceil_div(width - pw, p.stride_w),
                             1,
                             1};
      T* const left = scratch.template take<T>(detail::packed_size(ctx.kernel<T>(), channels, depth));
      detail::pack_left(
          ctx.kernel<T>(), channels, depth,
          [&](index_t c, index_t k) { return w(sources[k].k, c, sources[k].r, sources[k].s); }, left);
      detail::multiply_gathered(
          ctx, left, channels, g, dy.extent(0), [&](index_t n) { return dy[n].data_handle(); },
          [&](index_t n, index_t c, index_t first, index_t count, const T* sums) {
            T* const plane = dx.data_handle() + (n * channels + c) * height * width;
            if (p.stride_h == 1 && p.stride_w == 1) {
              std::copy_n(sums, count, plane + first);
              return;
            }
            for (index_t i = 0; i < count; ++i) {
              const index_t row = (first + i) / g.out_width * p.stride_h + ph;
              const index_t column = (first + i) % g.out_width * p.stride_w + pw;
              plane[row * width + column] = sums[i];
            }
          });
    }
}

template <class T>
void vmt_conv2d_backward_weight(cpu_context& ctx, const_view<T, 4> x, const_view<T, 4> dy, tensor_view<T, 4> dw,
                                const ops::conv2d_params& p) {
  auto scratch = ctx.scratch().borrow();
  detail::tap* const taps = scratch.template take<detail::tap>(dw.extent(1) * dw.extent(2) * dw.extent(3));
  detail::forward_taps(x.extents(), dw.extents(), p, taps);
  const detail::gather g = detail::forward_gather(taps, x.extents(), dw.extents(), dy.extents(), p);
  detail::accumulate_gathered(
      ctx, dw.extent(0), g, x.extent(0), [&](index_t n) { return x[n].data_handle(); },
      [&](index_t n) { return dy[n].data_handle(); }, dw.data_handle());
}

template <class T>
void vmt_channel_sum(cpu_context& ctx, const_view<T, 4> dy, tensor_view<T, 1> db) {
  ctx.threads().parallel_for(dy.extent(1),
                             [&](index_t first, index_t last) { ops::generic::channel_sum(dy, db, first, last); });
}

}  // namespace vmt::inline VMT_ABI
