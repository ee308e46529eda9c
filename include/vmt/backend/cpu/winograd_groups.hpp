// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/channel_groups.hpp>
#include <vmt/backend/cpu/winograd.hpp>

/// \file
/// A 3×3 convolution with stride 1 and one zero around over maps as planes, through the tiles of the engine
/// (`winograd.hpp`): maps are turned into groups of channels and back, which costs little beside larger tiles and
/// kernels that are transformed slab by slab.

namespace vmt::inline VMT_ABI::detail {

/// Whether that is worth it: a group must not stay half empty.
[[nodiscard]] inline bool fills_groups(const cpu_context& ctx, const extents<4>& w) noexcept {
  return (std::min)(w[0], w[1]) >= ctx.groups().group;
}

/// The larger tiles, unless they waste so much at the edges that the smaller ones need fewer products.
[[nodiscard]] inline winograd_shape choose_tiles(index_t height, index_t width) noexcept {
  const auto products = [&](winograd_shape s) {
    const winograd_tiles t(s, height, width);
    return t.points * t.per_image();
  };
  return products(winograd_shape::f5x5) < products(winograd_shape::f4x4) ? winograd_shape::f5x5 : winograd_shape::f4x4;
}

/// y[n][m] = Σ_c kernel(m, c) ∗ x[n][c] + bias[m], the kernel's taps by `element(m, c, r, s)`, `bias` may be null.
template <class Element>
void winograd_through_groups(cpu_context& ctx, const_view<float, 4> x, Element element, const float* bias,
                             tensor_view<float, 4> y) {
  constexpr index_t images_at_once = 8;
  constexpr index_t taps = 9;
  const index_t group = ctx.groups().group;
  const index_t height = x.extent(2);
  const index_t width = x.extent(3);
  const index_t channels = x.extent(1);
  const index_t rows = y.extent(1);
  const group_map in = group_map::bordered(group, channels, height, width);
  const group_map out = group_map::plain(group, rows, height, width);
  const index_t depth = in.groups() * group * taps;
  auto scratch = ctx.scratch().borrow();
  float* const w = scratch.take<float>(group_weights_size(group, rows, depth));
  float* const from = scratch.take<float>(images_at_once * in.size());
  float* const to = scratch.take<float>(images_at_once * out.size());
  float* const bias_of = bias == nullptr ? nullptr : scratch.take<float>(out.groups() * group);
  if (bias != nullptr) std::fill(std::copy_n(bias, rows, bias_of), bias_of + out.groups() * group, 0.0F);
  ctx.threads().parallel_for(out.groups(), [&](index_t begin, index_t end) {
    for (index_t o = begin; o < end; ++o) {
      pack_group_taps(
          group, (std::min)(rows - o * group, group), channels, taps,
          [&](index_t m, index_t c, index_t t) { return element(o * group + m, c, t / 3, t % 3); },
          w + o * group * depth);
    }
  });
  for (index_t first = 0; first < x.extent(0); first += images_at_once) {
    const index_t images = (std::min)(images_at_once, x.extent(0) - first);
    ctx.threads().parallel_for(images * in.groups(), [&](index_t begin, index_t end) {
      for (index_t item = begin; item < end; ++item) {
        const index_t g = item % in.groups();
        float* const map = from + item / in.groups() * in.size();
        const float* const planes = x[first + item / in.groups()].data_handle() + g * group * height * width;
        float* border = map + g * in.group_size();  // what lies between two rows
        for (index_t i = 0; i < height; ++i) {
          float* const row = map + in.at(g, i, 0);
          gather_channels(planes + i * width, height * width, (std::min)(group, channels - g * group), width, group,
                          row);
          std::fill(border, row, 0.0F);
          border = row + width * group;
        }
        std::fill(border, map + (g + 1) * in.group_size(), 0.0F);
      }
    });
    run_winograd(
        ctx, {choose_tiles(height, width), w, images, in, from, out, to, {bias_of, nullptr, false}, 0, images_at_once});
    ctx.threads().parallel_for(images * out.groups(), [&](index_t begin, index_t end) {
      for (index_t item = begin; item < end; ++item) {
        const index_t g = item % out.groups();
        const index_t n = item / out.groups();
        scatter_channels(to + n * out.size() + out.at(g, 0, 0), group, (std::min)(group, rows - g * group),
                         height * width, height * width, y[first + n].data_handle() + g * group * height * width);
      }
    });
  }
}

}  // namespace vmt::inline VMT_ABI::detail
