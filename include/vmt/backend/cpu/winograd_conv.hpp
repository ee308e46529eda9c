// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/product.hpp>
#include <vmt/ops/generic/conv2d.hpp>

/// \file
/// A 3×3 convolution with stride 1 and one zero around over maps as planes, by Winograd's F(4×4, 3×3): a quarter of the
/// multiplications. Training runs on it forwards, and backwards for the input, where the kernel is turned, as long as
/// there are too few channels to fill a group (`winograd_groups.hpp`).

namespace vmt::inline VMT_ABI::detail {

/// f(image, row of outputs, first tile, count, place) for the runs that tiles first … last−1 of all images make.
template <class F>
void for_each_tile_run(index_t height, index_t width, index_t first, index_t last, F&& f) {
  const index_t across = ceil_div(width, 4);
  const index_t down = ceil_div(height, 4);
  for (index_t t = first; t < last;) {
    const index_t image = t / (down * across);
    const index_t i = t / across % down;
    const index_t j = t % across;
    const index_t count = (std::min)({across - j, last - t, plane_tiles::most});
    f(image, 4 * i, j, count, t - first);
    t += count;
  }
}

/// Whether a convolution of a map of sizes x can be done this way, and has few transforms beside the products and tiles
/// that fit the map.
[[nodiscard]] inline bool winograd_fits(const cpu_context& ctx, const extents<4>& x, const extents<4>& w,
                                        const ops::conv2d_params& p) noexcept {
  if (ctx.plane_winograd().input == nullptr || w[2] != 3 || w[3] != 3 || p.stride_h != 1 || p.stride_w != 1 ||
      p.padding_h != 1 || p.padding_w != 1 || p.dilation_w != 1 || p.shift_w != 0) {
    return false;
  }
  const index_t tiles = ceil_div(x[2], 4) * ceil_div(x[3], 4);
  return w[0] >= 8 && w[1] >= 8 && 36 * tiles <= 5 * x[2] * x[3];
}

/// U = G g Gᵀ of the kernels that `element(m, c, r, s)` gives, as the tile kernel reads them: by block of rows m, point
/// and channel.
template <class Element>
void transform_weights(cpu_context& ctx, index_t rows, index_t channels, Element element, float* u) {
  const index_t block = ctx.kernel<float>().rows;
  using line = winograd_line<4>;
  constexpr index_t some = 4;  // rows at a time; every block is a multiple
  ctx.threads().parallel_for(ceil_div(rows, block), [&](index_t begin, index_t end) {
    for (index_t m = begin * block; m < end * block; m += some)
      for (index_t c = 0; c < channels; ++c) {
        float g[9][some];
        for (index_t i = 0; i < some; ++i)
          for (index_t r = 0; r < 3; ++r)
            for (index_t s = 0; s < 3; ++s) g[3 * r + s][i] = m + i < rows ? element(m + i, c, r, s) : 0.0F;
        lanes<some> taps[3], half[6][3], out[6];
        for (std::size_t s = 0; s < 3; ++s) {
          for (std::size_t r = 0; r < 3; ++r) load<some>(taps[r], g[3 * r + s]);
          line::filter<some>(taps, out);
          for (std::size_t r = 0; r < 6; ++r) half[r][s] = out[r];
        }
        float* const to = u + (m / block * 36 * channels + c) * block + m % block;
        for (std::size_t r = 0; r < 6; ++r) {
          line::filter<some>(half[r], out);
          for (std::size_t s = 0; s < 6; ++s) {
            store<some>(out[s], to + static_cast<index_t>(6 * r + s) * channels * block);
          }
        }
      }
  });
}

/// y[n][m] = Σ_c kernel(m, c) ∗ x[n][c] + bias[m], `element` as above, `bias` may be null. Tiles are cut into blocks
/// whose transformed inputs stay in the second cache; a block's sums are made for a few rows m at a time and
/// transformed back at once. Each tile's sums are the same wherever it lies.
template <class Element>
void winograd_convolution(cpu_context& ctx, const_view<float, 4> x, Element element, const float* bias,
                          tensor_view<float, 4> y) {
  constexpr index_t points = 36;
  constexpr index_t slack = 16;                        // a register more than asked for is written
  constexpr index_t block_numbers = index_t{1} << 18;  // 1 MB of transformed inputs
  const tile_kernel<float>& kernel = ctx.kernel<float>();
  const plane_winograd_kernels& transform = ctx.plane_winograd();
  const index_t channels = x.extent(1);
  const index_t rows = y.extent(1);
  const index_t height = x.extent(2);
  const index_t width = x.extent(3);
  const index_t plane = height * width;
  const index_t tiles = x.extent(0) * ceil_div(height, 4) * ceil_div(width, 4);
  const index_t threads = ctx.threads().size();
  const index_t block = kernel.columns * std::clamp(block_numbers / (points * channels * kernel.columns), index_t{1},
                                                    ceil_div(ceil_div(tiles, threads), kernel.columns));
  const index_t line = block;  // what is written beyond one is overwritten by the next
  const index_t v_point = channels * line + slack;
  const index_t m_point = kernel.rows * line + slack;
  auto scratch = ctx.scratch().borrow();
  const index_t row_blocks = ceil_div(rows, kernel.rows);
  float* const u = scratch.take<float>(row_blocks * points * channels * kernel.rows);
  float* const v_room = scratch.take<float>(threads * points * v_point);
  float* const m_room = scratch.take<float>(threads * points * m_point);
  index_t* const offset = scratch.take<index_t>(channels);
  for (index_t c = 0; c < channels; ++c) offset[c] = c * line;
  transform_weights(ctx, rows, channels, element, u);

  const index_t blocks = ceil_div(tiles, block);
  ctx.threads().run([&](int t) {
    float* const v = v_room + t * points * v_point;
    float* const m = m_room + t * points * m_point;
    const index_t no_offset = 0;
    for (index_t b = blocks * t / threads; b < blocks * (t + 1) / threads; ++b) {
      const index_t first = b * block;
      const index_t last = (std::min)(tiles, first + block);
      for (index_t c = 0; c < channels; ++c)
        for_each_tile_run(height, width, first, last,
                          [&](index_t n, index_t row, index_t j, index_t count, index_t at) {
                            const plane_input_job job{{height, width, row, j, count},
                                                      x.data_handle() + (n * channels + c) * plane,
                                                      v + c * line + at,
                                                      v_point};
                            transform.input(&job);
                          });
      for (index_t k = 0; k < row_blocks; ++k) {
        for (index_t q = 0; q < points; ++q)
          for (index_t at = 0; at < last - first; at += kernel.columns) {
            kernel.run(1, channels, u + (k * points + q) * channels * kernel.rows, v + q * v_point + at, &no_offset,
                       offset, m + q * m_point + at, line);
          }
        for (index_t i = 0; i < (std::min)(kernel.rows, rows - k * kernel.rows); ++i)
          for_each_tile_run(height, width, first, last,
                            [&](index_t n, index_t row, index_t j, index_t count, index_t at) {
                              const index_t to = k * kernel.rows + i;
                              const plane_output_job job{{height, width, row, j, count},
                                                         m + i * line + at,
                                                         m_point,
                                                         bias == nullptr ? 0.0F : bias[to],
                                                         y.data_handle() + (n * rows + to) * plane};
                              transform.output(&job);
                            });
      }
    }
  });
}

}  // namespace vmt::inline VMT_ABI::detail
