// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/engine/picture_conv.hpp>
#include <vmt/ops/generic/pool2d.hpp>

namespace vmt::inline VMT_ABI::engine {

/// Where the rows of a frame's stem come from: a map that is there already, or a picture that passes the first
/// convolution; then `keep`, unless null, is a map that receives them.
struct stem_source {
  const float* map = nullptr;
  const float* picture = nullptr;
  const index_t* offset = nullptr;  ///< of the picture's runs
  float* keep = nullptr;
};

/// First convolution, channel-wise aggregation and max-pool in one pass, two rows of the stem at a time: they are
/// computed for one frame after the other, each window that they complete is aggregated, pooled and stored, and they
/// are forgotten while still in the second cache (5 frames × 2 rows × 400 pixels × 32 channels: half a megabyte). The
/// full-size maps, 7.5 MB a frame, never go to memory; each row is computed once for however many windows.
class stem_strips {
 public:
  stem_strips() = default;
  /// \param conv    for sources with a picture; may be null
  /// \param map     the stem's map
  /// \param pooled  where windows go, any border
  /// \param weight  channels × frames; empty: one frame, pooled as it is
  stem_strips(const ops::pool2d_params& pool, const detail::group_map& map, const detail::group_map& pooled,
              const_view<float, 2> weight)
      : map_(map), pooled_(pooled), frames_(weight.data_handle() == nullptr ? 1 : weight.extent(1)) {
    if (pool.kernel != 3 || pool.stride != 2 || pool.padding != 1) {
      throw error(errc::unsupported, "onset_engine: the max-pool is 3×3 with stride 2 and padding 1");
    }
    weight_ = host_buffer<float>(map.groups() * frames_ * map.group);
    for (index_t c = 0; c < map.channels; ++c)
      for (index_t f = 0; f < frames_; ++f) {
        weight_.data()[(c / map.group * frames_ + f) * map.group + c % map.group] =
            weight.data_handle() == nullptr ? 1.0F : weight(c, f);
      }
  }

  /// Frames of a window.
  [[nodiscard]] index_t frames() const noexcept { return frames_; }

  /// `windows` windows, one frame apart, of windows + frames() − 1 sources → as many pooled maps, one after another.
  void run(cpu_context& ctx, const picture_conv* conv, const stem_source* source, index_t windows, float* out) const {
    const index_t threads = ctx.threads().size();
    const index_t line = map_.width * map_.group;
    const index_t lines = 2 * frames_ + windows + 2;
    auto scratch = ctx.scratch().borrow();
    float* const room = scratch.take<float>(threads * lines * line);
    const float** const rows = scratch.take<const float*>(threads * 3 * frames_);
    float** const above = scratch.take<float*>(threads * (windows + 1));
    ctx.threads().run([&](int t) {
      const strip s{*this,
                    ctx.groups(),
                    conv,
                    source,
                    windows,
                    out,
                    room + t * lines * line,
                    rows + t * 3 * frames_,
                    above + t * (windows + 1)};
      for (index_t g = 0; g < map_.groups(); ++g) {
        s.run(g, pooled_.height * t / threads, pooled_.height * (t + 1) / threads);
      }
    });
  }

 private:
  // What one thread works with. Its lines: two rows for each frame of a window, the even row of a window's mean, and
  // for each window the odd row, which the next strip needs, with one to spare.
  struct strip {
    const stem_strips& owner;
    const group_kernels& k;
    const picture_conv* conv;
    const stem_source* source;
    index_t windows;
    float* out;
    float* room;
    const float** rows;  // [row & 1][frame mod frames], then those of one window in order
    float** above;       // by window, and the spare one

    [[nodiscard]] index_t frames() const noexcept { return owner.frames_; }
    [[nodiscard]] float* line(index_t i) const noexcept { return room + i * owner.map_.width * owner.map_.group; }

    // Row i of source f, group g.
    [[nodiscard]] const float* stem_row(index_t f, index_t g, index_t i, bool keep) const noexcept {
      const stem_source& s = source[f];
      if (s.map != nullptr) return s.map + owner.map_.at(g, i, 0);
      float* const to = keep && s.keep != nullptr ? s.keep + owner.map_.at(g, i, 0) : line(f % frames() * 2 + i % 2);
      conv->row(k, s.picture, s.offset, g, i, to);
      return to;
    }
    // The mean of window w, of the rows with this parity.
    void mean(index_t w, index_t g, index_t parity, float* to) const noexcept {
      const float** const ordered = rows + 2 * frames();
      for (index_t f = 0; f < frames(); ++f) ordered[f] = rows[parity * frames() + (w + f) % frames()];
      const detail::aggregate_job job{ordered, frames(), owner.weight_.data() + g * frames() * owner.map_.group, to,
                                      owner.map_.width};
      k.aggregate(&job);
    }
    void run(index_t g, index_t begin, index_t end) const noexcept {
      if (begin == end) return;
      for (index_t w = 0; w <= windows; ++w) above[w] = line(2 * frames() + 1 + w);
      if (begin > 0) strip_of(g, begin - 1, 2 * begin - 1, 2 * begin - 1, false);
      for (index_t i = begin; i < end; ++i) {
        strip_of(g, i, 2 * i, (std::min)(2 * i + 1, owner.map_.height - 1), true);
      }
    }
    // Rows first … last of the stem, those that pooled row i adds to row 2i − 1. Without `pool`: only for the next one.
    void strip_of(index_t g, index_t i, index_t first, index_t last, bool pool) const noexcept {
      float* const even = line(2 * frames());
      for (index_t f = 0; f < windows + frames() - 1; ++f) {
        for (index_t r = first; r <= last; ++r) rows[r % 2 * frames() + f % frames()] = stem_row(f, g, r, pool);
        const index_t w = f - (frames() - 1);
        if (w < 0) continue;
        const float* window[3];
        index_t count = 0;
        if (pool && i > 0) window[count++] = above[w];
        if (first % 2 == 0) {
          mean(w, g, 0, even);
          window[count++] = even;
        }
        if (last % 2 == 1) {
          mean(w, g, 1, above[windows]);
          window[count++] = above[windows];
        }
        if (pool) {
          const detail::group_map& p = owner.pooled_;
          const detail::pool_row_job job{
              window, count, owner.map_.width, out + w * p.size() + p.at(g, i, 0), p.width, 3, 2, 1};
          k.pool(&job);
        }
        if (last % 2 == 1) std::swap(above[w], above[windows]);
      }
    }
  };

  detail::group_map map_, pooled_;
  index_t frames_ = 1;
  host_buffer<float> weight_;  // by group, frame, channel
};

}  // namespace vmt::inline VMT_ABI::engine
