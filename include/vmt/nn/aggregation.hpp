// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/parameter.hpp>
#include <vmt/ops/aggregate.hpp>
#include <vmt/ops/arrange.hpp>
#include <vmt/ops/conv2d.hpp>

namespace vmt::inline VMT_ABI::nn {

/// Which frames' channels meet in the aggregation module.
enum class aggregation_kind {
  channelwise,  ///< each channel alone: weight [C, 1, F, 1, 1], the paper's "channel-wise temporal weighted average"
  dense,        ///< all channels: weight [C, C, F, 1, 1]
};

/// The aggregation module (paper, section 3): a F×1×1 3D convolution without bias over the stacked features of F
/// frames, `torch.nn.Conv3d(C, C, (F,1,1), groups=C or 1, bias=False)`. It starts as the mean over the frames.
template <class T, class Backend = cpu>
class aggregation {
 public:
  aggregation(index_t channels, index_t frames, aggregation_kind kind)
      : kind_(kind),
        frames_(frames),
        weight_(extents<5>{channels, kind == aggregation_kind::dense ? channels : 1, frames, 1, 1}) {
    const T mean = T(1) / static_cast<T>(frames);
    write_each<Backend>(weight_.flat_value(), [&](index_t i) {
      const index_t line = i / frames;  // dense: out · channels + in
      return kind == aggregation_kind::dense && line / channels != line % channels ? T(0) : mean;
    });
  }

  /// x: N×F×C×H×W (frame by frame) → y: N×C×H×W.
  template <class Context, class Y>
  void forward(Context& ctx, const_view<ops::scalar_of<Y>, 5> x, Y&& y) const {
    if (kind_ == aggregation_kind::channelwise) {
      ops::aggregate(ctx, x, channel_weight(), y);
    } else {
      const tensor<T, 4, Backend> w = frame_major(ctx);
      ops::conv2d(ctx, stacked(x), w, {}, y, {});
    }
  }
  /// Adds to the gradient of the weight, overwrites dx.
  template <class Context, class DX>
  void backward(Context& ctx, ops::in_view<DX> x, const_view<ops::scalar_of<DX>, 4> dy, DX&& dx) {
    if (kind_ == aggregation_kind::channelwise) {
      ops::aggregate_backward(ctx, x, dy, channel_weight(), channel_weight_gradient(), dx);
      return;
    }
    const tensor<T, 4, Backend> w = frame_major(ctx);
    tensor<T, 4, Backend> dw(w.extents());
    ops::conv2d_backward_weight(ctx, stacked(x), dy, dw, {});
    ops::conv2d_backward_input(ctx, dy, w, stacked(ops::out_view<DX>(dx)), {});
    ops::swap_last_two(ctx, dw.view().reshaped(extents<3>{channels(), frames_, channels()}),
                       weight_.flat_gradient().reshaped(extents<3>{channels(), channels(), frames_}), true);
  }
  template <class F>
  void for_each_parameter(F&& f, const std::string& prefix = "") {
    f(prefix + "weight", weight_);
  }

  [[nodiscard]] index_t channels() const noexcept { return weight_.shape()[0]; }
  [[nodiscard]] index_t frames() const noexcept { return frames_; }
  [[nodiscard]] aggregation_kind kind() const noexcept { return kind_; }
  /// The weight of the channel-wise kind as C×F.
  [[nodiscard]] const_view<T, 2> channel_weight() const {
    return weight_.template value<5>().reshaped(channel_extents());
  }
  [[nodiscard]] tensor_view<T, 2> channel_weight_gradient() {
    return weight_.template gradient<5>().reshaped(channel_extents());
  }
  /// The weight of the dense kind as that of a 1×1 convolution over F·C channels, frame by frame.
  template <class Context>
  [[nodiscard]] tensor<T, 4, Backend> frame_major(Context& ctx) const {
    tensor<T, 4, Backend> w(channels(), frames_ * channels(), 1, 1);
    ops::swap_last_two(ctx, weight_.flat_value().reshaped(extents<3>{channels(), channels(), frames_}),
                       w.view().reshaped(extents<3>{channels(), frames_, channels()}));
    return w;
  }

  /// The same for weights that the host can reach.
  [[nodiscard]] tensor<T, 4, Backend> frame_major() const {
    ops::generic_context plain;
    return frame_major(plain);
  }

 private:
  [[nodiscard]] extents<2> channel_extents() const noexcept { return {channels(), frames_}; }
  template <class U>
  [[nodiscard]] static tensor_view<U, 4> stacked(tensor_view<U, 5> v) {
    return v.reshaped(extents<4>{v.extent(0), v.extent(1) * v.extent(2), v.extent(3), v.extent(4)});
  }

  aggregation_kind kind_;
  index_t frames_;
  parameter<T, Backend> weight_;
};

}  // namespace vmt::inline VMT_ABI::nn
