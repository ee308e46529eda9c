// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/relu_kernel.hpp>
#include <vmt/ops/generic/activation.hpp>
#include <vmt/ops/generic/optimise.hpp>

/// \file
/// Operations that treat each number alone: split among the threads, vectorised by Eigen.

namespace vmt::inline VMT_ABI {
namespace detail {

// Runs shorter than this are not worth waking a thread for.
inline constexpr index_t parallel_grain = 16384;

template <class Body>
void parallel_flat(cpu_context& ctx, index_t n, Body body) {
  if (n < parallel_grain) {
    if (n > 0) body(0, n);
    return;
  }
  // In units of 16 numbers, so that the threads never share a cache line.
  ctx.threads().parallel_for((n + 15) / 16,
                             [&](index_t begin, index_t end) { body(begin * 16, (std::min)(n, end * 16)); });
}

}  // namespace detail

template <class T>
void vmt_relu(cpu_context& ctx, const_view<T, 1> x, tensor_view<T, 1> y) {
  detail::parallel_flat(ctx, x.size(), [&](index_t begin, index_t end) {
    detail::relu_run<T>(ctx.isa(), end - begin, x.data_handle() + begin, y.data_handle() + begin);
  });
}

template <class T>
void vmt_relu_backward(cpu_context& ctx, const_view<T, 1> y, const_view<T, 1> dy, tensor_view<T, 1> dx) {
  detail::parallel_flat(ctx, y.size(), [&](index_t begin, index_t end) {
    detail::relu_backward_run<T>(ctx.isa(), end - begin, y.data_handle() + begin, dy.data_handle() + begin,
                                 dx.data_handle() + begin);
  });
}

template <class T>
void vmt_add(cpu_context& ctx, const_view<T, 1> a, const_view<T, 1> b, tensor_view<T, 1> y) {
  detail::parallel_flat(ctx, a.size(), [&](index_t begin, index_t end) {
    const detail::const_array_map<T> left(a.data_handle() + begin, end - begin);
    const detail::const_array_map<T> right(b.data_handle() + begin, end - begin);
    detail::array_map<T>(y.data_handle() + begin, end - begin) = left + right;
  });
}

template <class T>
void vmt_adam_step(cpu_context& ctx, tensor_view<T, 1> parameters, const_view<T, 1> gradients, tensor_view<T, 1> m,
                   tensor_view<T, 1> v, index_t step, const ops::adam_params& p) {
  detail::parallel_flat(ctx, parameters.size(), [&](index_t begin, index_t end) {
    const auto part = [&](auto view) {
      return view.span().subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    };
    ops::generic::adam_step<T>(part(parameters), part(gradients), part(m), part(v), step, p);
  });
}

}  // namespace vmt::inline VMT_ABI
