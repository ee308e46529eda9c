// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/dropout.hpp>

namespace vmt::inline VMT_ABI::ops {

/// `torch.nn.functional.dropout(training=True)` with a mask that is a function of `random` and the index alone:
///   y[i] = bits(i) < probability · 2³² ? 0 : x[i] / (1 − probability),   bits(i) the i-th word of the stream.
/// Any rank; y may be x. The gradient is the same operation on dy. Throws `shape_mismatch`, `invalid_argument` for a
/// probability outside [0, 1), and for more than 2³⁴ numbers, which is all a stream has.
struct dropout_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, double probability, const rng& random, Y&& y) const {
    const out_view<Y> out = y;
    detail::require_same("dropout", "output", out.extents(), x.extents());
    if (!(probability >= 0 && probability < 1) || out.size() > index_t{1} << 34) {
      throw error(errc::invalid_argument, "dropout: the probability must be in [0, 1), found " +
                                              std::to_string(probability) + ", the tensor of at most 2^34 numbers");
    }
    if constexpr (requires { vmt_dropout(ctx, x.flat(), probability, random, out.flat()); }) {
      vmt_dropout(ctx, x.flat(), probability, random, out.flat());
    } else {
      detail::require_host_accessible<Context>();
      generic::dropout<scalar_of<Y>>(x.span(), probability, random, out.span());
    }
  }
};
inline constexpr dropout_fn dropout{};

}  // namespace vmt::inline VMT_ABI::ops
