// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/batch_norm.hpp>
#include <vmt/nn/conv2d.hpp>
#include <vmt/nn/map_room.hpp>
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

  /// Inference. x: N×C×H×W → y: N×K×H'×W', in T or as the context keeps maps. Allocates its intermediate results.
  template <class Context, class Y>
  void forward(Context& ctx, ops::in_view<Y> x, Y&& y) const {
    using map = tensor<ops::scalar_of<Y>, 4, Backend>;
    map a(y.extents()), shortcut;
    conv1_.forward(ctx, x, bn1_.given(), {}, true, a);
    ops::in_view<Y> residual = x;
    if (downsample_) {
      shortcut = map(y.extents());
      downsample_->first.forward(ctx, x, downsample_->second.given(), {}, false, shortcut);
      residual = shortcut;
    }
    conv2_.forward(ctx, a, bn2_.given(), residual, true, y);
  }

  /// Training: keeps what `backward` needs. x and y in T or as the context keeps maps.
  template <class Context, class Y>
  void forward_train(Context& ctx, ops::in_view<Y> x, Y&& y) {
    using kept = ops::scalar_of<Y>;
    const ops::out_view<Y> out = y;
    const extents<4> e = out.extents();
    const auto a1 = a1_.template resize<kept>(e), r1 = r1_.template resize<kept>(e), a2 = a2_.template resize<kept>(e);
    conv1_.forward(ctx, x, a1);
    bn1_.forward_train(ctx, a1, r1, true);
    conv2_.forward(ctx, r1, a2);
    bn2_.forward_train(ctx, a2, out);
    if (downsample_) {
      const auto d = d_.template resize<kept>(e), h = h_.template resize<kept>(e);
      downsample_->first.forward(ctx, x, d);
      downsample_->second.forward_train(ctx, d, h);
      ops::add_relu(ctx, out, h, out);
    } else {
      ops::add_relu(ctx, out, x, out);
    }
  }

  /// The gradient of the last `forward_train`, given its x and y. Adds to the parameters' gradients; overwrites dx.
  template <class Context, class DX>
  void backward(Context& ctx, ops::in_view<DX> x, ops::in_view<DX> y, ops::in_view<DX> dy, DX&& dx) {
    using kept = ops::scalar_of<DX>;
    const ops::out_view<DX> out = dx;
    const auto a1 = a1_.template view<kept>(), r1 = r1_.template view<kept>(), a2 = a2_.template view<kept>();
    const auto h = h_.template resize<kept>(y.extents());
    ops::relu_backward(ctx, y, dy, h);
    bn2_.backward(ctx, a2, h, h);
    conv2_.backward(ctx, r1, h, a2);  // a2 is not needed any more: it holds the gradient of r1
    bn1_.backward(ctx, a1, a2, a2, true);
    conv1_.backward(ctx, x, a2, out);
    if (downsample_) {
      ops::relu_backward(ctx, y, dy, h);  // once more, for the shortcut: cheaper than a map to keep it in
      downsample_->second.backward(ctx, d_.template view<kept>(), h, h);
      const auto shortcut_dx = shortcut_dx_.template resize<kept>(out.extents());
      downsample_->first.backward(ctx, x, h, shortcut_dx);
      ops::add(ctx, out, shortcut_dx, out);
    } else {
      ops::relu_backward_add(ctx, y, dy, h, out);
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
  map_room<Backend> a1_, r1_, a2_, d_;
  map_room<Backend> h_, shortcut_dx_;  // for gradients
};

/// Two basic blocks in a row, the first with the stride: torchvision's `layer1` … `layer4`.
template <class T, class Backend = cpu>
class residual_stage {
 public:
  residual_stage(index_t in_channels, index_t out_channels, index_t stride)
      : first_(in_channels, out_channels, stride), second_(out_channels, out_channels, 1) {}

  [[nodiscard]] extents<4> out_extents(const extents<4>& x) const noexcept { return first_.out_extents(x); }
  template <class Context, class Y>
  void forward(Context& ctx, ops::in_view<Y> x, Y&& y) const {
    tensor<ops::scalar_of<Y>, 4, Backend> middle(y.extents());
    first_.forward(ctx, x, middle);
    second_.forward(ctx, middle, y);
  }
  template <class Context, class Y>
  void forward_train(Context& ctx, ops::in_view<Y> x, Y&& y) {
    const auto middle = middle_.template resize<ops::scalar_of<Y>>(y.extents());
    first_.forward_train(ctx, x, middle);
    second_.forward_train(ctx, middle, y);
  }
  template <class Context, class DX>
  void backward(Context& ctx, ops::in_view<DX> x, ops::in_view<DX> y, ops::in_view<DX> dy, DX&& dx) {
    const auto middle = middle_.template view<ops::scalar_of<DX>>();
    const auto dmiddle = dmiddle_.template resize<ops::scalar_of<DX>>(y.extents());
    second_.backward(ctx, middle, y, dy, dmiddle);
    first_.backward(ctx, x, middle, dmiddle, dx);
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
  map_room<Backend> middle_, dmiddle_;
};

}  // namespace vmt::inline VMT_ABI::nn
