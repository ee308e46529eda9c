// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/elementwise.hpp>
#include <vmt/backend/cuda/bodies/loss.hpp>
#include <vmt/backend/cuda/context.hpp>
#include <vmt/ops/gradients.hpp>
#include <vmt/ops/optimise.hpp>

/// \file
/// What a training step tells the host: the loss, and the size of the gradient. Each waits for the device.

namespace vmt::inline VMT_ABI {

template <class R, class T>
double vmt_balanced_bce(gpu_context<R>& ctx, const_view<T, 1> logits, const_view<T, 1> targets,
                        tensor_view<T, 1> dlogits) {
  auto room = ctx.scratch().borrow();
  double* const there = room.template take<double>(2);
  const int size = static_cast<int>(logits.size());
  ctx.reduce(1, gpu::count_positive_body<T>{ctx.in(targets), size, ctx.out(there, 1)});
  ctx.reduce(1, gpu::balanced_bce_body<T>{ctx.in(logits), ctx.in(targets), ctx.in(static_cast<const double*>(there), 1),
                                          size, ctx.out(dlogits), ctx.out(there + 1, 1)});
  double loss = 0;
  ctx.copy_out(const_view<double, 1>(there + 1, {1}), std::span<double>(&loss, 1));
  ctx.synchronise();
  return loss;
}

template <class R, class T>
ops::gradient_size vmt_gradient_norm(gpu_context<R>& ctx, const_view<T, 1> g, double limit) {
  auto room = ctx.scratch().borrow();
  const index_t groups = (std::min)(index_t{128}, gpu::ceil_quotient(g.size(), 4096));
  double* const there = room.template take<double>(2 * groups);
  ctx.reduce(groups, gpu::gradient_norm_body<T>{ctx.in(g), static_cast<int>(gpu::ceil_quotient(g.size(), groups)),
                                                static_cast<int>(g.size()), limit, ctx.out(there, 2 * groups)});
  double sums[256] = {};
  ctx.copy_out(const_view<double, 1>(there, {2 * groups}),
               std::span<double>(sums, static_cast<std::size_t>(2 * groups)));
  ctx.synchronise();
  double squares = 0, beyond = 0;
  for (index_t i = 0; i < groups; ++i) {
    squares += sums[2 * i];
    beyond += sums[2 * i + 1];
  }
  return {std::sqrt(squares), beyond == 0};
}

template <class R, class T>
void vmt_scale(gpu_context<R>& ctx, tensor_view<T, 1> y, T factor) {
  ctx.map(y.size(), gpu::scale_body<T>{ctx.out(y), factor});
}

}  // namespace vmt::inline VMT_ABI
