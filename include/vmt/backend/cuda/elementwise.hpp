// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/elementwise.hpp>
#include <vmt/backend/cuda/context.hpp>
#include <vmt/ops/optimise.hpp>

/// \file
/// Operations number by number on a device, and Adam.

namespace vmt::inline VMT_ABI {

template <class R, class T>
void vmt_relu(gpu_context<R>& ctx, const_view<T, 1> x, tensor_view<T, 1> y) {
  ctx.map(x.size(), gpu::relu_body<T>{ctx.in(x), ctx.out(y)});
}

template <class R, class T>
void vmt_relu_backward(gpu_context<R>& ctx, const_view<T, 1> y, const_view<T, 1> dy, tensor_view<T, 1> dx) {
  ctx.map(y.size(), gpu::relu_backward_body<T>{ctx.in(y), ctx.in(dy), ctx.out(dx)});
}

template <class R, class T>
void vmt_sigmoid(gpu_context<R>& ctx, const_view<T, 1> x, tensor_view<T, 1> y) {
  ctx.map(x.size(), gpu::sigmoid_body<T>{ctx.in(x), ctx.out(y)});
}

template <class R, class T>
void vmt_sigmoid_backward(gpu_context<R>& ctx, const_view<T, 1> y, const_view<T, 1> dy, tensor_view<T, 1> dx) {
  ctx.map(y.size(), gpu::sigmoid_backward_body<T>{ctx.in(y), ctx.in(dy), ctx.out(dx)});
}

template <class R, class T>
void vmt_add(gpu_context<R>& ctx, const_view<T, 1> a, const_view<T, 1> b, tensor_view<T, 1> y) {
  ctx.map(a.size(), gpu::add_body<T>{ctx.in(a), ctx.in(b), ctx.out(y)});
}

template <class R, class T>
void vmt_add_relu(gpu_context<R>& ctx, const_view<T, 1> a, const_view<T, 1> b, tensor_view<T, 1> y) {
  ctx.map(a.size(), gpu::add_relu_body<T>{ctx.in(a), ctx.in(b), ctx.out(y)});
}

template <class R, class T>
void vmt_relu_backward_add(gpu_context<R>& ctx, const_view<T, 1> y, const_view<T, 1> dy, tensor_view<T, 1> dx) {
  ctx.map(y.size(), gpu::relu_backward_add_body<T>{ctx.in(y), ctx.in(dy), ctx.out(dx)});
}

template <class R, class T>
void vmt_fill(gpu_context<R>& ctx, tensor_view<T, 1> y, T value) {
  ctx.map(y.size(), gpu::fill_body<T>{ctx.out(y), value});
}

template <class R, class T>
void vmt_dropout(gpu_context<R>& ctx, const_view<T, 1> x, double probability, const rng& random, tensor_view<T, 1> y) {
  const auto key = random.key();
  const auto counter = random.counter();
  ctx.map(x.size(), gpu::dropout_body<T>{ctx.in(x), ctx.out(y), key[0], key[1], counter[1], counter[2], counter[3],
                                         static_cast<std::uint64_t>(probability * 0x1p32),
                                         static_cast<T>(1.0 / (1.0 - probability))});
}

template <class R, class T>
void vmt_adam_step(gpu_context<R>& ctx, tensor_view<T, 1> parameters, const_view<T, 1> gradients, tensor_view<T, 1> m,
                   tensor_view<T, 1> v, index_t step, const ops::adam_params& p) {
  const double t = static_cast<double>(step);
  ctx.map(parameters.size(),
          gpu::adam_body<T>{ctx.out(parameters), ctx.in(gradients), ctx.out(m), ctx.out(v),
                            static_cast<T>(p.learning_rate / (1.0 - std::pow(p.beta1, t))),
                            static_cast<T>(std::sqrt(1.0 - std::pow(p.beta2, t))), static_cast<T>(p.beta1),
                            static_cast<T>(p.beta2), static_cast<T>(1.0 - p.beta1), static_cast<T>(1.0 - p.beta2),
                            static_cast<T>(p.epsilon), static_cast<T>(1.0 - p.learning_rate * p.weight_decay)});
}

}  // namespace vmt::inline VMT_ABI
