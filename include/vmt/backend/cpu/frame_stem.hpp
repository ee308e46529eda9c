// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/by_channel.hpp>
#include <vmt/backend/cpu/conv2d.hpp>
#include <vmt/backend/cpu/stem_moments.hpp>
#include <vmt/ops/generic/frame_stem.hpp>

/// \file
/// The stem of a window's frames. Its maps are far larger than the caches and its arithmetic is little, so they are
/// made strip by strip, where the aggregation needs them, and never stored: a processor multiplies faster than its
/// memory gives. What statistics need of them the frames tell (`stem_moments`); the gradient needs a bit for each
/// number, or makes them anew.

namespace vmt::inline VMT_ABI {

#if VMT_CPU_X86_DISPATCH
namespace detail {

/// What the ReLU of channel c saw.
[[nodiscard]] inline norm_line stem_line(const ops::frame_stem_parameters<float>& p, const_view<float, 1> mean,
                                         const_view<float, 1> inverse_deviation, index_t c) {
  return {p.gamma(c) * inverse_deviation(c), mean(c), p.beta(c), true};
}

/// f(channel, row of the strip's numbers, row in the map) for all rows of a strip.
template <class F>
void for_each_row(const frame_strips& strips, const frame_strips::part& s, F f) {
  for (index_t c = 0; c < strips.channels(); ++c)
    for (index_t i = 0; i < s.rows; ++i) f(c, s.strip + c * strips.line() + i * strips.pitch(), s.first + i);
}

/// The bits of a row of channel c in `frame_stem_memory::open`, whole bytes for each row.
class open_bits {
 public:
  open_bits(const extents<4>& y, index_t frames) noexcept
      : frames_(frames), channels_(y[1]), height_(y[2]), row_(ceil_div(y[3], 8)), windows_(y[0]) {}
  [[nodiscard]] index_t size() const noexcept { return windows_ * frames_ * channels_ * height_ * row_; }
  [[nodiscard]] index_t at(const frame_strips::part& s, index_t c, index_t i) const noexcept {
    return (((s.n * frames_ + s.f) * channels_ + c) * height_ + i) * row_;
  }

