// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/norm.hpp>
#include <vmt/backend/cuda/context.hpp>
#include <vmt/ops/batch_norm.hpp>

/// \file
/// Batch norm on a device, and sums over channels. Each sum is cut into parts, a block for each, whose sums a second
/// kernel adds in order.

namespace vmt::inline VMT_ABI {

namespace gpu {
template <class R, class V>
[[nodiscard]] channel_parts parts_of(gpu_context<R>& ctx, const V& x) {
  const index_t pixels = x.extent(2) * x.extent(3);
  return {x.extent(0), x.extent(1), pixels, sum_parts(x.extent(1), x.extent(0) * pixels, ctx.limits())};
}

/// The statistics of a batch, and the running ones, into `s`. x: N×C×H×W as it is kept.
template <class R, class T, class Stored>
void batch_statistics(gpu_context<R>& ctx, const_view<Stored, 4> x, const ops::batch_norm_statistics<T>& s) {
  auto room = ctx.scratch().borrow();
  const channel_parts where = parts_of(ctx, x);
  const index_t c = x.extent(1), groups = c * where.parts;
  double* const sums = room.template take<double>(2 * groups);
  const double* const found = sums;
  ctx.reduce(groups,
             norm_moments_body<T, Stored>{where, ctx.in(x), ctx.out(sums, 2 * groups), static_cast<int>(groups)});
  ctx.map(c, norm_statistics_body<T, Stored>{
                 ctx.in(x), where.pixels, ctx.in(found, groups), ctx.in(found + groups, groups), where.parts,
                 static_cast<double>(where.all), s.momentum, s.epsilon, ctx.out(s.mean), ctx.out(s.inverse_deviation),
                 ctx.out(s.running_mean), ctx.out(s.running_variance)});
}
}  // namespace gpu

template <class R, class T, class Stored>
void vmt_channel_sum(gpu_context<R>& ctx, const_view<Stored, 4> dy, tensor_view<T, 1> db) {
  if (dy.empty()) return;
  auto room = ctx.scratch().borrow();
  const gpu::channel_parts where = gpu::parts_of(ctx, dy);
  const index_t groups = dy.extent(1) * where.parts;
  double* const sums = room.template take<double>(groups);
  ctx.reduce(groups, gpu::channel_sum_body<T, Stored>{where, ctx.in(dy), ctx.out(sums, groups)});
  ctx.map(db.size(), gpu::sum_parts_body<T>{ctx.in(static_cast<const double*>(sums), groups), ctx.out(db), where.parts,
                                            1.0, true});
}

template <class R, class T>
void vmt_batch_norm(gpu_context<R>& ctx, const_view<T, 4> x, const_view<T, 1> gamma, const_view<T, 1> beta,
                    const_view<T, 1> mean, const_view<T, 1> variance, double epsilon, tensor_view<T, 4> y) {
  if (x.empty()) return;
  auto room = ctx.scratch().borrow();
  const index_t c = x.extent(1);
  const tensor_view<T, 1> a(room.template take<T>(c), {c});
  const tensor_view<T, 1> b(room.template take<T>(c), {c});
  ctx.map(c, gpu::norm_fold_body<T>{
                 ctx.in(gamma), ctx.in(beta), ctx.in(mean), ctx.in(variance), epsilon, {}, ctx.out(a), ctx.out(b)});
  ctx.map(x.size(), gpu::norm_affine_body<T>{gpu::channel_of(c, x.extent(2) * x.extent(3)), ctx.in(x),
                                             ctx.in(const_view<T, 1>(a)), ctx.in(const_view<T, 1>(b)), ctx.out(y)});
}

template <class R, class T, class Stored>
void vmt_batch_norm_train(gpu_context<R>& ctx, const_view<Stored, 4> x, const_view<T, 1> gamma, const_view<T, 1> beta,
                          const ops::batch_norm_statistics<T>& s, bool relu, tensor_view<Stored, 4> y) {
  gpu::batch_statistics(ctx, x, s);
  ctx.map(x.size(), gpu::norm_apply_body<T, Stored>{gpu::channel_of(x.extent(1), x.extent(2) * x.extent(3)), ctx.in(x),
                                                    ctx.in(gamma), ctx.in(beta), ctx.in(const_view<T, 1>(s.mean)),
                                                    ctx.in(const_view<T, 1>(s.inverse_deviation)), relu, ctx.out(y)});
}

template <class R, class T, class Stored>
void vmt_batch_norm_backward(gpu_context<R>& ctx, const_view<Stored, 4> x, const_view<Stored, 4> dy,
                             const_view<T, 1> gamma, const_view<T, 1> relu_beta, const_view<T, 1> mean,
                             const_view<T, 1> inverse_deviation, tensor_view<T, 1> dgamma, tensor_view<T, 1> dbeta,
                             tensor_view<Stored, 4> dx) {
  if (x.empty()) return;
  auto room = ctx.scratch().borrow();
  const index_t c = x.extent(1);
  const gpu::channel_parts where = gpu::parts_of(ctx, x);
  const index_t groups = c * where.parts;
  double* const sums = room.template take<double>(2 * groups);
  T* const factors = room.template take<T>(3 * c);
  const gpu::norm_forward<T, Stored> forward{
      ctx.in(x), ctx.in(dy), ctx.in(gamma), ctx.in(mean), ctx.in(inverse_deviation), ctx.in(relu_beta)};
  ctx.reduce(groups, gpu::norm_gradient_sums_body<T, Stored>{where, forward, ctx.out(sums, 2 * groups),
                                                             static_cast<int>(groups)});
  ctx.map(c, gpu::norm_gradient_body<T>{ctx.in(static_cast<const double*>(sums), groups),
                                        ctx.in(static_cast<const double*>(sums) + groups, groups), where.parts,
                                        static_cast<double>(where.all), ctx.in(gamma), ctx.in(inverse_deviation),
                                        ctx.out(dgamma), ctx.out(dbeta), ctx.out(factors, c), ctx.out(factors + c, c),
                                        ctx.out(factors + 2 * c, c)});
  const T* const f = factors;
  ctx.map(x.size(), gpu::norm_backward_body<T, Stored>{gpu::channel_of(c, where.pixels), forward, ctx.in(f, c),
                                                       ctx.in(f + c, c), ctx.in(f + 2 * c, c), ctx.out(dx)});
}

}  // namespace vmt::inline VMT_ABI
