// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/linear.hpp>

namespace vmt::inline VMT_ABI::ops {

namespace detail {
template <class T>
void check_linear(std::string_view op, const_view<T, 2> x, const_view<T, 2> w, const_view<T, 2> y) {
  if (w.extent(1) != x.extent(1)) {
    throw error(errc::shape_mismatch, std::string(op) + ": weight expects " + std::to_string(w.extent(1)) +
                                          " features, input has " + std::to_string(x.extent(1)));
  }
  require_same(op, "output", y.extents(), extents<2>{x.extent(0), w.extent(0)});
}
}  // namespace detail

/// y = x·wᵀ + bias, `torch.nn.functional.linear`. x: N×I, w: O×I, bias: O or empty, y: N×O.
struct linear_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, in_view<Y> w, const_view<scalar_of<Y>, 1> bias, Y&& y) const {
    const out_view<Y> out = y;
    detail::check_linear<scalar_of<Y>>("linear", x, w, out);
    if (bias.data_handle() != nullptr) {
      detail::require_same("linear", "bias", bias.extents(), extents<1>{w.extent(0)});
    }
    if constexpr (requires { vmt_linear(ctx, x, w, bias, out); }) {
      vmt_linear(ctx, x, w, bias, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::linear(x, w, bias, out);
    }
  }
};
inline constexpr linear_fn linear{};

/// dx = dy·w, overwritten.
struct linear_backward_input_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, in_view<DX> dy, in_view<DX> w, DX&& dx) const {
    const out_view<DX> out = dx;
    detail::check_linear<scalar_of<DX>>("linear_backward_input", out, w, dy);
    if constexpr (requires { vmt_linear_backward_input(ctx, dy, w, out); }) {
      vmt_linear_backward_input(ctx, dy, w, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::linear_backward_input(dy, w, out);
    }
  }
};
inline constexpr linear_backward_input_fn linear_backward_input{};

/// dw += dyᵀ·x and, unless dbias is empty, dbias += Σ_n dy[n].
struct linear_backward_weight_fn {
  template <class Context, class DW>
  void operator()(Context& ctx, in_view<DW> x, in_view<DW> dy, DW&& dw, tensor_view<scalar_of<DW>, 1> dbias) const {
    const out_view<DW> out = dw;
    detail::check_linear<scalar_of<DW>>("linear_backward_weight", x, out, dy);
    if (dbias.data_handle() != nullptr) {
      detail::require_same("linear_backward_weight", "bias", dbias.extents(), extents<1>{out.extent(0)});
    }
    if constexpr (requires { vmt_linear_backward_weight(ctx, x, dy, out, dbias); }) {
      vmt_linear_backward_weight(ctx, x, dy, out, dbias);
    } else {
      detail::require_host_accessible<Context>();
      generic::linear_backward_weight(x, dy, out, dbias);
    }
  }
};
inline constexpr linear_backward_weight_fn linear_backward_weight{};

}  // namespace vmt::inline VMT_ABI::ops
