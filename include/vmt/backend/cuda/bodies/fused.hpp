// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/pool2d.hpp>

namespace vmt::inline VMT_ABI::gpu {

/// The aggregation module (channel-wise) and the max-pool behind it in one pass; the full-size map never goes to
/// memory, maps being kept as `Stored`:
///   y[c,i,j] = max over the window of Σ_f weight[c,f] · ring[(first + f) mod F, c, h, w]
template <class T, class Stored = T>
struct aggregate_pool_body {
  using kind = map_kind;
  static constexpr const char* name = "aggregate_pool";
  pool_sizes s;
  int frames, channels;
  int first;             ///< where in the ring the oldest frame lies
  input_span<T> weight;  ///< C×F; nothing: y is the pool of frame `first`
  input_span<Stored> ring;
  device_span<Stored> y;

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

/// The last L frames of each row of numbers, moved on by one, in place:
///   w[c,r,l] = w[c,r,l+1] for l < L−1,   w[c,r,L−1] = x[c,r] + skip[c,r,at]
/// x comes in two blocks, C × first rows and C × the others; where it is nothing, zeros come in. A thread has the whole
/// line of a row.
template <class T>
struct slide_window_body {
  using kind = map_kind;
  static constexpr const char* name = "slide_window";
  int length;  ///< L
  int rows, first;
  divisor by_rows;
  input_span<T> x, others;
  input_span<T> skip;  ///< another window, of `skip_length` frames, or nothing
  int skip_length, skip_at;
  device_span<T> w;

  VMT_HOST_DEVICE void operator()(int i) const {
    for (int l = i * length; l < (i + 1) * length - 1; ++l) w.set(l, w[l + 1]);
    const int c = by_rows.quotient(i);
    T v = incoming(c, i - c * rows);
    if (skip.present()) v += skip[i * skip_length + skip_at];
    w.set((i + 1) * length - 1, v);
  }

 private:
  [[nodiscard]] VMT_HOST_DEVICE T incoming(int c, int r) const {
    if (r < first) return x.present() ? x[c * first + r] : T(0);
    return others.present() ? others[c * (rows - first) + (r - first)] : T(0);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
