// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/sums.hpp>
#include <vmt/backend/cuda/math.hpp>

#include <cmath>  // sqrt

namespace vmt::inline VMT_ABI::gpu {

/// The channel of number i of an N×C×P tensor.
struct channel_of {
  int channels;
  divisor by_pixels, by_channels;
  channel_of(index_t c, index_t pixels) : channels(static_cast<int>(c)), by_pixels(pixels), by_channels(c) {}
  [[nodiscard]] VMT_HOST_DEVICE int operator()(int i) const { return by_channels.remainder(by_pixels.quotient(i)); }
};

/// Two numbers for each channel from given statistics: norm(x + bias) = a·x + b.
template <class T>
struct norm_fold_body {
  using kind = map_kind;
  static constexpr const char* name = "batch_norm_fold";
  input_span<T> gamma, beta, mean, variance;
  double epsilon;
  input_span<T> bias;  ///< of what is normed, or nothing
  device_span<T> a, b;
  VMT_HOST_DEVICE void operator()(int c) const {
    const double scale = static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    a.set(c, static_cast<T>(scale));
    const double origin = static_cast<double>(mean[c]) - (bias.present() ? static_cast<double>(bias[c]) : 0.0);
    b.set(c, static_cast<T>(static_cast<double>(beta[c]) - origin * scale));
  }
};

/// 1/√(variance + ε) of each channel.
template <class T>
struct inverse_deviation_body {
  using kind = map_kind;
  static constexpr const char* name = "inverse_deviation";
  input_span<T> variance;
  double epsilon;
  device_span<T> y;
  VMT_HOST_DEVICE void operator()(int c) const {
    y.set(c, static_cast<T>(1.0 / std::sqrt(static_cast<double>(variance[c]) + epsilon)));
  }
};

template <class T>
struct norm_affine_body {
  using kind = map_kind;
  static constexpr const char* name = "batch_norm_affine";
  channel_of channel;
  input_span<T> x, a, b;
  device_span<T> y;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int c = channel(i);
    y.set(i, a[c] * x[i] + b[c]);
  }
};

/// Σ (x − x₀) and Σ (x − x₀)² of a channel's numbers, x₀ the first of them: so near the mean that in double nothing
/// cancels, and one pass is enough.
template <class T, class Stored = T>
struct norm_moments_body {
  using kind = reduce_kind;
  using sum = double_pair;
  static constexpr const char* name = "batch_norm_moments";
  channel_parts where;
  input_span<Stored> x;
  device_span<double> sums;  ///< of all groups; then the squares
  int groups;
  [[nodiscard]] VMT_HOST_DEVICE int count(int group) const { return where.count(group); }
  VMT_HOST_DEVICE void add(int group, int i, sum& s) const {
    const T origin = x[where.channel(group) * where.pixels];
    const double off = static_cast<double>(x[where.at(group, i)]) - static_cast<double>(origin);
    s.first += off;
    s.second += off * off;
  }
  VMT_HOST_DEVICE void finish(int group, const sum& s) const {
    sums.set(group, s.first);
    sums.set(groups + group, s.second);
  }
};

/// The statistics of the batch, and the running ones.
template <class T, class Stored = T>
struct norm_statistics_body {
  using kind = map_kind;
  static constexpr const char* name = "batch_norm_statistics";
  input_span<Stored> x;
  int pixels;
  input_span<double> sums, squares;
  int parts;
  double count, momentum, epsilon;
  device_span<T> mean, inverse_deviation, running_mean, running_variance;
  VMT_HOST_DEVICE void operator()(int c) const {
    const double moved = total(sums, c, parts) / count;
    const double all = total(squares, c, parts) - moved * moved * count;
    const double squared = all > 0 ? all : 0;
    const double found = static_cast<double>(x[c * pixels]) + moved;
    mean.set(c, static_cast<T>(found));
    inverse_deviation.set(c, static_cast<T>(1.0 / std::sqrt(squared / count + epsilon)));
    running_mean.set(c, blend(running_mean[c], found));
    running_variance.set(c, blend(running_variance[c], squared / (count - 1.0)));
  }

 private:
  [[nodiscard]] VMT_HOST_DEVICE T blend(T running, double now) const {
    return static_cast<T>((1.0 - momentum) * static_cast<double>(running) + momentum * now);
  }
};

