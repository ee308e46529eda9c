// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/norm.hpp>

/// \file
/// Batch norm, ReLU and aggregation of the frames in one pass, and its gradient (`ops::frame_stem_train`): the
/// normalised maps, F times as large as the result, are never written. `Stored` is how maps are kept.

namespace vmt::inline VMT_ABI::gpu {

/// What both directions know. a: N·F×C×P, y and dy: N×C×P.
template <class T>
struct frame_stem_forward {
  int frames, channels, pixels;
  input_span<T> gamma, beta, weight, mean, inverse_deviation;

  [[nodiscard]] VMT_HOST_DEVICE int place(int n, int f, int c, int pixel) const {
    return ((n * frames + f) * channels + c) * pixels + pixel;
  }
  [[nodiscard]] VMT_HOST_DEVICE T normed(T v, int c) const {
    return gamma[c] * inverse_deviation[c] * (v - mean[c]) + beta[c];
  }
};

template <class T, class Stored = T>
struct norm_aggregate_body {
  using kind = map_kind;
  static constexpr const char* name = "norm_aggregate";
  frame_stem_forward<T> forward;
  divisor by_pixels, by_channels;
  input_span<Stored> a;
  device_span<Stored> y;
  VMT_HOST_DEVICE void operator()(int i) const { keep(i, value(i)); }
  VMT_HOST_DEVICE void keep(int i, T v) const { y.set(i, v); }
  [[nodiscard]] VMT_HOST_DEVICE T value(int i) const {
    const int line = by_pixels.quotient(i);
    const int n = by_channels.quotient(line);
    const int c = line - n * forward.channels;
    const int pixel = i - line * forward.pixels;
    T sum = T(0);
    for (int f = 0; f < forward.frames; ++f) {
      const T v = forward.normed(a[forward.place(n, f, c, pixel)], c);
      sum += forward.weight[c * forward.frames + f] * (v <= T(0) ? T(0) : v);  // keeps NaN
    }
    return sum;
  }
};

/// Σ of dy and of dy·(a − mean) where the ReLU was open; group (c·F + f)·parts + part.
template <class T, class Stored = T>
struct frame_stem_sums_body {
  using kind = reduce_kind;
  using sum = double_pair;
  static constexpr const char* name = "frame_stem_sums";
  frame_stem_forward<T> forward;
  channel_parts where;  ///< of dy
  divisor by_frames;
  input_span<Stored> a, dy;
  device_span<double> sums;  ///< of all groups; then the products
  int groups;
  [[nodiscard]] VMT_HOST_DEVICE int count(int group) const { return where.count(group); }
  VMT_HOST_DEVICE void add(int group, int i, sum& s) const {
    const int line = where.by_parts.quotient(group);
    const int c = by_frames.quotient(line);
    const int e = (group - line * where.parts) * where.size + i;
    const int n = where.by_pixels.quotient(e);
    const int pixel = e - n * where.pixels;
    const T v = a[forward.place(n, line - c * forward.frames, c, pixel)];
    if (!(forward.normed(v, c) > T(0))) return;
    const double g = static_cast<double>(dy[(n * where.channels + c) * where.pixels + pixel]);
    s.first += g;
    s.second += g * (static_cast<double>(v) - static_cast<double>(forward.mean[c]));
  }
  VMT_HOST_DEVICE void finish(int group, const sum& s) const {
    sums.set(group, s.first);
    sums.set(groups + group, s.second);
  }
};

/// The gradients of weight, gamma and beta of channel c, and the constants of
///   da[n,f,c] = scale·weight[c,f]·(dy where the ReLU was open) − c0 + c1·(a − mean)
template <class T>
struct frame_stem_rule_body {
  using kind = map_kind;
  static constexpr const char* name = "frame_stem_rule";
  frame_stem_forward<T> forward;
  input_span<double> sums, products;
  int parts;
  double count;
  device_span<T> dweight, dgamma, dbeta, c0, c1;
  VMT_HOST_DEVICE void operator()(int c) const {
    const double inverse = static_cast<double>(forward.inverse_deviation[c]);
    const double scale = static_cast<double>(forward.gamma[c]) * inverse;
    double sum = 0, product = 0;
    for (int f = 0; f < forward.frames; ++f) {
      const int i = c * forward.frames + f;
      const double s = total(sums, i, parts);
      const double p = total(products, i, parts);
      dweight.set(i, dweight[i] + static_cast<T>(scale * p + static_cast<double>(forward.beta[c]) * s));
      sum += static_cast<double>(forward.weight[i]) * s;
      product += static_cast<double>(forward.weight[i]) * p;
    }
    dgamma.set(c, dgamma[c] + static_cast<T>(inverse * product));
    dbeta.set(c, dbeta[c] + static_cast<T>(sum));
    c0.set(c, static_cast<T>(scale * sum / count));
    c1.set(c, static_cast<T>(-scale * inverse * inverse * product / count));
  }
};

/// The gradient takes the place of a.
template <class T, class Stored = T>
struct frame_stem_backward_body {
  using kind = map_kind;
  static constexpr const char* name = "frame_stem_backward";
  frame_stem_forward<T> forward;
  divisor by_pixels, by_channels, by_frames;
  input_span<Stored> dy;
  input_span<T> c0, c1;
  device_span<Stored> a;
  VMT_HOST_DEVICE void operator()(int i) const { keep(i, value(i)); }
  VMT_HOST_DEVICE void keep(int i, T v) const { a.set(i, v); }
  [[nodiscard]] VMT_HOST_DEVICE T value(int i) const {
    const int line = by_pixels.quotient(i);  // (n·F + f)·C + c
    const int nf = by_channels.quotient(line);
    const int c = line - nf * forward.channels;
    const int n = by_frames.quotient(nf);
    const T share = forward.weight[c * forward.frames + (nf - n * forward.frames)];
    const T v = a[i];
    const T g = dy[(n * forward.channels + c) * forward.pixels + (i - line * forward.pixels)];
    const T open = forward.normed(v, c) > T(0) ? g : T(0);
    const T scale = forward.gamma[c] * forward.inverse_deviation[c] * share;
    return (scale * open - c0[c]) + c1[c] * (v - forward.mean[c]);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
