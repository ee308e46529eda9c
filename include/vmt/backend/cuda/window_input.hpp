// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/window_input.hpp>
#include <vmt/backend/cuda/context.hpp>
#include <vmt/ops/window_input.hpp>

namespace vmt::inline VMT_ABI {

/// The bytes go up once, at a quarter of the size of what is made of them.
template <class R>
void vmt_window_input(gpu_context<R>& ctx, const_view<std::uint8_t, 4> bytes, std::span<const ops::window_crop> crops,
                      std::span<const std::int32_t> rows, const_view<float, 1> normals, tensor_view<float, 4> y) {
  if (y.empty()) return;
  auto room = ctx.scratch().borrow();
  const index_t windows = y.extent(0), frames = y.extent(1), height = y.extent(2), width = y.extent(3);
  const gpu::window_bytes from{static_cast<int>(bytes.extent(2)),
                               static_cast<int>(bytes.extent(3)),
                               static_cast<int>(height),
                               static_cast<int>(width),
                               gpu::divisor(height),
                               gpu::divisor(frames),
                               ctx.template upload<std::uint8_t>(room, bytes.span()),
                               ctx.template upload<ops::window_crop>(room, crops)};
  gpu::input_span<std::int32_t> places;
  gpu::input_span<float> deviations;
  if (std::any_of(crops.begin(), crops.end(), [](const ops::window_crop& c) { return c.noise > 0; })) {
    places = ctx.template upload<std::int32_t>(room, rows);
    float* const sums = room.template take<float>(std::ssize(rows));
    float* const found = room.template take<float>(windows);
    ctx.map(std::ssize(rows), gpu::window_row_sums_body{from, ctx.out(sums, std::ssize(rows))});
    ctx.map(windows, gpu::window_deviation_body{static_cast<int>(frames * height), static_cast<int>(width), from.crops,
                                                ctx.in(static_cast<const float*>(sums), std::ssize(rows)),
                                                ctx.out(found, windows)});
    deviations = ctx.in(static_cast<const float*>(found), windows);
  }
  ctx.map(y.size(), gpu::window_input_body{from, gpu::divisor(width), places, ctx.in(normals), deviations, ctx.out(y)});
}

}  // namespace vmt::inline VMT_ABI