/// y = gamma · (x − mean) / deviation + beta, with a ReLU where asked for.
template <class T, class Stored = T>
struct norm_apply_body {
  using kind = map_kind;
  static constexpr const char* name = "batch_norm_apply";
  channel_of channel;
  input_span<Stored> x;
  input_span<T> gamma, beta, mean, inverse_deviation;
  bool relu;
  device_span<Stored> y;
  VMT_HOST_DEVICE void operator()(int i) const { keep(i, value(i)); }
  VMT_HOST_DEVICE void keep(int i, T v) const { y.set(i, v); }
  [[nodiscard]] VMT_HOST_DEVICE T value(int i) const {
    const int c = channel(i);
    const T a = gamma[c] * inverse_deviation[c];
    const T v = a * (x[i] - mean[c]) + beta[c];
    return relu && v <= T(0) ? T(0) : v;  // keeps NaN
  }
};

/// What the gradient's two bodies know of the forward pass.
template <class T, class Stored>
struct norm_forward {
  input_span<Stored> x, dy;
  input_span<T> gamma, mean, inverse_deviation;
  input_span<T> relu_beta;  ///< nothing where no ReLU followed

  /// dy, where the ReLU let the output through.
  [[nodiscard]] VMT_HOST_DEVICE T open_gradient(int i, int c) const {
    const T g = dy[i];
    if (!relu_beta.present()) return g;
    const T a = gamma[c] * inverse_deviation[c];
    return a * (x[i] - mean[c]) + relu_beta[c] > T(0) ? g : T(0);
  }
};

/// Σ dy and Σ dy · (x − mean).
template <class T, class Stored = T>
struct norm_gradient_sums_body {
  using kind = reduce_kind;
  using sum = double_pair;
  static constexpr const char* name = "batch_norm_gradient_sums";
  channel_parts where;
  norm_forward<T, Stored> forward;
  device_span<double> sums;  ///< of all groups; then the other
  int groups;
  [[nodiscard]] VMT_HOST_DEVICE int count(int group) const { return where.count(group); }
  VMT_HOST_DEVICE void add(int group, int i, sum& s) const {
    const int c = where.channel(group);
    const int at = where.at(group, i);
    const double g = static_cast<double>(forward.open_gradient(at, c));
    s.first += g;
    s.second += g * (static_cast<double>(forward.x[at]) - static_cast<double>(forward.mean[c]));
  }
  VMT_HOST_DEVICE void finish(int group, const sum& s) const {
    sums.set(group, s.first);
    sums.set(groups + group, s.second);
  }
};

/// dgamma, dbeta, and the three numbers of each channel of dx = a·dy + b·(x − mean) − d.
template <class T>
struct norm_gradient_body {
  using kind = map_kind;
  static constexpr const char* name = "batch_norm_gradient";
  input_span<double> sums, weighted_sums;
  int parts;
  double count;
  input_span<T> gamma, inverse_deviation;
  device_span<T> dgamma, dbeta, a, b, d;
  VMT_HOST_DEVICE void operator()(int c) const {
    const double inverse = static_cast<double>(inverse_deviation[c]);
    const double sum = total(sums, c, parts);
    const double normalised = total(weighted_sums, c, parts) * inverse;
    const double scale = static_cast<double>(gamma[c]) * inverse;
    dgamma.set(c, dgamma[c] + static_cast<T>(normalised));
    dbeta.set(c, dbeta[c] + static_cast<T>(sum));
    a.set(c, static_cast<T>(scale));
    b.set(c, static_cast<T>(-scale * inverse * normalised / count));
    d.set(c, static_cast<T>(scale * sum / count));
  }
};

template <class T, class Stored = T>
struct norm_backward_body {
  using kind = map_kind;
  static constexpr const char* name = "batch_norm_backward";
  channel_of channel;
  norm_forward<T, Stored> forward;
  input_span<T> a, b, d;
  device_span<Stored> dx;
  VMT_HOST_DEVICE void operator()(int i) const { keep(i, value(i)); }
  VMT_HOST_DEVICE void keep(int i, T v) const { dx.set(i, v); }
  [[nodiscard]] VMT_HOST_DEVICE T value(int i) const {
    const int c = channel(i);
    return (a[c] * forward.open_gradient(i, c) - d[c]) + b[c] * (forward.x[i] - forward.mean[c]);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
