// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/optimise.hpp>

namespace vmt::inline VMT_ABI::ops {

/// Class-balanced binary cross-entropy on logits (paper, section 4.2: "the weight of onset events is equal to that of
/// non-onset events") and its gradient. With M = N·K elements of which P are positive, each positive weighs M/(2P),
/// each negative M/(2(M−P)); where a batch has only one kind every weight is 1.
///   loss = 1/M Σ weight · BCE(logit, target),   dlogits = weight · (sigmoid(logit) − target) / M   (overwritten)
/// Targets are 0 or 1 (a target above one half counts as positive). Stable for any finite logit. Returns the loss.
struct balanced_bce_fn {
  template <class Context, class D>
  double operator()(Context& ctx, in_view<D> logits, in_view<D> targets, D&& dlogits) const {
    const out_view<D> out = dlogits;
    detail::require_same("balanced_bce", "targets", targets.extents(), logits.extents());
    detail::require_same("balanced_bce", "gradient", out.extents(), logits.extents());
    detail::require(logits.size() > 0, "balanced_bce", "the batch is empty");
    if constexpr (requires { vmt_balanced_bce(ctx, logits.flat(), targets.flat(), out.flat()); }) {
      return vmt_balanced_bce(ctx, logits.flat(), targets.flat(), out.flat());
    } else {
      detail::require_host_accessible<Context>();
      return generic::balanced_bce<scalar_of<D>>(logits.span(), targets.span(), out.span());
    }
  }
};
inline constexpr balanced_bce_fn balanced_bce{};

/// One step of Adam over a flat buffer, `torch.optim.Adam`: epsilon is added after the bias correction. With a weight
/// decay it is `torch.optim.AdamW`: parameters are first multiplied by 1 − learning rate · decay.
/// `step` counts from 1. `m` and `v` are the running first and second moments.
struct adam_step_fn {
  template <class Context, class P>
  void operator()(Context& ctx, P&& parameters, in_view<P> gradients, out_view<P> m, out_view<P> v, index_t step,
                  const adam_params& p) const {
    const out_view<P> out = parameters;
    detail::require_same("adam_step", "gradients", gradients.extents(), out.extents());
    detail::require_same("adam_step", "first moment", m.extents(), out.extents());
    detail::require_same("adam_step", "second moment", v.extents(), out.extents());
    if constexpr (requires { vmt_adam_step(ctx, out, gradients, m, v, step, p); }) {
      vmt_adam_step(ctx, out, gradients, m, v, step, p);
    } else {
      detail::require_host_accessible<Context>();
      generic::adam_step<scalar_of<P>>(out.span(), gradients.span(), m.span(), v.span(), step, p);
    }
  }
};
inline constexpr adam_step_fn adam_step{};

}  // namespace vmt::inline VMT_ABI::ops
