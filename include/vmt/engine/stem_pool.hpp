// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/context.hpp>
#include <vmt/ops/generic/pool2d.hpp>

namespace vmt::inline VMT_ABI::engine {

/// The aggregation module (channel-wise) and the max-pool behind it in one pass: a plane of the weighted mean is made,
/// pooled while it is in the cache, and forgotten, so the full-size map never goes to memory.
class stem_pool {
 public:
  stem_pool() = default;
  stem_pool(const ops::pool2d_params& params, const extents<4>& map, index_t frames)
      : params_(params), map_(map), frames_(frames) {}

  /// out: C×H'×W'. `frame(f)` gives the C×H×W map of frame f. `weight`: C×frames; empty: out is the pool of frame(0).
  template <class Frame>
  void run(cpu_context& ctx, float* out, Frame frame, const_view<float, 2> weight) const {
    const index_t plane = map_[2] * map_[3];
    const index_t out_plane = params_.out_size(map_[2]) * params_.out_size(map_[3]);
    const index_t threads = ctx.threads().size();
    const index_t room = plane + map_[3];
    auto scratch = ctx.scratch().borrow();
    float* const planes = scratch.take<float>(threads * room);
    ctx.threads().run([&](int t) {
      float* const mean = planes + t * room;
      for (index_t c = map_[1] * t / threads; c < map_[1] * (t + 1) / threads; ++c) {
        const float* source = frame(0) + c * plane;
        if (weight.data_handle() != nullptr) {
          detail::array_map<float> sum(mean, plane);
          sum = detail::const_array_map<float>(source, plane) * weight(c, index_t{0});
          for (index_t f = 1; f < frames_; ++f) {
            sum += detail::const_array_map<float>(frame(f) + c * plane, plane) * weight(c, f);
          }
          source = mean;
        }
        pool(source, out + c * out_plane, mean + plane);
      }
    });
  }

 private:
  // First the maximum down the columns, a row at a time, then along the row.
  void pool(const float* in, float* out, float* row) const {
    const index_t width = map_[3];
    for (index_t i = 0; i < params_.out_size(map_[2]); ++i) {
      const ops::generic::pool_window rows(i, map_[2], params_);
      detail::array_map<float> top(row, width);
      top = detail::const_array_map<float>(in + rows.begin * width, width);
      for (index_t h = rows.begin + 1; h < rows.end; ++h) {
        top = (top.max)(detail::const_array_map<float>(in + h * width, width));
      }
      for (index_t j = 0; j < params_.out_size(width); ++j) {
        const ops::generic::pool_window columns(j, width, params_);
        float best = row[columns.begin];
        for (index_t w = columns.begin + 1; w < columns.end; ++w) best = (std::max)(best, row[w]);
        *out++ = best;
      }
    }
  }

  ops::pool2d_params params_;
  extents<4> map_;
  index_t frames_ = 0;
};

}  // namespace vmt::inline VMT_ABI::engine
