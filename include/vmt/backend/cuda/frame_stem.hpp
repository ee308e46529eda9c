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
/// The convolution's output of all frames, N·F×C×H×W, in borrowed memory, kept as y is. x: N×F×H×W, y: N×C×H×W.
template <class R, class T, class Stored, class Room>
[[nodiscard]] tensor_view<Stored, 4> make_frame_maps(gpu_context<R>& ctx, Room& room, const_view<T, 4> x,
                                                     const ops::frame_stem_parameters<T>& p, const_view<Stored, 4> y) {
  const extents<4> e = ops::detail::frame_maps(x.extents(), y.extents());
  const tensor_view<Stored, 4> a(room.template take<Stored>(e.size()), e);
  ops::conv2d(ctx, ops::generic::frame_images(x), p.conv, {}, a, p.conv_params);
  return a;
}
}  // namespace gpu

/// As in training: what lies between the convolution and the sum over frames is never written.
template <class R, class T, class Stored>
void vmt_frame_stem(gpu_context<R>& ctx, const_view<T, 4> x, const ops::frame_stem_parameters<T>& p,
                    const_view<T, 1> mean, const_view<T, 1> variance, double epsilon, tensor_view<Stored, 4> y) {
  if (y.empty()) return;
  auto room = ctx.scratch().borrow();
  const index_t channels = y.extent(1), pixels = y.extent(2) * y.extent(3);
  const tensor_view<T, 1> inverse(room.template take<T>(channels), {channels});
  ctx.map(channels, gpu::inverse_deviation_body<T>{ctx.in(variance), epsilon, ctx.out(inverse)});
  const const_view<Stored, 4> a = gpu::make_frame_maps(ctx, room, x, p, const_view<Stored, 4>(y));
  ctx.map(y.size(),
          gpu::norm_aggregate_body<T, Stored>{gpu::forward_of<R, T>(ctx, p, mean, inverse, pixels),
                                              gpu::divisor(pixels), gpu::divisor(channels), ctx.in(a), ctx.out(y)});
}

template <class R, class T, class Stored>
void vmt_frame_stem_train(gpu_context<R>& ctx, const_view<T, 4> x, const ops::frame_stem_parameters<T>& p,
                          const ops::batch_norm_statistics<T>& s, tensor_view<Stored, 4> y) {
  auto room = ctx.scratch().borrow();
  const const_view<Stored, 4> a = gpu::make_frame_maps(ctx, room, x, p, const_view<Stored, 4>(y));
  gpu::batch_statistics(ctx, a, s);
  const index_t pixels = y.extent(2) * y.extent(3);
  ctx.map(y.size(),
          gpu::norm_aggregate_body<T, Stored>{gpu::forward_of<R, T>(ctx, p, s.mean, s.inverse_deviation, pixels),
                                              gpu::divisor(pixels), gpu::divisor(y.extent(1)), ctx.in(a), ctx.out(y)});
}

template <class R, class T, class Stored>
void vmt_frame_stem_backward(gpu_context<R>& ctx, const_view<T, 4> x, const_view<Stored, 4> dy,
                             const ops::frame_stem_parameters<T>& p, const_view<T, 1> mean,
                             const_view<T, 1> inverse_deviation, const ops::frame_stem_gradients<T>& d,
                             tensor_view<T, 4> dx) {
  auto maps = ctx.scratch().borrow();
  const tensor_view<Stored, 4> a = gpu::make_frame_maps(ctx, maps, x, p, dy);
  const const_view<Stored, 4> read = a;
  {
    auto room = ctx.scratch().borrow();
    const index_t channels = p.weight.extent(0), frames = p.weight.extent(1), pixels = dy.extent(2) * dy.extent(3);
    const gpu::frame_stem_forward<T> forward = gpu::forward_of<R, T>(ctx, p, mean, inverse_deviation, pixels);
    const gpu::channel_parts where(dy.extent(0), channels, pixels,
                                   gpu::sum_parts(channels * frames, dy.extent(0) * pixels, ctx.limits()));
    const index_t groups = channels * frames * where.parts;
    double* const sums = room.template take<double>(2 * groups);
    T* const constants = room.template take<T>(2 * channels);
    ctx.reduce(groups,
               gpu::frame_stem_sums_body<T, Stored>{forward, where, gpu::divisor(frames), ctx.in(read), ctx.in(dy),
                                                    ctx.out(sums, 2 * groups), static_cast<int>(groups)});
    const double* const found = sums;
    ctx.map(channels, gpu::frame_stem_rule_body<T>{
                          forward, ctx.in(found, groups), ctx.in(found + groups, groups), where.parts,
                          static_cast<double>(a.extent(0) * pixels), ctx.out(d.weight), ctx.out(d.gamma),
                          ctx.out(d.beta), ctx.out(constants, channels), ctx.out(constants + channels, channels)});
    const T* const c = constants;
    ctx.map(a.size(), gpu::frame_stem_backward_body<T, Stored>{forward, gpu::divisor(pixels), gpu::divisor(channels),
                                                               gpu::divisor(frames), ctx.in(dy), ctx.in(c, channels),
                                                               ctx.in(c + channels, channels), ctx.out(a)});
  }
  const const_view<T, 4> images = ops::generic::frame_images(x);
  ops::conv2d_backward_weight(ctx, images, read, d.conv, p.conv_params);
  if (dx.data_handle() == nullptr) return;
  ops::conv2d_backward_input(ctx, read, p.conv, ops::generic::frame_images(dx), p.conv_params);
}

}  // namespace vmt::inline VMT_ABI
