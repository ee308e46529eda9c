// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/body.hpp>
#include <vmt/backend/cuda/divisor.hpp>
#include <vmt/tensor/extents.hpp>

#include <cstdint>

/// \file
/// Bodies that move numbers: joined and split channels, rows, windows of columns, resampling, the aggregation.

namespace vmt::inline VMT_ABI::gpu {

/// y = [a, b] along the channels, seen as one run of numbers a sample.
template <class T>
struct concat_body {
  using kind = map_kind;
  static constexpr const char* name = "concat_channels";
  int a_size, b_size;  ///< numbers of a sample
  divisor by_sample;   ///< a_size + b_size
  input_span<T> a, b;
  device_span<T> y;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int n = by_sample.quotient(i);
    const int rest = i - n * by_sample.value();
    y.set(i, rest < a_size ? a[n * a_size + rest] : b[n * b_size + (rest - a_size)]);
  }
};

template <class T>
struct split_body {
  using kind = map_kind;
  static constexpr const char* name = "split_channels";
  int a_size, b_size;
  divisor by_sample;
  input_span<T> x;
  device_span<T> a, b;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int n = by_sample.quotient(i);
    const int rest = i - n * by_sample.value();
    if (rest < a_size) {
      a.set(n * a_size + rest, x[i]);
    } else {
      b.set(n * b_size + (rest - a_size), x[i]);
    }
  }
};

/// y[n, j, i] (+)= x[n, i, j]
template <class T>
struct transpose_body {
  using kind = map_kind;
  static constexpr const char* name = "swap_last_two";
  int rows, columns;  ///< of x
  divisor by_plane, by_rows;
  input_span<T> x;
  device_span<T> y;
  bool accumulate;
  VMT_HOST_DEVICE void operator()(int o) const {
    const int n = by_plane.quotient(o);
    const int place = o - n * by_plane.value();
    const int j = by_rows.quotient(place);
    const T v = x[n * by_plane.value() + (place - j * rows) * columns + j];
    y.set(o, accumulate ? y[o] + v : v);
  }
};

/// A number between two others: left + fraction · (right − left).
struct between {
  std::int32_t left, right;
  double fraction;
};

/// Output m of M of a resampling of L numbers with both ends kept (`ops::generic::resample_point`).
[[nodiscard]] VMT_HOST_DEVICE inline between resampled(int m, int outputs, int inputs) {
  const double place =
      outputs > 1 ? static_cast<double>(m) * static_cast<double>(inputs - 1) / static_cast<double>(outputs - 1) : 0.0;
  const int floor = static_cast<int>(place);
  const int left = floor < inputs - 1 ? floor : inputs - 1;
  return {left, left + 1 < inputs ? left + 1 : left, place - static_cast<double>(left)};
}

/// y[line, m] between two numbers of the line of x.
template <class T>
struct resample_body {
  using kind = map_kind;
  static constexpr const char* name = "resample_linear";
  int inputs;
  divisor by_outputs;
  input_span<T> x;
  device_span<T> y;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int line = by_outputs.quotient(i);
    const between p = resampled(i - line * by_outputs.value(), by_outputs.value(), inputs);
    const T f = static_cast<T>(p.fraction);
    y.set(i, (T(1) - f) * x[line * inputs + p.left] + f * x[line * inputs + p.right]);
  }
};

/// dx[line, l] = Σ of the shares of l in the outputs m, in their order.
template <class T>
struct resample_backward_body {
  using kind = map_kind;
  static constexpr const char* name = "resample_linear_backward";
  int outputs;
  divisor by_inputs;
  input_span<T> dy;
  device_span<T> dx;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int line = by_inputs.quotient(i);
    const int l = i - line * by_inputs.value();
    T sum = T(0);
    for (int m = 0; m < outputs; ++m) {  // lines are short
      const between p = resampled(m, outputs, by_inputs.value());
      const T f = static_cast<T>(p.fraction);
      if (p.left == l) sum += (T(1) - f) * dy[line * outputs + m];
      if (p.right == l) sum += f * dy[line * outputs + m];
    }
    dx.set(i, sum);
  }
};

/// y[n,c,h,w] = x[c,w]
template <class T, class Stored = T>
struct repeat_rows_body {
  using kind = map_kind;
  static constexpr const char* name = "repeat_rows";
  int width;
  divisor by_width, by_height, by_channels;
  input_span<T> x;
  device_span<Stored> y;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int line = by_width.quotient(i);
    const int c = by_channels.remainder(by_height.quotient(line));
    y.set(i, x[c * width + (i - line * width)]);
  }
};

/// y[m,c,l] = x[c, rows[m], l]
template <class T>
struct take_rows_body {
  using kind = map_kind;
  static constexpr const char* name = "take_rows";
  int channels, rows, length;
  divisor by_length, by_channels;
  input_span<std::int32_t> row;
  input_span<T> x;
  device_span<T> y;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int line = by_length.quotient(i);
    const int m = by_channels.quotient(line);
    const int c = line - m * channels;
    y.set(i, x[(c * rows + row[m]) * length + (i - line * length)]);
  }
};

