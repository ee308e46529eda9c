// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/batch_norm.hpp>
#include <vmt/nn/conv2d.hpp>
#include <vmt/ops/activation.hpp>

namespace vmt::inline VMT_ABI::nn {

/// y = relu(bn(conv(x))), the usual three: parameters `conv.*` and `bn.*`. `Conv` is `conv2d` or `conv1d`.
template <class T, class Backend = cpu, class Conv = conv2d<T, Backend>>
class conv_norm {
 public:
  explicit conv_norm(const typename Conv::options_type& o) : conv_(o), bn_(o.out_channels) {}

  [[nodiscard]] extents<4> out_extents(const extents<4>& x) const noexcept { return conv_.out_extents(x); }

  /// Inference. x: N×C×H×W → y: N×K×H'×W'.
  template <class Context>
  void forward(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) const {
    conv_.forward(ctx, x, bn_.given(), {}, true, y);
  }
  /// Training: keeps the convolution's output.
  template <class Context>
  void forward_train(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) {
    a_.resize(y.extents());
    conv_.forward(ctx, x, a_);
    bn_.forward_train(ctx, a_, y, true);
  }
  /// The gradient of the last `forward_train`, given its x. Adds to the parameters' gradients; overwrites dx, unless it
  /// is empty, and `room`, of dy's sizes, which may be dy.
  template <class Context>
  void backward(Context& ctx, const_view<T, 4> x, const_view<T, 4> dy, tensor_view<T, 4> room, tensor_view<T, 4> dx) {
    bn_.backward(ctx, a_, dy, room, true);
    conv_.backward(ctx, x, room, dx);
  }

  template <class F>
  void for_each_parameter(F&& f, const std::string& prefix = "") {
    conv_.for_each_parameter(f, prefix + "conv.");
    bn_.for_each_parameter(f, prefix + "bn.");
  }
  template <class F>
  void for_each_buffer(F&& f, const std::string& prefix = "") {
    bn_.for_each_buffer(f, prefix + "bn.");
  }
  [[nodiscard]] const Conv& conv() const noexcept { return conv_; }
  [[nodiscard]] const batch_norm<T, Backend>& bn() const noexcept { return bn_; }

 private:
  Conv conv_;
  batch_norm<T, Backend> bn_;
  tensor<T, 4, Backend> a_;
};

}  // namespace vmt::inline VMT_ABI::nn
