// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/parameter.hpp>
#include <vmt/ops/conv2d.hpp>
#include <vmt/ops/linear.hpp>

namespace vmt::inline VMT_ABI::nn {

/// `torch.nn.Linear(in, out)`: parameters `weight` [out, in] and `bias` [out].
template <class T, class Backend = cpu>
class linear {
 public:
  linear(index_t in_features, index_t out_features)
      : weight_(extents<2>{out_features, in_features}), bias_(extents<1>{out_features}) {}

  /// x: N×in → y: N×out.
  template <class Context>
  void forward(Context& ctx, const_view<T, 2> x, tensor_view<T, 2> y) const {
    ops::linear(ctx, x, weight(), bias(), y);
  }
  template <class Context>
  void backward(Context& ctx, const_view<T, 2> x, const_view<T, 2> dy, tensor_view<T, 2> dx) {
    ops::linear_backward_weight(ctx, x, dy, weight_.template gradient<2>(), bias_.template gradient<1>());
    if (dx.data_handle() != nullptr) ops::linear_backward_input(ctx, dy, weight(), dx);
  }
  /// The same for the numbers of every pixel: x: N×in×H×W → y: N×out×H×W, a 1×1 convolution.
  template <class Context>
  void forward(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) const {
    ops::conv2d(ctx, x, pixel_weight(weight()), bias(), y, {});
  }
  template <class Context>
  void backward(Context& ctx, const_view<T, 4> x, const_view<T, 4> dy, tensor_view<T, 4> dx) {
    ops::conv2d_backward_weight(ctx, x, dy, pixel_weight(weight_.template gradient<2>()), {});
    ops::channel_sum(ctx, dy, bias_.template gradient<1>());
    if (dx.data_handle() != nullptr) ops::conv2d_backward_input(ctx, dy, pixel_weight(weight()), dx, {});
  }
  template <class F>
  void for_each_parameter(F&& f, const std::string& prefix = "") {
    f(prefix + "weight", weight_);
    f(prefix + "bias", bias_);
  }
  [[nodiscard]] const_view<T, 2> weight() const noexcept { return weight_.template value<2>(); }
  [[nodiscard]] const_view<T, 1> bias() const noexcept { return bias_.template value<1>(); }

 private:
  template <class U>
  [[nodiscard]] static tensor_view<U, 4> pixel_weight(tensor_view<U, 2> w) {
    return w.reshaped(extents<4>{w.extent(0), w.extent(1), 1, 1});
  }

  parameter<T, Backend> weight_;
  parameter<T, Backend> bias_;
};

}  // namespace vmt::inline VMT_ABI::nn
