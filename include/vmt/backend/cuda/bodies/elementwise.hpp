// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/body.hpp>
#include <vmt/core/rng.hpp>

#include <cmath>  // exp, sqrt

/// \file
/// Bodies that make each number from those at the same place. y may be an input. `Stored` is how maps are kept.

namespace vmt::inline VMT_ABI::gpu {

template <class Stored>
struct relu_body {
  using kind = map_kind;
  using T = number_of<Stored>;
  static constexpr const char* name = "relu";
  input_span<Stored> x;
  device_span<Stored> y;
  VMT_HOST_DEVICE void operator()(int i) const { keep(i, value(i)); }
  VMT_HOST_DEVICE void keep(int i, T v) const { y.set(i, v); }
  [[nodiscard]] VMT_HOST_DEVICE T value(int i) const {
    const T v = x[i];
    return v <= T(0) ? T(0) : v;  // keeps NaN
  }
};

template <class Stored>
struct relu_backward_body {
  using kind = map_kind;
  using T = number_of<Stored>;
  static constexpr const char* name = "relu_backward";
  input_span<Stored> y, dy;
  device_span<Stored> dx;
  VMT_HOST_DEVICE void operator()(int i) const { keep(i, value(i)); }
  VMT_HOST_DEVICE void keep(int i, T v) const { dx.set(i, v); }
  [[nodiscard]] VMT_HOST_DEVICE T value(int i) const {
    const T g = dy[i];
    return y[i] > T(0) ? g : T(0);
  }
};

/// The logistic function; only takes the exponential of a number that is not positive.
template <class T>
[[nodiscard]] VMT_HOST_DEVICE T logistic(T x) {
  const T e = std::exp(x < T(0) ? x : -x);
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}

template <class T>
struct sigmoid_body {
  using kind = map_kind;
  static constexpr const char* name = "sigmoid";
  input_span<T> x;
  device_span<T> y;
  VMT_HOST_DEVICE void operator()(int i) const { y.set(i, logistic(x[i])); }
};

template <class T>
struct sigmoid_backward_body {
  using kind = map_kind;
  static constexpr const char* name = "sigmoid_backward";
  input_span<T> y, dy;
  device_span<T> dx;
  VMT_HOST_DEVICE void operator()(int i) const {
    const T v = y[i];
    dx.set(i, dy[i] * v * (T(1) - v));
  }
};

template <class Stored>
struct add_body {
  using kind = map_kind;
  using T = number_of<Stored>;
  static constexpr const char* name = "add";
  input_span<Stored> a, b;
  device_span<Stored> y;
  VMT_HOST_DEVICE void operator()(int i) const { keep(i, value(i)); }
  VMT_HOST_DEVICE void keep(int i, T v) const { y.set(i, v); }
  [[nodiscard]] VMT_HOST_DEVICE T value(int i) const { return a[i] + b[i]; }
};

template <class Stored>
struct add_relu_body {
  using kind = map_kind;
  using T = number_of<Stored>;
  static constexpr const char* name = "add_relu";
  input_span<Stored> a, b;
  device_span<Stored> y;
  VMT_HOST_DEVICE void operator()(int i) const { keep(i, value(i)); }
  VMT_HOST_DEVICE void keep(int i, T v) const { y.set(i, v); }
  [[nodiscard]] VMT_HOST_DEVICE T value(int i) const {
    const T v = a[i] + b[i];
    return v <= T(0) ? T(0) : v;  // keeps NaN
  }
};

template <class Stored>
struct relu_backward_add_body {
  using kind = map_kind;
  using T = number_of<Stored>;
  static constexpr const char* name = "relu_backward_add";
  input_span<Stored> y, dy;
  device_span<Stored> dx;
  VMT_HOST_DEVICE void operator()(int i) const { keep(i, value(i)); }
  VMT_HOST_DEVICE void keep(int i, T v) const { dx.set(i, v); }
  [[nodiscard]] VMT_HOST_DEVICE T value(int i) const {
    const T g = dy[i];
    return dx[i] + (y[i] > T(0) ? g : T(0));
  }
};

template <class T>
struct fill_body {
  using kind = map_kind;
  static constexpr const char* name = "fill";
  device_span<T> y;
  T value;
  VMT_HOST_DEVICE void operator()(int i) const { y.set(i, value); }
};

template <class T>
struct scale_body {
  using kind = map_kind;
  static constexpr const char* name = "scale";
  device_span<T> y;
  T factor;
  VMT_HOST_DEVICE void operator()(int i) const { y.set(i, y[i] * factor); }
};

/// Word 0 … 3 of a block of Philox-4x32-10, the generator of `vmt::rng`, in a form that devices run.
[[nodiscard]] VMT_HOST_DEVICE inline std::uint32_t philox_word(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2,
                                                               std::uint32_t c3, std::uint32_t k0, std::uint32_t k1,
                                                               int word) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53ULL * c0;
    const std::uint64_t p1 = 0xCD9E8D57ULL * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return word == 0 ? c0 : word == 1 ? c1 : word == 2 ? c2 : c3;
}

/// Drops number i where word i of the stream is below the threshold.
template <class T>
struct dropout_body {
  using kind = map_kind;
  static constexpr const char* name = "dropout";
  input_span<T> x;
  device_span<T> y;
  std::uint32_t key0, key1, counter1, counter2, counter3;  // of the stream; counter 0 is the block
  std::uint64_t threshold;
  T scale;
  VMT_HOST_DEVICE void operator()(int i) const {
    const auto block = static_cast<std::uint32_t>(i) / 4;
    const std::uint32_t bits = philox_word(block, counter1, counter2, counter3, key0, key1, i & 3);
    y.set(i, bits < threshold ? T(0) : x[i] * scale);
  }
};

/// One step of Adam; the host computed what is the same for all numbers.
template <class T>
struct adam_body {
  using kind = map_kind;
  static constexpr const char* name = "adam_step";
  device_span<T> parameters;
  input_span<T> gradients;
  device_span<T> m, v;
  T step_size, correction, b1, b2, rest1, rest2, epsilon, kept;
  VMT_HOST_DEVICE void operator()(int i) const {
    const T g = gradients[i];
    const T first = b1 * m[i] + rest1 * g;
    const T second = b2 * v[i] + rest2 * (g * g);
    m.set(i, first);
    v.set(i, second);
    parameters.set(i, kept * parameters[i] - step_size * first / (std::sqrt(second) / correction + epsilon));
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
