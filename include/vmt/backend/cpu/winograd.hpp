// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/group_conv.hpp>

namespace vmt::inline VMT_ABI {

[[nodiscard]] constexpr std::string_view name(winograd_shape s) noexcept {
  switch (s) {
    case winograd_shape::f2x2: return "winograd 2x2";
    case winograd_shape::f2x4: return "winograd 2x4";
    case winograd_shape::f4x4: return "winograd 4x4";
    case winograd_shape::f5x5: return "winograd 5x5";
    case winograd_shape::f5x5_stride2: break;
  }
  return "winograd 5x5, stride 2";
}

namespace detail {

/// The tiles of a 3×3 convolution with one zero around.
struct winograd_tiles : winograd_sizes {
  winograd_shape shape;
  index_t down, across;  ///< tiles of an image

  winograd_tiles(winograd_shape s, index_t out_height, index_t out_width) noexcept
      : winograd_sizes(sizes_of(s)), shape(s), down(ceil_div(out_height, height)), across(ceil_div(out_width, width)) {}

  [[nodiscard]] index_t per_image() const noexcept { return down * across; }
  /// f(image, tile row, tile column, count, place after `first`) for the pieces of rows that tiles first … last−1 make.
  template <class F>
  void for_each_row(index_t first, index_t last, F&& f) const {
    for (index_t t = first; t < last;) {
      const index_t image = t / per_image();
      const index_t i = t % per_image() / across;
      const index_t j = t % across;
      const index_t count = (std::min)(across - j, last - t);
      f(image, i, j, count, t - first);
      t += count;
    }
  }
};

/// y = act(conv(x) + bias + residual), 3×3, one zero around, by Winograd's algorithm.
struct winograd_job {
  winograd_shape shape;
  const float* w;  ///< as for the direct convolution, taps in runs of a group: they are transformed on the way
  index_t images;
  group_map in;  ///< `group_map::bordered`
  const float* x;
  group_map out;
  float* y;
  tile_end end;  ///< bias: all groups; residual: as y, image by image or one for all
  index_t residual_image = 0;
  index_t usual_images = 0;  ///< of calls whose results are to have the same bits whatever `images` is; 0: `images`
};

/// How the work is done. Either threads take tiles of their own, and each transforms all weights, or they take output
/// groups, and share the transformed tiles, or where they are few each makes all of them for itself: what another core
/// has just written is slow to read. None of these changes a sum, so results do not depend on the threads.
///
/// Where tiles are few, or need many products, weights are transformed but half beforehand, and then row by row of
/// products in the registers (`winograd_row.hpp`): by the tiles of as many images as usual, for the order of sums is
/// another.
struct winograd_cut {
  static constexpr index_t v_numbers = index_t{1} << 17;  ///< half a MB: what a block's v may take of the second cache
  static constexpr index_t kept_numbers = index_t{1} << 18;  ///< likewise all transformed weights
  static constexpr index_t fewest_tiles = 40;                ///< so many pay for the transform of the weights,
  static constexpr index_t fewest_by_rows = 10;              ///< for half of it
  static constexpr index_t most_by_rows = 12;
  static constexpr index_t few_threads = 4;

  enum parts { own_tiles, outputs, outputs_alone };

  parts by = own_tiles;
  bool by_rows;
  index_t weights;  ///< registers that nine of taps become beforehand
  index_t tiles;    ///< the most in a block
  bool keeps;       ///< the transformed weights, from block to block
  bool overlaps;    ///< a slab of them is made while another is multiplied

