// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/winograd_conv.hpp>

namespace vmt::inline VMT_ABI::detail {

/// dw += the weight gradient of a 3×3 convolution with stride 1 and one zero around over maps as planes, by Winograd's
/// F(4×4, 3×3), where `use_winograd`. With y = Aᵀ (U ⊙ V) A for each tile, U = G g Gᵀ, V = Bᵀ x B:
///   dg = Gᵀ (Σ_tiles (A dy Aᵀ) ⊙ V) G,
/// 36 products for a tile, 16 outputs, where the definition has 144. Tiles are taken in blocks, the transformed numbers
/// of a block go from thread to thread through the last cache. A block does not depend on the number of threads, and
/// every sum is one thread's: the same bits for any number.
inline void winograd_weight_gradient(cpu_context& ctx, const_view<float, 4> x, const_view<float, 4> dy,
                                     tensor_view<float, 4> dw) {
  constexpr index_t points = 36;
  constexpr index_t slack = 16;                        // a register more than asked for is written
  constexpr index_t block_numbers = index_t{1} << 21;  // 8 MB of transformed numbers
  const dot_kernel<float>& dot = ctx.dot<float>();
  const plane_winograd_kernels& transform = ctx.plane_winograd();
  const index_t channels = x.extent(1);
  const index_t rows = dy.extent(1);
  const index_t height = x.extent(2);
  const index_t width = x.extent(3);
  const index_t plane = height * width;
  const index_t tiles = x.extent(0) * ceil_div(height, 4) * ceil_div(width, 4);
  if (tiles == 0) return;
  const index_t most = std::clamp(block_numbers / (points * (channels + rows)), index_t{64}, tiles);
  const index_t block = ceil_div(ceil_div(tiles, ceil_div(tiles, most)), dot.step) * dot.step;
  const index_t line = block + slack;
  // Sums are made for whole tiles of the kernel; missing rows and channels are other ones once more.
  const index_t row_blocks = ceil_div(rows, dot.rows);
  const index_t channel_blocks = ceil_div(channels, dot.taps);
  const index_t sums = dot.rows * dot.taps;
  const index_t padded_rows = row_blocks * dot.rows;
  const index_t v_point = channels * line;
  const index_t m_point = padded_rows * line;
  auto scratch = ctx.scratch().borrow();
  float* const v = scratch.take<float>(points * v_point);
  float* const m = scratch.take<float>(points * m_point);
  float* const du = scratch.take<float>(points * row_blocks * channel_blocks * sums);
  float* const room = scratch.take<float>(ctx.threads().size() * sums);
  index_t* const tap = scratch.take<index_t>(channel_blocks * dot.taps);
  for (index_t c = 0; c < channel_blocks * dot.taps; ++c) tap[c] = (std::min)(c, channels - 1) * line;
  std::fill_n(du, points * row_blocks * channel_blocks * sums, 0.0F);

  for (index_t first = 0; first < tiles; first += block) {
    const index_t last = (std::min)(tiles, first + block);
    const index_t count = ceil_div(last - first, dot.step) * dot.step;
    ctx.threads().parallel_for(channels + padded_rows, [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const bool is_input = i < channels;
        const index_t c = is_input ? i : i - channels;
        const index_t depth = is_input ? channels : rows;
        float* const to = (is_input ? v : m) + c * line;
        const index_t point = is_input ? v_point : m_point;
        const float* const from = (is_input ? x.data_handle() : dy.data_handle()) + c * plane;
        if (c < depth)
          for_each_tile_run(
              height, width, first, last, [&](index_t n, index_t row, index_t j, index_t run, index_t at) {
                const plane_input_job job{{height, width, row, j, run}, from + n * depth * plane, to + at, point};
                (is_input ? transform.input : transform.gradient)(&job);
              });
        const index_t known = c < depth ? last - first : 0;
        for (index_t q = 0; q < points; ++q) std::fill(to + q * point + known, to + q * point + count, 0.0F);
      }
    });
    ctx.threads().run([&](int t) {
      const index_t threads = ctx.threads().size();
      const index_t items = points * row_blocks;
      float* const some = room + t * sums;
      for (index_t item = items * t / threads; item < items * (t + 1) / threads; ++item) {
        const index_t q = item / row_blocks;
        const float* const left = m + q * m_point + item % row_blocks * dot.rows * line;
        for (index_t k = 0; k < channel_blocks; ++k) {
          dot.run({left, line, 0, v + q * v_point, tap + k * dot.taps, 0, count, 1}, some);
          float* const to = du + (item * channel_blocks + k) * sums;
          for (index_t i = 0; i < sums; ++i) to[i] += some[i];
        }
      }
    });
  }

  ctx.threads().parallel_for(rows, [&](index_t begin, index_t end) {
    for (index_t r = begin; r < end; ++r)
      for (index_t c = 0; c < channels; ++c) {
        const float* from =
            du + (r / dot.rows * channel_blocks + c / dot.taps) * sums + r % dot.rows * dot.taps + c % dot.taps;
        float half[6][3], g[3];
        for (auto& row : half) {
          float across[6];
          for (float& number : across) {
            number = *from;
            from += row_blocks * channel_blocks * sums;
          }
          winograd_line<4>::filter_gradient(across, row);
        }
        for (index_t s = 0; s < 3; ++s) {
          float down[6];
          for (std::size_t i = 0; i < 6; ++i) down[i] = half[i][s];
          winograd_line<4>::filter_gradient(down, g);
          for (index_t i = 0; i < 3; ++i) dw(r, c, i, s) += g[i];
        }
      }
  });
}

}  // namespace vmt::inline VMT_ABI::detail
