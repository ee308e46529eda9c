// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/context.hpp>
#include <vmt/backend/cpu/group_map.hpp>
#include <vmt/backend/cpu/planes.hpp>

namespace vmt::inline VMT_ABI::detail {

/// Numbers of `pack_group_weights`.
[[nodiscard]] constexpr index_t group_weights_size(index_t group, index_t rows, index_t depth) noexcept {
  return groups_of(rows, group) * group * depth;
}
/// Weights as `pixel_tile` reads them: by group of output channels, then k by k, then the channels of the group.
/// `element(m, k)` gives them; missing rows are 0.
template <class Element>
void pack_group_weights(index_t group, index_t rows, index_t depth, Element element, float* dst) {
  for (index_t first = 0; first < rows; first += group)
    for (index_t k = 0; k < depth; ++k)
      for (index_t m = first; m < first + group; ++m) *dst++ = m < rows ? element(m, k) : 0.0F;
}

/// The same for a convolution over a map with `channels` channels: by group of these, then tap by tap. `element(m, c,
/// t)` gives the taps; missing channels are 0.
template <class Element>
void pack_group_taps(index_t group, index_t rows, index_t channels, index_t taps, Element element, float* dst) {
  for (index_t first_m = 0; first_m < rows; first_m += group)
    for (index_t first_c = 0; first_c < channels; first_c += group, dst += taps * group * group)
      for (index_t m = 0; m < group; ++m)
        for (index_t c = 0; c < group; ++c) {
          const bool known = first_m + m < rows && first_c + c < channels;
          for (index_t t = 0; t < taps; ++t) {
            dst[(t * group + c) * group + m] = known ? element(first_m + m, first_c + c, t) : 0.0F;
          }
        }
}

/// A direct convolution as tiles of pixels: see `pixel_tile_job` for runs, run and step.
struct group_conv_job {
  index_t runs;
  const index_t* offset;
  index_t run;
  index_t step;
  const float* w;
  index_t images;
  const float* x;  ///< what output pixel (0, 0) of image 0 sees at offset 0
  index_t x_row;   ///< from an output row to the next
  index_t x_image;
  index_t row_numbers;  ///< numbers of the input that an output row adds to those of the row before
  group_map out;
  float* y;      ///< image 0, images follow one another
  tile_end end;  ///< bias: all groups; residual: as y, image by image or one for all
  index_t residual_image = 0;
};

/// Rows of the output that a thread takes for one group of channels before it goes to the next group: their input then
/// comes from the second cache. Weights of a group pass once for each block.
inline constexpr index_t row_block_numbers = index_t{1} << 17;

/// A row is cut into tiles of nearly equal width, so that the last one is not a stump.
inline void group_conv_row(const group_kernels& k, const group_conv_job& c, index_t line, index_t g) noexcept {
  const index_t image = line / c.out.height;
  const index_t i = line % c.out.height;
  const index_t pieces = ceil_div(c.out.width, k.pixels);
  const index_t row = image * c.out.size() + c.out.at(g, i, 0);
  const index_t residual = image * c.residual_image + c.out.at(g, i, 0);
  const float* const x = c.x + image * c.x_image + i * c.x_row;
  const tile_end end{c.end.bias == nullptr ? nullptr : c.end.bias + g * k.group, nullptr, c.end.relu};
  for (index_t p = 0; p < pieces; ++p) {
    const index_t from = c.out.width * p / pieces;
    const index_t to = c.out.width * (p + 1) / pieces;
    pixel_tile_job job{c.runs,
                       c.offset,
                       c.run,
                       c.step,
                       c.w + g * k.group * c.runs * c.run,
                       x + from * c.step,
                       c.y + row + from * k.group,
                       end};
    if (c.end.residual != nullptr) job.end.residual = c.end.residual + residual + from * k.group;
    k.tile[to - from](&job);
  }
}

/// f(line, group) for thread t's share of all rows of output of all groups of channels: `block` rows of one group, then
/// the same rows of the next.
template <class F>
void for_each_row(index_t t, index_t threads, index_t lines, index_t groups, index_t block, F&& f) {
  const index_t jobs = lines * groups;
  for (index_t job = jobs * t / threads; job < jobs * (t + 1) / threads; ++job) {
    const index_t b = job / (block * groups);
    const index_t in_block = (std::min)(block, lines - b * block);
    const index_t at = job - b * block * groups;
    f(b * block + at % in_block, at / in_block);
  }
}

inline void run_group_conv(cpu_context& ctx, const group_conv_job& c) {
  const group_kernels& k = ctx.groups();
  const index_t lines = c.images * c.out.height;
  const index_t block = std::clamp(row_block_numbers / (std::max)(c.row_numbers, index_t{1}), index_t{1}, lines);
  ctx.threads().run([&](int t) {
    for_each_row(t, ctx.threads().size(), lines, c.out.groups(), block,
                 [&](index_t line, index_t g) { group_conv_row(k, c, line, g); });
  });
}

}  // namespace vmt::inline VMT_ABI::detail
