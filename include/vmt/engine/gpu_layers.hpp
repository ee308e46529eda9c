// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/fused.hpp>
#include <vmt/nn/basic_block.hpp>

#include <cmath>  // sqrt
#include <vector>

namespace vmt::inline VMT_ABI::engine {

/// Numbers of the host in memory of a backend.
template <class Backend, class T, std::size_t R>
[[nodiscard]] tensor<T, R, Backend> moved(const cpu_tensor<T, R>& from) {
  tensor<T, R, Backend> to(from.extents());
  Backend::write(to.data_handle(), from.data_handle(), from.size());
  return to;
}

/// A convolution for inference on a device: the batch norm behind it folded into weight and bias,
///   w' = w · γ/√(σ² + ε),   b' = β + (b − μ) · γ/√(σ² + ε);
/// the addition of another map and ReLU happen where the sums leave the kernel.
template <class Backend>
class gpu_conv {
 public:
  gpu_conv() = default;

  /// \param precision  of the contexts that it will run with
  /// \param norm       may be null: nothing to fold
  /// \param channels   the order of the input channels: those of the weight that the map holds, by the map's order
  gpu_conv(gpu::precision precision, const_view<float, 4> w, const_view<float, 1> bias,
           const nn::batch_norm<float>* norm, const ops::conv2d_params& params, const std::vector<index_t>& channels)
      : params_(params) {
    cpu_tensor<float, 4> folded(w.extent(0), std::ssize(channels), w.extent(2), w.extent(3));
    cpu_tensor<float, 1> shift(w.extent(0));
    const index_t taps = w.extent(2) * w.extent(3);
    for (index_t k = 0; k < w.extent(0); ++k) {
      const double b = bias.data_handle() == nullptr ? 0.0 : static_cast<double>(bias(k));
      double scale = 1, moved_by = b;
      if (norm != nullptr) {
        scale = static_cast<double>(norm->gamma()(k)) /
                std::sqrt(static_cast<double>(norm->running_var()(k)) + nn::batch_norm<float>::epsilon);
        moved_by = static_cast<double>(norm->beta()(k)) + (b - static_cast<double>(norm->running_mean()(k))) * scale;
      }
      shift(k) = static_cast<float>(moved_by);
      for (index_t c = 0; c < std::ssize(channels); ++c) {
        const float* const from = w.data_handle() + (k * w.extent(1) + channels[static_cast<std::size_t>(c)]) * taps;
        float* const to = folded.data_handle() + (k * std::ssize(channels) + c) * taps;
        for (index_t t = 0; t < taps; ++t) to[t] = static_cast<float>(static_cast<double>(from[t]) * scale);
      }
    }
    weight_ = moved<Backend>(folded);
    if (precision == gpu::precision::bf16) {
      narrow_ = moved<Backend>(by_tap<gpu::stored_bf16>(folded));
    } else {
      arranged_ = moved<Backend>(by_tap<float>(folded));
    }
    bias_ = moved<Backend>(shift);
  }
  gpu_conv(gpu::precision precision, const nn::conv2d<float>& conv, const nn::batch_norm<float>* norm)
      : gpu_conv(precision, conv.weight(), conv.bias(), norm, conv.params(), in_order(conv.weight().extent(1))) {}

  [[nodiscard]] static std::vector<index_t> in_order(index_t channels) {
    std::vector<index_t> all;
    for (index_t c = 0; c < channels; ++c) all.push_back(c);
    return all;
  }
  [[nodiscard]] extents<4> out_extents(const extents<4>& x) const noexcept {
    return {x[0], weight_.extent(0), params_.out_height(x[2], weight_.extent(2)),
            params_.out_width(x[3], weight_.extent(3))};
  }

  /// y = act(conv(x) + bias + residual); maps in float or as the context keeps them.
  template <class R, class X, class Y>
  void run(gpu_context<R>& ctx, const X& x, ops::in_view<Y> residual, bool relu, Y&& y) const {
    gpu::conv2d(ctx, ops::in_view<X>(x), const_view<float, 4>(weight_.view()), const_view<float, 1>(bias_.view()),
                residual, relu, ops::out_view<Y>(y), params_,
                gpu::ready_weight<float>{arranged_.view(), narrow_.view()});
  }

 private:
  // As kernels that go tap by tap read it.
  template <class Kept>
  [[nodiscard]] static cpu_tensor<Kept, 3> by_tap(const cpu_tensor<float, 4>& w) {
    const index_t filters = w.extent(0), channels = w.extent(1), taps = w.extent(2) * w.extent(3);
    cpu_tensor<Kept, 3> arranged(taps, filters, channels);
    for (index_t t = 0; t < taps; ++t)
      for (index_t k = 0; k < filters; ++k)
        for (index_t c = 0; c < channels; ++c) {
          arranged(t, k, c) = gpu::to_kept<Kept>(w.data_handle()[(k * channels + c) * taps + t]);
        }
    return arranged;
  }

  ops::conv2d_params params_;
  tensor<float, 4, Backend> weight_;
  tensor<float, 3, Backend> arranged_;           // or, for products in bf16,
  tensor<gpu::stored_bf16, 3, Backend> narrow_;  // this one
  tensor<float, 1, Backend> bias_;
};

/// A basic block of such convolutions: conv1, conv2, and the shortcut's if it has one.
template <class Backend>
class gpu_block {
 public:
  gpu_block(gpu::precision precision, const nn::basic_block<float>& block) {
    block.for_each_conv([&](const std::string&, const nn::conv2d<float>& conv, const nn::batch_norm<float>& norm) {
      convs_.emplace_back(precision, conv, &norm);
    });
  }
  [[nodiscard]] extents<4> out_extents(const extents<4>& x) const noexcept { return convs_[0].out_extents(x); }

  /// x → y through `middle` and `shortcut`, room for one output map each.
  template <class R, class Kept>
  void run(gpu_context<R>& ctx, const_view<Kept, 4> x, tensor_view<Kept, 4> y, Kept* middle, Kept* shortcut) const {
    const tensor_view<Kept, 4> m(middle, y.extents());
    convs_[0].run(ctx, x, {}, true, m);
    const_view<Kept, 4> residual = x;
    if (convs_.size() == 3) {
      const tensor_view<Kept, 4> s(shortcut, y.extents());
      convs_[2].run(ctx, x, {}, false, s);
      residual = s;
    }
    convs_[1].run(ctx, m, residual, true, y);
  }

 private:
  std::vector<gpu_conv<Backend>> convs_;
};

}  // namespace vmt::inline VMT_ABI::engine