 private:
  index_t frames_, channels_, height_, row_, windows_;
};

inline void frame_stem_train(cpu_context& ctx, const_view<float, 4> x, const ops::frame_stem_parameters<float>& p,
                             const ops::batch_norm_statistics<float>& s, tensor_view<float, 4> y,
                             ops::frame_stem_memory<cpu>* memory) {
  const index_t width = y.extent(3);
  auto scratch = ctx.scratch().borrow();
  const frame_strips strips(ctx, scratch, x, p.conv, p.conv_params, y.extent(2), width);
  const stem_moments moments(ctx, scratch, strips);
  const double count = static_cast<double>(strips.outputs());
  for (index_t c = 0; c < y.extent(1); ++c) {
    const float* const taps = p.conv[c].data_handle();
    take_moments(s, c, 0.0F, moments.sum_of_map(taps), moments.squares_of_map(taps), count);
  }
  const open_bits bits(y.extents(), x.extent(1));
  unsigned char* open = nullptr;
  if (memory != nullptr) {
    moments.keep(memory->sums);
    if (memory->open.size() != bits.size()) memory->open = host_buffer<unsigned char>(bits.size());
    open = memory->open.data();
  }
  strips.for_each([&](const frame_strips::part& part) {
    for_each_row(strips, part, [&](index_t c, float* row, index_t i) {
      weigh_normalised_avx2(width, row, stem_line(p, s.mean, s.inverse_deviation, c), p.weight(c, part.f), part.f > 0,
                            &y(part.n, c, i, index_t{0}), open == nullptr ? nullptr : open + bits.at(part, c, i));
    });
  });
}

/// Σ over the places of a strip of its rows by what each tap sees, added to `sums`, C×taps; the strip has zeros between
/// the rows and behind them.
inline void add_by_tap(const dot_kernel<float>& kernel, const frame_strips& strips, const frame_strips::part& part,
                       float* tile, double* sums) {
  constexpr index_t longest = 1024;  // places at a time: what meets stays in the first cache
  const index_t length = ceil_div(part.rows * strips.pitch(), kernel.step) * kernel.step;
  for (index_t at = 0; at < length; at += longest)
    for (index_t m0 = 0; m0 < strips.channels(); m0 += kernel.rows)
      for (index_t k0 = 0; k0 < strips.taps(); k0 += kernel.taps) {
        kernel.run({part.strip + m0 * strips.line() + at, strips.line(), 0, part.planes + at, strips.tap() + k0, 0,
                    (std::min)(longest, length - at), 1},
                   tile);
        for (index_t m = m0; m < (std::min)(m0 + kernel.rows, strips.channels()); ++m)
          for (index_t k = k0; k < (std::min)(k0 + kernel.taps, strips.taps()); ++k) {
            sums[m * strips.taps() + k] += static_cast<double>(tile[(m - m0) * kernel.taps + (k - k0)]);
          }
      }
}

/// With g = dy where the ReLU was open, by frame, the gradient of a map is da = factor[f]·g − c0 + c1·(a − mean)
/// (`frame_stem_rule`). So one pass over the maps is enough, for Σ g·x_k: then Σ g·a = Σ_k w[k]·Σ g·x_k, which the
/// rule needs, and Σ da·x_k, the gradient of the weights, follow by `stem_moments`.
inline void frame_stem_backward(cpu_context& ctx, const_view<float, 4> x, const_view<float, 4> dy,
                                const ops::frame_stem_parameters<float>& p, const_view<float, 1> mean,
                                const_view<float, 1> inverse_deviation, const ops::frame_stem_gradients<float>& d,
                                tensor_view<float, 4> dx, const ops::frame_stem_memory<cpu>* memory) {
  const index_t windows = x.extent(0);
  const index_t frames = x.extent(1);
  const index_t channels = dy.extent(1);
  const index_t width = dy.extent(3);
  auto scratch = ctx.scratch().borrow();
  const frame_strips strips(ctx, scratch, x, p.conv, p.conv_params, dy.extent(2), width);
  const open_bits bits(dy.extents(), frames);
  const bool kept =
      memory != nullptr && memory->open.size() == bits.size() && stem_moments::are_kept(ctx, strips, memory->sums);
  const stem_moments moments = kept ? stem_moments(ctx, strips, memory->sums) : stem_moments(ctx, scratch, strips);
  const dot_kernel<float>& kernel = ctx.dot<float>();
  const index_t taps = strips.taps();

  // By window and frame, then in order: the same sums for any number of threads.
  double* const open_sums = scratch.take<double>(windows * frames * channels);
  double* const by_tap = scratch.take<double>(windows * frames * channels * taps);
  std::fill_n(open_sums, windows * frames * channels, 0.0);
  std::fill_n(by_tap, windows * frames * channels * taps, 0.0);
  strips.for_each(
      [&](const frame_strips::part& part) {
        float tile[64];
        VMT_ASSERT(kernel.rows * kernel.taps <= 64);
        const index_t frame = part.n * frames + part.f;
        for_each_row(strips, part, [&](index_t c, float* row, index_t i) {
          const float* const g = &dy(part.n, c, i, index_t{0});
          open_sums[frame * channels + c] +=
              kept ? open_gradient_avx2(width, memory->open.data() + bits.at(part, c, i), g, row)
                   : open_gradient_avx2(width, row, g, stem_line(p, mean, inverse_deviation, c), row);
          std::fill_n(row + width, strips.pitch() - width, 0.0F);
        });
        const index_t end = ceil_div(part.rows * strips.pitch(), kernel.step) * kernel.step;
        for (index_t c = 0; c < channels; ++c) {
          float* const line = part.strip + c * strips.line();
          std::fill(line + part.rows * strips.pitch(), line + end, 0.0F);
        }
        add_by_tap(kernel, strips, part, tile, by_tap + frame * channels * taps);
      },
      !kept);
  for (index_t n = 1; n < windows; ++n) {
    for (index_t i = 0; i < frames * channels; ++i) open_sums[i] += open_sums[n * frames * channels + i];
    for (index_t i = 0; i < frames * channels * taps; ++i) by_tap[i] += by_tap[n * frames * channels * taps + i];
  }

  using ops::generic::frame_sums;
  frame_sums* const sums = scratch.take<frame_sums>(frames);
  norm_gradient* const rules = scratch.take<norm_gradient>(channels * frames);
  const double count = static_cast<double>(strips.outputs());
  for (index_t c = 0; c < channels; ++c) {
    const float* const w = p.conv[c].data_handle();
    const double centre = static_cast<double>(mean(c));
    for (index_t f = 0; f < frames; ++f) {
      const double sum = open_sums[f * channels + c];
      double product = 0;
      for (index_t k = 0; k < taps; ++k) product += static_cast<double>(w[k]) * by_tap[(f * channels + c) * taps + k];
      sums[f] = {sum, product - centre * sum};
    }
    const ops::generic::frame_stem_rule<float> rule(p, inverse_deviation, count, c,
                                                    {sums, static_cast<std::size_t>(frames)}, d);
    for (index_t f = 0; f < frames; ++f) rules[c * frames + f] = {rule.factor(p.weight(c, f)), rule.c1, rule.c0};
    for (index_t k = 0; k < taps; ++k) {
      double gradient = static_cast<double>(rule.c1) * (moments.map_by_tap(w, k) - centre * moments.sum(k)) -
                        static_cast<double>(rule.c0) * moments.sum(k);
      for (index_t f = 0; f < frames; ++f) {
        gradient += static_cast<double>(rules[c * frames + f].a) * by_tap[(f * channels + c) * taps + k];
      }
      d.conv.data_handle()[c * taps + k] += static_cast<float>(gradient);
    }
  }

  if (dx.data_handle() == nullptr) return;
  const extents<4> all{windows * frames, channels, dy.extent(2), width};
  const tensor_view<float, 4> a(scratch.take<float>(all.size()), all);
  strips.for_each([&](const frame_strips::part& part) {
    for_each_row(strips, part, [&](index_t c, float* row, index_t i) {
      norm_gradient_avx2(width, row, &dy(part.n, c, i, index_t{0}), stem_line(p, mean, inverse_deviation, c),
                         rules[c * frames + part.f], &a(part.n * frames + part.f, c, i, index_t{0}));
    });
  });
  vmt_conv2d_backward_input<float>(ctx, a, p.conv, ops::generic::frame_images(dx), p.conv_params);
}

}  // namespace detail
#endif

template <class T>
void vmt_frame_stem_train(cpu_context& ctx, const_view<T, 4> x, const ops::frame_stem_parameters<T>& p,
                          const ops::batch_norm_statistics<T>& s, tensor_view<T, 4> y,
                          [[maybe_unused]] ops::frame_stem_memory<cpu>* memory) {
#if VMT_CPU_X86_DISPATCH
  if constexpr (std::is_same_v<T, float>) {
    if (ctx.isa() != cpu_isa::portable) return detail::frame_stem_train(ctx, x, p, s, y, memory);
  }
#endif
  if (memory != nullptr) *memory = {};
  auto scratch = ctx.scratch().borrow();
  const extents<4> all{x.extent(0) * x.extent(1), y.extent(1), y.extent(2), y.extent(3)};
  const tensor_view<T, 4> a(scratch.template take<T>(all.size()), all);
  vmt_conv2d<T>(ctx, ops::generic::frame_images(x), p.conv, {}, a, p.conv_params);
  ctx.threads().parallel_for(a.extent(1), [&](index_t first, index_t last) {
    ops::generic::norm_aggregate_train<T>(a, p, s, y, first, last);
  });
}

template <class T>
void vmt_frame_stem_backward(cpu_context& ctx, const_view<T, 4> x, const_view<T, 4> dy,
                             const ops::frame_stem_parameters<T>& p, const_view<T, 1> mean,
                             const_view<T, 1> inverse_deviation, const ops::frame_stem_gradients<T>& d,
                             tensor_view<T, 4> dx, [[maybe_unused]] const ops::frame_stem_memory<cpu>* memory) {
#if VMT_CPU_X86_DISPATCH
  if constexpr (std::is_same_v<T, float>) {
    if (ctx.isa() != cpu_isa::portable) {
      return detail::frame_stem_backward(ctx, x, dy, p, mean, inverse_deviation, d, dx, memory);
    }
  }
#endif
  auto scratch = ctx.scratch().borrow();
  const const_view<T, 4> images = ops::generic::frame_images(x);
  const extents<4> all{images.extent(0), dy.extent(1), dy.extent(2), dy.extent(3)};
  const tensor_view<T, 4> a(scratch.template take<T>(all.size()), all);
  vmt_conv2d<T>(ctx, images, p.conv, {}, a, p.conv_params);
  ctx.threads().parallel_for(a.extent(1), [&](index_t first, index_t last) {
    ops::generic::norm_aggregate_backward<T>(a, dy, p, mean, inverse_deviation, d, first, last);
  });
  vmt_conv2d_backward_weight<T>(ctx, images, a, d.conv, p.conv_params);
  if (dx.data_handle() != nullptr) {
    vmt_conv2d_backward_input<T>(ctx, a, p.conv, ops::generic::frame_images(dx), p.conv_params);
  }
}

}  // namespace vmt::inline VMT_ABI