  winograd_cut(const group_kernels& k, const winograd_tiles& t, index_t images, index_t usual_images, index_t in_groups,
               index_t out_groups, index_t threads) noexcept {
    const index_t all = images * t.per_image();
    const index_t usual = usual_images * t.per_image();
    const index_t own = ceil_div(all, threads);
    const index_t inputs = in_groups * k.group;
    const index_t fitting = v_numbers / (t.points * inputs);
    const bool few = t.stride == 2 ? usual <= 2 * most_by_rows || fitting >= fewest_by_rows : usual <= most_by_rows;
    by_rows = few && k.winograd[static_cast<int>(t.shape)].row_parts > 0;
    weights = by_rows ? 3 * t.row_weights : t.weights;
    if (threads > 1 && own < fewest_tiles && out_groups >= threads) {
      by = threads <= few_threads ? outputs_alone : outputs;
    }
    const index_t share = by == own_tiles ? own : all;
    tiles = (std::max)(fitting, by_rows ? fewest_by_rows : fewest_tiles);
    tiles = ceil_div(share, ceil_div(share, tiles));
    keeps = tiles < share && by == own_tiles && weights * inputs * out_groups * k.group <= kept_numbers;
    overlaps = !keeps && tiles <= k.pixels;
  }
};

/// The steps for a block of tiles. Tile t of `count` keeps its transformed numbers of point q at
/// v + q·v_point() + (input group · count + t)·group, and its sums for one output group at m + q·m_point() + t·group.
///
/// The transformed weights are 5.4 (F(5×5)), 4 (F(4×4)) or 1.8 times as large as the weights, and memory is slower than
/// the transform: so a slab of them, some input groups for one output group, is made when its turn comes, multiplied
/// with all tiles of the block while in the second cache, and forgotten; only where the weights are few all slabs stay
/// there. The transform waits for the caches that it writes to, the products for the multipliers: so where tiles are
/// few, each tile of products is followed by some kernels of the next slab, whose stores drain meanwhile. What comes
/// from memory are the plain nine taps, those of the slab that is made next.
class winograd_block {
 public:
  static constexpr index_t slab_numbers = index_t{1} << 16;  ///< a quarter of a megabyte, but
  static constexpr index_t fewest_channels = 64;             ///< so many for each time that sums come and go

  winograd_block(const group_kernels& k, const winograd_job& job, const winograd_tiles& tiles, const winograd_cut& cut,
                 index_t first, index_t count) noexcept
      : k_(k), job_(job), tiles_(tiles), cut_(cut), first_(first), count_(count) {
    slab_ = ceil_div(fewest_channels, k.group);
    if (!cut.by_rows) slab_ = (std::max)(slab_, slab_numbers / (cut.weights * k.group * k.group));
    slab_ = (std::min)(slab_, job.in.groups());
  }

  // The odd group in the distances of points keeps them out of the same cache set.
  [[nodiscard]] index_t v_point() const noexcept { return (job_.in.groups() * count_ + 1) * k_.group; }
  [[nodiscard]] index_t m_point() const noexcept { return (count_ + 1) * k_.group; }
  [[nodiscard]] index_t u_point() const noexcept { return (slab_ * k_.group + 1) * k_.group; }
  [[nodiscard]] index_t v_size() const noexcept { return tiles_.points * v_point(); }
  [[nodiscard]] index_t m_size() const noexcept { return tiles_.points * m_point(); }
  /// Of all slabs that are there at a time, for so many output groups.
  [[nodiscard]] index_t u_size(index_t outputs) const noexcept {
    return (cut_.keeps ? outputs * slabs() : 2) * slab_size();
  }
  [[nodiscard]] index_t offsets() const noexcept { return slab_; }

  /// Tiles from … to−1 of the block, one group of input channels → v.
  void input(index_t g, index_t from, index_t to, float* v) const noexcept {
    const group_map& in = job_.in;
    tiles_.for_each_row(
        first_ + from, first_ + to, [&](index_t image, index_t i, index_t j, index_t count, index_t at) {
          const index_t corner = in.at(g, i * tiles_.height * tiles_.stride - 1, j * tiles_.width * tiles_.stride - 1);
          const winograd_input_job w{job_.x + image * in.size() + corner, in.row_size(),
                                     v + (g * count_ + from + at) * k_.group, v_point(), count};
          kernels().input(&w);
        });
  }
  /// The caller's room, `u_size()`, `m_size()` and `offsets()`. From block to block of a call with the same output
  /// groups it keeps the first slab, or all.
  struct room {
    float *u, *m;
    index_t* offset;
    index_t made = 0;  ///< slabs
  };
  /// Output groups first … last−1: v → y. `more`: another block will follow for them.
  void output(index_t first, index_t last, const float* v, room& r, bool more) const noexcept {
    const index_t all = (last - first) * slabs();
    const auto slab = [&](index_t s) {  // behind the last begins the next block, with the first
      const index_t from = s % slabs() * slab_;
      return slab_of{first + s / slabs() % (last - first), from, (std::min)(slab_, job_.in.groups() - from)};
    };
    const auto place = [&](index_t made) {
      return r.u + (cut_.keeps ? made : cut_.overlaps ? made % 2 : 0) * slab_size();
    };
    const auto make = [&](index_t s) { transform(slab(s), 0, vectors(slab(s)), place(r.made++)); };
    if (r.made == 0 && all > 0) make(0);
    for (index_t s = 0; s < all; ++s) {
      const bool wanted = cut_.keeps ? r.made < all : s + 1 < all || more;
      const float* const u = place(cut_.keeps ? s : r.made - 1);
      multiply(slab(s), u, wanted ? slab(s + (cut_.overlaps ? 2 : 1)) : slab_of{}, v, r,
               [&](index_t step, index_t steps) {
                 if (!cut_.overlaps || !wanted) return;
                 const index_t n = vectors(slab(s + 1));
                 transform(slab(s + 1), n * step / steps, n * (step + 1) / steps, place(r.made));
               });
      if (cut_.overlaps) {
        ++r.made;
      } else if (wanted) {
        make(s + 1);
      }
      if (s % slabs() == slabs() - 1) store(slab(s).output, r.m);
    }
  }

