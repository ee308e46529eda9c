// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/winograd.hpp>
#include <vmt/nn/conv2d.hpp>

#include <cmath>  // ceil
#include <optional>
#include <string>

namespace vmt::inline VMT_ABI::engine {

/// How a convolution of the engine is computed; no shape: directly.
using conv_method = std::optional<winograd_shape>;

[[nodiscard]] inline std::string name(const conv_method& m) {
  return m ? std::string(vmt::name(*m)) : "direct";
}

/// Estimated cycles of one core for a convolution over `images` maps. Multiply-adds run at nine tenths of two registers
/// a cycle, at seven where weights are transformed between them; a register of numbers that is transformed costs about
/// five cycles of loads, sums and stores, and so does one of transformed weights, once for each block of tiles; the
/// nine taps come from memory or the last cache at 4 bytes a cycle meanwhile.
[[nodiscard]] inline double estimated_cycles(const conv_method& method, const group_kernels& k, index_t in_channels,
                                             index_t out_channels, index_t taps, index_t out_height, index_t out_width,
                                             index_t images) {
  const auto in = static_cast<double>(detail::groups_of(in_channels, k.group) * k.group);
  const auto out = static_cast<double>(detail::groups_of(out_channels, k.group) * k.group);
  const auto group = static_cast<double>(k.group);
  const double memory = 4.0 * static_cast<double>(taps) * in * out / 4.0;
  if (!method) {
    return (std::max)(static_cast<double>(images * out_height * out_width * taps) * in * out / (0.9 * group), memory);
  }
  const detail::winograd_tiles t(*method, out_height, out_width);
  const double tiles = static_cast<double>(images * t.per_image());
  const auto points = static_cast<double>(t.points);
  const detail::winograd_cut cut(k, t, images, images, detail::groups_of(in_channels, k.group),
                                 detail::groups_of(out_channels, k.group), 1);
  const double blocks = cut.keeps ? 1 : std::ceil(tiles / static_cast<double>(cut.tiles));
  const auto weights = static_cast<double>(cut.weights);
  const double transforms = (points * tiles * (in + out) + weights * blocks * in * out) / group * 2 * 2.5;
  return (std::max)(tiles * points * in * out / ((cut.by_rows ? 0.7 : 0.9) * group) + transforms, memory);
}

/// The cheapest method for a convolution. Winograd is for 3×3 with stride 1 or 2 and one zero around.
[[nodiscard]] inline conv_method choose_method(const group_kernels& k, const nn::conv2d<float>& conv,
                                               index_t in_channels, index_t out_height, index_t out_width,
                                               index_t images) {
  const const_view<float, 4> w = conv.weight();
  const ops::conv2d_params& p = conv.params();
  const auto cost = [&](const conv_method& m) {
    return estimated_cycles(m, k, in_channels, w.extent(0), w.extent(2) * w.extent(3), out_height, out_width, images);
  };
  conv_method best;
  const bool fits = w.extent(2) == 3 && w.extent(3) == 3 && p.stride_h == p.stride_w && p.padding_h == 1 &&
                    p.padding_w == 1 && p.dilation_w == 1 && p.shift_w == 0;
  if (!fits) return best;
  for (int i = 0; i < winograd_shapes; ++i) {
    const auto s = static_cast<winograd_shape>(i);
    if (sizes_of(s).stride == p.stride_h && cost(s) < cost(best)) best = s;
  }
  return best;
}

}  // namespace vmt::inline VMT_ABI::engine
