// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/conv_norm.hpp>
#include <vmt/ops/activation.hpp>

namespace vmt::inline VMT_ABI::nn {

/// A residual convolution over time, y = x + relu(bn(conv(x))), shared by all rows: parameters `conv.weight` [C, C, 3]
/// and `bn.*`. Its taps lie at {−d, 0, d}, or {−2d, −d, 0} where it is causal, d the dilation; beside the clip is zero.
template <class T, class Backend = cpu>
class temporal_block {
 public:
  temporal_block(index_t channels, index_t dilation, bool causal)
      : dilation_(dilation), causal_(causal), layer_(conv1d_options{channels, channels, 3, dilation, causal, false}) {}

  /// Frames that an output looks ahead, and back.
  [[nodiscard]] index_t ahead() const noexcept { return causal_ ? 0 : dilation_; }
  [[nodiscard]] index_t back() const noexcept { return causal_ ? 2 * dilation_ : dilation_; }

  /// Inference. x, y: N×C×R×L, rows of L frames.
  template <class Context>
  void forward(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) const {
    layer_.forward(ctx, x, y);
    ops::add(ctx, y, x, y);
  }
  template <class Context>
  void forward_train(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) {
    layer_.forward_train(ctx, x, y);
    ops::add(ctx, y, x, y);
  }
  /// The gradient of the last `forward_train`, given its x. Adds to the parameters' gradients; overwrites dx.
  template <class Context>
  void backward(Context& ctx, const_view<T, 4> x, const_view<T, 4> dy, tensor_view<T, 4> dx) {
    room_.resize(x.extents());
    layer_.backward(ctx, x, dy, room_, dx);
    ops::add(ctx, dx, dy, dx);
  }

  template <class F>
  void for_each_parameter(F&& f, const std::string& prefix = "") {
    layer_.for_each_parameter(f, prefix);
  }
  template <class F>
  void for_each_buffer(F&& f, const std::string& prefix = "") {
    layer_.for_each_buffer(f, prefix);
  }
  [[nodiscard]] const conv1d<T, Backend>& conv() const noexcept { return layer_.conv(); }
  [[nodiscard]] const batch_norm<T, Backend>& bn() const noexcept { return layer_.bn(); }

 private:
  index_t dilation_;
  bool causal_;
  conv_norm<T, Backend, conv1d<T, Backend>> layer_;
  tensor<T, 4, Backend> room_;  // for a gradient
};

}  // namespace vmt::inline VMT_ABI::nn