/// dx[c,r,l] = Σ dy[m,c,l] over the m that took row r: takers begin[r] … begin[r + 1].
template <class T>
struct take_rows_backward_body {
  using kind = map_kind;
  static constexpr const char* name = "take_rows_backward";
  int channels, rows, length;
  divisor by_length, by_rows;
  input_span<std::int32_t> begin, takers;
  input_span<T> dy;
  device_span<T> dx;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int line = by_length.quotient(i);
    const int c = by_rows.quotient(line);
    const int r = line - c * rows;
    T sum = T(0);
    for (int e = begin[r]; e < begin[r + 1]; ++e) {
      sum += dy[(takers[e] * channels + c) * length + (i - line * length)];
    }
    dx.set(i, sum);
  }
};

/// A share of a number that goes to another, as a table of the host says.
struct share {
  std::int32_t from;
  std::int32_t padding;  ///< the struct has no gaps
  double weight;
};

/// The sizes of windows of columns: x N×C×W, y C×J×R×L.
struct window_sizes {
  int channels, width, window, rows, frames;  ///< C, W, J, R, L
  divisor by_frames, by_rows, by_window, by_width, by_channels;
  window_sizes(const extents<3>& x, const extents<4>& y)
      : channels(static_cast<int>(x[1])),
        width(static_cast<int>(x[2])),
        window(static_cast<int>(y[1])),
        rows(static_cast<int>(y[2])),
        frames(static_cast<int>(y[3])),
        by_frames(y[3]),
        by_rows(y[2]),
        by_window(y[1]),
        by_width(x[2]),
        by_channels(x[1]) {}
};

template <class T>
struct sample_columns_body {
  using kind = map_kind;
  static constexpr const char* name = "sample_columns";
  window_sizes s;
  input_span<between> table;         ///< for each j, r
  input_span<std::int32_t> samples;  ///< of each r
  input_span<T> x;
  device_span<T> y;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int line = s.by_frames.quotient(i);  // (c·J + j)·R + r
    const int t = i - line * s.frames;
    const int cj = s.by_rows.quotient(line);
    const int r = line - cj * s.rows;
    const int c = s.by_window.quotient(cj);
    const between p = table[(cj - c * s.window) * s.rows + r];
    const int base = ((samples[r] * s.frames + t) * s.channels + c) * s.width;
    const T f = static_cast<T>(p.fraction);
    y.set(i, (T(1) - f) * x[base + p.left] + f * x[base + p.right]);
  }
};

/// dx[n,c,w] += Σ weight · dy[c, from, t] over the shares of column w of sample n / L; `from` is j·R + r.
template <class T>
struct sample_columns_backward_body {
  using kind = map_kind;
  static constexpr const char* name = "sample_columns_backward";
  window_sizes s;
  input_span<std::int32_t> begin;  ///< for each sample, column
  input_span<share> shares;
  input_span<T> dy;
  device_span<T> dx;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int line = s.by_width.quotient(i);  // n·C + c
    const int w = i - line * s.width;
    const int n = s.by_channels.quotient(line);
    const int c = line - n * s.channels;
    const int sample = s.by_frames.quotient(n);
    const int t = n - sample * s.frames;
    const int list = sample * s.width + w;
    T sum = dx[i];
    for (int e = begin[list]; e < begin[list + 1]; ++e) {
      sum += static_cast<T>(shares[e].weight) * dy[(c * s.window * s.rows + shares[e].from) * s.frames + t];
    }
    dx.set(i, sum);
  }
};

/// y[n,c,p] = Σ_f weight[c,f] · x[n,f,c,p]
template <class T, class Stored = T>
struct aggregate_body {
  using kind = map_kind;
  static constexpr const char* name = "aggregate";
  int frames, channels, pixels;
  divisor by_pixels, by_channels;
  input_span<Stored> x;
  input_span<T> weight;
  device_span<Stored> y;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int line = by_pixels.quotient(i);
    const int n = by_channels.quotient(line);
    const int c = line - n * channels;
    T sum = T(0);
    for (int f = 0; f < frames; ++f) {
      sum += weight[c * frames + f] * x[((n * frames + f) * channels + c) * pixels + (i - line * pixels)];
    }
    y.set(i, sum);
  }
};

/// dx[n,f,c,p] = weight[c,f] · dy[n,c,p]
template <class T, class Stored = T>
struct aggregate_backward_body {
  using kind = map_kind;
  static constexpr const char* name = "aggregate_backward";
  int frames, channels, pixels;
  divisor by_pixels, by_channels, by_frames;
  input_span<Stored> dy;
  input_span<T> weight;
  device_span<Stored> dx;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int line = by_pixels.quotient(i);  // (n·F + f)·C + c
    const int nf = by_channels.quotient(line);
    const int c = line - nf * channels;
    const int n = by_frames.quotient(nf);
    const T g = dy[(n * channels + c) * pixels + (i - line * pixels)];
    dx.set(i, weight[c * frames + (nf - n * frames)] * g);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
