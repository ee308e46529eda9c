// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/arrange.hpp>
#include <vmt/backend/cuda/bodies/sums.hpp>
#include <vmt/backend/cuda/tables.hpp>
#include <vmt/ops/aggregate.hpp>
#include <vmt/ops/arrange.hpp>
#include <vmt/ops/rows.hpp>
#include <vmt/ops/sample_columns.hpp>

namespace vmt::inline VMT_ABI {

namespace gpu {
/// `ops::sample_columns` with its tables, `columns_of`, on the device.
template <class R, class T>
void sample_columns(gpu_context<R>& ctx, const_view<T, 3> x, input_span<between> points,
                    input_span<std::int32_t> samples, tensor_view<T, 4> y) {
  ctx.map(y.size(),
          sample_columns_body<T>{window_sizes(x.extents(), y.extents()), points, samples, ctx.in(x), ctx.out(y)});
}
}  // namespace gpu

template <class R, class T>
void vmt_concat_channels(gpu_context<R>& ctx, const_view<T, 4> a, const_view<T, 4> b, tensor_view<T, 4> y) {
  if (y.empty()) return;
  const index_t n = y.extent(0);
  ctx.map(y.size(), gpu::concat_body<T>{static_cast<int>(a.size() / n), static_cast<int>(b.size() / n),
                                        gpu::divisor(y.size() / n), ctx.in(a), ctx.in(b), ctx.out(y)});
}

template <class R, class T>
void vmt_split_channels(gpu_context<R>& ctx, const_view<T, 4> x, tensor_view<T, 4> a, tensor_view<T, 4> b) {
  if (x.empty()) return;
  const index_t n = x.extent(0);
  ctx.map(x.size(), gpu::split_body<T>{static_cast<int>(a.size() / n), static_cast<int>(b.size() / n),
                                       gpu::divisor(x.size() / n), ctx.in(x), ctx.out(a), ctx.out(b)});
}

template <class R, class T>
void vmt_swap_last_two(gpu_context<R>& ctx, const_view<T, 3> x, bool accumulate, tensor_view<T, 3> y) {
  if (x.empty()) return;
  ctx.map(x.size(), gpu::transpose_body<T>{static_cast<int>(x.extent(1)), static_cast<int>(x.extent(2)),
                                           gpu::divisor(x.extent(1) * x.extent(2)), gpu::divisor(x.extent(1)),
                                           ctx.in(x), ctx.out(y), accumulate});
}

template <class R, class T>
void vmt_resample_linear(gpu_context<R>& ctx, const_view<T, 3> x, tensor_view<T, 3> y) {
  if (y.empty()) return;
  ctx.map(y.size(),
          gpu::resample_body<T>{static_cast<int>(x.extent(2)), gpu::divisor(y.extent(2)), ctx.in(x), ctx.out(y)});
}

template <class R, class T>
void vmt_resample_linear_backward(gpu_context<R>& ctx, const_view<T, 3> dy, tensor_view<T, 3> dx) {
  if (dx.empty()) return;
  ctx.map(dx.size(), gpu::resample_backward_body<T>{static_cast<int>(dy.extent(2)), gpu::divisor(dx.extent(2)),
                                                    ctx.in(dy), ctx.out(dx)});
}

template <class R, class T, class Stored>
void vmt_repeat_rows(gpu_context<R>& ctx, const_view<T, 2> x, tensor_view<Stored, 4> y) {
  if (y.empty()) return;
  ctx.map(y.size(), gpu::repeat_rows_body<T, Stored>{static_cast<int>(y.extent(3)), gpu::divisor(y.extent(3)),
                                                     gpu::divisor(y.extent(2)), gpu::divisor(y.extent(1)), ctx.in(x),
                                                     ctx.out(y)});
}

template <class R, class T, class Stored>
void vmt_repeat_rows_backward(gpu_context<R>& ctx, const_view<Stored, 4> dy, tensor_view<T, 2> dx) {
  if (dx.empty()) return;
  ctx.reduce(dx.size(), gpu::repeat_rows_backward_body<T, Stored>{
                            static_cast<int>(dy.extent(0)), static_cast<int>(dy.extent(1)),
                            static_cast<int>(dy.extent(2)), static_cast<int>(dy.extent(3)), gpu::divisor(dy.extent(3)),
                            gpu::divisor(dy.extent(2)), ctx.in(dy), ctx.out(dx)});
}

template <class R, class T>
void vmt_take_rows(gpu_context<R>& ctx, const_view<T, 3> x, std::span<const index_t> rows, tensor_view<T, 3> y) {
  if (y.empty()) return;
  auto room = ctx.scratch().borrow();
  const std::vector<std::int32_t> table(rows.begin(), rows.end());
  ctx.map(y.size(),
          gpu::take_rows_body<T>{static_cast<int>(x.extent(0)), static_cast<int>(x.extent(1)),
                                 static_cast<int>(x.extent(2)), gpu::divisor(x.extent(2)), gpu::divisor(x.extent(0)),
                                 ctx.template upload<std::int32_t>(room, table), ctx.in(x), ctx.out(y)});
}

template <class R, class T>
void vmt_take_rows_backward(gpu_context<R>& ctx, const_view<T, 3> dy, std::span<const index_t> rows,
                            tensor_view<T, 3> dx) {
  if (dx.empty()) return;
  auto room = ctx.scratch().borrow();
  const gpu::index_lists lists = gpu::takers_of(rows, dx.extent(1));
  ctx.map(dx.size(), gpu::take_rows_backward_body<T>{
                         static_cast<int>(dx.extent(0)), static_cast<int>(dx.extent(1)), static_cast<int>(dx.extent(2)),
                         gpu::divisor(dx.extent(2)), gpu::divisor(dx.extent(1)),
                         ctx.template upload<std::int32_t>(room, lists.begin),
                         ctx.template upload<std::int32_t>(room, lists.indices), ctx.in(dy), ctx.out(dx)});
}

template <class R, class T>
void vmt_sample_columns(gpu_context<R>& ctx, const_view<T, 3> x, std::span<const ops::column_place> places,
                        tensor_view<T, 4> y) {
  if (y.empty()) return;
  auto room = ctx.scratch().borrow();
  const gpu::column_table table = gpu::columns_of(places, y.extent(1), x.extent(2));
  gpu::sample_columns(ctx, x, ctx.template upload<gpu::between>(room, table.points),
                      ctx.template upload<std::int32_t>(room, table.samples), y);
}

template <class R, class T>
void vmt_sample_columns_backward(gpu_context<R>& ctx, const_view<T, 4> dy, std::span<const ops::column_place> places,
                                 tensor_view<T, 3> dx) {
  if (dx.empty() || dy.empty()) return;
  auto room = ctx.scratch().borrow();
  const gpu::column_table table = gpu::columns_of(places, dy.extent(1), dx.extent(2));
  const std::size_t rows = places.size();
  const gpu::share_lists lists =
      gpu::shares_of(table.points, dx.extent(0) / dy.extent(3) * dx.extent(2), [&](std::size_t m) {
        return gpu::share_target{static_cast<std::int32_t>(table.samples[m % rows] * dx.extent(2)),
                                 static_cast<std::int32_t>(m)};
      });
  ctx.map(dx.size(), gpu::sample_columns_backward_body<T>{gpu::window_sizes(dx.extents(), dy.extents()),
                                                          ctx.template upload<std::int32_t>(room, lists.begin),
                                                          ctx.template upload<gpu::share>(room, lists.shares),
                                                          ctx.in(dy), ctx.out(dx)});
}

template <class R, class T, class Stored>
void vmt_aggregate(gpu_context<R>& ctx, const_view<Stored, 5> x, const_view<T, 2> weight, tensor_view<Stored, 4> y) {
  if (y.empty()) return;
  const index_t pixels = x.extent(3) * x.extent(4);
  ctx.map(y.size(), gpu::aggregate_body<T, Stored>{static_cast<int>(x.extent(1)), static_cast<int>(x.extent(2)),
                                                   static_cast<int>(pixels), gpu::divisor(pixels),
                                                   gpu::divisor(x.extent(2)), ctx.in(x), ctx.in(weight), ctx.out(y)});
}

template <class R, class T, class Stored>
void vmt_aggregate_backward(gpu_context<R>& ctx, const_view<Stored, 5> x, const_view<Stored, 4> dy,
                            const_view<T, 2> weight, tensor_view<T, 2> dweight, tensor_view<Stored, 5> dx) {
  if (dy.empty()) return;
  auto room = ctx.scratch().borrow();
  const index_t frames = x.extent(1), channels = x.extent(2), pixels = x.extent(3) * x.extent(4);
  const gpu::channel_parts where(dy.extent(0), channels, pixels,
                                 gpu::sum_parts(channels * frames, dy.extent(0) * pixels, ctx.limits()));
  const index_t groups = channels * frames * where.parts;
  double* const sums = room.template take<double>(groups);
  ctx.reduce(groups, gpu::aggregate_weight_body<T, Stored>{where, static_cast<int>(frames), gpu::divisor(frames),
                                                           ctx.in(x), ctx.in(dy), ctx.out(sums, groups)});
  ctx.map(dweight.size(), gpu::sum_parts_body<T>{ctx.in(static_cast<const double*>(sums), groups), ctx.out(dweight),
                                                 where.parts, 1.0, true});
  ctx.map(dx.size(), gpu::aggregate_backward_body<T, Stored>{static_cast<int>(frames), static_cast<int>(channels),
                                                             static_cast<int>(pixels), gpu::divisor(pixels),
                                                             gpu::divisor(channels), gpu::divisor(frames), ctx.in(dy),
                                                             ctx.in(weight), ctx.out(dx)});
}

}  // namespace vmt::inline VMT_ABI
