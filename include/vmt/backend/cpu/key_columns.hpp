// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/elementwise.hpp>
#include <vmt/ops/generic/dropout.hpp>
#include <vmt/ops/generic/sample_columns.hpp>

/// \file
/// What `key_net` needs beside convolutions: columns at the keys, and dropout.

namespace vmt::inline VMT_ABI {

// Each channel of dx belongs to one thread, and the places are added in their order.
template <class T>
void vmt_sample_columns(cpu_context& ctx, const_view<T, 3> x, std::span<const ops::column_place> places,
                        tensor_view<T, 4> y) {
  ctx.threads().parallel_for(
      x.extent(1), [&](index_t first, index_t last) { ops::generic::sample_columns<T>(x, places, y, first, last); });
}

template <class T>
void vmt_sample_columns_backward(cpu_context& ctx, const_view<T, 4> dy, std::span<const ops::column_place> places,
                                 tensor_view<T, 3> dx) {
  ctx.threads().parallel_for(dx.extent(1), [&](index_t first, index_t last) {
    ops::generic::sample_columns_backward<T>(dy, places, dx, first, last);
  });
}

template <class T>
void vmt_dropout(cpu_context& ctx, const_view<T, 1> x, double probability, const rng& random, tensor_view<T, 1> y) {
  detail::parallel_flat(ctx, x.size(), [&](index_t begin, index_t end) {
    const auto part = [&](auto view) {
      return view.span().subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    };
    // A thread's part begins at a multiple of 16 numbers, so with a whole block of four words.
    ops::generic::dropout<T>(part(x), probability, random.from_block(static_cast<rng::word>(begin / 4)), part(y));
  });
}

}  // namespace vmt::inline VMT_ABI
