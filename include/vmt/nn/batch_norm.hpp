// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/parameter.hpp>
#include <vmt/ops/conv2d_norm.hpp>

namespace vmt::inline VMT_ABI::nn {

/// `torch.nn.BatchNorm2d(channels)`: epsilon 1e-5, momentum 0.1. Parameters `weight` (starts at 1) and `bias` (0),
/// buffers `running_mean` (0) and `running_var` (1).
template <class T, class Backend = cpu>
class batch_norm {
 public:
  static constexpr double epsilon = 1e-5;
  static constexpr double momentum = 0.1;

  explicit batch_norm(index_t channels)
      : weight_(extents<1>{channels}),
        bias_(extents<1>{channels}),
        running_mean_(channels),
        running_var_(channels),
        mean_(channels),
        inverse_deviation_(channels) {
    write_each<Backend>(weight_.flat_value(), [](index_t) { return T(1); });
    write_each<Backend>(running_var_.view(), [](index_t) { return T(1); });
  }

  /// With the running statistics. x, y: N×C×H×W.
  template <class Context>
  void forward(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) const {
    ops::batch_norm(ctx, x, gamma(), beta(), running_mean_.view(), running_var_.view(), epsilon, y);
  }
  /// With the statistics of this batch (x and y in T or as the context keeps maps), which also move the running ones;
  /// with `relu`, and a ReLU behind it.
  template <class Context, class Y>
  void forward_train(Context& ctx, ops::in_view<Y> x, Y&& y, bool relu = false) {
    ops::batch_norm_train(ctx, x, gamma(), beta(), statistics(), y, relu);
  }
  /// The gradient of the last `forward_train`, given its x and `relu`; dx may be dy.
  template <class Context, class DX>
  void backward(Context& ctx, ops::in_view<DX> x, ops::in_view<DX> dy, DX&& dx, bool relu = false) {
    ops::batch_norm_backward(ctx, x, dy, gamma(), mean_.view(), inverse_deviation_.view(), gamma_gradient(),
                             beta_gradient(), dx, relu ? beta() : const_view<T, 1>{});
  }

  template <class F>
  void for_each_parameter(F&& f, const std::string& prefix = "") {
    f(prefix + "weight", weight_);
    f(prefix + "bias", bias_);
  }
  /// Tensors that belong to the state but are not learnt: f(name, tensor_view<T, 1>).
  template <class F>
  void for_each_buffer(F&& f, const std::string& prefix = "") {
    f(prefix + "running_mean", running_mean_.view());
    f(prefix + "running_var", running_var_.view());
  }

  [[nodiscard]] const_view<T, 1> gamma() const noexcept { return weight_.template value<1>(); }
  [[nodiscard]] const_view<T, 1> beta() const noexcept { return bias_.template value<1>(); }
  /// What an operation that does this layer's work with another's reads and writes.
  [[nodiscard]] ops::batch_norm_statistics<T> statistics() noexcept {
    return {running_mean_, running_var_, mean_, inverse_deviation_, momentum, epsilon};
  }
  [[nodiscard]] tensor_view<T, 1> gamma_gradient() noexcept { return weight_.template gradient<1>(); }
  [[nodiscard]] tensor_view<T, 1> beta_gradient() noexcept { return bias_.template gradient<1>(); }
  /// It with the running statistics, for a convolution that does both.
  [[nodiscard]] ops::given_norm<T> given() const noexcept {
    return {gamma(), beta(), running_mean(), running_var(), epsilon};
  }
  [[nodiscard]] const_view<T, 1> running_mean() const noexcept { return running_mean_.view(); }
  [[nodiscard]] const_view<T, 1> running_var() const noexcept { return running_var_.view(); }

 private:
  parameter<T, Backend> weight_;
  parameter<T, Backend> bias_;
  tensor<T, 1, Backend> running_mean_;
  tensor<T, 1, Backend> running_var_;
  tensor<T, 1, Backend> mean_;
  tensor<T, 1, Backend> inverse_deviation_;
};

}  // namespace vmt::inline VMT_ABI::nn
