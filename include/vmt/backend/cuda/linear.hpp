// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/arrange.hpp>
#include <vmt/backend/cuda/norm.hpp>
#include <vmt/ops/linear.hpp>

namespace vmt::inline VMT_ABI {

template <class R, class T>
void vmt_linear(gpu_context<R>& ctx, const_view<T, 2> x, const_view<T, 2> w, const_view<T, 1> bias,
                tensor_view<T, 2> y) {
  if (y.empty()) return;
  const index_t n = y.extent(0), o = y.extent(1);
  if (!bias.empty()) {  // every row begins as the bias
    ctx.map(y.size(), gpu::repeat_rows_body<T>{static_cast<int>(o), gpu::divisor(o), gpu::divisor(n), gpu::divisor(1),
                                               ctx.in(bias), ctx.out(y)});
  }
  ctx.multiply(gpu::matrix_product<T>{.m = n,
                                      .n = o,
                                      .k = x.extent(1),
                                      .a = x.data_handle(),
                                      .b = w.data_handle(),
                                      .transpose_b = true,
                                      .c = y.data_handle(),
                                      .accumulate = !bias.empty()});
}

template <class R, class T>
void vmt_linear_backward_input(gpu_context<R>& ctx, const_view<T, 2> dy, const_view<T, 2> w, tensor_view<T, 2> dx) {
  if (dx.empty()) return;
  ctx.multiply(gpu::matrix_product<T>{.m = dx.extent(0),
                                      .n = dx.extent(1),
                                      .k = dy.extent(1),
                                      .a = dy.data_handle(),
                                      .b = w.data_handle(),
                                      .c = dx.data_handle()});
}

template <class R, class T>
void vmt_linear_backward_weight(gpu_context<R>& ctx, const_view<T, 2> x, const_view<T, 2> dy, tensor_view<T, 2> dw,
                                tensor_view<T, 1> dbias) {
  if (dy.empty()) return;
  ctx.multiply(gpu::matrix_product<T>{.m = dw.extent(0),
                                      .n = dw.extent(1),
                                      .k = dy.extent(0),
                                      .a = dy.data_handle(),
                                      .transpose_a = true,
                                      .b = x.data_handle(),
                                      .c = dw.data_handle(),
                                      .accumulate = true});
  if (dbias.data_handle() != nullptr) {
    vmt_channel_sum(ctx, dy.reshaped(extents<4>{dy.extent(0), dy.extent(1), 1, 1}), dbias);
  }
}

}  // namespace vmt::inline VMT_ABI
