// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/batch_norm.hpp>
#include <vmt/nn/conv2d.hpp>
#include <vmt/ops/activation.hpp>

#include <optional>

namespace vmt::inline VMT_ABI::nn {

/// The residual block of ResNet-18 (He et al. 2016; torchvision's `BasicBlock`):
///   y = relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))
/// conv1 is 3×3 with the stride, conv2 3×3. The shortcut is x itself or, where the shape changes, a 1×1 convolution
/// with the stride and a batch norm (`downsample.0`, `downsample.1`).
template <class T, class Backend = cpu>
class basic_block {
 public:
  basic_block(index_t in_channels, index_t out_channels, index_t stride)
      : conv1_(in_channels, out_channels, 3, stride),
        bn1_(out_channels),
        conv2_(out_channels, out_channels, 3, 1),
        bn2_(out_channels) {
    if (stride != 1 || in_channels != out_channels) {
      downsample_.emplace(conv2d<T, Backend>(in_channels, out_channels, 1, stride),
                          batch_norm<T, Backend>(out_channels));
    }
  }

  [[nodiscard]] extents<4> out_extents(const extents<4>& x) const noexcept { return conv1_.out_extents(x); }

  /// Inference. x: N×C×H×W → y: N×K×H'×W'. Allocates its intermediate results.
  template <class Context>
  void forward(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) const {
    tensor<T, 4, Backend> a(y.extents()), shortcut;
    conv1_.forward(ctx, x, bn1_.given(), {}, true, a);
    const_view<T, 4> residual = x;
    if (downsample_) {
      shortcut = tensor<T, 4, Backend>(y.extents());
      downsample_->first.forward(ctx, x, downsample_->second.given(), {}, false, shortcut);
      residual = shortcut;
    }
    conv2_.forward(ctx, a, bn2_.given(), residual, true, y);
  }

  /// Training: keeps what `backward` needs.
  template <class Context>
  void forward_train(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) {
    for (tensor<T, 4, Backend>* t : {&a1_, &r1_, &a2_}) t->resize(y.extents());
    conv1_.forward(ctx, x, a1_);
    bn1_.forward_train(ctx, a1_, r1_, true);
    conv2_.forward(ctx, r1_, a2_);
    bn2_.forward_train(ctx, a2_, y);
    if (downsample_) {
      d_.resize(y.extents());
      h_.resize(y.extents());
      downsample_->first.forward(ctx, x, d_);
      downsample_->second.forward_train(ctx, d_, h_);
      ops::add(ctx, y, h_, y);
    } else {
      ops::add(ctx, y, x, y);
    }
    ops::relu(ctx, y, y);
  }

  /// The gradient of the last `forward_train`, given its x and y. Adds to the parameters' gradients; overwrites dx.
  template <class Context>
  void backward(Context& ctx, const_view<T, 4> x, const_view<T, 4> y, const_view<T, 4> dy, tensor_view<T, 4> dx) {
    h_.resize(y.extents());
    ops::relu_backward(ctx, y, dy, h_);
    bn2_.backward(ctx, a2_, h_, h_);
    conv2_.backward(ctx, r1_, h_, a2_);  // a2 is not needed any more: it holds the gradient of r1
    bn1_.backward(ctx, a1_, a2_, a2_, true);
    conv1_.backward(ctx, x, a2_, dx);
    ops::relu_backward(ctx, y, dy, h_);  // once more, for the shortcut: cheaper than a map to keep it in
    if (downsample_) {
      downsample_->second.backward(ctx, d_, h_, h_);
      shortcut_dx_.resize(dx.extents());
      downsample_->first.backward(ctx, x, h_, shortcut_dx_);
      ops::add(ctx, dx, shortcut_dx_, dx);
    } else {
      ops::add(ctx, dx, h_, dx);
    }
  }

