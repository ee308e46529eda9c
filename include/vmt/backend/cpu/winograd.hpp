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
};

/// The steps for a block of tiles. Tile t of `count` keeps its transformed numbers of point q at
/// v + q·v_point() + (input group · count + t)·group, and its sums for one output group at m + q·m_point() + t·group.
///
/// The transformed weights are 5.4 (F(5×5)), 4 (F(4×4)) or 1.8 times as large as the weights, and memory is slower than
/// the transform: so a slab of them, some input groups for one output group, is made when its turn comes, multiplied
/// with all tiles of the block while in the second cache, and forgotten. The transform waits for the caches that it
/// writes to, the products for the multipliers: so where weights are many and tiles few, each tile of products is
/// followed by some kernels of the next slab, whose stores drain meanwhile. What comes from memory are the plain nine
/// taps, those of the slab that is made next.
class winograd_block {
 public:
  static constexpr index_t slab_numbers = index_t{1} << 16;  ///< a quarter of a megabyte, but
  static constexpr index_t fewest_channels = 64;             ///< so many for each time that sums come and go

  winograd_block(const group_kernels& k, const winograd_job& job, const winograd_tiles& tiles, index_t first,
                 index_t count) noexcept
      : k_(k), job_(job), tiles_(tiles), first_(first), count_(count) {
    slab_ = (std::max)(slab_numbers / (tiles.weights * k.group * k.group), ceil_div(fewest_channels, k.group));
    slab_ = (std::min)(slab_, job.in.groups());
  }

  // The odd group in the distances of points keeps them out of the same cache set.
  [[nodiscard]] index_t v_point() const noexcept { return (job_.in.groups() * count_ + 1) * k_.group; }
  [[nodiscard]] index_t m_point() const noexcept { return (count_ + 1) * k_.group; }
  [[nodiscard]] index_t u_point() const noexcept { return (slab_ * k_.group + 1) * k_.group; }
  [[nodiscard]] index_t v_size() const noexcept { return tiles_.points * v_point(); }
  [[nodiscard]] index_t m_size() const noexcept { return tiles_.points * m_point(); }
  [[nodiscard]] index_t u_size() const noexcept { return tiles_.weights * u_point(); }  ///< of one of the two slabs
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
  /// Whether a slab is made while another is multiplied.
  [[nodiscard]] bool overlaps() const noexcept { return count_ <= k_.pixels; }
  /// Room for a slab, or two, sums and `offsets()`, the caller's. From block to block of a call with the same output
  /// groups `now` keeps the first slab.
  struct room {
    float *now, *next, *m;
    index_t* offset;
    bool ready = false;
  };
  /// Output groups first … last−1: v → y. `more`: another block will follow for them.
  void output(index_t first, index_t last, const float* v, room& r, bool more) const noexcept {
    const index_t slabs = ceil_div(job_.in.groups(), slab_);
    const index_t all = (last - first) * slabs;
    const auto slab = [&](index_t s) {  // behind the last begins the next block, with the first
      const index_t from = s % slabs * slab_;
      return slab_of{first + s / slabs % (last - first), from, (std::min)(slab_, job_.in.groups() - from)};
    };
    if (!r.ready && all > 0) transform(slab(0), 0, vectors(slab(0)), r.now);
    r.ready = true;
    for (index_t s = 0; s < all; ++s) {
      multiply(slab(s), slab(s + 1), slab(s + 2), s + 1 < all || more, v, r);
      if (overlaps()) std::swap(r.now, r.next);
      if (s % slabs == slabs - 1) store(slab(s).output, r.m);
    }
  }

