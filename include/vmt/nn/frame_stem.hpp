// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/aggregation.hpp>
#include <vmt/nn/batch_norm.hpp>
#include <vmt/nn/conv2d.hpp>
#include <vmt/ops/frame_stem.hpp>

namespace vmt::inline VMT_ABI::nn {

/// Three layers that others own, and memory between forward and backward pass, trained as one:
/// aggregation(relu(norm(conv(frame)))), the aggregation channel-wise. See `ops::frame_stem_train`.
template <class T, class Backend = cpu>
class frame_stem {
 public:
  frame_stem(conv2d<T, Backend>& conv, batch_norm<T, Backend>& norm, aggregation<T, Backend>& aggregation,
             ops::frame_stem_memory<Backend>& memory) noexcept
      : conv_(conv), norm_(norm), aggregation_(aggregation), memory_(memory) {}

  /// x: N×F×H×W → y: N×C×H'×W', in T or as the context keeps maps.
  template <class Context, class Y>
  void forward_train(Context& ctx, const_view<T, 4> x, Y&& y) {
    ops::frame_stem_train(ctx, x, parameters(), norm_.statistics(), y, &memory_);
  }
  /// The gradient of the last `forward_train`, given its x: adds to those of the three layers, overwrites dx unless it
  /// is empty.
  template <class Context, class DY>
  void backward(Context& ctx, const_view<T, 4> x, const DY& dy, tensor_view<T, 4> dx) {
    const ops::batch_norm_statistics<T> s = norm_.statistics();
    const ops::frame_stem_gradients<T> d{conv_.weight_gradient(), norm_.gamma_gradient(), norm_.beta_gradient(),
                                         aggregation_.channel_weight_gradient()};
    ops::frame_stem_backward(ctx, x, dy, parameters(), s.mean, s.inverse_deviation, d, dx, &memory_);
  }

 private:
  [[nodiscard]] ops::frame_stem_parameters<T> parameters() const {
    return {conv_.weight(), conv_.params(), norm_.gamma(), norm_.beta(), aggregation_.channel_weight()};
  }

  conv2d<T, Backend>& conv_;
  batch_norm<T, Backend>& norm_;
  aggregation<T, Backend>& aggregation_;
  ops::frame_stem_memory<Backend>& memory_;
};

}  // namespace vmt::inline VMT_ABI::nn
