// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/body.hpp>
#include <vmt/backend/cuda/divisor.hpp>

/// \file
/// Sums over the pixels of channels. A channel is cut into parts, a block for each; a small map adds the parts.

namespace vmt::inline VMT_ABI::gpu {

struct double_sum {
  double value;
  VMT_HOST_DEVICE void add(const double_sum& other) noexcept { value += other.value; }
};
struct double_pair {
  double first, second;
  VMT_HOST_DEVICE void add(const double_pair& other) noexcept {
    first += other.first;
    second += other.second;
  }
};

/// The numbers of a channel of an N×C×P tensor, cut into parts: group c·parts + part.
struct channel_parts {
  int channels, pixels;  ///< C, P
  int parts, size;       ///< numbers of a part; the last one may be shorter
  int all;               ///< N·P
  divisor by_pixels, by_parts;

  channel_parts(index_t images, index_t c, index_t p, index_t how_many)
      : channels(static_cast<int>(c)),
        pixels(static_cast<int>(p)),
        parts(static_cast<int>(how_many)),
        size(static_cast<int>(ceil_quotient(images * p, how_many))),
        all(static_cast<int>(images * p)),
        by_pixels(p),
        by_parts(how_many) {}

  [[nodiscard]] VMT_HOST_DEVICE int channel(int group) const { return by_parts.quotient(group); }
  [[nodiscard]] VMT_HOST_DEVICE int count(int group) const {
    const int rest = all - by_parts.remainder(group) * size;
    return rest < 0 ? 0 : rest < size ? rest : size;
  }
  /// Where number i of the group lies in the tensor.
  [[nodiscard]] VMT_HOST_DEVICE int at(int group, int i) const {
    const int c = by_parts.quotient(group);
    const int e = (group - c * parts) * size + i;
    const int image = by_pixels.quotient(e);
    return (image * channels + c) * pixels + (e - image * pixels);
  }
};

template <class T, class Stored = T>
struct channel_sum_body {
  using kind = reduce_kind;
  using sum = double_sum;
  static constexpr const char* name = "channel_sum";
  channel_parts where;
  input_span<Stored> x;
  device_span<double> sums;  ///< of each group
  [[nodiscard]] VMT_HOST_DEVICE int count(int group) const { return where.count(group); }
  VMT_HOST_DEVICE void add(int group, int i, sum& s) const { s.value += static_cast<double>(x[where.at(group, i)]); }
  VMT_HOST_DEVICE void finish(int group, const sum& s) const { sums.set(group, s.value); }
};

/// Σ of the parts of channel c.
[[nodiscard]] VMT_HOST_DEVICE inline double total(const input_span<double>& sums, int c, int parts) {
  double all = 0;
  for (int p = 0; p < parts; ++p) all += sums[c * parts + p];
  return all;
}

/// out[c] (+)= factor · Σ parts
template <class T>
struct sum_parts_body {
  using kind = map_kind;
  static constexpr const char* name = "sum_parts";
  input_span<double> sums;
  device_span<T> out;
  int parts;
  double factor;
  bool accumulate;
  VMT_HOST_DEVICE void operator()(int c) const {
    const T sum = static_cast<T>(total(sums, c, parts) * factor);
    out.set(c, accumulate ? out[c] + sum : sum);
  }
};

/// Σ over pixels of dy[n,c,p] · x[n,f,c,p], the gradient of the aggregation's weight; group (c·F + f)·parts + part.
template <class T, class Stored = T>
struct aggregate_weight_body {
  using kind = reduce_kind;
  using sum = double_sum;
  static constexpr const char* name = "aggregate_backward_weight";
  channel_parts where;  ///< of dy
  int frames;
  divisor by_frames;
  input_span<Stored> x, dy;
  device_span<double> sums;

  VMT_HOST_DEVICE void add(int group, int i, sum& s) const {
    const int line = where.by_parts.quotient(group);
    const int c = by_frames.quotient(line);
    const int f = line - c * frames;
    const int e = (group - line * where.parts) * where.size + i;
    const int image = where.by_pixels.quotient(e);
    const int pixel = e - image * where.pixels;
    const T g = dy[(image * where.channels + c) * where.pixels + pixel];
    const T v = x[((image * frames + f) * where.channels + c) * where.pixels + pixel];
    s.value += static_cast<double>(g) * static_cast<double>(v);
  }
  [[nodiscard]] VMT_HOST_DEVICE int count(int group) const { return where.count(group); }
  VMT_HOST_DEVICE void finish(int group, const sum& s) const { sums.set(group, s.value); }
};

/// dx[c,w] = Σ_{n,h} dy[n,c,h,w]: group c·W + w.
template <class T, class Stored = T>
struct repeat_rows_backward_body {
  using kind = reduce_kind;
  using sum = double_sum;
  static constexpr const char* name = "repeat_rows_backward";
  int images, channels, height, width;
  divisor by_width, by_height;
  input_span<Stored> dy;
  device_span<T> dx;
  [[nodiscard]] VMT_HOST_DEVICE int count(int) const { return images * height; }
  VMT_HOST_DEVICE void add(int group, int i, sum& s) const {
    const int c = by_width.quotient(group);
    const int image = by_height.quotient(i);
    const int h = i - image * height;
    s.value += static_cast<double>(dy[((image * channels + c) * height + h) * width + (group - c * width)]);
  }
  VMT_HOST_DEVICE void finish(int group, const sum& s) const { dx.set(group, static_cast<T>(s.value)); }
};

/// Σ g², and how many numbers are not finite or beyond `limit`.
template <class T>
struct gradient_norm_body {
  using kind = reduce_kind;
  using sum = double_pair;
  static constexpr const char* name = "gradient_norm";
  input_span<T> g;
  int size;  ///< numbers of a group
  int all;
  double limit;
  device_span<double> sums;  ///< groups × 2
  [[nodiscard]] VMT_HOST_DEVICE int count(int group) const {
    const int rest = all - group * size;
    return rest < 0 ? 0 : rest < size ? rest : size;
  }
  VMT_HOST_DEVICE void add(int group, int i, sum& s) const {
    const double v = static_cast<double>(g[group * size + i]);
    s.first += v * v;
    s.second += v < limit && -v < limit ? 0.0 : 1.0;  // NaN fails both comparisons
  }
  VMT_HOST_DEVICE void finish(int group, const sum& s) const {
    sums.set(2 * group, s.first);
    sums.set(2 * group + 1, s.second);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
