// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/channel_groups.hpp>
#include <vmt/backend/cpu/winograd_conv.hpp>

namespace vmt::inline VMT_ABI::detail {

/// dw += the weight gradient of a 3×3 convolution with stride 1 and one zero around over maps as planes, by Winograd's
/// F(4×4, 3×3). With y = Aᵀ (U ⊙ V) A for each tile, U = G g Gᵀ, V = Bᵀ x B:
///   dg = Gᵀ (Σ_tiles (A dy Aᵀ) ⊙ V) G,
/// 36 products for a tile, 16 outputs, where the definition has 144. For each point the sum over tiles is a matrix
/// product, of dy's channels × tiles and tiles × x's channels: with the latter in groups, a register holds channels and
/// no sum is taken across its lanes. Tiles come in blocks, whose transformed numbers go from thread to thread through
/// the last cache. A block does not depend on the number of threads, and every sum is one thread's: the same bits for
/// any number.
inline void winograd_weight_gradient(cpu_context& ctx, const_view<float, 4> x, const_view<float, 4> dy,
                                     tensor_view<float, 4> dw) {
  constexpr index_t points = 36;
  constexpr index_t slack = 16;                        // a register more than asked for is written
  constexpr index_t block_numbers = index_t{1} << 21;  // 8 MB of transformed numbers
  constexpr index_t fewest = 128;                      // tiles, for each time that sums come and go
  constexpr index_t widest_group = 32;
  const group_kernels& k = ctx.groups();
  const plane_winograd_kernels& transform = ctx.plane_winograd();
  const index_t channels = x.extent(1);
  const index_t rows = dy.extent(1);
  const index_t height = x.extent(2);
  const index_t width = x.extent(3);
  const index_t plane = height * width;
  const index_t across = ceil_div(width, 4);
  const index_t down = ceil_div(height, 4);
  const index_t tiles = x.extent(0) * down * across;
  if (tiles == 0) return;
  const index_t groups = groups_of(channels, k.group);
  const index_t most = (std::min)((std::max)(block_numbers / (points * (channels + rows)), fewest), tiles);
  const index_t block = ceil_div(tiles, ceil_div(tiles, most));
  const index_t line = block + slack;
  const index_t v_point = (block + 1) * k.group;  // the odd group keeps points out of the same cache set
  const index_t m_point = rows * line;
  const index_t pixels = 4 * across + 2;
  const index_t threads = ctx.threads().size();
  auto scratch = ctx.scratch().borrow();
  float* const v = scratch.take<float>(groups * points * v_point);
  float* const m = scratch.take<float>(points * m_point + slack);
  float* const du = scratch.take<float>(points * groups * rows * k.group);
  float* const lines = scratch.take<float>(threads * 6 * pixels * k.group);
  std::fill_n(lines, threads * 6 * pixels * k.group, 0.0F);

  for (index_t first = 0; first < tiles; first += block) {
    const index_t last = (std::min)(tiles, first + block);
    const index_t count = last - first;
    const index_t first_row = first / across;
    const index_t tile_rows = (last - 1) / across - first_row + 1;
    ctx.threads().run([&](int t) {
      // Rows of tiles of a group of x's channels.
      float* const room = lines + t * 6 * pixels * k.group;
      const index_t row_size = pixels * k.group;
      for (index_t item = groups * tile_rows * t / threads; item < groups * tile_rows * (t + 1) / threads; ++item) {
        const index_t g = item / tile_rows;
        const index_t tile_row = first_row + item % tile_rows;
        const index_t n = tile_row / down;
        const index_t top = tile_row % down * 4 - 1;
        const index_t begin = (std::max)(first, tile_row * across);
        const index_t end = (std::min)(last, (tile_row + 1) * across);
        const float* const from = x.data_handle() + (n * channels + g * k.group) * plane;
        for (index_t r = 0; r < 6; ++r) {
          float* const to = room + r * row_size + k.group;
          if (top + r < 0 || top + r >= height) {
            std::fill_n(to, width * k.group, 0.0F);
          } else {
            gather_channels(from + (top + r) * width, plane, (std::min)(k.group, channels - g * k.group), width,
                            k.group, to);
          }
        }
        const winograd_input_job job{room + (begin - tile_row * across) * 4 * k.group, row_size,
                                     v + g * points * v_point + (begin - first) * k.group, v_point, end - begin};
        k.winograd[static_cast<int>(winograd_shape::f4x4)].input(&job);
      }
      // Channels of dy.
      for (index_t c = rows * t / threads; c < rows * (t + 1) / threads; ++c)
        for_each_tile_run(height, width, first, last, [&](index_t n, index_t row, index_t j, index_t run, index_t at) {
          const plane_input_job job{
              {height, width, row, j, run}, dy.data_handle() + (n * rows + c) * plane, m + c * line + at, m_point};
          transform.gradient(&job);
        });
    });
    ctx.threads().parallel_for(points * groups, [&](index_t begin, index_t end) {
      const index_t no_offset = 0;
      const index_t pieces = ceil_div(rows, k.pixels);
      for (index_t item = begin; item < end; ++item)
        for (index_t p = 0; p < pieces; ++p) {
          const index_t from = rows * p / pieces;
          float* const sums = du + (item * rows + from) * k.group;
          const pixel_tile_job tile{1,
                                    &no_offset,
                                    count,
                                    line,
                                    v + (item % groups * points + item / groups) * v_point,
                                    m + item / groups * m_point + from * line,
                                    sums,
                                    {nullptr, first > 0 ? sums : nullptr, false}};
          k.tile[rows * (p + 1) / pieces - from](&tile);
        }
    });
  }

  ctx.threads().parallel_for(rows, [&](index_t begin, index_t end) {
    float taps[9][widest_group];
    for (index_t r = begin; r < end; ++r)
      for (index_t g = 0; g < groups; ++g) {
        for (index_t half = 0; half < 2; ++half) {
          const filter_gradient_job job{du + (g * rows + r) * k.group + half * k.group / 2, groups * rows * k.group,
                                        taps[0] + half * k.group / 2, widest_group};
          transform.filter_gradient(&job);
        }
        const index_t known = (std::min)(k.group, channels - g * k.group);
        float* to = dw.data_handle() + (r * channels + g * k.group) * 9;
        for (index_t c = 0; c < known; ++c)
          for (index_t i = 0; i < 9; ++i) *to++ += taps[i][c];
      }
  });
}

}  // namespace vmt::inline VMT_ABI::detail
