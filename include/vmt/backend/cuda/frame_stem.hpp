// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/frame_stem.hpp>
#include <vmt/backend/cuda/conv2d.hpp>
#include <vmt/ops/frame_stem.hpp>

namespace vmt::inline VMT_ABI {

namespace gpu {
template <class R, class T>
[[nodiscard]] frame_stem_forward<T> forward_of(gpu_context<R>& ctx, const ops::frame_stem_parameters<T>& p,
                                               const_view<T, 1> mean, const_view<T, 1> inverse_deviation,
                                               index_t pixels) {
  return {static_cast<int>(p.weight.extent(1)),
          static_cast<int>(p.weight.extent(0)),
          static_cast<int>(pixels),
          ctx.in(p.gamma),
          ctx.in(p.beta),
          ctx.in(p.weight),
          ctx.in(mean),
          ctx.in(inverse_deviation)};
}
/// Room for the convolution's output of all frames, N·F×C×H×W.
template <class T, class Room>
[[nodiscard]] tensor_view<T, 4> frame_maps(Room& room, const_view<T, 4> x, const_view<T, 4> y) {
  const extents<4> e = ops::detail::frame_maps<T>(x, y);
  return {room.template take<T>(e.size()), e};
}
}  // namespace gpu

template <class R, class T>
void vmt_frame_stem_train(gpu_context<R>& ctx, const_view<T, 4> x, const ops::frame_stem_parameters<T>& p,
                          const ops::batch_norm_statistics<T>& s, tensor_view<T, 4> y) {
  auto room = ctx.scratch().borrow();
  const tensor_view<T, 4> a = gpu::frame_maps<T>(room, x, y);
  ops::conv2d(ctx, ops::generic::frame_images(x), p.conv, {}, a, p.conv_params);
  gpu::batch_statistics(ctx, const_view<T, 4>(a), s);
  const index_t pixels = y.extent(2) * y.extent(3);
  ctx.map(y.size(), gpu::norm_aggregate_body<T>{gpu::forward_of<R, T>(ctx, p, s.mean, s.inverse_deviation, pixels),
                                                gpu::divisor(pixels), gpu::divisor(y.extent(1)),
                                                ctx.in(const_view<T, 4>(a)), ctx.out(y)});
}

template <class R, class T>
void vmt_frame_stem_backward(gpu_context<R>& ctx, const_view<T, 4> x, const_view<T, 4> dy,
                             const ops::frame_stem_parameters<T>& p, const_view<T, 1> mean,
                             const_view<T, 1> inverse_deviation, const ops::frame_stem_gradients<T>& d,
                             tensor_view<T, 4> dx) {
  auto maps = ctx.scratch().borrow();
  const tensor_view<T, 4> a = gpu::frame_maps<T>(maps, x, dy);
  ops::conv2d(ctx, ops::generic::frame_images(x), p.conv, {}, a, p.conv_params);
  {
    auto room = ctx.scratch().borrow();
    const index_t channels = p.weight.extent(0), frames = p.weight.extent(1), pixels = dy.extent(2) * dy.extent(3);
    const gpu::frame_stem_forward<T> forward = gpu::forward_of<R, T>(ctx, p, mean, inverse_deviation, pixels);
    const gpu::channel_parts where(dy.extent(0), channels, pixels,
                                   gpu::sum_parts(channels * frames, dy.extent(0) * pixels, ctx.limits()));
    const index_t groups = channels * frames * where.parts;
    double* const sums = room.template take<double>(2 * groups);
    T* const constants = room.template take<T>(2 * channels);
    ctx.reduce(groups, gpu::frame_stem_sums_body<T>{forward, where, gpu::divisor(frames), ctx.in(const_view<T, 4>(a)),
                                                    ctx.in(dy), ctx.out(sums, 2 * groups), static_cast<int>(groups)});
    const double* const found = sums;
    ctx.map(channels, gpu::frame_stem_rule_body<T>{
                          forward, ctx.in(found, groups), ctx.in(found + groups, groups), where.parts,
                          static_cast<double>(a.extent(0) * pixels), ctx.out(d.weight), ctx.out(d.gamma),
                          ctx.out(d.beta), ctx.out(constants, channels), ctx.out(constants + channels, channels)});
    const T* const c = constants;
    ctx.map(a.size(), gpu::frame_stem_backward_body<T>{forward, gpu::divisor(pixels), gpu::divisor(channels),
                                                       gpu::divisor(frames), ctx.in(dy), ctx.in(c, channels),
                                                       ctx.in(c + channels, channels), ctx.out(a)});
  }
  const const_view<T, 4> da = a;
  ops::conv2d_backward_weight(ctx, ops::generic::frame_images(x), da, d.conv, p.conv_params);
  if (dx.data_handle() != nullptr) {
    ops::conv2d_backward_input(ctx, da, p.conv, ops::generic::frame_images(dx), p.conv_params);
  }
}

}  // namespace vmt::inline VMT_ABI