 private:
  struct slab_of {
    index_t output, first, count;  // group of outputs, groups of inputs
  };
  [[nodiscard]] const float* weights(const slab_of& s) const noexcept {
    return job_.w + (s.output * job_.in.groups() + s.first) * 9 * k_.group * k_.group;
  }
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
      kernels().filter(&w);
      at = end;
    }
  }
  // m = or += v · now; meanwhile the slab that follows is made and the taps of the one after it come nearer.
  void multiply(const slab_of& s, const slab_of& next, const slab_of& then, bool more, const float* v,
                const room& r) const noexcept {
    const index_t pieces = ceil_div(count_, k_.pixels);
    const index_t steps = tiles_.points * pieces;
    const slab_of& far = overlaps() ? then : next;
    const index_t lines = far.count * 9 * k_.group * k_.group * static_cast<index_t>(sizeof(float)) / cache_line;
    const index_t made = more ? vectors(next) : 0;
    for (index_t i = 0; i < s.count; ++i) r.offset[i] = (s.first + i) * count_ * k_.group;
    for (index_t q = 0; q < tiles_.points; ++q)
      for (index_t p = 0; p < pieces; ++p) {
        const index_t step = q * pieces + p;
        for (index_t i = lines * step / steps; i < lines * (step + 1) / steps; ++i) {
          prefetch(weights(far), i * cache_line);
        }
        const index_t from = count_ * p / pieces;
        const index_t to = count_ * (p + 1) / pieces;
        float* const sums = r.m + q * m_point() + from * k_.group;
        const pixel_tile_job tile{s.count,
                                  r.offset,
                                  k_.group,
                                  k_.group,
                                  r.now + tiles_.weight(q) * u_point(),
                                  v + q * v_point() + from * k_.group,
                                  sums,
                                  {nullptr, s.first > 0 ? sums : nullptr, false}};
        k_.tile[to - from](&tile);
        if (overlaps()) transform(next, made * step / steps, made * (step + 1) / steps, r.next);
      }
    if (!overlaps()) transform(next, 0, made, r.now);
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
  index_t first_, count_, slab_;
};

/// How the work is cut. Either threads take tiles of their own, and each transforms all weights, or they take output
/// groups, and share the transformed tiles, or where they are few each makes all of them for itself: what another core
/// has just written is slow to read. None changes a sum, so results do not depend on the cut.
struct winograd_cut {
  static constexpr index_t v_numbers = index_t{1} << 17;  ///< half a MB: what a block's v may take of the second cache
  static constexpr index_t fewest_tiles = 40;             ///< so many pay for the transform of the weights
  static constexpr index_t few_threads = 4;

  enum parts { own_tiles, outputs, outputs_alone };

  parts by = own_tiles;
  index_t tiles;  ///< the most in a block

  winograd_cut(const winograd_job& job, const winograd_tiles& t, index_t group, index_t threads) noexcept {
    const index_t all = job.images * t.per_image();
    const index_t own = ceil_div(all, threads);
    if (threads > 1 && own < fewest_tiles && job.out.groups() >= threads) {
      by = threads <= few_threads ? outputs_alone : outputs;
    }
    const index_t share = by == own_tiles ? own : all;
    const index_t most = (std::max)(v_numbers / (t.points * job.in.groups() * group), fewest_tiles);
    tiles = ceil_div(share, ceil_div(share, most));
  }
};

inline void run_winograd(cpu_context& ctx, const winograd_job& job) {
  const group_kernels& k = ctx.groups();
  const winograd_tiles tiles(job.shape, job.out.height, job.out.width);
  const index_t threads = ctx.threads().size();
  const winograd_cut cut(job, tiles, k.group, threads);
  const index_t all = job.images * tiles.per_image();
  const index_t in_groups = job.in.groups();
  const index_t out_groups = job.out.groups();
  const winograd_block largest(k, job, tiles, 0, cut.tiles);
  auto scratch = ctx.scratch().borrow();
  float* const v = scratch.take<float>(largest.v_size() * (cut.by == winograd_cut::outputs ? 1 : threads));
  float* const m = scratch.take<float>(largest.m_size() * threads);
  float* const u = scratch.take<float>(2 * largest.u_size() * threads);
  index_t* const offset = scratch.take<index_t>(largest.offsets() * threads);
  const auto room = [&](index_t t) {
    float* const both = u + 2 * t * largest.u_size();
    return winograd_block::room{both, both + largest.u_size(), m + t * largest.m_size(),
                                offset + t * largest.offsets()};
  };
  if (cut.by == winograd_cut::outputs) {
    for (index_t first = 0; first < all; first += cut.tiles) {
      const index_t count = (std::min)(cut.tiles, all - first);
      const winograd_block block(k, job, tiles, first, count);
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
      const winograd_block block(k, job, tiles, first, count);
      for (index_t g = 0; g < in_groups; ++g) block.input(g, 0, count, own);
      block.output(all_tiles ? out_groups * t / threads : 0, all_tiles ? out_groups * (t + 1) / threads : out_groups,
                   own, r, first + count < last);
    }
  });
}

}  // namespace detail
}  // namespace vmt::inline VMT_ABI
