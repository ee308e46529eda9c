// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/context.hpp>
#include <vmt/backend/cpu/planes.hpp>

namespace vmt::inline VMT_ABI::detail {

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

/// Shifted lines: what a convolution sums up. channel[c] + tap[t] is where output place 0 finds its number.
struct shifts {
  index_t channels;
  const index_t* channel;
  index_t taps;
  const index_t* tap;

  [[nodiscard]] index_t depth() const noexcept { return channels * taps; }
};

/// The places of an output map in the pitch of its planes.
struct place_map {
  index_t out_height, out_width, pitch;

  [[nodiscard]] index_t places() const noexcept { return (out_height - 1) * pitch + out_width; }

  /// f(first pixel, count, offset from `begin`) for the runs of true output pixels among the places begin … end−1.
  template <class F>
  void for_each_run(index_t begin, index_t end, F&& f) const {
    if (pitch == out_width) return f(begin, end - begin, index_t{0});
    for (index_t p = begin; p < end;) {
      const index_t i = p / pitch;
      const index_t j = p - i * pitch;
      if (j < out_width) f(i * out_width + j, (std::min)(out_width - j, end - p), p - begin);
      p += pitch - j;
    }
  }
};

/// Numbers that a thread handles at a time between two waits for the others: enough to hide the waiting, few enough to
/// stay in the second cache.
inline constexpr index_t chunk_numbers = index_t{1} << 18;

[[nodiscard]] constexpr index_t images_at_once(index_t image_size, index_t images, index_t threads) noexcept {
  return std::clamp(chunk_numbers / (std::max)(image_size, index_t{1}), (std::min)(threads, images), images);
}

/// For images n = 0 … images−1, whose planes begin at x + n·stride: C = left · shifted lines, rows × places, tile by
/// tile; `store(n, m, first, count, sums)` receives each finished run of pixels of a row. Where it has a member
/// `row(n, m)`, the place of pixel 0 of row m or null, rows of the output being contiguous, most tiles are written
/// there without it. Reads up to a tile's width beyond the planes where there are fewer places than that.
template <class T, class Store>
void multiply_planes(cpu_context& ctx, const T* left, index_t rows, const shifts& s, const place_map& map, const T* x,
                     index_t stride, index_t images, Store store) {
  const tile_kernel<T>& kernel = ctx.kernel<T>();
  const index_t places = map.places();
  const index_t tiles = ceil_div(places, kernel.columns);
  const index_t blocks = ceil_div(rows, kernel.rows);
  const index_t threads = ctx.threads().size();
  const index_t items = images * tiles;
  auto scratch = ctx.scratch().borrow();
  T* const room = scratch.take<T>(threads * kernel.rows * kernel.columns);
  // Whatever is larger, weights or pixels, is read once.
  const bool weights_first = rows * s.depth() > images * stride;

  ctx.threads().run([&](int t) {
    T* const tile = room + t * kernel.rows * kernel.columns;
    for (index_t job = items * blocks * t / threads; job < items * blocks * (t + 1) / threads; ++job) {
      const index_t item = weights_first ? job % items : job / blocks;
      const index_t block = weights_first ? job / items : job % blocks;
      const index_t n = item / tiles;
      const index_t begin = item % tiles * kernel.columns;
      const index_t end = (std::min)(begin + kernel.columns, places);
      // The last tile ends with the last place, so that it reads nothing beyond; it repeats some of the one before.
      const index_t first = (std::max)((std::min)(begin, places - kernel.columns), index_t{0});
      const auto run = [&](T* out, index_t row) {
        kernel.run(s.channels, s.taps, left + block * kernel.rows * s.depth(), x + n * stride + first, s.channel, s.tap,
                   out, row);
      };
      if constexpr (requires { store.row(n, rows); }) {
        // Not for a tile that repeats some of the one before: two threads would write the same numbers.
        const index_t column = map.pitch == map.out_width ? 0 : begin % map.pitch;
        const bool whole = begin == first && begin + kernel.columns <= places && (block + 1) * kernel.rows <= rows &&
                           (map.pitch == map.out_width || column + kernel.columns <= map.out_width);
        if (T* const out = whole ? store.row(n, block * kernel.rows) : nullptr; out != nullptr) {
          run(out + begin - begin / map.pitch * (map.pitch - map.out_width), map.out_height * map.out_width);
          continue;
        }
      }
      run(tile, kernel.columns);
      const index_t last_row = (std::min)(rows, (block + 1) * kernel.rows);
      for (index_t m = block * kernel.rows; m < last_row; ++m) {
        const T* const sums = tile + (m - block * kernel.rows) * kernel.columns + (begin - first);
        map.for_each_run(begin, end,
                         [&](index_t pixel, index_t count, index_t at) { store(n, m, pixel, count, sums + at); });
      }
    }
  });
}

/// Fills the planes of `images` images of `channels` channels; image n comes to dst + n·stride.
template <class T, class Image>
void fill_planes(cpu_context& ctx, const plane_layout& layout, index_t channels, index_t channel_numbers,
                 index_t images, Image image, T* dst, index_t stride) {
  ctx.threads().parallel_for(images * channels, [&](index_t begin, index_t end) {
    for (index_t item = begin; item < end; ++item) {
      const index_t n = item / channels;
      const index_t c = item % channels;
      layout.fill(image(n) + c * channel_numbers, dst + n * stride + c * layout.channel_size());
    }
  });
}

/// dw[m][k] += Σ_n Σ_p dy[n][m][p] · shifted line k of image n, where dy(n, m, pixel, count, out) writes `count`
/// numbers of dy[n][m] from `pixel` on to `out`, perhaps several times for several threads. `planes` and `stride` as
/// for `multiply_planes`, with `step` readable finite numbers behind each image. Each element has the same order of
/// sums for any number of threads.
template <class T, class Gradient>
void accumulate_planes(cpu_context& ctx, index_t rows, const shifts& s, const place_map& map, const T* planes,
                       index_t stride, index_t images, Gradient dy, T* dw) {
  const dot_kernel<T>& kernel = ctx.dot<T>();
  constexpr index_t longest = 1024;  // places at a time: four rows of dy and the taps' lines stay in the first cache
  const index_t row_tiles = ceil_div(rows, kernel.rows);
  const index_t tap_tiles = ceil_div(s.depth(), kernel.taps);
  const index_t length = ceil_div(map.places(), kernel.step) * kernel.step;
  const bool whole = length <= 2 * longest;  // short maps: all images in one run
  const index_t runs = whole ? 1 : images * ceil_div(length, longest);
  const index_t line = whole ? length : longest;
  const index_t left_size = (whole ? images : 1) * kernel.rows * line;
  const index_t threads = ctx.threads().size();
  auto scratch = ctx.scratch().borrow();
  T* const left_room = scratch.take<T>(threads * left_size);
  index_t* const offsets = scratch.take<index_t>(tap_tiles * kernel.taps);
  T* const room = scratch.take<T>(threads * kernel.rows * kernel.taps);
  for (index_t k = 0; k < tap_tiles * kernel.taps; ++k) {
    const index_t known = (std::min)(k, s.depth() - 1);
    offsets[k] = s.channel[known / s.taps] + s.tap[known % s.taps];
  }
  // `count` places of the rows from m0 of dy[n] from place p on, in the pitch of the planes: zeros where no output is.
  const auto lay_out = [&](index_t n, index_t m0, index_t p, index_t count, T* out) {
    for (index_t m = m0; m < m0 + kernel.rows; ++m, out += line) {
      std::fill_n(out, count, T(0));
      if (m >= rows) continue;
      map.for_each_run(p, (std::min)(p + count, map.places()),
                       [&](index_t pixel, index_t pixels, index_t at) { dy(n, m, pixel, pixels, out + at); });
    }
  };
  ctx.threads().run([&](int t) {
    T* const left = left_room + t * left_size;
    T* const sums = room + t * kernel.rows * kernel.taps;
    const index_t jobs = row_tiles * tap_tiles;
    for (index_t run = 0; run < runs; ++run) {
      const index_t n = whole ? 0 : run / ceil_div(length, longest);
      const index_t p = whole ? 0 : run % ceil_div(length, longest) * longest;
      const index_t count = (std::min)(line, length - p);
      index_t laid_out = -1;
      for (index_t job = jobs * t / threads; job < jobs * (t + 1) / threads; ++job) {
        const index_t m0 = job / tap_tiles * kernel.rows;
        const index_t k0 = job % tap_tiles * kernel.taps;
        for (index_t i = 0; m0 != laid_out && i < (whole ? images : 1); ++i) {
          lay_out(n + i, m0, p, count, left + i * kernel.rows * line);
        }
        laid_out = m0;
        kernel.run(
            {left, line, kernel.rows * line, planes + n * stride + p, offsets + k0, stride, count, whole ? images : 1},
            sums);
        for (index_t m = m0; m < (std::min)(m0 + kernel.rows, rows); ++m)
          for (index_t k = k0; k < (std::min)(k0 + kernel.taps, s.depth()); ++k) {
            dw[m * s.depth() + k] += sums[(m - m0) * kernel.taps + (k - k0)];
          }
      }
    }
  });
}

}  // namespace vmt::inline VMT_ABI::detail
