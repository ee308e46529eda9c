// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/channel_groups.hpp>
#include <vmt/backend/cpu/product.hpp>

namespace vmt::inline VMT_ABI::detail {

/// As `accumulate_planes`, for an input with many channels: for each tap the sum over places is a matrix product, of
/// dy's channels × places and places × the input's channels. With the latter in groups a register holds channels, and
/// no sum is taken across its lanes, which for short maps costs as much as the products.
/// \param layout        the planes of a channel of the input, `image(n)` its first
/// \param tap           where in a channel's planes each tap finds its number for place 0
/// \param dy            (n, m, pixel, count, out) writes `count` numbers of dy[n][m] from `pixel` on to `out`
/// \param dw            rows × channels × taps
template <class Image, class Gradient>
void accumulate_groups(cpu_context& ctx, index_t rows, index_t channels, index_t taps, const index_t* tap,
                       const plane_layout& layout, const place_map& map, index_t channel_numbers, index_t images,
                       Image image, Gradient dy, float* dw) {
  constexpr index_t numbers_at_once = index_t{1} << 21;  // of the input
  constexpr index_t longest = 512;                       // places whose pixels stay in the first caches
  const group_kernels& k = ctx.groups();
  const index_t group = k.group;
  const index_t groups = groups_of(channels, group);
  const index_t size = layout.channel_size();
  const index_t places = map.places();
  const index_t threads = ctx.threads().size();
  const index_t at_once = std::clamp(numbers_at_once / (groups * group * size), index_t{1}, images);
  auto scratch = ctx.scratch().borrow();
  float* const pixels = scratch.take<float>(at_once * groups * size * group);
  float* const left = scratch.take<float>(at_once * rows * places);
  float* const planes = scratch.take<float>(threads * group * size);
  float* const sums = scratch.take<float>(groups * taps * rows * group);

  for (index_t first = 0; first < images; first += at_once) {
    const index_t count = (std::min)(at_once, images - first);
    ctx.threads().run([&](int t) {
      float* const own = planes + t * group * size;
      for (index_t item = count * groups * t / threads; item < count * groups * (t + 1) / threads; ++item) {
        const index_t g = item % groups;
        const index_t known = (std::min)(group, channels - g * group);
        const float* const from = image(first + item / groups) + g * group * channel_numbers;
        for (index_t c = 0; c < known; ++c) layout.fill(from + c * channel_numbers, own + c * size);
        gather_channels(own, size, known, size, group, pixels + item * size * group);
      }
      for (index_t item = count * rows * t / threads; item < count * rows * (t + 1) / threads; ++item) {
        float* const to = left + item * places;
        std::fill_n(to, places, 0.0F);
        map.for_each_run(0, places, [&](index_t pixel, index_t n, index_t at) {
          dy(first + item / rows, item % rows, pixel, n, to + at);
        });
      }
    });
    ctx.threads().parallel_for(groups * taps, [&](index_t begin, index_t end) {
      const index_t no_offset = 0;
      const index_t pieces = ceil_div(rows, k.pixels);
      for (index_t item = begin; item < end; ++item)
        for (index_t n = 0; n < count; ++n)
          for (index_t at = 0; at < places; at += longest)
            for (index_t p = 0; p < pieces; ++p) {
              const index_t from = rows * p / pieces;
              float* const y = sums + (item * rows + from) * group;
              const bool adds = first + n + at > 0;
              const pixel_tile_job tile{1,
                                        &no_offset,
                                        (std::min)(longest, places - at),
                                        places,
                                        pixels + ((n * groups + item / taps) * size + tap[item % taps] + at) * group,
                                        left + (n * rows + from) * places + at,
                                        y,
                                        {nullptr, adds ? y : nullptr, false}};
              k.tile[rows * (p + 1) / pieces - from](&tile);
            }
    });
  }
  ctx.threads().parallel_for(rows, [&](index_t begin, index_t end) {
    for (index_t m = begin; m < end; ++m)
      for (index_t c = 0; c < channels; ++c)
        for (index_t t = 0; t < taps; ++t) {
          dw[(m * channels + c) * taps + t] += sums[((c / group * taps + t) * rows + m) * group + c % group];
        }
  });
}

}  // namespace vmt::inline VMT_ABI::detail
