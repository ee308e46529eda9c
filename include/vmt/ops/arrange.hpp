// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/arrange.hpp>

namespace vmt::inline VMT_ABI::ops {

/// y = [a, b] along the channels, `torch.cat((a, b), 1)`. a: N×A×H×W, b: N×B×H×W, y: N×(A+B)×H×W.
struct concat_channels_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> a, in_view<Y> b, Y&& y) const {
    const out_view<Y> out = y;
    detail::require_same("concat_channels", "second input", b.extents(),
                         extents<4>{a.extent(0), b.extent(1), a.extent(2), a.extent(3)});
    detail::require_same("concat_channels", "output", out.extents(),
                         extents<4>{a.extent(0), a.extent(1) + b.extent(1), a.extent(2), a.extent(3)});
    if constexpr (requires { vmt_concat_channels(ctx, a, b, out); }) {
      vmt_concat_channels(ctx, a, b, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::concat_channels(a, b, out);
    }
  }
};
inline constexpr concat_channels_fn concat_channels{};

/// The gradient of `concat_channels`: takes x apart into a and b.
struct split_channels_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, Y&& a, out_view<Y> b) const {
    const out_view<Y> first = a;
    detail::require_same("split_channels", "second output", b.extents(),
                         extents<4>{x.extent(0), x.extent(1) - first.extent(1), x.extent(2), x.extent(3)});
    detail::require_same("split_channels", "first output", first.extents(),
                         extents<4>{x.extent(0), x.extent(1) - b.extent(1), x.extent(2), x.extent(3)});
    if constexpr (requires { vmt_split_channels(ctx, x, first, b); }) {
      vmt_split_channels(ctx, x, first, b);
    } else {
      detail::require_host_accessible<Context>();
      generic::split_channels(x, first, b);
    }
  }
};
inline constexpr split_channels_fn split_channels{};

/// Linear resampling of the last dimension with both ends kept,
/// `torch.nn.functional.interpolate(mode="linear", align_corners=True)`. x: N×C×L → y: N×C×M.
struct resample_linear_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, Y&& y) const {
    const out_view<Y> out = y;
    detail::require_same("resample_linear", "output", out.extents(),
                         extents<3>{x.extent(0), x.extent(1), out.extent(2)});
    detail::require(x.extent(2) > 0, "resample_linear", "the input is empty");
    if constexpr (requires { vmt_resample_linear(ctx, x, out); }) {
      vmt_resample_linear(ctx, x, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::resample_linear(x, out);
    }
  }
};
inline constexpr resample_linear_fn resample_linear{};

/// Gradient of `resample_linear`; dx is overwritten.
struct resample_linear_backward_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, in_view<DX> dy, DX&& dx) const {
    const out_view<DX> out = dx;
    detail::require_same("resample_linear_backward", "output gradient", dy.extents(),
                         extents<3>{out.extent(0), out.extent(1), dy.extent(2)});
    detail::require(out.extent(2) > 0, "resample_linear_backward", "the input is empty");
    if constexpr (requires { vmt_resample_linear_backward(ctx, dy, out); }) {
      vmt_resample_linear_backward(ctx, dy, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::resample_linear_backward(dy, out);
    }
  }
};
inline constexpr resample_linear_backward_fn resample_linear_backward{};

/// The last two dimensions change places: y[n,j,i] = x[n,i,j], or, to accumulate, is added to y. x: N×I×J, y: N×J×I;
/// they must not overlap.
struct swap_last_two_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, Y&& y, bool accumulate = false) const {
    const out_view<Y> out = y;
    detail::require_same("swap_last_two", "output", out.extents(), extents<3>{x.extent(0), x.extent(2), x.extent(1)});
    if constexpr (requires { vmt_swap_last_two(ctx, x, accumulate, out); }) {
      vmt_swap_last_two(ctx, x, accumulate, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::swap_last_two(x, accumulate, out);
    }
  }
};
inline constexpr swap_last_two_fn swap_last_two{};

/// y[n,c,h,w] = x[c,w] for all n and h: one row of features for every row of every sample. x: C×W, y: N×C×H×W.
struct repeat_rows_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, const_view<number_in<Y>, 2> x, Y&& y) const {
    const out_view<Y> out = y;
    detail::require_same("repeat_rows", "input", x.extents(), extents<2>{out.extent(1), out.extent(3)});
    if constexpr (requires { vmt_repeat_rows(ctx, x, out); }) {
      vmt_repeat_rows(ctx, x, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::repeat_rows(x, out);
    }
  }
};
inline constexpr repeat_rows_fn repeat_rows{};

/// Gradient of `repeat_rows`: dx[c,w] = Σ_{n,h} dy[n,c,h,w], overwritten.
struct repeat_rows_backward_fn {
  template <class Context, class DY, class DX>
  void operator()(Context& ctx, const DY& dy, DX&& dx) const {
    const in_view<DY> g = dy;
    const out_view<DX> out = dx;
    detail::require_same("repeat_rows_backward", "input gradient", out.extents(), extents<2>{g.extent(1), g.extent(3)});
    if constexpr (requires { vmt_repeat_rows_backward(ctx, g, out); }) {
      vmt_repeat_rows_backward(ctx, g, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::repeat_rows_backward(g, out);
    }
  }
};
inline constexpr repeat_rows_backward_fn repeat_rows_backward{};

}  // namespace vmt::inline VMT_ABI::ops
