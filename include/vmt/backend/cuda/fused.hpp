// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/fused.hpp>
#include <vmt/backend/cuda/conv2d.hpp>

/// \file
/// Operations in one kernel that inference asks for one after the other; `gpu::conv2d` with a residual is another.

namespace vmt::inline VMT_ABI::gpu {

/// The aggregation over a ring of F maps, and the max-pool. ring: F×C×H×W, its oldest map at `first`; weight: C×F, or
/// empty for the pool of map `first` alone; y: C×H'×W'.
template <class R, class T, class Stored>
void aggregate_pool(gpu_context<R>& ctx, const_view<Stored, 4> ring, index_t first, const_view<T, 2> weight,
                    tensor_view<Stored, 3> y, const ops::pool2d_params& p) {
  const extents<4> out{1, y.extent(0), y.extent(1), y.extent(2)};
  ops::detail::require_same("aggregate_pool", "output", out,
                            extents<4>{1, ring.extent(1), p.out_size(ring.extent(2)), p.out_size(ring.extent(3))});
  ctx.map(y.size(), aggregate_pool_body<T, Stored>{pool_sizes(ring.extents(), out, p), static_cast<int>(ring.extent(0)),
                                                   static_cast<int>(ring.extent(1)), static_cast<int>(first),
                                                   ctx.in(weight), ctx.in(ring), ctx.out(y)});
}

/// The next frame of a window over time, in place; w: C×R×L, newest frame last. The frame is x, C × R' numbers of the
/// first rows, and `others`, C × (R − R') of the rest, plus frame `at` of the window `skip` (C×R×L') unless that is
/// empty. x empty and `others` empty: zeros come in.
template <class R, class T>
void slide_window(gpu_context<R>& ctx, const_view<T, 2> x, const_view<T, 2> others, const_view<T, 3> skip, index_t at,
                  tensor_view<T, 3> w) {
  const index_t rows = w.extent(1);
  if (!x.empty() || !others.empty()) {
    ops::detail::require_same("slide_window", "frame", extents<2>{w.extent(0), x.extent(1) + others.extent(1)},
                              extents<2>{w.extent(0), rows});
  }
  ctx.map(w.extent(0) * rows,
          slide_window_body<T>{static_cast<int>(w.extent(2)), static_cast<int>(rows), static_cast<int>(x.extent(1)),
                               divisor(rows), ctx.in(x), ctx.in(others), ctx.in(skip), static_cast<int>(skip.extent(2)),
                               static_cast<int>(at), ctx.out(w)});
}

}  // namespace vmt::inline VMT_ABI::gpu
