// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>

#include <cmath>  // sqrt

namespace vmt::inline VMT_ABI::ops {

/// What batch norm in training reads and leaves, one number per channel each.
template <class T>
struct batch_norm_statistics {
  tensor_view<T, 1> running_mean;
  tensor_view<T, 1> running_variance;
  tensor_view<T, 1> mean;               ///< output: of this batch
  tensor_view<T, 1> inverse_deviation;  ///< output: 1/√(biased variance + epsilon)
  double momentum = 0.1;
  double epsilon = 1e-5;

  /// Writes what is known of channel c: its mean and Σ (x − mean)² over `count` numbers. Returns 1/√(variance +
  /// epsilon) unrounded.
  double take(index_t c, double batch_mean, double squares, double count) const {
    const double inverse = 1.0 / std::sqrt(squares / count + epsilon);
    mean(c) = static_cast<T>(batch_mean);
    inverse_deviation(c) = static_cast<T>(inverse);
    const auto blend = [this](T& running, double now) {
      running = static_cast<T>((1.0 - momentum) * static_cast<double>(running) + momentum * now);
    };
    blend(running_mean(c), batch_mean);
    blend(running_variance(c), squares / (count - 1.0));
    return inverse;
  }
};

namespace generic {

// Sums over one row in four interleaved partial sums: a fixed order that also keeps the adders busy.
template <class T, class F>
double sum_of(std::span<const T> row, F f) {
  double part[4] = {0, 0, 0, 0};
  const std::size_t whole = row.size() / 4 * 4;
  for (std::size_t i = 0; i < whole; i += 4)
    for (std::size_t lane = 0; lane < 4; ++lane) part[lane] += f(static_cast<double>(row[i + lane]), i + lane);
  for (std::size_t i = whole; i < row.size(); ++i) part[0] += f(static_cast<double>(row[i]), i);
  return (part[0] + part[1]) + (part[2] + part[3]);
}

template <class T>
void batch_norm(const_view<T, 4> x, const_view<T, 1> gamma, const_view<T, 1> beta, const_view<T, 1> mean,
                const_view<T, 1> variance, double epsilon, tensor_view<T, 4> y, index_t first, index_t last) {
  for (index_t n = 0; n < x.extent(0); ++n)
    for (index_t c = first; c < last; ++c) {
      const double scale = static_cast<double>(gamma(c)) / std::sqrt(static_cast<double>(variance(c)) + epsilon);
      const T a = static_cast<T>(scale);
      const T b = static_cast<T>(static_cast<double>(beta(c)) - static_cast<double>(mean(c)) * scale);
      const T* in = x[n][c].data_handle();
      T* out = y[n][c].data_handle();
      const index_t size = x.extent(2) * x.extent(3);
      for (index_t i = 0; i < size; ++i) out[i] = a * in[i] + b;
    }
}

/// The statistics of channel c of this batch; moves the running ones. Returns 1/√(variance + epsilon).
template <class T>
double batch_statistics(const_view<T, 4> x, const batch_norm_statistics<T>& s, index_t c) {
  const double count = static_cast<double>(x.extent(0) * x.extent(2) * x.extent(3));
  double sum = 0;
  for (index_t n = 0; n < x.extent(0); ++n) {
    sum += sum_of<T>(x[n][c].span(), [](double v, std::size_t) { return v; });
  }
  const double mean = sum / count;
  double squares = 0;  // a second pass: no cancellation where the mean is large
  for (index_t n = 0; n < x.extent(0); ++n) {
    squares += sum_of<T>(x[n][c].span(), [mean](double v, std::size_t) { return (v - mean) * (v - mean); });
  }
  return s.take(c, mean, squares, count);
}

template <class T>
void batch_norm_train(const_view<T, 4> x, const_view<T, 1> gamma, const_view<T, 1> beta,
                      const batch_norm_statistics<T>& s, bool relu, tensor_view<T, 4> y, index_t first, index_t last) {
  const index_t size = x.extent(2) * x.extent(3);
  for (index_t c = first; c < last; ++c) {
    const T a = static_cast<T>(static_cast<double>(gamma(c)) * batch_statistics(x, s, c));
    const T m = s.mean(c);
    const T b = beta(c);
    for (index_t n = 0; n < x.extent(0); ++n) {
      const T* in = x[n][c].data_handle();
      T* out = y[n][c].data_handle();
      for (index_t i = 0; i < size; ++i) {
        const T v = a * (in[i] - m) + b;
        out[i] = relu && v <= T(0) ? T(0) : v;  // keeps NaN
      }
    }
  }
}

/// `relu_beta`: beta, where a ReLU followed and what it stopped must be told again; else a view of nothing.
template <class T>
void batch_norm_backward(const_view<T, 4> x, const_view<T, 4> dy, const_view<T, 1> gamma, const_view<T, 1> relu_beta,
                         const_view<T, 1> mean, const_view<T, 1> inverse_deviation, tensor_view<T, 1> dgamma,
                         tensor_view<T, 1> dbeta, tensor_view<T, 4> dx, index_t first, index_t last) {
  const bool relu = relu_beta.data_handle() != nullptr;
  const index_t size = x.extent(2) * x.extent(3);
  const double count = static_cast<double>(x.extent(0) * size);
  for (index_t c = first; c < last; ++c) {
    const double m = static_cast<double>(mean(c));
    const double inverse = static_cast<double>(inverse_deviation(c));
    const T forward_scale = static_cast<T>(static_cast<double>(gamma(c)) * inverse);
    const T mean_x = mean(c);
    const T shift = relu ? relu_beta(c) : T(0);
    const auto open = [&](T v) { return !relu || forward_scale * (v - mean_x) + shift > T(0); };
    double sum = 0;
    double sum_normalised = 0;
    for (index_t n = 0; n < x.extent(0); ++n) {
      const T* in = x[n][c].data_handle();
      sum += sum_of<T>(dy[n][c].span(), [&](double g, std::size_t i) { return open(in[i]) ? g : 0.0; });
      sum_normalised += sum_of<T>(dy[n][c].span(), [&](double g, std::size_t i) {
        return open(in[i]) ? g * (static_cast<double>(in[i]) - m) : 0.0;
      });
    }
    sum_normalised *= inverse;
    dgamma(c) += static_cast<T>(sum_normalised);
    dbeta(c) += static_cast<T>(sum);
    // dx = a·dy + b·x + d with the three numbers of the formula in the declaration.
    const double scale = static_cast<double>(gamma(c)) * inverse;
    const T a = static_cast<T>(scale);
    const T b = static_cast<T>(-scale * inverse * sum_normalised / count);
    const T mean_dy = static_cast<T>(scale * sum / count);
    for (index_t n = 0; n < x.extent(0); ++n) {
      const T* in = x[n][c].data_handle();
      const T* g = dy[n][c].data_handle();
      T* out = dx[n][c].data_handle();
      for (index_t i = 0; i < size; ++i) out[i] = (a * (open(in[i]) ? g[i] : T(0)) - mean_dy) + b * (in[i] - mean_x);
    }
  }
}

}  // namespace generic
}  // namespace vmt::inline VMT_ABI::ops
