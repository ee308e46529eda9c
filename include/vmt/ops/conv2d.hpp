// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/conv2d.hpp>

namespace vmt::inline VMT_ABI::ops {

namespace detail {

template <class T>
void check_conv2d(std::string_view op, const extents<4>& x, const extents<4>& w, const_view<T, 1> bias,
                  const extents<4>& y, const conv2d_params& p) {
  require(p.stride_h > 0 && p.stride_w > 0 && p.dilation_w > 0 && p.padding_h >= 0 && p.padding_w >= 0, op,
          "strides and dilation must be positive and paddings not negative");
  if (w[1] != x[1]) {
    throw error(errc::shape_mismatch, std::string(op) + ": weight expects " + std::to_string(w[1]) +
                                          " input channels, input has " + std::to_string(x[1]));
  }
  require(p.out_height(x[2], w[2]) > 0 && p.out_width(x[3], w[3]) > 0, op,
          "the kernel is larger than the padded input");
  require_same(op, "output", y, extents<4>{x[0], w[0], p.out_height(x[2], w[2]), p.out_width(x[3], w[3])});
  if (bias.data_handle() != nullptr) require_same(op, "bias", bias.extents(), extents<1>{w[0]});
}

}  // namespace detail

/// 2D cross-correlation, `torch.nn.functional.conv2d`:
///   y[n,k,i,j] = bias[k] + Σ_{c,r,s} w[k,c,r,s] · x[n, c, i·stride_h + r − padding_h,
///                                                   j·stride_w + s·dilation_w − padding_w − shift_w]
/// x: N×C×H×W, w: K×C×R×S, bias: K or empty, y: N×K×H'×W'. Throws `shape_mismatch`.
struct conv2d_fn {
  template <class Context, class X, class Y>
  void operator()(Context& ctx, const X& x, const_view<number_in<Y>, 4> w, const_view<number_in<Y>, 1> bias, Y&& y,
                  const conv2d_params& p = {}) const {
    const in_view<X> in = x;
    const out_view<Y> out = y;
    detail::check_conv2d("conv2d", in.extents(), w.extents(), bias, out.extents(), p);
    if constexpr (requires { vmt_conv2d(ctx, in, w, bias, out, p); }) {
      vmt_conv2d(ctx, in, w, bias, out, p);
    } else {
      detail::require_host_accessible<Context>();
      generic::conv2d(in, w, bias, out, p);
    }
  }
};
inline constexpr conv2d_fn conv2d{};

/// Gradient of `conv2d` with respect to its input: dx is overwritten. dy: N×K×H'×W', dx: N×C×H×W.
struct conv2d_backward_input_fn {
  template <class Context, class DY, class DX>
  void operator()(Context& ctx, const DY& dy, const_view<number_in<DX>, 4> w, DX&& dx,
                  const conv2d_params& p = {}) const {
    const in_view<DY> g = dy;
    const out_view<DX> out = dx;
    detail::check_conv2d<number_in<DX>>("conv2d_backward_input", out.extents(), w.extents(), {}, g.extents(), p);
    if constexpr (requires { vmt_conv2d_backward_input(ctx, g, w, out, p); }) {
      vmt_conv2d_backward_input(ctx, g, w, out, p);
    } else {
      detail::require_host_accessible<Context>();
      generic::conv2d_backward_input(g, w, out, p);
    }
  }
};
inline constexpr conv2d_backward_input_fn conv2d_backward_input{};

/// Gradient of `conv2d` with respect to its weight, added to dw (K×C×R×S).
struct conv2d_backward_weight_fn {
  template <class Context, class X, class DY, class DW>
  void operator()(Context& ctx, const X& x, const DY& dy, DW&& dw, const conv2d_params& p = {}) const {
    const in_view<X> in = x;
    const in_view<DY> g = dy;
    const out_view<DW> out = dw;
    detail::check_conv2d<scalar_of<DW>>("conv2d_backward_weight", in.extents(), out.extents(), {}, g.extents(), p);
    if constexpr (requires { vmt_conv2d_backward_weight(ctx, in, g, out, p); }) {
      vmt_conv2d_backward_weight(ctx, in, g, out, p);
    } else {
      detail::require_host_accessible<Context>();
      generic::conv2d_backward_weight(in, g, out, p);
    }
  }
};
inline constexpr conv2d_backward_weight_fn conv2d_backward_weight{};

/// Gradient with respect to a bias per channel, added to db: db[c] += Σ_{n,h,w} dy[n,c,h,w].
struct channel_sum_fn {
  template <class Context, class DY, class DB>
  void operator()(Context& ctx, const DY& dy, DB&& db) const {
    const in_view<DY> g = dy;
    const out_view<DB> out = db;
    detail::require_same("channel_sum", "output", out.extents(), extents<1>{g.extent(1)});
    if constexpr (requires { vmt_channel_sum(ctx, g, out); }) {
      vmt_channel_sum(ctx, g, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::channel_sum(g, out, 0, g.extent(1));
    }
  }
};
inline constexpr channel_sum_fn channel_sum{};

}  // namespace vmt::inline VMT_ABI::ops
