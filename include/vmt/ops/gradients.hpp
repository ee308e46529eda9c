// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>

#include <cmath>  // sqrt

namespace vmt::inline VMT_ABI::ops {

/// What `gradient_norm` tells of a gradient.
struct gradient_size {
  double norm = 0;    ///< Euclidean, over all numbers; meaningless unless `sound`
  bool sound = true;  ///< every number is below the limit, and none is NaN
};

namespace generic {

template <class T>
gradient_size gradient_norm(std::span<const T> g, double limit) {
  double sum = 0;
  bool sound = true;
  for (const T v : g) {
    const double wide = static_cast<double>(v);
    sum += wide * wide;
    sound = sound && wide < limit && -wide < limit;  // NaN fails both
  }
  return {std::sqrt(sum), sound};
}

}  // namespace generic

/// The Euclidean norm of a gradient, and whether all its numbers lie within ±limit; the sum is in double.
struct gradient_norm_fn {
  template <class Context, class T>
  [[nodiscard]] gradient_size operator()(Context& ctx, tensor_view<T, 1> g, double limit) const {
    const const_view<std::remove_const_t<T>, 1> in = g;
    if (in.empty()) return {};
    if constexpr (requires { vmt_gradient_norm(ctx, in, limit); }) {
      return vmt_gradient_norm(ctx, in, limit);
    } else {
      detail::require_host_accessible<Context>();
      return generic::gradient_norm<std::remove_const_t<T>>(in.span(), limit);
    }
  }
};
inline constexpr gradient_norm_fn gradient_norm{};

/// y ← factor · y
struct scale_fn {
  template <class Context, class T>
  void operator()(Context& ctx, tensor_view<T, 1> y, T factor) const {
    if constexpr (requires { vmt_scale(ctx, y, factor); }) {
      vmt_scale(ctx, y, factor);
    } else {
      detail::require_host_accessible<Context>();
      for (T& v : y.span()) v *= factor;
    }
  }
};
inline constexpr scale_fn scale{};

}  // namespace vmt::inline VMT_ABI::ops