 private:
  struct slab_of {
    index_t output = 0, first = 0, count = 0;  // group of outputs, groups of inputs
  };
  [[nodiscard]] const float* weights(const slab_of& s) const noexcept {
    return job_.w + (s.output * job_.in.groups() + s.first) * 9 * k_.group * k_.group;
  }
  [[nodiscard]] index_t slabs() const noexcept { return ceil_div(job_.in.groups(), slab_); }
  [[nodiscard]] index_t slab_size() const noexcept { return cut_.weights * u_point(); }
  // Registers of kernels: those of an input group lie side by side.
  [[nodiscard]] index_t vectors_of_group() const noexcept { return 2 * k_.group; }
  [[nodiscard]] index_t vectors(const slab_of& s) const noexcept { return s.count * vectors_of_group(); }

  void transform(const slab_of& s, index_t from, index_t to, float* u) const noexcept {
    const index_t each = vectors_of_group();
    for (index_t at = from; at < to;) {
      const index_t i = at / each;
      const index_t end = (std::min)(to, (i + 1) * each);
      const winograd_filter_job w{weights(s) + i * 9 * k_.group * k_.group, u + i * k_.group * k_.group, u_point(),
                                  at - i * each, end - i * each};
      (cut_.by_rows ? kernels().half_filter : kernels().filter)(&w);
      at = end;
    }
  }
  // m = or += v · u; meanwhile the taps of a slab that is made later come nearer. f(step, steps) after each tile.
  template <class F>
  void multiply(const slab_of& s, const float* u, const slab_of& later, const float* v, const room& r,
                F&& f) const noexcept {
    const index_t pieces = ceil_div(count_, cut_.by_rows ? group_kernels::most_row_tiles : k_.pixels);
    const index_t parts = cut_.by_rows ? tiles_.rows * kernels().row_parts : tiles_.points;
    const index_t steps = parts * pieces;
    const index_t lines = later.count * 9 * k_.group * k_.group * static_cast<index_t>(sizeof(float)) / cache_line;
    for (index_t i = 0; i < s.count; ++i) r.offset[i] = (s.first + i) * count_ * k_.group;
    for (index_t part = 0; part < parts; ++part)
      for (index_t p = 0; p < pieces; ++p) {
        const index_t step = part * pieces + p;
        const index_t from = count_ * p / pieces;
        const index_t to = count_ * (p + 1) / pieces;
        if (cut_.by_rows) {
          const index_t bytes = ceil_div(lines * cache_line, steps);
          products_of_row(s, u, part, from, to, v, r, weights(later), bytes * step, bytes);
        } else {
          for (index_t i = lines * step / steps; i < lines * (step + 1) / steps; ++i) {
            prefetch(weights(later), i * cache_line);
          }
          products_of_point(s, u, part, from, to, v, r);
        }
        f(step, steps);
      }
  }
  // Tiles from … to−1 of the block.
  void products_of_point(const slab_of& s, const float* u, index_t q, index_t from, index_t to, const float* v,
                         const room& r) const noexcept {
    float* const sums = r.m + q * m_point() + from * k_.group;
    const pixel_tile_job tile{s.count,
                              r.offset,
                              k_.group,
                              k_.group,
                              u + tiles_.weight(q) * u_point(),
                              v + q * v_point() + from * k_.group,
                              sums,
                              {nullptr, s.first > 0 ? sums : nullptr, false}};
    k_.tile[to - from](&tile);
  }
  // Of part `part` of all parts of all rows; meanwhile asks for `bytes` of `later` from byte `later_first` on.
  void products_of_row(const slab_of& s, const float* u, index_t part, index_t from, index_t to, const float* v,
                       const room& r, const float* later, index_t later_first, index_t bytes) const noexcept {
    const index_t row = part / kernels().row_parts;
    const index_t first = row * (tiles_.points / tiles_.rows);
    const winograd_row_job job{s.count,
                               r.offset,
                               k_.group,
                               u + 3 * tiles_.row_weight(row) * u_point(),
                               u_point(),
                               v + first * v_point() + from * k_.group,
                               v_point(),
                               r.m + first * m_point() + from * k_.group,
                               m_point(),
                               s.first > 0,
                               later,
                               later_first,
                               ceil_div(bytes, s.count * k_.group)};
    kernels().row[part % kernels().row_parts][to - from](&job);
  }
  void store(index_t o, const float* m) const noexcept {
    const group_map& out = job_.out;
    tile_end end{job_.end.bias == nullptr ? nullptr : job_.end.bias + o * k_.group, nullptr, job_.end.relu};
    tiles_.for_each_row(first_, first_ + count_, [&](index_t image, index_t i, index_t j, index_t count, index_t at) {
      const index_t pixel = out.at(o, i * tiles_.height, j * tiles_.width);
      if (job_.end.residual != nullptr) end.residual = job_.end.residual + image * job_.residual_image + pixel;
      const winograd_output_job w{m + at * k_.group,
                                  m_point(),
                                  job_.y + image * out.size() + pixel,
                                  out.row_size(),
                                  count,
                                  out.height - i * tiles_.height,
                                  out.width - j * tiles_.width,
                                  end};
      kernels().output(&w);
    });
  }
  [[nodiscard]] const group_kernels::winograd_kernels& kernels() const noexcept {
    return k_.winograd[static_cast<int>(tiles_.shape)];
  }

