// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/lanes.hpp>

namespace vmt::inline VMT_ABI::detail {

/// A row of the channel-wise aggregation for one group of channels:
///   out[j·2N + c] = Σ_f weight[f·2N + c] · frame[f][j·2N + c].
struct aggregate_job {
  const float* const* frame;
  index_t frames;
  const float* weight;
  float* out;
  index_t pixels;
};

/// One multiply-add for each number read: as fast as the memory gives them. Several streams at once, each of which
/// leaves its page soon, are more than processors foresee.
struct aggregate_row {
  static constexpr index_t ahead = 2048;  ///< bytes
  template <int N>
  static VMT_ALWAYS_INLINE void run(const aggregate_job* job) noexcept {
    for (index_t i = 0; i < job->pixels * 2; ++i) {
      const float* const weight = job->weight + i % 2 * N;
      lanes<N> sum{};
      for (index_t f = 0; f < job->frames; ++f) {
        lanes<N> x, w;
        const float* const from = job->frame[f] + i * N;
        prefetch<true>(from, ahead);
        load<N>(x, from);
        load<N>(w, weight + f * 2 * N);
        sum += x * w;
      }
      store<N>(sum, job->out + i * N);
    }
  }
};

/// A row of max-pooling for one group of channels: out pixel j is the largest number in the given rows and in columns
/// j·stride − padding … + window − 1, as far as they exist.
struct pool_row_job {
  const float* const* row;
  index_t rows;
  index_t width;
  float* out;
  index_t out_width;
  index_t window, stride, padding;
};

struct pool_row {
  template <int N>
  static VMT_ALWAYS_INLINE void run(const pool_row_job* job) noexcept {
    for (index_t j = 0; j < job->out_width; ++j) {
      const index_t from = j * job->stride - job->padding;
      const index_t begin = from < 0 ? 0 : from;
      const index_t end = from + job->window < job->width ? from + job->window : job->width;
      lanes<N> best[2];
      load<N>(best[0], job->row[0] + begin * 2 * N);
      load<N>(best[1], job->row[0] + begin * 2 * N + N);
      for (index_t r = 0; r < job->rows; ++r) {
        for (index_t i = begin; i < end; ++i) {
          lanes<N> x[2];
          load<N>(x[0], job->row[r] + i * 2 * N);
          load<N>(x[1], job->row[r] + i * 2 * N + N);
          raise_lanes<N>(best[0], x[0]);
          raise_lanes<N>(best[1], x[1]);
        }
      }
      store<N>(best[0], job->out + j * 2 * N);
      store<N>(best[1], job->out + j * 2 * N + N);
    }
  }
};

}  // namespace vmt::inline VMT_ABI::detail
