// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/parameter.hpp>
#include <vmt/ops/conv2d_norm.hpp>

namespace vmt::inline VMT_ABI::nn {

/// What a convolution layer is made with.
struct conv2d_options {
  index_t in_channels = 1;
  index_t out_channels = 1;
  index_t kernel_h = 3;
  index_t kernel_w = 3;
  ops::conv2d_params params{1, 1, 1, 1};
  bool bias = false;
};

/// `torch.nn.Conv2d`: parameters `weight` [out, in, kernel_h, kernel_w] and, if asked for, `bias` [out].
template <class T, class Backend = cpu>
class conv2d {
 public:
  using options_type = conv2d_options;

  explicit conv2d(const conv2d_options& o)
      : params_(o.params), weight_(extents<4>{o.out_channels, o.in_channels, o.kernel_h, o.kernel_w}) {
    if (o.bias) bias_.emplace_back(extents<1>{o.out_channels});
  }
  /// A square kernel that keeps the size at stride 1 (padding = ⌊kernel/2⌋), without bias: the backbone's kind.
  conv2d(index_t in_channels, index_t out_channels, index_t kernel, index_t stride)
      : conv2d(conv2d_options{
            in_channels, out_channels, kernel, kernel, {stride, stride, kernel / 2, kernel / 2}, false}) {}

  [[nodiscard]] extents<4> out_extents(const extents<4>& x) const noexcept {
    const auto& w = weight_.shape();
    return {x[0], w[0], params_.out_height(x[2], w[2]), params_.out_width(x[3], w[3])};
  }

  /// x: N×C×H×W → y: N×K×H'×W', each in T or as the context keeps maps.
  template <class Context, class X, class Y>
  void forward(Context& ctx, const X& x, Y&& y) const {
    ops::conv2d(ctx, x, weight(), bias(), y, params_);
  }
  /// With what follows it in inference: y = act(norm(conv(x)) + residual); the residual may be empty.
  template <class Context, class X, class Y>
  void forward(Context& ctx, const X& x, const ops::given_norm<T>& norm, ops::in_view<Y> residual, bool relu,
               Y&& y) const {
    ops::conv2d_norm(ctx, x, weight(), bias(), norm, residual, relu, y, params_);
  }

  /// Adds to the gradients of the parameters and overwrites dx, unless dx is empty.
  template <class Context, class X, class DY, class DX = tensor_view<T, 4>>
  void backward(Context& ctx, const X& x, const DY& dy, DX&& dx) {
    ops::conv2d_backward_weight(ctx, x, dy, weight_.template gradient<4>(), params_);
    if (!bias_.empty()) ops::channel_sum(ctx, dy, bias_[0].template gradient<1>());
    if (dx.data_handle() != nullptr) ops::conv2d_backward_input(ctx, dy, weight(), dx, params_);
  }

  template <class F>
  void for_each_parameter(F&& f, const std::string& prefix = "") {
    f(prefix + "weight", weight_);
    if (!bias_.empty()) f(prefix + "bias", bias_[0]);
  }

  [[nodiscard]] const_view<T, 4> weight() const noexcept { return weight_.template value<4>(); }
  [[nodiscard]] tensor_view<T, 4> weight_gradient() noexcept { return weight_.template gradient<4>(); }
  /// Empty without a bias.
  [[nodiscard]] const_view<T, 1> bias() const noexcept {
    return bias_.empty() ? const_view<T, 1>() : bias_[0].template value<1>();
  }
  [[nodiscard]] const ops::conv2d_params& params() const noexcept { return params_; }

 private:
  ops::conv2d_params params_;
  parameter<T, Backend> weight_;
  std::vector<parameter<T, Backend>> bias_;  // none or one
};

/// What a convolution along a row is made with.
struct conv1d_options {
  index_t in_channels = 1;
  index_t out_channels = 1;
  index_t kernel = 3;  ///< odd
  index_t dilation = 1;
  bool causal = false;  ///< the taps reach 0 … (kernel − 1)·dilation back, instead of half of it to both sides
  bool bias = true;
};

/// `torch.nn.Conv1d` with an odd kernel, stride 1 and the zero padding that keeps the length: parameters `weight`
/// [out, in, kernel] and, if asked for, `bias` [out]. It runs as a 2D convolution of height 1, or of any height for
/// rows that lie side by side: x: N×C×L or N×C×R×L.
template <class T, class Backend = cpu>
class conv1d {
 public:
  using options_type = conv1d_options;

