// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/aggregate.hpp>

namespace vmt::inline VMT_ABI::ops {

namespace detail {
inline void check_aggregate(std::string_view op, const extents<5>& x, const extents<2>& w, const extents<4>& y) {
  require_same(op, "output", y, extents<4>{x[0], x[2], x[3], x[4]});
  require_same(op, "weight (channels × frames)", w, extents<2>{x[2], x[1]});
}
}  // namespace detail

/// The aggregation module in its channel-wise form (paper, section 3: "a channel-wise temporal weighted average"): a
/// F×1×1 3D convolution with one group per channel and no bias,
///   y[n,c,h,w] = Σ_f weight[c,f] · x[n,f,c,h,w].   x: N×F×C×H×W, frame by frame; weight: C×F.
struct aggregate_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, const_view<scalar_of<Y>, 5> x, const_view<number_in<Y>, 2> weight, Y&& y) const {
    const out_view<Y> out = y;
    detail::check_aggregate("aggregate", x.extents(), weight.extents(), out.extents());
    if constexpr (requires { vmt_aggregate(ctx, x, weight, out); }) {
      vmt_aggregate(ctx, x, weight, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::aggregate(x, weight, out, 0, x.extent(2));
    }
  }
};
inline constexpr aggregate_fn aggregate{};

/// Gradient of `aggregate`: dx[n,f,c] = weight[c,f]·dy[n,c] (overwritten), dweight[c,f] += Σ dy[n,c]·x[n,f,c].
struct aggregate_backward_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, in_view<DX> x, const_view<scalar_of<DX>, 4> dy, const_view<number_in<DX>, 2> weight,
                  tensor_view<number_in<DX>, 2> dweight, DX&& dx) const {
    const out_view<DX> out = dx;
    detail::check_aggregate("aggregate_backward", x.extents(), weight.extents(), dy.extents());
    detail::require_same("aggregate_backward", "weight gradient", dweight.extents(), weight.extents());
    detail::require_same("aggregate_backward", "input gradient", out.extents(), x.extents());
    if constexpr (requires { vmt_aggregate_backward(ctx, x, dy, weight, dweight, out); }) {
      vmt_aggregate_backward(ctx, x, dy, weight, dweight, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::aggregate_backward(x, dy, weight, dweight, out, 0, x.extent(2));
    }
  }
};
inline constexpr aggregate_backward_fn aggregate_backward{};

}  // namespace vmt::inline VMT_ABI::ops
