// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/batch_norm.hpp>
#include <vmt/nn/conv2d.hpp>
#include <vmt/ops/activation.hpp>

namespace vmt::inline VMT_ABI::nn {

/// A residual convolution over time, y = x + relu(bn(conv(x))), shared by all rows: parameters `conv.weight` [C, C, 3]
/// and `bn.*`. Its taps lie at {−d, 0, d}, or {−2d, −d, 0} where it is causal, d the dilation; beside the clip is zero.
template <class T, class Backend = cpu>
class temporal_block {
 public:
  temporal_block(index_t channels, index_t dilation, bool causal)
      : dilation_(dilation),
        causal_(causal),
        conv_(conv1d_options{channels, channels, 3, dilation, causal, false}),
        bn_(channels) {}

  /// Frames that an output looks ahead, and back.
  [[nodiscard]] index_t ahead() const noexcept { return causal_ ? 0 : dilation_; }
  [[nodiscard]] index_t back() const noexcept { return causal_ ? 2 * dilation_ : dilation_; }

  /// Inference. x, y: N×C×R×L, rows of L frames.
  template <class Context>
  void forward(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) const {
    conv_.forward(ctx, x, y);
    bn_.forward(ctx, y, y);
    ops::relu(ctx, y, y);
    ops::add(ctx, y, x, y);
  }
  template <class Context>
  void forward_train(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) {
    a_.resize(x.extents());
    r_.resize(x.extents());
    conv_.forward(ctx, x, a_);
    bn_.forward_train(ctx, a_, r_);
    ops::relu(ctx, r_, r_);
    ops::add(ctx, r_, x, y);
  }
  /// The gradient of the last `forward_train`, given its x. Adds to the parameters' gradients; overwrites dx.
  template <class Context>
  void backward(Context& ctx, const_view<T, 4> x, const_view<T, 4> dy, tensor_view<T, 4> dx) {
    g_.resize(x.extents());
    ops::relu_backward(ctx, r_, dy, g_);
    bn_.backward(ctx, a_, g_, g_);
    conv_.backward(ctx, x, g_, dx);
    ops::add(ctx, dx, dy, dx);
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
  [[nodiscard]] const conv1d<T, Backend>& conv() const noexcept { return conv_; }
  [[nodiscard]] const batch_norm<T, Backend>& bn() const noexcept { return bn_; }

 private:
  index_t dilation_;
  bool causal_;
  conv1d<T, Backend> conv_;
  batch_norm<T, Backend> bn_;
  tensor<T, 4, Backend> a_, r_, g_;  // of the last forward_train: conv's output, relu's output; room for a gradient
};

}  // namespace vmt::inline VMT_ABI::nn
