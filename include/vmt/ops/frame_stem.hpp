// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/aggregate.hpp>
#include <vmt/ops/conv2d_norm.hpp>
#include <vmt/ops/generic/frame_stem.hpp>

namespace vmt::inline VMT_ABI::ops {

namespace detail {
template <class T>
void check_frame_stem(std::string_view op, const extents<4>& x, const frame_stem_parameters<T>& p, const extents<4>& y,
                      std::initializer_list<const_view<T, 1>> vectors) {
  check_conv2d<T>(op, {x[0], 1, x[2], x[3]}, p.conv.extents(), {}, y, p.conv_params);
  require_same(op, "weight (channels × frames)", p.weight.extents(), extents<2>{y[1], x[1]});
  for (const const_view<T, 1>& v : vectors) require_same(op, "a vector per channel", v.extents(), extents<1>{y[1]});
}
/// The sizes of the maps of all frames.
[[nodiscard]] inline extents<4> frame_maps(const extents<4>& x, const extents<4>& y) noexcept {
  return {x[0] * x[1], y[1], y[2], y[3]};
}
}  // namespace detail

/// The stem of a window's frames for inference, as if `conv2d_norm` with ReLU (each frame alone, one channel in) and
/// `aggregate` came one after the other. x: N×F×H×W, y: N×C×H'×W', mean and variance: C.
struct frame_stem_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, const_view<number_in<Y>, 4> x, const frame_stem_parameters<number_in<Y>>& p,
                  const_view<number_in<Y>, 1> mean, const_view<number_in<Y>, 1> variance, double epsilon, Y&& y) const {
    using T = number_in<Y>;
    const out_view<Y> out = y;
    detail::check_frame_stem<T>("frame_stem", x.extents(), p, out.extents(), {p.gamma, p.beta, mean, variance});
    if constexpr (requires { vmt_frame_stem(ctx, x, p, mean, variance, epsilon, out); }) {
      vmt_frame_stem(ctx, x, p, mean, variance, epsilon, out);
    } else {
      tensor<T, 4, typename Context::backend> a(detail::frame_maps(x.extents(), out.extents()));
      const given_norm<T> norm{p.gamma, p.beta, mean, variance, epsilon};
      conv2d_norm(ctx, generic::frame_images(x), p.conv, {}, norm, {}, true, a, p.conv_params);
      const extents<5> frames{x.extent(0), x.extent(1), out.extent(1), out.extent(2), out.extent(3)};
      aggregate(ctx, std::as_const(a).view().reshaped(frames), p.weight, out);
    }
  }
};
inline constexpr frame_stem_fn frame_stem{};

/// The stem of a window's frames in training, as if `conv2d` (each frame alone, one channel in), `batch_norm_train`
/// with ReLU and `aggregate` came one after the other:
///   a[n,f,c] = conv[c] ∗ x[n,f],   y[n,c] = Σ_f weight[c,f] · max(0, gamma[c]·(a[n,f,c] − mean[c])/σ[c] + beta[c])
/// with the statistics of channel c over all samples and frames; they and the running ones are left in `s`. The maps of
/// the frames, F times as large as y, are not kept, but some of what they tell in `memory`, if the context can. x:
/// N×F×H×W, y: N×C×H'×W'.
struct frame_stem_train_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, const_view<number_in<Y>, 4> x, const frame_stem_parameters<number_in<Y>>& p,
                  const batch_norm_statistics<number_in<Y>>& s, Y&& y,
                  frame_stem_memory<typename Context::backend>* memory = nullptr) const {
    using T = number_in<Y>;
    const out_view<Y> out = y;
    detail::check_frame_stem<T>("frame_stem_train", x.extents(), p, out.extents(),
                                {p.gamma, p.beta, s.running_mean, s.running_variance, s.mean, s.inverse_deviation});
    detail::require(x.extent(0) * x.extent(1) * out.extent(2) * out.extent(3) > 1, "frame_stem_train",
                    "needs more than one value per channel to estimate a variance");
    if constexpr (requires { vmt_frame_stem_train(ctx, x, p, s, out, memory); }) {
      vmt_frame_stem_train(ctx, x, p, s, out, memory);
    } else {
      if (memory != nullptr) *memory = {};  // what is there is of another context
      if constexpr (requires { vmt_frame_stem_train(ctx, x, p, s, out); }) {
        vmt_frame_stem_train(ctx, x, p, s, out);
      } else {
        detail::require_host_accessible<Context>();
        tensor<T, 4, typename Context::backend> a(detail::frame_maps(x.extents(), out.extents()));
        conv2d(ctx, generic::frame_images(x), p.conv, {}, a, p.conv_params);
        generic::norm_aggregate_train<T>(a, p, s, out, 0, a.extent(1));
      }
    }
  }
};
inline constexpr frame_stem_train_fn frame_stem_train{};

/// Gradient of `frame_stem_train`, given the statistics that it left, and its memory, or none: adds to the gradients
/// `d`, overwrites dx (N×F×H×W) unless it is empty.
struct frame_stem_backward_fn {
  template <class Context, class DY>
  void operator()(Context& ctx, const_view<number_in<DY>, 4> x, const DY& dy,
                  const frame_stem_parameters<number_in<DY>>& p, const_view<number_in<DY>, 1> mean,
                  const_view<number_in<DY>, 1> inverse_deviation, const frame_stem_gradients<number_in<DY>>& d,
                  tensor_view<number_in<DY>, 4> dx = {},
                  const frame_stem_memory<typename Context::backend>* memory = nullptr) const {
    using T = number_in<DY>;
    const in_view<DY> g = dy;
    detail::check_frame_stem<T>("frame_stem_backward", x.extents(), p, g.extents(),
                                {p.gamma, p.beta, mean, inverse_deviation, d.gamma, d.beta});
    detail::require_same("frame_stem_backward", "gradient of the convolution's weight", d.conv.extents(),
                         p.conv.extents());
    detail::require_same("frame_stem_backward", "gradient of the weight", d.weight.extents(), p.weight.extents());
    if (dx.data_handle() != nullptr) {
      detail::require_same("frame_stem_backward", "input gradient", dx.extents(), x.extents());
    }
    if constexpr (requires { vmt_frame_stem_backward(ctx, x, g, p, mean, inverse_deviation, d, dx, memory); }) {
      vmt_frame_stem_backward(ctx, x, g, p, mean, inverse_deviation, d, dx, memory);
    } else if constexpr (requires { vmt_frame_stem_backward(ctx, x, g, p, mean, inverse_deviation, d, dx); }) {
      vmt_frame_stem_backward(ctx, x, g, p, mean, inverse_deviation, d, dx);
    } else {
      detail::require_host_accessible<Context>();
      tensor<T, 4, typename Context::backend> a(detail::frame_maps(x.extents(), g.extents()));
      conv2d(ctx, generic::frame_images(x), p.conv, {}, a, p.conv_params);
      generic::norm_aggregate_backward<T>(a, g, p, mean, inverse_deviation, d, 0, a.extent(1));
      conv2d_backward_weight(ctx, generic::frame_images(x), a, d.conv, p.conv_params);
      if (dx.data_handle() != nullptr) {
        conv2d_backward_input(ctx, a, p.conv, generic::frame_images(dx), p.conv_params);
      }
    }
  }
};
inline constexpr frame_stem_backward_fn frame_stem_backward{};

}  // namespace vmt::inline VMT_ABI::ops
