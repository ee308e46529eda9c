// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/conv2d.hpp>
#include <vmt/backend/cuda/norm.hpp>
#include <vmt/ops/conv2d.hpp>

/// \file
/// Convolutions on a device: implicit matrix products in the arithmetic of the context. A 1×1 convolution without
/// stride is a plain product, which is cuBLAS's.

namespace vmt::inline VMT_ABI {

namespace gpu {

/// Launches a product; where its tiles are too few to fill the device, in parts of the depth that a second kernel adds.
template <class Math, class R, class T, class Left, class Right, class Out>
void launch_product(gpu_context<R>& ctx, index_t rows, index_t columns, index_t depth, const Left& left,
                    const Right& right, const Out& out) {
  const index_t tiles = ceil_quotient(rows, Math::rows) * ceil_quotient(columns, Math::columns);
  const index_t wanted = depth_parts(tiles, depth, Math::depth, ctx.limits());
  const index_t part = ceil_quotient(ceil_quotient(depth, wanted), Math::depth) * Math::depth;
  const index_t parts = ceil_quotient(depth, part);
  const int m = static_cast<int>(rows), n = static_cast<int>(columns), d = static_cast<int>(depth);
  if (parts == 1) {
    const product_tile<Left, Right, Out, Math> body{left, right, out, m, n, d, static_cast<int>(part)};
    ctx.tiles(body, rows, columns, 1, Math::rows, Math::columns);
    return;
  }
  auto room = ctx.scratch().borrow();
  const index_t size = parts * rows * columns;
  T* const sums = room.template take<T>(size);
  const product_tile<Left, Right, part_sums<T>, Math> body{left, right, {ctx.out(sums, size), m, n}, m,
                                                           n,    d,     static_cast<int>(part)};
  ctx.tiles(body, rows, columns, parts, Math::rows, Math::columns);
  ctx.map(rows * columns, combine_parts<T, Out>{ctx.in(static_cast<const T*>(sums), size), static_cast<int>(parts),
                                                static_cast<int>(rows * columns), divisor(columns), out});
}

/// The same in the arithmetic of the context; double is always exact.
template <class T, class R, class Left, class Right, class Out>
void product(gpu_context<R>& ctx, index_t rows, index_t columns, index_t depth, const Left& left, const Right& right,
             const Out& out) {
  if constexpr (std::is_same_v<T, float>) {
    if (ctx.precision() == precision::bf16) {
      launch_product<typename R::bf16_math, R, T>(ctx, rows, columns, depth, left, right, out);
      return;
    }
    if (ctx.precision() == precision::tf32) {
      launch_product<typename R::tf32_math, R, T>(ctx, rows, columns, depth, left, right, out);
      return;
    }
  }
  launch_product<exact<T>, R, T>(ctx, rows, columns, depth, left, right, out);
}

/// Whether a convolution moves no pixel: then it is the product of the weight and each image as a matrix.
[[nodiscard]] inline bool is_pointwise(const extents<4>& w, const ops::conv2d_params& p) noexcept {
  return w[2] == 1 && w[3] == 1 && p.stride_h == 1 && p.stride_w == 1 && p.padding_h == 0 && p.padding_w == 0 &&
         p.shift_w == 0;
}

/// y = act(conv(x, w) + bias + residual): bias and residual may be nothing, `relu` chooses the activation.
template <class R, class T>
void conv2d(gpu_context<R>& ctx, const_view<T, 4> x, const_view<T, 4> w, const_view<T, 1> bias,
            const_view<T, 4> residual, bool relu, tensor_view<T, 4> y, const ops::conv2d_params& p) {
  if (y.empty()) return;
  const index_t pixels = y.extent(2) * y.extent(3);
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
  const conv_sizes s(x.extents(), w.extents(), y.extents(), p);
  const map_out<T> out{ctx.out(y), s.filters, s.out_pixels, s.by_out_pixels, ctx.in(bias), ctx.in(residual), relu};
  product<T>(ctx, w.extent(0), y.extent(0) * pixels, s.weights, conv_weight<T>{s, ctx.in(w)},
             conv_input<T>{s, ctx.in(x)}, out);
}

}  // namespace gpu

template <class R, class T>
void vmt_conv2d(gpu_context<R>& ctx, const_view<T, 4> x, const_view<T, 4> w, const_view<T, 1> bias, tensor_view<T, 4> y,
                const ops::conv2d_params& p) {
  gpu::conv2d(ctx, x, w, bias, {}, false, y, p);
}

template <class R, class T>
void vmt_conv2d_backward_input(gpu_context<R>& ctx, const_view<T, 4> dy, const_view<T, 4> w, tensor_view<T, 4> dx,
                               const ops::conv2d_params& p) {
  if (dx.empty()) return;
  const index_t pixels = dx.extent(2) * dx.extent(3);
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
  const gpu::conv_sizes s(dx.extents(), w.extents(), dy.extents(), p);
  const gpu::map_out<T> out{ctx.out(dx), s.channels, s.height_width, s.by_pixels, {}, {}, false};
  gpu::product<T>(ctx, dx.extent(1), dx.extent(0) * pixels, w.extent(0) * s.taps,
                  gpu::conv_weight_transposed<T>{s, ctx.in(w)}, gpu::conv_output_gradient<T>{s, ctx.in(dy)}, out);
}

template <class R, class T>
void vmt_conv2d_backward_weight(gpu_context<R>& ctx, const_view<T, 4> x, const_view<T, 4> dy, tensor_view<T, 4> dw,
                                const ops::conv2d_params& p) {
  if (dy.empty()) return;
  const index_t pixels = dy.extent(2) * dy.extent(3);
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
  const gpu::conv_sizes s(x.extents(), dw.extents(), dy.extents(), p);
  gpu::product<T>(ctx, dw.extent(0), s.weights, dy.extent(0) * pixels, gpu::conv_gradient_rows<T>{s, ctx.in(dy)},
                  gpu::conv_input_columns<T>{{s, ctx.in(x)}}, gpu::weight_out<T>{ctx.out(dw), s.weights});
}

}  // namespace vmt::inline VMT_ABI
