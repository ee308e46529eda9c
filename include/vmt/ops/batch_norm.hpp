// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/batch_norm.hpp>

namespace vmt::inline VMT_ABI::ops {

namespace detail {
template <class T>
void check_per_channel(std::string_view op, const extents<4>& x, std::initializer_list<const_view<T, 1>> vectors) {
  for (const const_view<T, 1>& v : vectors) {
    require_same(op, "a vector per channel", v.extents(), extents<1>{x[1]});
  }
}
}  // namespace detail

/// Batch norm with given statistics, `torch.nn.functional.batch_norm(training=False)`:
///   y = gamma[c] · (x − mean[c]) / √(variance[c] + epsilon) + beta[c].   x, y: N×C×H×W (may be the same memory).
struct batch_norm_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, const_view<number_in<Y>, 1> gamma, const_view<number_in<Y>, 1> beta,
                  const_view<number_in<Y>, 1> mean, const_view<number_in<Y>, 1> variance, double epsilon, Y&& y) const {
    const out_view<Y> out = y;
    detail::require_same("batch_norm", "output", out.extents(), x.extents());
    detail::check_per_channel<number_in<Y>>("batch_norm", x.extents(), {gamma, beta, mean, variance});
    if constexpr (requires { vmt_batch_norm(ctx, x, gamma, beta, mean, variance, epsilon, out); }) {
      vmt_batch_norm(ctx, x, gamma, beta, mean, variance, epsilon, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::batch_norm(x, gamma, beta, mean, variance, epsilon, out, 0, x.extent(1));
    }
  }
};
inline constexpr batch_norm_fn batch_norm{};

/// Batch norm with the statistics of this batch, `training=True`: the biased variance normalises, the unbiased one goes
/// into the running statistics, r ← (1 − momentum)·r + momentum·s. `mean` and `inverse_deviation` (1/√(σ² + ε)) are
/// outputs, kept for the gradient. With `with_relu` the output is max(0, ·) of it. Throws `shape_mismatch` where a
/// channel has only one value, as PyTorch does.
struct batch_norm_train_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, const_view<number_in<Y>, 1> gamma, const_view<number_in<Y>, 1> beta,
                  const batch_norm_statistics<number_in<Y>>& s, Y&& y, bool with_relu = false) const {
    const out_view<Y> out = y;
    detail::require_same("batch_norm_train", "output", out.extents(), x.extents());
    detail::check_per_channel<number_in<Y>>(
        "batch_norm_train", x.extents(),
        {gamma, beta, s.running_mean, s.running_variance, s.mean, s.inverse_deviation});
    detail::require(x.extent(0) * x.extent(2) * x.extent(3) > 1, "batch_norm_train",
                    "needs more than one value per channel to estimate a variance");
    if constexpr (requires { vmt_batch_norm_train(ctx, x, gamma, beta, s, with_relu, out); }) {
      vmt_batch_norm_train(ctx, x, gamma, beta, s, with_relu, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::batch_norm_train(x, gamma, beta, s, with_relu, out, 0, x.extent(1));
    }
  }
};
inline constexpr batch_norm_train_fn batch_norm_train{};

/// Gradient of `batch_norm_train`; dgamma and dbeta are added to, dx is overwritten (dx may be dy):
///   dx = gamma/σ · (dy − mean(dy) − x̂ · mean(dy·x̂)),  x̂ = (x − mean)/σ.
/// Where the forward pass had a ReLU, `relu_beta` is its beta, and dy counts only where the output was above 0; else it
/// is a view of nothing.
struct batch_norm_backward_fn {
  template <class Context, class DX>
  void operator()(Context& ctx, in_view<DX> x, in_view<DX> dy, const_view<number_in<DX>, 1> gamma,
                  const_view<number_in<DX>, 1> mean, const_view<number_in<DX>, 1> inverse_deviation,
                  tensor_view<number_in<DX>, 1> dgamma, tensor_view<number_in<DX>, 1> dbeta, DX&& dx,
                  const_view<number_in<DX>, 1> relu_beta = {}) const {
    const out_view<DX> out = dx;
    detail::require_same("batch_norm_backward", "output gradient", dy.extents(), x.extents());
    detail::require_same("batch_norm_backward", "input gradient", out.extents(), x.extents());
    detail::check_per_channel<number_in<DX>>("batch_norm_backward", x.extents(),
                                             {gamma, mean, inverse_deviation, dgamma, dbeta});
    if constexpr (requires {
                    vmt_batch_norm_backward(ctx, x, dy, gamma, relu_beta, mean, inverse_deviation, dgamma, dbeta, out);
                  }) {
      vmt_batch_norm_backward(ctx, x, dy, gamma, relu_beta, mean, inverse_deviation, dgamma, dbeta, out);
    } else {
      detail::require_host_accessible<Context>();
      generic::batch_norm_backward(x, dy, gamma, relu_beta, mean, inverse_deviation, dgamma, dbeta, out, 0,
                                   x.extent(1));
    }
  }
};
inline constexpr batch_norm_backward_fn batch_norm_backward{};

}  // namespace vmt::inline VMT_ABI::ops
