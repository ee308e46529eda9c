// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/conv2d_by_tap.hpp>
#include <vmt/backend/cuda/norm.hpp>
#include <vmt/ops/conv2d_norm.hpp>

/// \file
/// Convolutions on a device: implicit matrix products in the arithmetic of the context. A 1×1 convolution without
/// stride is a plain product, which is cuBLAS's where all numbers are float.

namespace vmt::inline VMT_ABI {

namespace gpu {

/// Launches a product; where its tiles are too few to fill the device, in parts of the depth that a second kernel adds.
template <class Math, class R, class T, class Left, class Right, class Out>
void launch_product(gpu_context<R>& ctx, index_t rows, index_t columns, index_t depth, const Left& left,
                    const Right& right, const Out& out) {
  const index_t tiles = ceil_quotient(rows, Math::rows) * ceil_quotient(columns, Math::columns);
  const index_t wanted = depth_parts(tiles, depth, Math::depth, Math::blocks, ctx.limits());
  const index_t part = ceil_quotient(ceil_quotient(depth, wanted), Math::depth) * Math::depth;
  const index_t parts = ceil_quotient(depth, part);
  const int m = static_cast<int>(rows), n = static_cast<int>(columns);
  auto room = ctx.scratch().borrow();
  const index_t size = parts * rows * columns;
  T* const sums = parts == 1 ? nullptr : room.template take<T>(size);
  const sum_out<T, Out> last{out, parts == 1 ? device_span<T>{} : ctx.out(sums, size), m, n};
  const product_tile<Left, Right, sum_out<T, Out>, Math> body{
      left, right, last, m, n, static_cast<int>(depth), static_cast<int>(part)};
  ctx.tiles(body, rows, columns, parts, Math::rows, Math::columns);
  if (parts == 1) return;
  ctx.map(rows * columns, combine_parts<T, Out>{ctx.in(static_cast<const T*>(sums), size), static_cast<int>(parts),
                                                static_cast<int>(rows * columns), divisor(columns), out});
}

/// Calls work.template operator()<Math>() with the arithmetic of the context; double is always exact, and for maps that
/// are kept in 16 bits only products of them make sense.
/// \param Kept  how maps are kept: T, or one of them in fewer bits
template <class T, class... Kept, class R, class F>
void in_arithmetic(gpu_context<R>& ctx, F&& work) {
  if constexpr ((std::is_same_v<Kept, stored_bf16> || ...)) {
    work.template operator()<typename R::bf16_math>();
  } else {
    if constexpr (std::is_same_v<T, float>) {
      if (ctx.precision() == precision::bf16) return work.template operator()<typename R::bf16_math>();
      if (ctx.precision() == precision::tf32) return work.template operator()<typename R::tf32_math>();
    }
    work.template operator()<exact<T>>();
  }
}

/// The weight as the kernels that go tap by tap want it, in scratch memory; the filters times `scale`, unless that is
/// nothing.
template <class Kept, class R, class T>
[[nodiscard]] input_span<Kept> arranged(gpu_context<R>& ctx, typename arena<typename R::backend>::scope& room,
                                        const_view<T, 4> w, bool backward, input_span<T> scale = {}) {
  const index_t taps = w.extent(2) * w.extent(3), filters = w.extent(0), channels = w.extent(1);
  Kept* const there = room.template take<Kept>(w.size());
  const int by_filter = static_cast<int>(channels * taps), by_channel = static_cast<int>(taps);
  ctx.map(w.size(),
          arrange_weight<T, Kept>{divisor(backward ? filters : channels), divisor(backward ? channels : filters),
                                  backward ? by_channel : by_filter, backward ? by_filter : by_channel, ctx.in(w),
                                  scale, ctx.out(there, w.size())});
  return ctx.in(static_cast<const Kept*>(there), w.size());
}
/// A weight that its owner arranged so, (R·S)×K×C, kept as the products of his context take it; or nothing.
template <class T>
struct ready_weight {
  const_view<T, 3> plain;
  const_view<stored_bf16, 3> narrow;

