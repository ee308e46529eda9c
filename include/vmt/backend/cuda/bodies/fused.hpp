// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/pool2d.hpp>

namespace vmt::inline VMT_ABI::gpu {

/// The aggregation module (channel-wise) and the max-pool behind it in one pass; the full-size map never goes to
/// memory:
///   y[c,i,j] = max over the window of Σ_f weight[c,f] · ring[(first + f) mod F, c, h, w]
template <class T>
struct aggregate_pool_body {
  using kind = map_kind;
  static constexpr const char* name = "aggregate_pool";
  pool_sizes s;
  int frames, channels;
  int first;             ///< where in the ring the oldest frame lies
  input_span<T> weight;  ///< C×F; nothing: y is the pool of frame `first`
  input_span<T> ring;
  device_span<T> y;

  VMT_HOST_DEVICE void operator()(int i) const {
    const int c = s.by_out_pixels.quotient(i);
    const int pixel = i - c * s.by_out_pixels.value();
    const int row = s.by_out_width.quotient(pixel);
    const pool_sizes::range rows = s.seen(row, s.height);
    const pool_sizes::range columns = s.seen(pixel - row * s.out_width, s.width);
    T top = mean(c, rows.begin * s.width + columns.begin);
    for (int h = rows.begin; h < rows.end; ++h)
      for (int w = columns.begin; w < columns.end; ++w) {
        const T v = mean(c, h * s.width + w);
        if (v > top || v != v) top = v;
      }
    y.set(i, top);
  }

 private:
  [[nodiscard]] VMT_HOST_DEVICE T mean(int c, int pixel) const {
    const int plane = s.by_pixels.value();
    if (!weight.present()) return ring[(first * channels + c) * plane + pixel];
    T sum = T(0);
    for (int f = 0; f < frames; ++f) {
      const int slot = first + f < frames ? first + f : first + f - frames;
      sum += weight[c * frames + f] * ring[(slot * channels + c) * plane + pixel];
    }
    return sum;
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
