// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/conv2d.hpp>
#include <vmt/ops/activation.hpp>
#include <vmt/ops/arrange.hpp>

namespace vmt::inline VMT_ABI::nn {

/// The slope module (paper, section 3): where on the keyboard a column lies, as features.
///   x_key = `keys` values evenly spaced over [0, 1] → conv1(1→C, 3) → ReLU → conv2(C→C, 3) → linear resampling to W
///   columns with both ends kept → repeated over the H rows.
/// The paper does not say how 88 values become 50 columns, nor the inner width: this is our reading.
template <class T, class Backend = cpu>
class slope_module {
 public:
  slope_module(index_t channels, index_t keys)
      : x_key_(1, 1, keys), conv1_(1, channels, 3), conv2_(channels, channels, 3), channels_(channels) {
    write_each<Backend>(x_key_.view().flat(), [keys](index_t k) {
      return keys > 1 ? static_cast<T>(static_cast<double>(k) / static_cast<double>(keys - 1)) : T(0);
    });
  }

  /// One row of features, C×W: all rows and samples are alike.
  template <class Context>
  void row(Context& ctx, tensor_view<T, 2> y) const {
    tensor<T, 3, Backend> a(hidden()), b(hidden());
    conv1_.forward(ctx, x_key_, a);
    ops::relu(ctx, a, a);
    conv2_.forward(ctx, a, b);
    ops::resample_linear(ctx, b, y.reshaped(extents<3>{1, channels_, y.extent(1)}));
  }
  /// y: N×C×H×W, in T or as the context keeps maps.
  template <class Context, class Y>
  void forward(Context& ctx, Y&& y) const {
    tensor<T, 2, Backend> features(channels_, y.extent(3));
    row(ctx, features);
    ops::repeat_rows(ctx, features, y);
  }
  template <class Context, class Y>
  void forward_train(Context& ctx, Y&& y) {
    r1_.resize(hidden());
    b_.resize(hidden());
    c_.resize(extents<3>{1, channels_, y.extent(3)});
    conv1_.forward(ctx, x_key_, r1_);
    ops::relu(ctx, r1_, r1_);
    conv2_.forward(ctx, r1_, b_);
    ops::resample_linear(ctx, b_, c_);
    ops::repeat_rows(ctx, c_.view()[0], y);
  }
  /// Adds to the gradients of the parameters.
  template <class Context, class DY>
  void backward(Context& ctx, const DY& dy) {
    da_.resize(hidden());
    ops::repeat_rows_backward(ctx, dy, c_.view()[0]);  // what the forward pass left in b and c is not needed any more
    ops::resample_linear_backward(ctx, c_, b_);
    conv2_.backward(ctx, r1_, b_, da_);
    ops::relu_backward(ctx, r1_, da_, da_);
    conv1_.backward(ctx, x_key_, da_, {});
  }
  template <class F>
  void for_each_parameter(F&& f, const std::string& prefix = "") {
    conv1_.for_each_parameter(f, prefix + "conv1.");
    conv2_.for_each_parameter(f, prefix + "conv2.");
  }
  [[nodiscard]] index_t channels() const noexcept { return channels_; }

 private:
  [[nodiscard]] extents<3> hidden() const noexcept { return {1, channels_, x_key_.extent(2)}; }

  tensor<T, 3, Backend> x_key_;
  conv1d<T, Backend> conv1_;
  conv1d<T, Backend> conv2_;
  index_t channels_;
  tensor<T, 3, Backend> r1_;          // of the last forward_train
  tensor<T, 3, Backend> b_, c_, da_;  // room
};

}  // namespace vmt::inline VMT_ABI::nn