  const group_kernels& k_;
  const winograd_job& job_;
  const winograd_tiles& tiles_;
  const winograd_cut& cut_;
  index_t first_, count_, slab_;
};

inline void run_winograd(cpu_context& ctx, const winograd_job& job) {
  const group_kernels& k = ctx.groups();
  const winograd_tiles tiles(job.shape, job.out.height, job.out.width);
  const index_t threads = ctx.threads().size();
  const index_t usual = job.usual_images > 0 ? job.usual_images : job.images;
  const winograd_cut cut(k, tiles, job.images, usual, job.in.groups(), job.out.groups(), threads);
  const index_t all = job.images * tiles.per_image();
  const index_t in_groups = job.in.groups();
  const index_t out_groups = job.out.groups();
  const winograd_block largest(k, job, tiles, cut, 0, cut.tiles);
  auto scratch = ctx.scratch().borrow();
  float* const v = scratch.take<float>(largest.v_size() * (cut.by == winograd_cut::outputs ? 1 : threads));
  float* const m = scratch.take<float>(largest.m_size() * threads);
  float* const u = scratch.take<float>(largest.u_size(out_groups) * threads);
  index_t* const offset = scratch.take<index_t>(largest.offsets() * threads);
  const auto room = [&](index_t t) {
    return winograd_block::room{u + t * largest.u_size(out_groups), m + t * largest.m_size(),
                                offset + t * largest.offsets()};
  };
  if (cut.by == winograd_cut::outputs) {
    for (index_t first = 0; first < all; first += cut.tiles) {
      const index_t count = (std::min)(cut.tiles, all - first);
      const winograd_block block(k, job, tiles, cut, first, count);
      ctx.threads().parallel_for(count * in_groups, [&](index_t begin, index_t end) {
        for (index_t g = begin / count; g * count < end; ++g) {
          block.input(g, (std::max)(begin - g * count, index_t{0}), (std::min)(end - g * count, count), v);
        }
      });
      ctx.threads().run([&](int t) {
        winograd_block::room r = room(t);
        block.output(out_groups * t / threads, out_groups * (t + 1) / threads, v, r, false);
      });
    }
    return;
  }
  ctx.threads().run([&](int t) {
    float* const own = v + t * largest.v_size();
    winograd_block::room r = room(t);
    const bool all_tiles = cut.by == winograd_cut::outputs_alone;
    const index_t last = all_tiles ? all : all * (t + 1) / threads;
    for (index_t first = all_tiles ? 0 : all * t / threads; first < last; first += cut.tiles) {
      const index_t count = (std::min)(cut.tiles, last - first);
      const winograd_block block(k, job, tiles, cut, first, count);
      for (index_t g = 0; g < in_groups; ++g) block.input(g, 0, count, own);
      block.output(all_tiles ? out_groups * t / threads : 0, all_tiles ? out_groups * (t + 1) / threads : out_groups,
                   own, r, first + count < last);
    }
  });
}

}  // namespace detail
}  // namespace vmt::inline VMT_ABI
