// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/activation.hpp>
#include <vmt/ops/arrange.hpp>
#include <vmt/ops/pool2d.hpp>

/// \file
/// Layers without parameters, in the form of the others: `forward(ctx, x, y)` and `backward(ctx, x, y, dy, dx)`.

namespace vmt::inline VMT_ABI::nn {

/// `torch.nn.ReLU`; any rank.
template <class T>
struct relu {
  template <class Context, std::size_t R>
  void forward(Context& ctx, const_view<T, R> x, tensor_view<T, R> y) const {
    ops::relu(ctx, x, y);
  }
  template <class Context, std::size_t R>
  void backward(Context& ctx, const_view<T, R>, const_view<T, R> y, const_view<T, R> dy, tensor_view<T, R> dx) const {
    ops::relu_backward(ctx, y, dy, dx);
  }
};

/// `torch.nn.Sigmoid`; any rank.
template <class T>
struct sigmoid {
  template <class Context, std::size_t R>
  void forward(Context& ctx, const_view<T, R> x, tensor_view<T, R> y) const {
    ops::sigmoid(ctx, x, y);
  }
  template <class Context, std::size_t R>
  void backward(Context& ctx, const_view<T, R>, const_view<T, R> y, const_view<T, R> dy, tensor_view<T, R> dx) const {
    ops::sigmoid_backward(ctx, y, dy, dx);
  }
};

/// `torch.nn.MaxPool2d`. Remembers where the maxima of the last `forward_train` were.
template <class T, class Backend = cpu>
class max_pool2d {
 public:
  explicit max_pool2d(const ops::pool2d_params& params = {}) : params_(params) {}
  [[nodiscard]] extents<4> out_extents(const extents<4>& x) const noexcept {
    return {x[0], x[1], params_.out_size(x[2]), params_.out_size(x[3])};
  }
  /// x and y in T or as the context keeps maps.
  template <class Context, class Y>
  void forward(Context& ctx, ops::in_view<Y> x, Y&& y) const {
    ops::max_pool2d(ctx, x, y, {}, params_);
  }
  template <class Context, class Y>
  void forward_train(Context& ctx, ops::in_view<Y> x, Y&& y) {
    argmax_.resize(y.extents());
    ops::max_pool2d(ctx, x, y, argmax_, params_);
  }
  template <class Context, class DX>
  void backward(Context& ctx, ops::in_view<DX> dy, DX&& dx) const {
    ops::max_pool2d_backward(ctx, dy, argmax_, dx, params_);
  }
  [[nodiscard]] const ops::pool2d_params& params() const noexcept { return params_; }

 private:
  ops::pool2d_params params_;
  tensor<std::int32_t, 4, Backend> argmax_;
};

/// `torch.nn.AvgPool2d` with its defaults (padding counts as zeros).
template <class T>
struct avg_pool2d {
  ops::pool2d_params params;
  template <class Context>
  void forward(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) const {
    ops::avg_pool2d(ctx, x, y, params);
  }
  template <class Context>
  void backward(Context& ctx, const_view<T, 4>, const_view<T, 4>, const_view<T, 4> dy, tensor_view<T, 4> dx) const {
    ops::avg_pool2d_backward(ctx, dy, dx, params);
  }
};

/// Linear resampling of the last dimension, both ends kept.
template <class T>
struct resample_linear {
  template <class Context>
  void forward(Context& ctx, const_view<T, 3> x, tensor_view<T, 3> y) const {
    ops::resample_linear(ctx, x, y);
  }
  template <class Context>
  void backward(Context& ctx, const_view<T, 3>, const_view<T, 3>, const_view<T, 3> dy, tensor_view<T, 3> dx) const {
    ops::resample_linear_backward(ctx, dy, dx);
  }
};

}  // namespace vmt::inline VMT_ABI::nn
