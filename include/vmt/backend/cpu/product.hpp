// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/context.hpp>
#include <vmt/backend/cpu/gather.hpp>

namespace vmt::inline VMT_ABI::detail {

[[nodiscard]] constexpr index_t ceil_div(index_t a, index_t b) noexcept {
  return (a + b - 1) / b;
}

/// The size of a left operand of `rows` × `depth` in the order that the kernel reads.
template <class T>
[[nodiscard]] index_t packed_size(const tile_kernel<T>& kernel, index_t rows, index_t depth) noexcept {
  return ceil_div(rows, kernel.rows) * kernel.rows * depth;
}

/// Packs the left operand: blocks of kernel.rows rows, within a block k by k. `element(m, k)` gives it; missing rows
/// are 0.
template <class T, class Element>
void pack_left(const tile_kernel<T>& kernel, index_t rows, index_t depth, Element element, T* dst) {
  for (index_t m0 = 0; m0 < rows; m0 += kernel.rows)
    for (index_t k = 0; k < depth; ++k)
      for (index_t m = m0; m < m0 + kernel.rows; ++m) *dst++ = m < rows ? element(m, k) : T(0);
}

/// For each image n: C = left · gather(image n), rows × pixels, tile by tile; `store(n, m, first, count, sums)`
/// receives each finished run of a row. Threads share the panels of pixels; where there are too few of them, the rows.
template <class T, class Image, class Store>
void multiply_gathered(cpu_context& ctx, const T* left, index_t rows, const gather& g, index_t images, Image image,
                       Store store) {
  const tile_kernel<T>& kernel = ctx.kernel<T>();
  const index_t panels = ceil_div(g.pixels(), kernel.columns);
  const index_t blocks = ceil_div(rows, kernel.rows);
  const index_t panel_size = g.depth * kernel.columns;
  const index_t threads = ctx.threads().size();
  auto scratch = ctx.scratch().borrow();
  const index_t tile_size = kernel.rows * kernel.columns;
  T* const tiles = scratch.take<T>(threads * tile_size);

  const auto pack = [&](index_t item, T* dst) {
    g.pack(image(item / panels), item % panels * kernel.columns, kernel.columns, dst);
  };
  const auto compute = [&](index_t item, index_t block, const T* panel, T* tile) {
    kernel.run(g.depth, left + block * kernel.rows * g.depth, panel, tile, false);
    const index_t first = item % panels * kernel.columns;
    const index_t count = (std::min)(kernel.columns, g.pixels() - first);
    const index_t last_row = (std::min)(rows, (block + 1) * kernel.rows);
    for (index_t m = block * kernel.rows; m < last_row; ++m) {
      store(item / panels, m, first, count, tile + (m - block * kernel.rows) * kernel.columns);
    }
  };

  const index_t items = images * panels;
  if (threads == 1 || items >= 8 * threads) {
    T* const packed = scratch.take<T>(threads * panel_size);
    ctx.threads().run([&](int t) {
      T* const panel = packed + t * panel_size;
      for (index_t item = items * t / threads; item < items * (t + 1) / threads; ++item) {
        pack(item, panel);
        for (index_t block = 0; block < blocks; ++block) compute(item, block, panel, tiles + t * tile_size);
      }
    });
  } else {
    T* const packed = scratch.take<T>(items * panel_size);
    ctx.threads().parallel_for(items, [&](index_t begin, index_t end) {
      for (index_t item = begin; item < end; ++item) pack(item, packed + item * panel_size);
    });
    ctx.threads().run([&](int t) {
      for (index_t job = items * blocks * t / threads; job < items * blocks * (t + 1) / threads; ++job) {
        compute(job % items, job / items, packed + job % items * panel_size, tiles + t * tile_size);
      }
    });
  }
}

/// dw[m][k] += Σ_n Σ_p right(n)[m][p] · gather(image n)[k][p]: the product with the pixels summed away. The images form
/// fixed groups, summed in order, so that the result does not depend on the number of threads.
template <class T, class Image, class Right>
void accumulate_gathered(cpu_context& ctx, index_t rows, const gather& g, index_t images, Image image, Right right,
                         T* dw) {
  const tile_kernel<T>& kernel = ctx.kernel<T>();
  constexpr index_t depth_block = 256;  // pixels at a time: the packed panel stays in the second cache
  const index_t panels = ceil_div(g.depth, kernel.columns);
  const index_t blocks = ceil_div(rows, kernel.rows);
  const index_t tile_size = kernel.rows * kernel.columns;
  const index_t groups = std::min<index_t>(images, 4);
  const index_t threads = ctx.threads().size();
  const index_t left_size = blocks * kernel.rows * depth_block;
  const index_t panel_size = kernel.columns * depth_block;

  auto scratch = ctx.scratch().borrow();
  T* const sums = scratch.take<T>(groups * panels * blocks * tile_size);
  T* const packed_left = scratch.take<T>(threads * left_size);
  T* const packed_panel = scratch.take<T>(threads * panel_size);

  const index_t items = groups * panels;
  ctx.threads().run([&](int t) {
    T* const left = packed_left + t * left_size;
    T* const panel = packed_panel + t * panel_size;
    index_t item = items * t / threads;
    const index_t last_item = items * (t + 1) / threads;
    while (item < last_item) {
      const index_t group = item / panels;
      const index_t group_end = (std::min)(last_item, (group + 1) * panels);
      bool first = true;
      for (index_t n = images * group / groups; n < images * (group + 1) / groups; ++n) {
        const T* const source = right(n);
        for (index_t p0 = 0; p0 < g.pixels(); p0 += depth_block) {
          const index_t depth = (std::min)(depth_block, g.pixels() - p0);
          pack_left(
              kernel, rows, depth, [&](index_t m, index_t p) { return source[m * g.pixels() + p0 + p]; }, left);
          for (index_t i = item; i < group_end; ++i) {
            g.pack_transposed(image(n), i % panels * kernel.columns, kernel.columns, p0, p0 + depth, panel);
            for (index_t b = 0; b < blocks; ++b) {
              kernel.run(depth, left + b * kernel.rows * depth, panel, sums + (i * blocks + b) * tile_size, !first);
            }
          }
          first = false;
        }
      }
      item = group_end;
    }
  });
  ctx.threads().parallel_for(rows, [&](index_t begin, index_t end) {
    for (index_t m = begin; m < end; ++m)
      for (index_t group = 0; group < groups; ++group)
        for (index_t k = 0; k < g.depth; ++k) {
          const index_t item = group * panels + k / kernel.columns;
          const index_t tile = item * blocks + m / kernel.rows;
          dw[m * g.depth + k] += sums[tile * tile_size + m % kernel.rows * kernel.columns + k % kernel.columns];
        }
  });
}

}  // namespace vmt::inline VMT_ABI::detail
