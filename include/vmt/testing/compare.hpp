// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/tensor.hpp>

#include <algorithm>  // max
#include <cmath>      // abs
#include <concepts>   // same_as
#include <cstring>    // memcmp
#include <limits>     // infinity
#include <span>       // numbers

/// \file
/// How far two lists of numbers are apart. Every function takes tensors, views, or anything `std::span` takes; a NaN or
/// an infinity that only one side has makes the distance infinite, so no broken result compares as close. Throws
/// `shape_mismatch` where the numbers of elements differ.

namespace vmt::inline VMT_ABI::testing {

namespace detail {

/// The elements of a tensor, view, vector, array or span, in memory order.
template <class Numbers>
[[nodiscard]] auto elements(const Numbers& numbers) {
  if constexpr (requires { numbers.span(); }) {
    using value = std::remove_cv_t<typename decltype(numbers.span())::element_type>;
    return std::span<const value>(numbers.span());
  } else {
    using value = std::remove_cv_t<typename decltype(std::span(numbers))::element_type>;
    return std::span<const value>(numbers);
  }
}

inline void require_same_size(std::size_t found, std::size_t expected) {
  if (found != expected) {
    throw error(errc::shape_mismatch,
                "testing: cannot compare " + std::to_string(found) + " numbers with " + std::to_string(expected));
  }
}

}  // namespace detail

/// max |found − expected|, 0 for empty lists.
template <class A, class B>
[[nodiscard]] double max_abs_difference(const A& found, const B& expected) {
  const auto a = detail::elements(found);
  const auto b = detail::elements(expected);
  detail::require_same_size(a.size(), b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]);
    const double y = static_cast<double>(b[i]);
    if (std::isfinite(x) && std::isfinite(y)) {
      worst = (std::max)(worst, std::abs(x - y));
    } else if (!(x == y) && !(std::isnan(x) && std::isnan(y))) {
      return std::numeric_limits<double>::infinity();
    }
  }
  return worst;
}

/// max |found − expected| / max |expected|: what a sum of products can promise, whose small elements are rests of large
/// ones. Where all of `expected` is zero, 0 if `found` is too and infinity if not.
template <class A, class B>
[[nodiscard]] double normalised_difference(const A& found, const B& expected) {
  const double distance = max_abs_difference(found, expected);
  double scale = 0;
  for (const auto value : detail::elements(expected)) {
    if (std::isfinite(static_cast<double>(value))) scale = (std::max)(scale, std::abs(static_cast<double>(value)));
  }
  if (distance == 0) return 0;
  return scale > 0 ? distance / scale : std::numeric_limits<double>::infinity();
}

/// Whether all bytes are equal: −0 is not 0, and a NaN equals itself.
template <class A, class B>
[[nodiscard]] bool same_bits(const A& a, const B& b) {
  const auto x = detail::elements(a);
  const auto y = detail::elements(b);
  static_assert(std::same_as<decltype(x), decltype(y)>, "bits are compared between numbers of one type");
  detail::require_same_size(x.size(), y.size());
  return x.empty() || std::memcmp(x.data(), y.data(), x.size_bytes()) == 0;
}

}  // namespace vmt::inline VMT_ABI::testing
