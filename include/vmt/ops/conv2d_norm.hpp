// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/activation.hpp>
#include <vmt/ops/batch_norm.hpp>
#include <vmt/ops/conv2d.hpp>

namespace vmt::inline VMT_ABI::ops {

/// A batch norm whose statistics are given: y = gamma[c] · (x − mean[c]) / √(variance[c] + epsilon) + beta[c].
template <class T>
struct given_norm {
  const_view<T, 1> gamma, beta, mean, variance;
  double epsilon = 1e-5;
};

/// For inference a convolution and what follows it, as if `conv2d`, `batch_norm`, `add` and `relu` came one after the
/// other:
///   y = act(norm(conv2d(x, w) + bias) + residual)
/// bias and residual may be empty, `with_relu` chooses the activation. residual: as y, but not its memory. The other
/// sizes are those of `conv2d`.
struct conv2d_norm_fn {
  template <class Context, class X, class Y>
  void operator()(Context& ctx, const X& x, const_view<number_in<Y>, 4> w, const_view<number_in<Y>, 1> bias,
                  const given_norm<number_in<Y>>& norm, in_view<Y> residual, bool with_relu, Y&& y,
                  const conv2d_params& p = {}) const {
    const in_view<X> in = x;
    const out_view<Y> out = y;
    detail::check_conv2d("conv2d_norm", in.extents(), w.extents(), bias, out.extents(), p);
    detail::check_per_channel<number_in<Y>>("conv2d_norm", out.extents(),
                                            {norm.gamma, norm.beta, norm.mean, norm.variance});
    const bool adds = residual.data_handle() != nullptr;
    if (adds) detail::require_same("conv2d_norm", "residual", residual.extents(), out.extents());
    if constexpr (requires { vmt_conv2d_norm(ctx, in, w, bias, norm, residual, with_relu, out, p); }) {
      vmt_conv2d_norm(ctx, in, w, bias, norm, residual, with_relu, out, p);
    } else {
      conv2d(ctx, in, w, bias, out, p);
      batch_norm(ctx, out, norm.gamma, norm.beta, norm.mean, norm.variance, norm.epsilon, out);
      if (adds) add(ctx, out, residual, out);
      if (with_relu) relu(ctx, out, out);
    }
  }
};
inline constexpr conv2d_norm_fn conv2d_norm{};

}  // namespace vmt::inline VMT_ABI::ops
