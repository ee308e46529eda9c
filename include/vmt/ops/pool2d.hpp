// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/pool2d.hpp>

namespace vmt::inline VMT_ABI::ops {

namespace detail {
template <class T>
void check_pool2d(std::string_view op, const_view<T, 4> x, const_view<T, 4> y, const pool2d_params& p) {
  require(p.kernel > 0 && p.stride > 0 && p.padding >= 0 && 2 * p.padding <= p.kernel, op,
          "kernel and stride must be positive, the padding at most half of the kernel");
  require_same(op, "output", y.extents(),
               extents<4>{x.extent(0), x.extent(1), p.out_size(x.extent(2)), p.out_size(x.extent(3))});
}
}  // namespace detail

/// y = maximum over a kernel×kernel window, padding counts as −∞, `torch.nn.functional.max_pool2d`. `argmax` (same
/// sizes as y, or empty) receives the place h·W + w of the maximum (the first of equal ones), for the gradient.
struct max_pool2d_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, Y&& y, tensor_view<std::int32_t, 4> argmax,
                  const pool2d_params& p) const {
    const out_view<Y> out = y;
    detail::check_pool2d<scalar_of<Y>>("max_pool2d", x, out, p);
    if (argmax.data_handle() != nullptr) {
      detail::require_same("max_pool2d", "argmax", argmax.extents(), out.extents());
    }
    if constexpr (requires { vmt_max_pool2d(ctx, x, out, argmax, p); }) {
      vmt_max_pool2d(ctx, x, out, argmax, p);
    } else {
      detail::require_host_accessible<Context>();
      generic::max_pool2d(x, out, argmax, p);
    }
  }
};
inline constexpr max_pool2d_fn max_pool2d{};

/// Gradient of `max_pool2d`: dx is overwritten; each dy goes to the place that argmax names. `p` is the forward pass's.
struct max_pool2d_backward_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, in_view<DX> dy, const_view<std::int32_t, 4> argmax, DX&& dx,
                  const pool2d_params& p) const {
    const out_view<DX> out = dx;
    detail::require_same("max_pool2d_backward", "argmax", argmax.extents(), dy.extents());
    detail::check_pool2d<scalar_of<DX>>("max_pool2d_backward", out, dy, p);
    if constexpr (requires { vmt_max_pool2d_backward(ctx, dy, argmax, out, p); }) {
      vmt_max_pool2d_backward(ctx, dy, argmax, out, p);
    } else if constexpr (requires { vmt_max_pool2d_backward(ctx, dy, argmax, out); }) {
      vmt_max_pool2d_backward(ctx, dy, argmax, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::max_pool2d_backward(dy, argmax, out);
    }
  }
};
inline constexpr max_pool2d_backward_fn max_pool2d_backward{};

/// y = mean over a kernel×kernel window, padding counts as zeros (`torch.nn.functional.avg_pool2d` with its defaults).
struct avg_pool2d_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, Y&& y, const pool2d_params& p) const {
    const out_view<Y> out = y;
    detail::check_pool2d<scalar_of<Y>>("avg_pool2d", x, out, p);
    if constexpr (requires { vmt_avg_pool2d(ctx, x, out, p); }) {
      vmt_avg_pool2d(ctx, x, out, p);
    } else {
      detail::require_host_accessible<Context>();
      generic::avg_pool2d(x, out, p);
    }
  }
};
inline constexpr avg_pool2d_fn avg_pool2d{};

/// Gradient of `avg_pool2d`; dx is overwritten.
struct avg_pool2d_backward_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, in_view<DX> dy, DX&& dx, const pool2d_params& p) const {
    const out_view<DX> out = dx;
    detail::check_pool2d<scalar_of<DX>>("avg_pool2d_backward", out, dy, p);
    if constexpr (requires { vmt_avg_pool2d_backward(ctx, dy, out, p); }) {
      vmt_avg_pool2d_backward(ctx, dy, out, p);
    } else {
      detail::require_host_accessible<Context>();
      generic::avg_pool2d_backward(dy, out, p);
    }
  }
};
inline constexpr avg_pool2d_backward_fn avg_pool2d_backward{};

/// y[n,c] = mean of x[n,c,·,·], `torch.nn.AdaptiveAvgPool2d(1)`. x: N×C×H×W, y: N×C.
struct global_avg_pool_fn {
  template <class Context, class X, class Y>
  void operator()(Context& ctx, const X& x, Y&& y) const {
    const in_view<X> in = x;
    const out_view<Y> out = y;
    detail::require_same("global_avg_pool", "output", out.extents(), extents<2>{in.extent(0), in.extent(1)});
    detail::require(in.extent(2) * in.extent(3) > 0, "global_avg_pool", "the input has no pixel");
    if constexpr (requires { vmt_global_avg_pool(ctx, in, out); }) {
      vmt_global_avg_pool(ctx, in, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::global_avg_pool(in, out);
    }
  }
};
inline constexpr global_avg_pool_fn global_avg_pool{};

/// Gradient of `global_avg_pool`: dx[n,c,h,w] = dy[n,c] / (H·W).
struct global_avg_pool_backward_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, const_view<number_in<DX>, 2> dy, DX&& dx) const {
    const out_view<DX> out = dx;
    detail::require_same("global_avg_pool_backward", "output gradient", dy.extents(),
                         extents<2>{out.extent(0), out.extent(1)});
    if constexpr (requires { vmt_global_avg_pool_backward(ctx, dy, out); }) {
      vmt_global_avg_pool_backward(ctx, dy, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::global_avg_pool_backward(dy, out);
    }
  }
};
inline constexpr global_avg_pool_backward_fn global_avg_pool_backward{};

}  // namespace vmt::inline VMT_ABI::ops
