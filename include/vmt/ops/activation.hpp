// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/activation.hpp>

namespace vmt::inline VMT_ABI::ops {

/// y = max(x, 0), `torch.relu`; any rank; y may be x.
struct relu_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, Y&& y) const {
    const out_view<Y> out = y;
    detail::require_same("relu", "output", out.extents(), x.extents());
    if constexpr (requires { vmt_relu(ctx, x.flat(), out.flat()); }) {
      vmt_relu(ctx, x.flat(), out.flat());
    } else {
      detail::require_host_accessible<Context>();
      generic::relu<scalar_of<Y>>(x.span(), out.span());
    }
  }
};
inline constexpr relu_fn relu{};

/// dx = dy where y > 0, else 0 (at 0 PyTorch's choice: 0); y is the output of `relu`; dx may be dy.
struct relu_backward_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, in_view<DX> y, in_view<DX> dy, DX&& dx) const {
    const out_view<DX> out = dx;
    detail::require_same("relu_backward", "output gradient", dy.extents(), y.extents());
    detail::require_same("relu_backward", "input gradient", out.extents(), y.extents());
    if constexpr (requires { vmt_relu_backward(ctx, y.flat(), dy.flat(), out.flat()); }) {
      vmt_relu_backward(ctx, y.flat(), dy.flat(), out.flat());
    } else {
      detail::require_host_accessible<Context>();
      generic::relu_backward<scalar_of<DX>>(y.span(), dy.span(), out.span());
    }
  }
};
inline constexpr relu_backward_fn relu_backward{};

/// y = 1 / (1 + e^−x), `torch.sigmoid`, without overflow for any x; y may be x.
struct sigmoid_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, Y&& y) const {
    const out_view<Y> out = y;
    detail::require_same("sigmoid", "output", out.extents(), x.extents());
    if constexpr (requires { vmt_sigmoid(ctx, x.flat(), out.flat()); }) {
      vmt_sigmoid(ctx, x.flat(), out.flat());
    } else {
      detail::require_host_accessible<Context>();
      generic::sigmoid<scalar_of<Y>>(x.span(), out.span());
    }
  }
};
inline constexpr sigmoid_fn sigmoid{};

/// dx = dy · y · (1 − y) with y the output of `sigmoid`.
struct sigmoid_backward_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, in_view<DX> y, in_view<DX> dy, DX&& dx) const {
    const out_view<DX> out = dx;
    detail::require_same("sigmoid_backward", "output gradient", dy.extents(), y.extents());
    detail::require_same("sigmoid_backward", "input gradient", out.extents(), y.extents());
    if constexpr (requires { vmt_sigmoid_backward(ctx, y.flat(), dy.flat(), out.flat()); }) {
      vmt_sigmoid_backward(ctx, y.flat(), dy.flat(), out.flat());
    } else {
      detail::require_host_accessible<Context>();
      generic::sigmoid_backward<scalar_of<DX>>(y.span(), dy.span(), out.span());
    }
  }
};
inline constexpr sigmoid_backward_fn sigmoid_backward{};

/// y = a + b, any rank; y may be a or b.
struct add_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> a, in_view<Y> b, Y&& y) const {
    const out_view<Y> out = y;
    detail::require_same("add", "second term", b.extents(), a.extents());
    detail::require_same("add", "output", out.extents(), a.extents());
    if constexpr (requires { vmt_add(ctx, a.flat(), b.flat(), out.flat()); }) {
      vmt_add(ctx, a.flat(), b.flat(), out.flat());
    } else {
      detail::require_host_accessible<Context>();
      generic::add<scalar_of<Y>>(a.span(), b.span(), out.span());
    }
  }
};
inline constexpr add_fn add{};

/// y = max(a + b, 0): the end of a residual block. As `add` and `relu`, in one pass where the backend has one; y may be
/// a or b.
struct add_relu_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> a, in_view<Y> b, Y&& y) const {
    const out_view<Y> out = y;
    detail::require_same("add_relu", "second term", b.extents(), a.extents());
    detail::require_same("add_relu", "output", out.extents(), a.extents());
    if constexpr (requires { vmt_add_relu(ctx, a.flat(), b.flat(), out.flat()); }) {
      vmt_add_relu(ctx, a.flat(), b.flat(), out.flat());
    } else {
      add(ctx, a, b, out);
      relu(ctx, out, out);
    }
  }
};
inline constexpr add_relu_fn add_relu{};

/// dx += dy where y > 0: what a ReLU lets back to a second way into it; y is the output of `relu`. As `relu_backward`
/// and `add`, in one pass where the backend has one; `room`, of dy's sizes, may be written.
struct relu_backward_add_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, in_view<DX> y, in_view<DX> dy, out_view<DX> room, DX&& dx) const {
    const out_view<DX> out = dx;
    detail::require_same("relu_backward_add", "output gradient", dy.extents(), y.extents());
    detail::require_same("relu_backward_add", "room", room.extents(), y.extents());
    detail::require_same("relu_backward_add", "input gradient", out.extents(), y.extents());
    if constexpr (requires { vmt_relu_backward_add(ctx, y.flat(), dy.flat(), out.flat()); }) {
      vmt_relu_backward_add(ctx, y.flat(), dy.flat(), out.flat());
    } else {
      relu_backward(ctx, y, dy, room);
      add(ctx, out, room, out);
    }
  }
};
inline constexpr relu_backward_add_fn relu_backward_add{};

/// Sets every element to `value`.
struct fill_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, Y&& y, scalar_of<Y> value) const {
    const out_view<Y> out = y;
    if constexpr (requires { vmt_fill(ctx, out.flat(), value); }) {
      vmt_fill(ctx, out.flat(), value);
    } else {
      detail::require_host_accessible<Context>();
      for (scalar_of<Y>& v : out.span()) v = value;
    }
  }
};
inline constexpr fill_fn fill{};

}  // namespace vmt::inline VMT_ABI::ops
