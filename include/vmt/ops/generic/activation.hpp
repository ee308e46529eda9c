// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>

#include <cmath>  // exp

namespace vmt::inline VMT_ABI::ops::generic {

template <class T>
void relu(std::span<const T> x, std::span<T> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] > T(0) ? x[i] : (x[i] != x[i] ? x[i] : T(0));
}

template <class T>
void relu_backward(std::span<const T> y, std::span<const T> dy, std::span<T> dx) {
  for (std::size_t i = 0; i < y.size(); ++i) dx[i] = y[i] > T(0) ? dy[i] : T(0);
}

/// One value of the logistic function. Both branches only take the exponential of a number that is not positive.
template <class T>
[[nodiscard]] T logistic(T x) {
  const T e = std::exp(x < T(0) ? x : -x);
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}

template <class T>
void sigmoid(std::span<const T> x, std::span<T> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = logistic(x[i]);
}

template <class T>
void sigmoid_backward(std::span<const T> y, std::span<const T> dy, std::span<T> dx) {
  for (std::size_t i = 0; i < y.size(); ++i) dx[i] = dy[i] * y[i] * (T(1) - y[i]);
}

template <class T>
void add(std::span<const T> a, std::span<const T> b, std::span<T> y) {
  for (std::size_t i = 0; i < a.size(); ++i) y[i] = a[i] + b[i];
}

}  // namespace vmt::inline VMT_ABI::ops::generic
