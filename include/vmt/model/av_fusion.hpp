// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/nn.hpp>

namespace vmt::inline VMT_ABI {

/// The sizes of `av_fusion`.
struct av_fusion_options {
  index_t audio_features = 512;
  index_t visual_features = 512;  ///< the final feature of `onset_net` at width 64
  index_t hidden = 512;           ///< of both hidden layers; the paper does not print it
  index_t keys = 88;

  friend bool operator==(const av_fusion_options&, const av_fusion_options&) = default;
};

/// The audio-visual perceptron of the paper, section 5.2: three fully connected layers over the concatenated audio and
/// visual feature, ReLU between them.
///   x: N × (audio + visual) → fc1 → ReLU → fc2 → ReLU → fc3 → logits: N × keys.
template <class T, class Backend = cpu>
class av_fusion {
 public:
  using value_type = T;
  using backend = Backend;
  static constexpr std::size_t input_rank = 2;

  explicit av_fusion(const av_fusion_options& o = {})
      : o_(checked(o)),
        fc1_(o.audio_features + o.visual_features, o.hidden),
        fc2_(o.hidden, o.hidden),
        fc3_(o.hidden, o.keys),
        flat_(*this) {}
  av_fusion(const av_fusion& other) : av_fusion(other.o_) {
    nn::copy_weights(other, *this);
  }
  av_fusion(av_fusion&&) noexcept = default;
  av_fusion& operator=(av_fusion other) noexcept {
    std::destroy_at(this);
    return *std::construct_at(this, std::move(other));
  }
  ~av_fusion() = default;

  [[nodiscard]] const av_fusion_options& options() const noexcept { return o_; }

  template <class Context>
  void forward(Context& ctx, const_view<T, 2> x, tensor_view<T, 2> logits) const {
    tensor<T, 2, Backend> a(x.extent(0), o_.hidden), b(x.extent(0), o_.hidden);
    hidden(ctx, x, a, b);
    fc3_.forward(ctx, b, logits);
  }
  template <class Context>
  void forward_train(Context& ctx, const_view<T, 2> x, tensor_view<T, 2> logits) {
    x_ = x;
    a_.resize(extents<2>{x.extent(0), o_.hidden});
    b_.resize(a_.extents());
    hidden(ctx, x, a_, b_);
    fc3_.forward(ctx, b_, logits);
  }
  template <class Context>
  void backward(Context& ctx, const_view<T, 2> dlogits, tensor_view<T, 2> dx = {}) {
    db_.resize(b_.extents());
    da_.resize(a_.extents());
    fc3_.backward(ctx, b_, dlogits, db_);
    ops::relu_backward(ctx, b_, db_, db_);
    fc2_.backward(ctx, a_, db_, da_);
    ops::relu_backward(ctx, a_, da_, da_);
    fc1_.backward(ctx, x_, da_, dx);
  }
  template <class F>
  void for_each_parameter(F&& f) {
    fc1_.for_each_parameter(f, "fc1.");
    fc2_.for_each_parameter(f, "fc2.");
    fc3_.for_each_parameter(f, "fc3.");
  }
  template <class F>
  void for_each_buffer(F&&) {}

  [[nodiscard]] tensor_view<T, 1> parameters() noexcept { return flat_.values(); }
  [[nodiscard]] const_view<T, 1> parameters() const noexcept { return flat_.values(); }
  [[nodiscard]] tensor_view<T, 1> gradients() noexcept { return flat_.gradients(); }

 private:
  static const av_fusion_options& checked(const av_fusion_options& o) {
    for (const index_t n : {o.audio_features, o.visual_features, o.hidden, o.keys}) {
      if (n < 1 || n > 65536) {
        throw error(errc::invalid_argument, "av_fusion: sizes must be 1 … 65536, found " + std::to_string(n));
      }
    }
    return o;
  }
  template <class Context>
  void hidden(Context& ctx, const_view<T, 2> x, tensor_view<T, 2> a, tensor_view<T, 2> b) const {
    fc1_.forward(ctx, x, a);
    ops::relu(ctx, a, a);
    fc2_.forward(ctx, a, b);
    ops::relu(ctx, b, b);
  }

  av_fusion_options o_;
  nn::linear<T, Backend> fc1_, fc2_, fc3_;
  nn::flat_parameters<T, Backend> flat_;
  const_view<T, 2> x_;
  tensor<T, 2, Backend> a_, b_, da_, db_;
};

}  // namespace vmt::inline VMT_ABI
