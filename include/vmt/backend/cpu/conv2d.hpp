// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/product.hpp>

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

/// Stores what `multiply_planes` computes as the maps of y, images × rows × pixels, plus a bias unless that is null.
template <class T>
struct map_store {
  T* y;
  index_t rows, pixels;
  const T* bias = nullptr;

  [[nodiscard]] T* row(index_t n, index_t m) const noexcept {
    return bias == nullptr ? y + (n * rows + m) * pixels : nullptr;
  }
  void operator()(index_t n, index_t m, index_t pixel, index_t count, const T* sums) const noexcept {
    T* const out = y + (n * rows + m) * pixels + pixel;
    if (bias == nullptr) {
      std::copy_n(sums, count, out);
    } else {
      array_map<T>(out, count) = const_array_map<T>(sums, count) + bias[m];
    }
  }
};

}  // namespace detail

template <class T>
void vmt_conv2d(cpu_context& ctx, const_view<T, 4> x, const_view<T, 4> w, const_view<T, 1> bias, tensor_view<T, 4> y,
                const ops::conv2d_params& p) {
  if (y.size() == 0) return;
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

namespace detail {

/// The pixels of dx fall into stride² classes by their remainder; each class is a plain convolution of dy with the taps
/// that reach it, so no product with an inserted zero is computed.
struct backward_class {
  index_t row, column;  ///< of its first pixel in dx
  index_t out_height, out_width;
};

/// f(r, s, tap) for the weights r, s that reach a class, and what they see of dy from there.
template <class F>
void for_each_tap(const backward_class& k, const extents<4>& w, const ops::conv2d_params& p, F&& f) {
  for (index_t r = 0; r < w[2]; ++r)
    for (index_t s = 0; s < w[3]; ++s) {
      const index_t row = k.row - p.tap_row(r);
      const index_t column = k.column - p.tap_column(s);
      if (row % p.stride_h == 0 && column % p.stride_w == 0) f(r, s, tap{row / p.stride_h, column / p.stride_w});
    }
}

}  // namespace detail

template <class T>
void vmt_conv2d_backward_input(cpu_context& ctx, const_view<T, 4> dy, const_view<T, 4> w, tensor_view<T, 4> dx,
                               const ops::conv2d_params& p) {
  const tile_kernel<T>& kernel = ctx.kernel<T>();
  const index_t in_channels = dy.extent(1);
  const index_t rows = dx.extent(1);
  const index_t height = dx.extent(2);
  const index_t width = dx.extent(3);
  const extents<4> we = w.extents();
  const auto for_each_class = [&](auto&& f) {
    for (index_t a = 0; a < (std::min)(p.stride_h, height); ++a)
      for (index_t b = 0; b < (std::min)(p.stride_w, width); ++b) {
        f(detail::backward_class{a, b, detail::ceil_div(height - a, p.stride_h),
                                 detail::ceil_div(width - b, p.stride_w)});
      }
  };
  // One layout of dy serves all classes.
  detail::tap low{0, 0}, high{0, 0};
  for_each_class([&](const detail::backward_class& k) {
    detail::for_each_tap(k, we, p, [&](index_t, index_t, const detail::tap& t) {
      low = {(std::min)(low.row, t.row), (std::min)(low.column, t.column)};
      high = {(std::max)(high.row, t.row), (std::max)(high.column, t.column)};
    });
  });
  const detail::plane_layout layout(dy.extent(2), dy.extent(3), detail::ceil_div(height, p.stride_h),
                                    detail::ceil_div(width, p.stride_w), 1, 1, low, high);
  auto scratch = ctx.scratch().borrow();
  index_t* const channel = scratch.template take<index_t>(in_channels);
  for (index_t c = 0; c < in_channels; ++c) channel[c] = c * layout.channel_size();
  index_t* const tap = scratch.template take<index_t>(we[2] * we[3]);
  index_t* const source = scratch.template take<index_t>(we[2] * we[3]);
  T* const left = scratch.template take<T>(detail::packed_size(kernel, rows, in_channels * we[2] * we[3]));
  const index_t image_size = in_channels * layout.channel_size();
  const index_t at_once = detail::images_at_once(image_size, dy.extent(0), ctx.threads().size());
  T* const planes = scratch.template take<T>(at_once * image_size + kernel.columns);

  for (index_t first = 0; first < dy.extent(0); first += at_once) {
    const index_t images = (std::min)(at_once, dy.extent(0) - first);
    detail::fill_planes(
        ctx, layout, in_channels, dy.extent(2) * dy.extent(3), images,
        [&](index_t n) { return dy[first + n].data_handle(); }, planes, image_size);
    for_each_class([&](const detail::backward_class& k) {
      index_t taps = 0;
      detail::for_each_tap(k, we, p, [&](index_t r, index_t s, const detail::tap& t) {
        tap[taps] = layout.offset(t);
        source[taps++] = r * we[3] + s;
      });
      detail::pack_left(
          kernel, rows, in_channels * taps,
          [&](index_t c, index_t d) {
            return w.data_handle()[(d / taps * we[1] + c) * we[2] * we[3] + source[d % taps]];
          },
          left);
      const auto store = [&](index_t n, index_t c, index_t pixel, index_t count, const T* sums) {
        T* const plane = dx.data_handle() + ((first + n) * rows + c) * height * width;
        for (index_t i = pixel / k.out_width, j = pixel % k.out_width; count > 0; ++i, j = 0) {
          T* const row = plane + (i * p.stride_h + k.row) * width + k.column;
          const index_t in_row = (std::min)(count, k.out_width - j);
          for (index_t q = 0; q < in_row; ++q) row[(j + q) * p.stride_w] = sums[q];
          sums += in_row;
          count -= in_row;
        }
      };
      const detail::place_map map{k.out_height, k.out_width, layout.pitch()};
      if (taps > 0) {
        const detail::shifts s{in_channels, channel, taps, tap};
        if (p.stride_h == 1 && p.stride_w == 1) {
          detail::multiply_planes<T>(ctx, left, rows, s, map, planes, image_size, images,
                                     detail::map_store<T>{dx[first].data_handle(), rows, height * width});
        } else {
          detail::multiply_planes<T>(ctx, left, rows, s, map, planes, image_size, images, store);
        }
        return;
      }
      for (index_t n = 0; n < images; ++n)
        for (index_t c = 0; c < rows; ++c)
          for (index_t i = 0; i < k.out_height; ++i) {
            T* const row = dx.data_handle() + (((first + n) * rows + c) * height + i * p.stride_h + k.row) * width;
            for (index_t j = 0; j < k.out_width; ++j) row[j * p.stride_w + k.column] = T(0);
          }
    });
  }
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
  index_t* const channel = scratch.template take<index_t>(f.channels);
  f.tap_offsets(dw.extents(), p, tap);
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
