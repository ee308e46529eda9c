// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/sample_columns.hpp>

namespace vmt::inline VMT_ABI::ops {

namespace detail {
template <class T>
void check_sample_columns(std::string_view op, const_view<T, 3> x, std::span<const column_place> places,
                          const_view<T, 4> y) {
  require_same(op, "row output", y.extents(), extents<4>{x.extent(1), y.extent(1), std::ssize(places), y.extent(3)});
  require(y.extent(1) % 2 == 1, op, "the window needs a middle column: its width must be odd");
  require(x.extent(2) > 0, op, "the maps are empty");
  for (const column_place& p : places) {
    require(p.sample >= 0 && (p.sample + 1) * y.extent(3) <= x.extent(0), op, "a place lies in a sample that x lacks");
    require(std::isfinite(p.column), op, "a place is not a finite column");
  }
}
}  // namespace detail

/// Windows of columns out of maps, at places between the columns. With L frames to a sample, frame t of sample s is map
/// s·L + t, and with i + a = clamp(places[r].column + j − (J − 1)/2, 0, W − 1), i whole, 0 ≤ a < 1:
///   y[c,j,r,t] = (1 − a) · x[s·L + t, c, i] + a · x[s·L + t, c, i+1],   s = places[r].sample.
/// x: N×C×W, R places, y: C×J×R×L. In PyTorch two `gather`s. Throws `shape_mismatch`, also for an even J, a sample that
/// x lacks, and a place that is not finite.
struct sample_columns_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, const_view<scalar_of<Y>, 3> x, std::span<const column_place> places, Y&& y) const {
    const out_view<Y> out = y;
    detail::check_sample_columns<scalar_of<Y>>("sample_columns", x, places, out);
    if constexpr (requires { vmt_sample_columns(ctx, x, places, out); }) {
      vmt_sample_columns(ctx, x, places, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::sample_columns<scalar_of<Y>>(x, places, out, 0, x.extent(1));
    }
  }
};
inline constexpr sample_columns_fn sample_columns{};

/// Gradient of `sample_columns`, added to dx (N×C×W).
struct sample_columns_backward_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, const_view<scalar_of<DX>, 4> dy, std::span<const column_place> places, DX&& dx) const {
    const out_view<DX> out = dx;
    detail::check_sample_columns<scalar_of<DX>>("sample_columns_backward", out, places, dy);
    if constexpr (requires { vmt_sample_columns_backward(ctx, dy, places, out); }) {
      vmt_sample_columns_backward(ctx, dy, places, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::sample_columns_backward<scalar_of<DX>>(dy, places, out, 0, out.extent(1));
    }
  }
};
inline constexpr sample_columns_backward_fn sample_columns_backward{};

}  // namespace vmt::inline VMT_ABI::ops
