// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/rows.hpp>

namespace vmt::inline VMT_ABI::ops {

namespace detail {
template <class T>
void check_take_rows(std::string_view op, const_view<T, 3> x, std::span<const index_t> rows, const_view<T, 3> y) {
  require_same(op, "row by row side", y.extents(), extents<3>{std::ssize(rows), x.extent(0), x.extent(2)});
  for (const index_t r : rows) require(r >= 0 && r < x.extent(1), op, "a row lies outside the tensor");
}
}  // namespace detail

/// The rows of a map as samples of their own, in any order: y[m,c,l] = x[c, rows[m], l]; in PyTorch
/// `x[:, rows].transpose(0, 1)`. x: C×R×L, y: M×C×L. Throws `shape_mismatch`.
struct take_rows_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, std::span<const index_t> rows, Y&& y) const {
    const out_view<Y> out = y;
    detail::check_take_rows<scalar_of<Y>>("take_rows", x, rows, out);
    if constexpr (requires { vmt_take_rows(ctx, x, rows, out); }) {
      vmt_take_rows(ctx, x, rows, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::take_rows(x, rows, out);
    }
  }
};
inline constexpr take_rows_fn take_rows{};

/// Gradient of `take_rows`: dx is overwritten; rows that nobody took get 0.
struct take_rows_backward_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, in_view<DX> dy, std::span<const index_t> rows, DX&& dx) const {
    const out_view<DX> out = dx;
    detail::check_take_rows<scalar_of<DX>>("take_rows_backward", out, rows, dy);
    if constexpr (requires { vmt_take_rows_backward(ctx, dy, rows, out); }) {
      vmt_take_rows_backward(ctx, dy, rows, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::take_rows_backward(dy, rows, out);
    }
  }
};
inline constexpr take_rows_backward_fn take_rows_backward{};

}  // namespace vmt::inline VMT_ABI::ops
