// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/pool2d.hpp>
#include <vmt/backend/cuda/context.hpp>
#include <vmt/ops/pool2d.hpp>

namespace vmt::inline VMT_ABI {

template <class R, class T>
void vmt_max_pool2d(gpu_context<R>& ctx, const_view<T, 4> x, tensor_view<T, 4> y, tensor_view<std::int32_t, 4> argmax,
                    const ops::pool2d_params& p) {
  if (y.empty()) return;
  ctx.map(y.size(),
          gpu::max_pool_body<T>{gpu::pool_sizes(x.extents(), y.extents(), p), ctx.in(x), ctx.out(y), ctx.out(argmax)});
}

template <class R, class T>
void vmt_max_pool2d_backward(gpu_context<R>& ctx, const_view<T, 4> dy, const_view<std::int32_t, 4> argmax,
                             tensor_view<T, 4> dx, const ops::pool2d_params& p) {
  if (dx.empty()) return;
  ctx.map(dx.size(), gpu::max_pool_backward_body<T>{gpu::pool_sizes(dx.extents(), dy.extents(), p), ctx.in(dy),
                                                    ctx.in(argmax), ctx.out(dx)});
}

template <class R, class T>
void vmt_avg_pool2d(gpu_context<R>& ctx, const_view<T, 4> x, tensor_view<T, 4> y, const ops::pool2d_params& p) {
  if (y.empty()) return;
  ctx.map(y.size(), gpu::avg_pool_body<T>{gpu::pool_sizes(x.extents(), y.extents(), p), ctx.in(x), ctx.out(y)});
}

template <class R, class T>
void vmt_avg_pool2d_backward(gpu_context<R>& ctx, const_view<T, 4> dy, tensor_view<T, 4> dx,
                             const ops::pool2d_params& p) {
  if (dx.empty()) return;
  ctx.map(dx.size(),
          gpu::avg_pool_backward_body<T>{gpu::pool_sizes(dx.extents(), dy.extents(), p), ctx.in(dy), ctx.out(dx)});
}

template <class R, class T, class Stored>
void vmt_global_avg_pool(gpu_context<R>& ctx, const_view<Stored, 4> x, tensor_view<T, 2> y) {
  ctx.reduce(y.size(),
             gpu::global_avg_pool_body<T, Stored>{static_cast<int>(x.extent(2) * x.extent(3)), ctx.in(x), ctx.out(y)});
}

template <class R, class T, class Stored>
void vmt_global_avg_pool_backward(gpu_context<R>& ctx, const_view<T, 2> dy, tensor_view<Stored, 4> dx) {
  if (dx.empty()) return;
  ctx.map(dx.size(), gpu::global_avg_pool_backward_body<T, Stored>{gpu::divisor(dx.extent(2) * dx.extent(3)),
                                                                   ctx.in(dy), ctx.out(dx)});
}

}  // namespace vmt::inline VMT_ABI
