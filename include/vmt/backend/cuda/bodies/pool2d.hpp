// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/sums.hpp>
#include <vmt/ops/generic/pool2d.hpp>

namespace vmt::inline VMT_ABI::gpu {

/// A pooling window over planes of H×W that gives H'×W'.
struct pool_sizes {
  int height, width, out_height, out_width, kernel, stride, padding;
  divisor by_pixels, by_width, by_out_pixels, by_out_width;

  pool_sizes(const extents<4>& x, const extents<4>& y, const ops::pool2d_params& p)
      : height(static_cast<int>(x[2])),
        width(static_cast<int>(x[3])),
        out_height(static_cast<int>(y[2])),
        out_width(static_cast<int>(y[3])),
        kernel(static_cast<int>(p.kernel)),
        stride(static_cast<int>(p.stride)),
        padding(static_cast<int>(p.padding)),
        by_pixels(x[2] * x[3]),
        by_width(x[3]),
        by_out_pixels(y[2] * y[3]),
        by_out_width(y[3]) {}

  struct range {
    int begin, end;
  };
  /// What window i sees of an input of `size`.
  [[nodiscard]] VMT_HOST_DEVICE range seen(int i, int size) const {
    const int first = i * stride - padding;
    return {first < 0 ? 0 : first, first + kernel < size ? first + kernel : size};
  }
  /// The windows, of `windows`, that see place h.
  [[nodiscard]] VMT_HOST_DEVICE range seeing(int h, int windows) const {
    const int first = h + padding - kernel + 1;  // a window begins at i·stride − padding
    const int last = (h + padding) / stride;
    return {first <= 0 ? 0 : (first + stride - 1) / stride, last < windows ? last + 1 : windows};
  }
};

template <class Stored>
struct max_pool_body {
  using kind = map_kind;
  using T = number_of<Stored>;
  static constexpr const char* name = "max_pool2d";
  pool_sizes s;
  input_span<Stored> x;
  device_span<Stored> y;
  device_span<std::int32_t> argmax;  ///< or nothing
  VMT_HOST_DEVICE void operator()(int i) const {
    const int plane = s.by_out_pixels.quotient(i);
    const int pixel = i - plane * s.by_out_pixels.value();
    const int row = s.by_out_width.quotient(pixel);
    const pool_sizes::range rows = s.seen(row, s.height);
    const pool_sizes::range columns = s.seen(pixel - row * s.out_width, s.width);
    const int base = plane * s.by_pixels.value();
    int best = rows.begin * s.width + columns.begin;
    T top = x[base + best];
    for (int h = rows.begin; h < rows.end; ++h)
      for (int w = columns.begin; w < columns.end; ++w) {
        const T v = x[base + h * s.width + w];
        if (v > top || v != v) {
          top = v;
          best = h * s.width + w;
        }
      }
    y.set(i, top);
    if (argmax.present()) argmax.set(i, best);
  }
};

/// Each place of dx asks the windows that see it whether it was their maximum: no two threads write one number.
template <class Stored>
struct max_pool_backward_body {
  using kind = map_kind;
  using T = number_of<Stored>;
  static constexpr const char* name = "max_pool2d_backward";
  pool_sizes s;
  input_span<Stored> dy;
  input_span<std::int32_t> argmax;
  device_span<Stored> dx;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int plane = s.by_pixels.quotient(i);
    const int pixel = i - plane * s.by_pixels.value();
    const int row = s.by_width.quotient(pixel);
    const pool_sizes::range rows = s.seeing(row, s.out_height);
    const pool_sizes::range columns = s.seeing(pixel - row * s.width, s.out_width);
    T sum = T(0);
    for (int h = rows.begin; h < rows.end; ++h)
      for (int w = columns.begin; w < columns.end; ++w) {
        const int o = plane * s.by_out_pixels.value() + h * s.out_width + w;
        if (argmax[o] == pixel) sum += dy[o];
      }
    dx.set(i, sum);
  }
};

template <class T>
struct avg_pool_body {
  using kind = map_kind;
  static constexpr const char* name = "avg_pool2d";
  pool_sizes s;
  input_span<T> x;
  device_span<T> y;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int plane = s.by_out_pixels.quotient(i);
    const int pixel = i - plane * s.by_out_pixels.value();
    const int row = s.by_out_width.quotient(pixel);
    const pool_sizes::range rows = s.seen(row, s.height);
    const pool_sizes::range columns = s.seen(pixel - row * s.out_width, s.width);
    T sum = T(0);
    for (int h = rows.begin; h < rows.end; ++h)
      for (int w = columns.begin; w < columns.end; ++w) sum += x[plane * s.by_pixels.value() + h * s.width + w];
    y.set(i, sum * (T(1) / static_cast<T>(s.kernel * s.kernel)));
  }
};

template <class T>
struct avg_pool_backward_body {
  using kind = map_kind;
  static constexpr const char* name = "avg_pool2d_backward";
  pool_sizes s;
  input_span<T> dy;
  device_span<T> dx;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int plane = s.by_pixels.quotient(i);
    const int pixel = i - plane * s.by_pixels.value();
    const int row = s.by_width.quotient(pixel);
    const pool_sizes::range rows = s.seeing(row, s.out_height);
    const pool_sizes::range columns = s.seeing(pixel - row * s.width, s.out_width);
    const T scale = T(1) / static_cast<T>(s.kernel * s.kernel);
    T sum = T(0);
    for (int h = rows.begin; h < rows.end; ++h)
      for (int w = columns.begin; w < columns.end; ++w) {
        sum += scale * dy[plane * s.by_out_pixels.value() + h * s.out_width + w];
      }
    dx.set(i, sum);
  }
};

/// y[n,c] = mean of a plane: a group for each.
template <class T, class Stored = T>
struct global_avg_pool_body {
  using kind = reduce_kind;
  using sum = double_sum;
  static constexpr const char* name = "global_avg_pool";
  int pixels;
  input_span<Stored> x;
  device_span<T> y;
  [[nodiscard]] VMT_HOST_DEVICE int count(int) const { return pixels; }
  VMT_HOST_DEVICE void add(int group, int i, sum& s) const { s.value += static_cast<double>(x[group * pixels + i]); }
  VMT_HOST_DEVICE void finish(int group, const sum& s) const {
    y.set(group, static_cast<T>(s.value / static_cast<double>(pixels)));
  }
};

template <class T, class Stored = T>
struct global_avg_pool_backward_body {
  using kind = map_kind;
  static constexpr const char* name = "global_avg_pool_backward";
  divisor by_pixels;
  input_span<T> dy;
  device_span<Stored> dx;
  VMT_HOST_DEVICE void operator()(int i) const {
    dx.set(i, T(1) / static_cast<T>(by_pixels.value()) * dy[by_pixels.quotient(i)]);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
