// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/grouped_weight.hpp>
#include <vmt/backend/cpu/input_gradient.hpp>
#include <vmt/backend/cpu/winograd_groups.hpp>
#include <vmt/backend/cpu/winograd_weight.hpp>

namespace vmt::inline VMT_ABI {
namespace detail {

/// A forward convolution as shifted lines over the planes of its input.
struct forward_shifts {
  plane_layout layout;
  place_map map;
  index_t channels, taps;

  forward_shifts(const extents<4>& x, const extents<4>& w, const extents<4>& y, const ops::conv2d_params& p) noexcept
      : layout(x[2], x[3], y[2], y[3], p.stride_h, p.stride_w, {p.tap_row(0), p.tap_column(0)},
               {p.tap_row(w[2] - 1), p.tap_column(w[3] - 1)}),
        map{y[2], y[3], layout.pitch()},
        channels(w[1]),
        taps(w[2] * w[3]) {}

  /// Offsets of the taps in the order of the weight, `taps` of them.
  void tap_offsets(const extents<4>& w, const ops::conv2d_params& p, index_t* offsets) const noexcept {
    for (index_t r = 0; r < w[2]; ++r)
      for (index_t s = 0; s < w[3]; ++s) *offsets++ = layout.offset({p.tap_row(r), p.tap_column(s)});
  }
  void channel_offsets(index_t* offsets) const noexcept {
    for (index_t c = 0; c < channels; ++c) offsets[c] = c * layout.channel_size();
  }
};

/// A convolution that `winograd_fits`.
template <class Element>
void winograd(cpu_context& ctx, const_view<float, 4> x, const extents<4>& w, Element element, const float* bias,
              tensor_view<float, 4> y) {
  if (fills_groups(ctx, w)) {
    winograd_through_groups(ctx, x, element, bias, y);
  } else {
    winograd_convolution(ctx, x, element, bias, y);
  }
}

}  // namespace detail

template <class T>
void vmt_conv2d(cpu_context& ctx, const_view<T, 4> x, const_view<T, 4> w, const_view<T, 1> bias, tensor_view<T, 4> y,
                const ops::conv2d_params& p) {
  if (y.size() == 0) return;
  if constexpr (std::is_same_v<T, float>) {
    if (detail::winograd_fits(ctx, x.extents(), w.extents(), p)) {
      detail::winograd(
          ctx, x, w.extents(), [&](index_t m, index_t c, index_t r, index_t s) { return w(m, c, r, s); },
          bias.data_handle(), y);
      return;
    }
  }
  const detail::forward_shifts f(x.extents(), w.extents(), y.extents(), p);
  const tile_kernel<T>& kernel = ctx.kernel<T>();
  const index_t rows = w.extent(0);
  const index_t depth = f.channels * f.taps;
  auto scratch = ctx.scratch().borrow();
  index_t* const tap = scratch.template take<index_t>(f.taps);
  index_t* const channel = scratch.template take<index_t>(f.channels);
  f.tap_offsets(w.extents(), p, tap);
  f.channel_offsets(channel);
  T* const left = scratch.template take<T>(detail::packed_size(kernel, rows, depth));
  detail::pack_left(
      kernel, rows, depth, [&](index_t m, index_t k) { return w.data_handle()[m * depth + k]; }, left);

  const index_t image_size = f.channels * f.layout.channel_size();
  const bool direct = f.layout.is_image() && f.map.places() >= kernel.columns;
  const index_t at_once = detail::images_at_once(image_size, x.extent(0), ctx.threads().size());
  T* const planes = direct ? nullptr : scratch.template take<T>(at_once * image_size + kernel.columns);
  const index_t pixels = f.map.out_height * f.map.out_width;
  for (index_t first = 0; first < x.extent(0); first += at_once) {
    const index_t images = (std::min)(at_once, x.extent(0) - first);
    if (!direct) {
      detail::fill_planes(
          ctx, f.layout, f.channels, x.extent(2) * x.extent(3), images,
          [&](index_t n) { return x[first + n].data_handle(); }, planes, image_size);
    }
    detail::multiply_planes<T>(ctx, left, rows, {f.channels, channel, f.taps, tap}, f.map,
                               direct ? x[first].data_handle() : planes, image_size, images,
                               detail::map_store<T>{y[first].data_handle(), rows, pixels, bias.data_handle()});
  }
}

template <class T>
void vmt_conv2d_backward_input(cpu_context& ctx, const_view<T, 4> dy, const_view<T, 4> w, tensor_view<T, 4> dx,
                               const ops::conv2d_params& p) {
  if constexpr (std::is_same_v<T, float>) {
    if (detail::winograd_fits(ctx, dx.extents(), w.extents(), p)) {
      detail::winograd(
          ctx, dy, w.extents(), [&](index_t m, index_t c, index_t r, index_t s) { return w(c, m, 2 - r, 2 - s); },
          nullptr, dx);
      return;
    }
  }
  const index_t height = dx.extent(2);
  if (height > 1 && p.padding_h == 0 && w.extent(2) == height) {
    // The kernel sees all rows at once: they are channels, and no product with the rows beside is computed.
    const extents<4> flat_dx{dx.extent(0), dx.extent(1) * height, 1, dx.extent(3)};
    const extents<4> flat_w{w.extent(0), w.extent(1) * height, 1, w.extent(3)};
    ops::conv2d_params q = p;
    q.stride_h = 1;
    return detail::input_gradient<T>(ctx, dy, w.reshaped(flat_w), dx.reshaped(flat_dx), q).run();
  }
  detail::input_gradient<T>(ctx, dy, w, dx, p).run();
}

namespace detail {

/// The weight gradient, added to dw, of a convolution whose output of sizes `y` has a gradient that is made in runs:
/// see `accumulate_planes`.
template <class T, class Gradient>
void accumulate_weight_gradient(cpu_context& ctx, const_view<T, 4> x, const extents<4>& y, Gradient dy,
                                tensor_view<T, 4> dw, const ops::conv2d_params& p) {
  if (y.size() == 0) return;
  const forward_shifts f(x.extents(), dw.extents(), y, p);
  const index_t slack = ctx.dot<T>().step;
  auto scratch = ctx.scratch().borrow();
  index_t* const tap = scratch.template take<index_t>(f.taps);
  f.tap_offsets(dw.extents(), p, tap);
  if constexpr (std::is_same_v<T, float>) {
    if (fills_groups(ctx, dw.extents())) {
      accumulate_groups(
          ctx, dw.extent(0), f.channels, f.taps, tap, f.layout, f.map, x.extent(2) * x.extent(3), x.extent(0),
          [&](index_t n) { return x[n].data_handle(); }, dy, dw.data_handle());
      return;
    }
  }
  index_t* const channel = scratch.template take<index_t>(f.channels);
  f.channel_offsets(channel);
  const index_t image_size = f.channels * f.layout.channel_size() + slack;
  // Not a function of the number of threads: the order of sums must not be one.
  const index_t at_once = std::clamp(chunk_numbers / image_size, index_t{1}, x.extent(0));
  T* const planes = scratch.template take<T>(at_once * image_size);
  for (index_t first = 0; first < x.extent(0); first += at_once) {
    const index_t images = (std::min)(at_once, x.extent(0) - first);
    fill_planes(
        ctx, f.layout, f.channels, x.extent(2) * x.extent(3), images,
        [&](index_t n) { return x[first + n].data_handle(); }, planes, image_size);
    for (index_t n = 0; n < images; ++n) std::fill_n(planes + (n + 1) * image_size - slack, slack, T(0));
    accumulate_planes<T>(
        ctx, dw.extent(0), {f.channels, channel, f.taps, tap}, f.map, planes, image_size, images,
        [&](index_t n, index_t m, index_t pixel, index_t count, T* out) { dy(first + n, m, pixel, count, out); },
        dw.data_handle());
  }
}

}  // namespace detail

template <class T>
void vmt_conv2d_backward_weight(cpu_context& ctx, const_view<T, 4> x, const_view<T, 4> dy, tensor_view<T, 4> dw,
                                const ops::conv2d_params& p) {
  if constexpr (std::is_same_v<T, float>) {
    if (detail::winograd_fits(ctx, x.extents(), dw.extents(), p))
      return detail::winograd_weight_gradient(ctx, x, dy, dw);
  }
  const index_t pixels = dy.extent(2) * dy.extent(3);
  detail::accumulate_weight_gradient<T>(
      ctx, x, dy.extents(),
      [&](index_t n, index_t m, index_t pixel, index_t count, T* out) {
        std::copy_n(dy.data_handle() + (n * dy.extent(1) + m) * pixels + pixel, count, out);
      },
      dw, p);
}

template <class T>
void vmt_channel_sum(cpu_context& ctx, const_view<T, 4> dy, tensor_view<T, 1> db) {
  ctx.threads().parallel_for(dy.extent(1),
                             [&](index_t first, index_t last) { ops::generic::channel_sum(dy, db, first, last); });
}

}  // namespace vmt::inline VMT_ABI