  explicit conv1d(const conv1d_options& o)
      : dilation_(o.dilation), causal_(o.causal), weight_(extents<3>{o.out_channels, o.in_channels, o.kernel}) {
    if (o.bias) bias_.emplace_back(extents<1>{o.out_channels});
  }
  conv1d(index_t in_channels, index_t out_channels, index_t kernel)
      : conv1d(conv1d_options{in_channels, out_channels, kernel}) {}

  /// x: N×C×R×L → y: N×K×R×L, every row alone.
  template <class Context>
  void forward(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) const {
    ops::conv2d(ctx, x, flat_row(weight()), bias(), y, params());
  }
  /// As `conv2d`'s.
  template <class Context>
  void forward(Context& ctx, const_view<T, 4> x, const ops::given_norm<T>& norm, const_view<T, 4> residual, bool relu,
               tensor_view<T, 4> y) const {
    ops::conv2d_norm(ctx, x, flat_row(weight()), bias(), norm, residual, relu, y, params());
  }
  /// x: N×C×L → y: N×K×L.
  template <class Context>
  void forward(Context& ctx, const_view<T, 3> x, tensor_view<T, 3> y) const {
    forward(ctx, flat_row(x), flat_row(y));
  }
  /// Adds to the gradients of the parameters and overwrites dx, unless dx is empty.
  template <class Context>
  void backward(Context& ctx, const_view<T, 4> x, const_view<T, 4> dy, tensor_view<T, 4> dx) {
    ops::conv2d_backward_weight(ctx, x, dy, flat_row(weight_.template gradient<3>()), params());
    if (!bias_.empty()) ops::channel_sum(ctx, dy, bias_[0].template gradient<1>());
    if (dx.data_handle() != nullptr) ops::conv2d_backward_input(ctx, dy, flat_row(weight()), dx, params());
  }
  template <class Context>
  void backward(Context& ctx, const_view<T, 3> x, const_view<T, 3> dy, tensor_view<T, 3> dx) {
    backward(ctx, flat_row(x), flat_row(dy), dx.data_handle() == nullptr ? tensor_view<T, 4>() : flat_row(dx));
  }
  template <class F>
  void for_each_parameter(F&& f, const std::string& prefix = "") {
    f(prefix + "weight", weight_);
    if (!bias_.empty()) f(prefix + "bias", bias_[0]);
  }

  [[nodiscard]] const_view<T, 3> weight() const noexcept { return weight_.template value<3>(); }
  /// Empty without a bias.
  [[nodiscard]] const_view<T, 1> bias() const noexcept {
    return bias_.empty() ? const_view<T, 1>() : bias_[0].template value<1>();
  }
  /// Where tap s of the kernel lies, seen from the output: −1, 0, 1 for a kernel of 3.
  [[nodiscard]] index_t tap(index_t s) const noexcept { return params().tap_column(s); }

 private:
  template <class U>
  [[nodiscard]] static tensor_view<U, 4> flat_row(tensor_view<U, 3> v) {
    return v.reshaped(extents<4>{v.extent(0), v.extent(1), 1, v.extent(2)});
  }
  [[nodiscard]] ops::conv2d_params params() const noexcept {
    const index_t padding = weight_.shape()[2] / 2 * dilation_;
    return {1, 1, 0, padding, dilation_, causal_ ? padding : 0};
  }

  index_t dilation_;
  bool causal_;
  parameter<T, Backend> weight_;
  std::vector<parameter<T, Backend>> bias_;  // none or one
};

}  // namespace vmt::inline VMT_ABI::nn