  template <class Kept>
  [[nodiscard]] const_view<Kept, 3> as() const noexcept {
    if constexpr (std::is_same_v<Kept, stored_bf16>) {
      return narrow;
    } else {
      return plain;
    }
  }
};
/// The weight as it is, the filters times `scale`, in scratch memory.
template <class R, class T>
[[nodiscard]] input_span<T> scaled(gpu_context<R>& ctx, typename arena<typename R::backend>::scope& room,
                                   const_view<T, 4> w, input_span<T> scale) {
  T* const there = room.template take<T>(w.size());
  const index_t of_filter = w.extent(1) * w.extent(2) * w.extent(3);
  // As if all numbers of a filter were channels of one tap.
  ctx.map(w.size(), arrange_weight<T, T>{divisor(of_filter), divisor(w.extent(0)), static_cast<int>(of_filter), 1,
                                         ctx.in(w), scale, ctx.out(there, w.size())});
  return ctx.in(static_cast<const T*>(there), w.size());
}

/// Whether a convolution moves no pixel: then it is the product of the weight and each image as a matrix.
[[nodiscard]] inline bool is_pointwise(const extents<4>& w, const ops::conv2d_params& p) noexcept {
  return w[2] == 1 && w[3] == 1 && p.stride_h == 1 && p.stride_w == 1 && p.padding_h == 0 && p.padding_w == 0 &&
         p.shift_w == 0;
}

/// y = act(conv(x, w) + bias + residual): bias and residual may be nothing, `relu` chooses the activation.
/// \param ready  w as one arranged it who uses it often, or nothing
/// \param scale  of each filter, by which w is multiplied where it is not `ready`; or nothing
template <class R, class T, class X, class Y>
void conv2d(gpu_context<R>& ctx, const_view<X, 4> x, const_view<T, 4> w, const_view<T, 1> bias,
            const_view<Y, 4> residual, bool relu, tensor_view<Y, 4> y, const ops::conv2d_params& p,
            const ready_weight<T>& ready = {}, input_span<T> scale = {}) {
  if (y.empty()) return;
  const index_t pixels = y.extent(2) * y.extent(3);
  if constexpr (std::is_same_v<X, T> && std::is_same_v<Y, T>) {
    if (is_pointwise(w.extents(), p) && bias.empty() && residual.empty() && !relu) {
      ctx.multiply(matrix_product<T>{.m = w.extent(0),
                                     .n = pixels,
                                     .k = w.extent(1),
                                     .a = w.data_handle(),
                                     .b = x.data_handle(),
                                     .c = y.data_handle(),
                                     .batch = x.extent(0),
                                     .stride_b = w.extent(1) * pixels,
                                     .stride_c = w.extent(0) * pixels});
      return;
    }
  }
  const conv_sizes s(x.extents(), w.extents(), y.extents(), p);
  const map_out<T, Y> out{ctx.out(y), s.filters, s.out_pixels, s.by_out_pixels, ctx.in(bias), ctx.in(residual), relu};
  const conv_input<X> input{s, ctx.in(x)};
  const index_t rows = w.extent(0), columns = y.extent(0) * pixels;
  auto room = ctx.scratch().borrow();
  in_arithmetic<T, X, Y>(ctx, [&]<class Math>() {
    if (s.channels % Math::depth == 0) {
      using kept = typename Math::arranged;
      const const_view<kept, 3> there = ready.template as<kept>();
      const input_span<kept> weight = there.empty() ? arranged<kept>(ctx, room, w, false, scale) : ctx.in(there);
      const arranged_weight<kept, false> left{s.filters, s.by_channels, weight};
      launch_product<Math, R, T>(ctx, rows, columns, s.weights, left, conv_input_by_tap<X>{input}, out);
    } else {
      const input_span<T> weight = scale.present() ? scaled(ctx, room, w, scale) : ctx.in(w);
      launch_product<Math, R, T>(ctx, rows, columns, s.weights, conv_weight<T>{s, weight}, input, out);
    }
  });
}

}  // namespace gpu

template <class R, class T, class X, class Y>
void vmt_conv2d(gpu_context<R>& ctx, const_view<X, 4> x, const_view<T, 4> w, const_view<T, 1> bias, tensor_view<Y, 4> y,
                const ops::conv2d_params& p) {
  gpu::conv2d(ctx, x, w, bias, const_view<Y, 4>(), false, y, p);
}

/// The norm folded into weight and bias, as the live engines fold it once: the rest happens where sums leave the
/// kernel.
template <class R, class T, class X, class Y>
void vmt_conv2d_norm(gpu_context<R>& ctx, const_view<X, 4> x, const_view<T, 4> w, const_view<T, 1> bias,
                     const ops::given_norm<T>& n, const_view<Y, 4> residual, bool relu, tensor_view<Y, 4> y,
                     const ops::conv2d_params& p) {
  if (y.empty()) return;
  auto room = ctx.scratch().borrow();
  const index_t filters = w.extent(0);
  T* const scale = room.template take<T>(filters);
  T* const shift = room.template take<T>(filters);
  ctx.map(filters, gpu::norm_fold_body<T>{ctx.in(n.gamma), ctx.in(n.beta), ctx.in(n.mean), ctx.in(n.variance),
                                          n.epsilon, ctx.in(bias), ctx.out(scale, filters), ctx.out(shift, filters)});
  gpu::conv2d(ctx, x, w, const_view<T, 1>(shift, extents<1>{filters}), residual, relu, y, p, {},
              ctx.in(static_cast<const T*>(scale), filters));
}

template <class R, class T, class Y, class X>
void vmt_conv2d_backward_input(gpu_context<R>& ctx, const_view<Y, 4> dy, const_view<T, 4> w, tensor_view<X, 4> dx,
                               const ops::conv2d_params& p) {
  if (dx.empty()) return;
  const index_t pixels = dx.extent(2) * dx.extent(3);
  if constexpr (std::is_same_v<X, T> && std::is_same_v<Y, T>) {
    if (gpu::is_pointwise(w.extents(), p)) {
      ctx.multiply(gpu::matrix_product<T>{.m = w.extent(1),
                                          .n = pixels,
                                          .k = w.extent(0),
                                          .a = w.data_handle(),
                                          .transpose_a = true,
                                          .b = dy.data_handle(),
                                          .c = dx.data_handle(),
                                          .batch = dx.extent(0),
                                          .stride_b = w.extent(0) * pixels,
                                          .stride_c = w.extent(1) * pixels});
      return;
    }
  }
  const gpu::conv_sizes s(dx.extents(), w.extents(), dy.extents(), p);
  const gpu::map_out<T, X> out{ctx.out(dx), s.channels, s.height_width, s.by_pixels, {}, {}, false};
  const gpu::conv_output_gradient<Y> gradient{s, ctx.in(dy)};
  const index_t rows = dx.extent(1), columns = dx.extent(0) * pixels, depth = w.extent(0) * s.taps;
  auto room = ctx.scratch().borrow();
  gpu::in_arithmetic<T, X, Y>(ctx, [&]<class Math>() {
    if (s.filters % Math::depth == 0) {
      using kept = typename Math::arranged;
      const gpu::arranged_weight<kept, true> left{s.channels, s.by_filters, gpu::arranged<kept>(ctx, room, w, true)};
      gpu::launch_product<Math, R, T>(ctx, rows, columns, depth, left, gpu::conv_output_gradient_by_tap<Y>{gradient},
                                      out);
    } else {
      const gpu::conv_weight_transposed<T> left{s, ctx.in(w)};
      gpu::launch_product<Math, R, T>(ctx, rows, columns, depth, left, gradient, out);
    }
  });
}

template <class R, class X, class Y, class T>
void vmt_conv2d_backward_weight(gpu_context<R>& ctx, const_view<X, 4> x, const_view<Y, 4> dy, tensor_view<T, 4> dw,
                                const ops::conv2d_params& p) {
  if (dy.empty()) return;
  const index_t pixels = dy.extent(2) * dy.extent(3);
  if constexpr (std::is_same_v<X, T> && std::is_same_v<Y, T>) {
    if (gpu::is_pointwise(dw.extents(), p) && x.extent(0) == 1) {
      ctx.multiply(gpu::matrix_product<T>{.m = dw.extent(0),
                                          .n = dw.extent(1),
                                          .k = pixels,
                                          .a = dy.data_handle(),
                                          .b = x.data_handle(),
                                          .transpose_b = true,
                                          .c = dw.data_handle(),
                                          .accumulate = true});
      return;
    }
  }
  const gpu::conv_sizes s(x.extents(), dw.extents(), dy.extents(), p);
  const gpu::conv_gradient_rows<Y> left{s, ctx.in(dy)};
  const gpu::conv_input<X> input{s, ctx.in(x)};
  const index_t rows = dw.extent(0), depth = dy.extent(0) * pixels;
  gpu::in_arithmetic<T, X, Y>(ctx, [&]<class Math>() {
    if (s.channels % gpu::conv_input_columns_by_tap<X>::group == 0) {
      const gpu::weight_out_by_tap<T> out{ctx.out(dw), s.weights, s.taps, s.by_channels};
      gpu::launch_product<Math, R, T>(ctx, rows, s.weights, depth, left, gpu::conv_input_columns_by_tap<X>{{input}},
                                      out);
    } else {
      using narrow = typename Math::narrow;  // few columns: conv1 of a frame has 49
      gpu::launch_product<narrow, R, T>(ctx, rows, s.weights, depth, left, gpu::conv_input_columns<X>{input},
                                        gpu::weight_out<T>{ctx.out(dw), s.weights});
    }
  });
}

}  // namespace vmt::inline VMT_ABI
