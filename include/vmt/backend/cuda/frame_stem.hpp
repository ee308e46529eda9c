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
/// Calls work.template operator()<Stored>() with the type in which the maps of all frames, which are most of a training
/// step's memory, are kept: bf16 where products are.
template <class T, class R, class F>
void with_stored_maps(gpu_context<R>& ctx, F&& work) {
  if constexpr (std::is_same_v<T, float>) {
    if (ctx.precision() == precision::bf16) return work.template operator()<stored_bf16>();
  }
  work.template operator()<T>();
}

/// The convolution's output of all frames, N·F×C×H×W, in borrowed memory. x: N×F×H×W, y: N×C×H×W.
template <class Stored, class R, class T, class Room>
[[nodiscard]] tensor_view<Stored, 4> make_frame_maps(gpu_context<R>& ctx, Room& room, const_view<T, 4> x,
                                                     const ops::frame_stem_parameters<T>& p, const_view<T, 4> y) {
  const extents<4> e = ops::detail::frame_maps<T>(x, y);
  const tensor_view<Stored, 4> a(room.template take<Stored>(e.size()), e);
  const const_view<T, 4> images = ops::generic::frame_images(x);
  if constexpr (std::is_same_v<Stored, T>) {
    ops::conv2d(ctx, images, p.conv, {}, a, p.conv_params);
  } else {
    const conv_sizes s(images.extents(), p.conv.extents(), e, p.conv_params);
    const map_out<T, Stored> out{ctx.out(a), s.filters, s.out_pixels, s.by_out_pixels, {}, {}, false};
    launch_product<typename R::bf16_math, R, T>(ctx, e[1], e[0] * e[2] * e[3], s.weights,
                                                conv_weight<T>{s, ctx.in(p.conv)}, conv_input<T>{s, ctx.in(images)},
                                                out);
  }
  return a;
}

/// From the gradient of those maps that of the weight, and of x unless dx is empty.
template <class Stored, class R, class T>
void frame_maps_backward(gpu_context<R>& ctx, const_view<T, 4> x, tensor_view<const Stored, 4> da,
                         const ops::frame_stem_parameters<T>& p, tensor_view<T, 4> dconv, tensor_view<T, 4> dx) {
  const const_view<T, 4> images = ops::generic::frame_images(x);
  if constexpr (std::is_same_v<Stored, T>) {
    ops::conv2d_backward_weight(ctx, images, da, dconv, p.conv_params);
    if (dx.data_handle() != nullptr) {
      ops::conv2d_backward_input(ctx, da, p.conv, ops::generic::frame_images(dx), p.conv_params);
    }
  } else {
    using math = typename R::bf16_math;
    const conv_sizes s(images.extents(), p.conv.extents(), da.extents(), p.conv_params);
    launch_product<typename math::narrow, R, T>(
        ctx, da.extent(1), s.weights, da.extent(0) * s.out_pixels, conv_gradient_rows<T, Stored>{s, ctx.in(da)},
        conv_input_columns<T>{{s, ctx.in(images)}}, weight_out<T>{ctx.out(dconv), s.weights});
    if (dx.data_handle() == nullptr) return;
    const map_out<T> out{ctx.out(dx), s.channels, s.height_width, s.by_pixels, {}, {}, false};
    launch_product<math, R, T>(ctx, s.channels, dx.size(), da.extent(1) * s.taps,
                               conv_weight_transposed<T>{s, ctx.in(p.conv)},
                               conv_output_gradient<T, Stored>{s, ctx.in(da)}, out);
  }
}
}  // namespace gpu

/// As in training: what lies between the convolution and the sum over frames is never written, and the maps of all
/// frames are kept as the products are.
template <class R, class T>
void vmt_frame_stem(gpu_context<R>& ctx, const_view<T, 4> x, const ops::frame_stem_parameters<T>& p,
                    const_view<T, 1> mean, const_view<T, 1> variance, double epsilon, tensor_view<T, 4> y) {
  if (y.empty()) return;
  auto room = ctx.scratch().borrow();
  const index_t channels = y.extent(1), pixels = y.extent(2) * y.extent(3);
  const tensor_view<T, 1> inverse(room.template take<T>(channels), {channels});
  ctx.map(channels, gpu::inverse_deviation_body<T>{ctx.in(variance), epsilon, ctx.out(inverse)});
  gpu::with_stored_maps<T>(ctx, [&]<class Stored>() {
    const tensor_view<const Stored, 4> a = gpu::make_frame_maps<Stored, R, T>(ctx, room, x, p, y);
    ctx.map(y.size(),
            gpu::norm_aggregate_body<T, Stored>{gpu::forward_of<R, T>(ctx, p, mean, inverse, pixels),
                                                gpu::divisor(pixels), gpu::divisor(channels), ctx.in(a), ctx.out(y)});
  });
}

template <class R, class T>
void vmt_frame_stem_train(gpu_context<R>& ctx, const_view<T, 4> x, const ops::frame_stem_parameters<T>& p,
                          const ops::batch_norm_statistics<T>& s, tensor_view<T, 4> y) {
  auto room = ctx.scratch().borrow();
  gpu::with_stored_maps<T>(ctx, [&]<class Stored>() {
    const tensor_view<const Stored, 4> a = gpu::make_frame_maps<Stored, R, T>(ctx, room, x, p, y);
    gpu::batch_statistics<R, T, Stored>(ctx, a, s);
    const index_t pixels = y.extent(2) * y.extent(3);
    ctx.map(y.size(), gpu::norm_aggregate_body<T, Stored>{
                          gpu::forward_of<R, T>(ctx, p, s.mean, s.inverse_deviation, pixels), gpu::divisor(pixels),
                          gpu::divisor(y.extent(1)), ctx.in(a), ctx.out(y)});
  });
}

template <class R, class T>
void vmt_frame_stem_backward(gpu_context<R>& ctx, const_view<T, 4> x, const_view<T, 4> dy,
                             const ops::frame_stem_parameters<T>& p, const_view<T, 1> mean,
                             const_view<T, 1> inverse_deviation, const ops::frame_stem_gradients<T>& d,
                             tensor_view<T, 4> dx) {
  auto maps = ctx.scratch().borrow();
  gpu::with_stored_maps<T>(ctx, [&]<class Stored>() {
    const tensor_view<Stored, 4> a = gpu::make_frame_maps<Stored, R, T>(ctx, maps, x, p, dy);
    const tensor_view<const Stored, 4> read = a;
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
    gpu::frame_maps_backward<Stored, R, T>(ctx, x, read, p, d.conv, dx);
  });
}

}  // namespace vmt::inline VMT_ABI