  template <class F>
  void for_each_parameter(F&& f, const std::string& prefix = "") {
    conv1_.for_each_parameter(f, prefix + "conv1.");
    bn1_.for_each_parameter(f, prefix + "bn1.");
    conv2_.for_each_parameter(f, prefix + "conv2.");
    bn2_.for_each_parameter(f, prefix + "bn2.");
    if (downsample_) {
      downsample_->first.for_each_parameter(f, prefix + "downsample.0.");
      downsample_->second.for_each_parameter(f, prefix + "downsample.1.");
    }
  }
  template <class F>
  void for_each_buffer(F&& f, const std::string& prefix = "") {
    bn1_.for_each_buffer(f, prefix + "bn1.");
    bn2_.for_each_buffer(f, prefix + "bn2.");
    if (downsample_) downsample_->second.for_each_buffer(f, prefix + "downsample.1.");
  }
  /// Each convolution with the batch norm behind it, in order: f(name, conv, norm). The engine folds them.
  template <class F>
  void for_each_conv(F&& f, const std::string& prefix = "") const {
    f(prefix + "conv1", conv1_, bn1_);
    f(prefix + "conv2", conv2_, bn2_);
    if (downsample_) f(prefix + "downsample.0", downsample_->first, downsample_->second);
  }

 private:
  conv2d<T, Backend> conv1_;
  batch_norm<T, Backend> bn1_;
  conv2d<T, Backend> conv2_;
  batch_norm<T, Backend> bn2_;
  std::optional<std::pair<conv2d<T, Backend>, batch_norm<T, Backend>>> downsample_;
  // Of the last forward_train: outputs of the convolutions (a1, a2, d) and of the first ReLU (r1).
  tensor<T, 4, Backend> a1_, r1_, a2_, d_;
  tensor<T, 4, Backend> h_, shortcut_dx_;  // room for gradients
};

/// Two basic blocks in a row, the first with the stride: torchvision's `layer1` … `layer4`.
template <class T, class Backend = cpu>
class residual_stage {
 public:
  residual_stage(index_t in_channels, index_t out_channels, index_t stride)
      : first_(in_channels, out_channels, stride), second_(out_channels, out_channels, 1) {}

  [[nodiscard]] extents<4> out_extents(const extents<4>& x) const noexcept { return first_.out_extents(x); }
  template <class Context>
  void forward(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) const {
    tensor<T, 4, Backend> middle(y.extents());
    first_.forward(ctx, x, middle);
    second_.forward(ctx, middle, y);
  }
  template <class Context>
  void forward_train(Context& ctx, const_view<T, 4> x, tensor_view<T, 4> y) {
    middle_.resize(y.extents());
    first_.forward_train(ctx, x, middle_);
    second_.forward_train(ctx, middle_, y);
  }
  template <class Context>
  void backward(Context& ctx, const_view<T, 4> x, const_view<T, 4> y, const_view<T, 4> dy, tensor_view<T, 4> dx) {
    dmiddle_.resize(y.extents());
    second_.backward(ctx, middle_, y, dy, dmiddle_);
    first_.backward(ctx, x, middle_, dmiddle_, dx);
  }
  template <class F>
  void for_each_parameter(F&& f, const std::string& prefix = "") {
    first_.for_each_parameter(f, prefix + "0.");
    second_.for_each_parameter(f, prefix + "1.");
  }
  template <class F>
  void for_each_buffer(F&& f, const std::string& prefix = "") {
    first_.for_each_buffer(f, prefix + "0.");
    second_.for_each_buffer(f, prefix + "1.");
  }
  [[nodiscard]] const basic_block<T, Backend>& first() const noexcept { return first_; }
  [[nodiscard]] const basic_block<T, Backend>& second() const noexcept { return second_; }

 private:
  basic_block<T, Backend> first_;
  basic_block<T, Backend> second_;
  tensor<T, 4, Backend> middle_, dmiddle_;
};

}  // namespace vmt::inline VMT_ABI::nn
