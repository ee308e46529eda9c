// SPDX-License-Identifier: MIT
#pragma once

#include <doctest/doctest.h>

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/core/rng.hpp>
#include <vmt/ops/ops.hpp>

#include <limits>

namespace vmt_test {

/// Calls f(context) with the plain loops and with the CPU kernels for every instruction set of this machine.
template <class F>
void for_each_context(F&& f, int threads = 2) {
  {
    vmt::ops::generic_context plain;
    INFO("plain loops");
    f(plain);
  }
  for (const vmt::cpu_isa isa : {vmt::cpu_isa::portable, vmt::cpu_isa::avx2, vmt::cpu_isa::avx512}) {
    if (!vmt::supported(isa)) continue;
    vmt::cpu_context fast({.threads = threads, .isa = isa});
    const auto word = name(isa);
    CAPTURE(word);
    f(fast);
  }
}

/// Numbers from a fixed stream.
template <class T, std::size_t R>
vmt::cpu_tensor<T, R> random_tensor(const vmt::extents<R>& e, std::uint32_t stream, double low = -1, double high = 1) {
  vmt::cpu_tensor<T, R> t(e);
  vmt::rng r(11, stream);
  for (T& v : t.span()) v = static_cast<T>(r.uniform(low, high));
  return t;
}

/// The same with |v| ≥ 0.01: away from the kink of a ReLU.
template <class T, std::size_t R>
vmt::cpu_tensor<T, R> random_away_from_zero(const vmt::extents<R>& e, std::uint32_t stream) {
  auto t = random_tensor<T>(e, stream, -0.99, 0.99);
  for (T& v : t.span()) v += v < T(0) ? T(-0.01) : T(0.01);
  return t;
}

/// All whole numbers 0, ±1, ±2, … in random order, divided by the size: no two are close, as a maximum needs it.
template <class T, std::size_t R>
vmt::cpu_tensor<T, R> random_distinct(const vmt::extents<R>& e, std::uint32_t stream) {
  vmt::cpu_tensor<T, R> t(e);
  vmt::rng r(11, stream);
  const vmt::index_t n = t.size();
  const auto v = t.span();
  for (vmt::index_t i = 0; i < n; ++i) {
    v[static_cast<std::size_t>(i)] =
        static_cast<T>((static_cast<double>(i) - 0.5 * static_cast<double>(n)) / static_cast<double>(n));
  }
  for (vmt::index_t i = n - 1; i > 0; --i) {
    std::swap(v[static_cast<std::size_t>(i)], v[static_cast<std::size_t>(r.below(i + 1))]);
  }
  return t;
}

/// A tensor full of NaN: an operation that promises to overwrite its output must leave none.
template <class T, std::size_t R>
vmt::cpu_tensor<T, R> unwritten(const vmt::extents<R>& e) {
  vmt::cpu_tensor<T, R> t(e);
  for (T& v : t.span()) v = std::numeric_limits<T>::quiet_NaN();
  return t;
}

}  // namespace vmt_test
