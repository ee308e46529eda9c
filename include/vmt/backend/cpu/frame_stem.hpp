// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/by_channel.hpp>
#include <vmt/backend/cpu/conv2d.hpp>
#include <vmt/ops/generic/frame_stem.hpp>

/// \file
/// The stem of a window's frames. Its maps are far larger than the caches and its arithmetic is little, so what counts
/// is how often they cross the memory bus: forwards, statistics are taken of a frame's map while it is in the cache,
/// and a second pass aggregates; backwards, one pass takes the sums, and the gradient of the map is made run by run
/// where the weight gradient reads it, never stored.

namespace vmt::inline VMT_ABI {

#if VMT_CPU_X86_DISPATCH
namespace detail {

/// What the ReLU of channel c saw.
[[nodiscard]] inline norm_line stem_line(const ops::frame_stem_parameters<float>& p, const_view<float, 1> mean,
                                         const_view<float, 1> inverse_deviation, index_t c) {
  return {p.gamma(c) * inverse_deviation(c), mean(c), p.beta(c), true};
}

inline void frame_stem_train(cpu_context& ctx, const_view<float, 4> images, const ops::frame_stem_parameters<float>& p,
                             const ops::batch_norm_statistics<float>& s, tensor_view<float, 4> a,
                             tensor_view<float, 4> y) {
  const index_t count = a.extent(0);
  const index_t channels = a.extent(1);
  const index_t frames = p.weight.extent(1);
  const index_t size = a.extent(2) * a.extent(3);
  auto scratch = ctx.scratch().borrow();
  double* const moments = scratch.take<double>(2 * count * channels);
  const index_t at_once = ctx.threads().size();
  for (index_t first = 0; first < count; first += at_once) {
    const index_t some = (std::min)(at_once, count - first);
    vmt_conv2d<float>(ctx, images.slice(first, some), p.conv, {}, a.slice(first, some), p.conv_params);
    ctx.threads().parallel_for(some * channels, [&](index_t begin, index_t end) {
      for (index_t item = first * channels + begin; item < first * channels + end; ++item) {
        const float origin = a.data_handle()[item % channels * size];
        const auto [sum, squares] = moments_avx2(size, a.data_handle() + item * size, origin);
        moments[2 * item] = sum;
        moments[2 * item + 1] = squares;
      }
    });
  }
  ctx.threads().parallel_for(channels, [&](index_t begin, index_t end) {
    constexpr index_t run = 2048;  // of y, which stays in the first cache while the frames pass
    for (index_t c = begin; c < end; ++c) {
      double sum = 0, squares = 0;
      for (index_t n = 0; n < count; ++n) {
        sum += moments[2 * (n * channels + c)];
        squares += moments[2 * (n * channels + c) + 1];
      }
      take_moments(s, c, a[0][c].data_handle()[0], sum, squares, static_cast<double>(count * size));
      const norm_line line = stem_line(p, s.mean, s.inverse_deviation, c);
      for (index_t n = 0; n < y.extent(0); ++n)
        for (index_t at = 0; at < size; at += run)
          for (index_t f = 0; f < frames; ++f) {
            weigh_normalised_avx2((std::min)(run, size - at), a[n * frames + f][c].data_handle() + at, line,
                                  p.weight(c, f), f > 0, y[n][c].data_handle() + at);
          }
    }
  });
}

inline void frame_stem_backward(cpu_context& ctx, const_view<float, 4> images, const_view<float, 4> dy,
                                const ops::frame_stem_parameters<float>& p, const_view<float, 1> mean,
                                const_view<float, 1> inverse_deviation, const ops::frame_stem_gradients<float>& d,
                                tensor_view<float, 4> a, tensor_view<float, 4> dx_images) {
  const index_t channels = a.extent(1);
  const index_t frames = p.weight.extent(1);
  const index_t size = a.extent(2) * a.extent(3);
  auto scratch = ctx.scratch().borrow();
  norm_gradient* const rules = scratch.take<norm_gradient>(channels * frames);
  ops::generic::frame_sums* const sums = scratch.take<ops::generic::frame_sums>(channels * frames);
  ctx.threads().parallel_for(channels, [&](index_t begin, index_t end) {
    for (index_t c = begin; c < end; ++c) {
      const norm_line line = stem_line(p, mean, inverse_deviation, c);
      const std::span<ops::generic::frame_sums> mine(sums + c * frames, static_cast<std::size_t>(frames));
      std::fill(mine.begin(), mine.end(), ops::generic::frame_sums{});
      for (index_t n = 0; n < dy.extent(0); ++n)
        for (index_t f = 0; f < frames; ++f) {
          const auto [g, q] =
              gradient_sums_avx2(size, a[n * frames + f][c].data_handle(), dy[n][c].data_handle(), line);
          mine[static_cast<std::size_t>(f)].sum += g;
          mine[static_cast<std::size_t>(f)].product += q;
        }
      const ops::generic::frame_stem_rule<float> rule(p, inverse_deviation, static_cast<double>(a.extent(0) * size), c,
                                                      mine, d);
      for (index_t f = 0; f < frames; ++f) rules[c * frames + f] = {rule.factor(p.weight(c, f)), rule.c1, rule.c0};
    }
  });
  const auto gradient = [&](index_t image, index_t c, index_t pixel, index_t count, float* out) {
    norm_gradient_avx2(count, a[image][c].data_handle() + pixel, dy[image / frames][c].data_handle() + pixel,
                       stem_line(p, mean, inverse_deviation, c), rules[c * frames + image % frames], out);
  };
  accumulate_weight_gradient<float>(ctx, images, a.extents(), gradient, d.conv, p.conv_params);
  if (dx_images.data_handle() == nullptr) return;
  ctx.threads().parallel_for(a.extent(0) * channels, [&](index_t begin, index_t end) {
    for (index_t item = begin; item < end; ++item) {
      gradient(item / channels, item % channels, 0, size, a.data_handle() + item * size);
    }
  });
  vmt_conv2d_backward_input<float>(ctx, a, p.conv, dx_images, p.conv_params);
}

}  // namespace detail
#endif

template <class T>
void vmt_frame_stem_train(cpu_context& ctx, const_view<T, 4> x, const ops::frame_stem_parameters<T>& p,
                          const ops::batch_norm_statistics<T>& s, tensor_view<T, 4> a, tensor_view<T, 4> y) {
  const const_view<T, 4> images = ops::generic::frame_images(x);
#if VMT_CPU_X86_DISPATCH
  if constexpr (std::is_same_v<T, float>) {
    if (ctx.isa() != cpu_isa::portable) return detail::frame_stem_train(ctx, images, p, s, a, y);
  }
#endif
  vmt_conv2d<T>(ctx, images, p.conv, {}, a, p.conv_params);
  ctx.threads().parallel_for(a.extent(1), [&](index_t first, index_t last) {
    ops::generic::norm_aggregate_train<T>(a, p, s, y, first, last);
  });
}

template <class T>
void vmt_frame_stem_backward(cpu_context& ctx, const_view<T, 4> x, const_view<T, 4> dy,
                             const ops::frame_stem_parameters<T>& p, const_view<T, 1> mean,
                             const_view<T, 1> inverse_deviation, const ops::frame_stem_gradients<T>& d,
                             tensor_view<T, 4> a, tensor_view<T, 4> dx) {
  const const_view<T, 4> images = ops::generic::frame_images(x);
  const tensor_view<T, 4> dx_images = dx.data_handle() == nullptr ? dx : ops::generic::frame_images(dx);
#if VMT_CPU_X86_DISPATCH
  if constexpr (std::is_same_v<T, float>) {
    if (ctx.isa() != cpu_isa::portable) {
      return detail::frame_stem_backward(ctx, images, dy, p, mean, inverse_deviation, d, a, dx_images);
    }
  }
#endif
  ctx.threads().parallel_for(a.extent(1), [&](index_t first, index_t last) {
    ops::generic::norm_aggregate_backward<T>(a, dy, p, mean, inverse_deviation, d, first, last);
  });
  vmt_conv2d_backward_weight<T>(ctx, images, a, d.conv, p.conv_params);
  if (dx.data_handle() != nullptr) vmt_conv2d_backward_input<T>(ctx, a, p.conv, dx_images, p.conv_params);
}

}  // namespace vmt::inline VMT_ABI
