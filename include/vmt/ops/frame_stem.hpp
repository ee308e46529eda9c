// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/conv2d.hpp>
#include <vmt/ops/generic/frame_stem.hpp>

namespace vmt::inline VMT_ABI::ops {

namespace detail {
template <class T>
void check_frame_stem(std::string_view op, const_view<T, 4> x, const frame_stem_parameters<T>& p, const_view<T, 4> a,
                      const_view<T, 4> y, std::initializer_list<const_view<T, 1>> vectors) {
  check_conv2d<T>(op, generic::frame_images(x), p.conv, {}, a, p.conv_params);
  require_same(op, "output", y.extents(), extents<4>{x.extent(0), a.extent(1), a.extent(2), a.extent(3)});
  require_same(op, "weight (channels × frames)", p.weight.extents(), extents<2>{a.extent(1), x.extent(1)});
  for (const const_view<T, 1>& v : vectors) {
    require_same(op, "a vector per channel", v.extents(), extents<1>{a.extent(1)});
  }
}
}  // namespace detail

/// The stem of a window's frames in training, as if `conv2d` (each frame alone, one channel in), `batch_norm_train`
/// with ReLU and `aggregate` came one after the other:
///   a[n,f,c] = (conv[c] ∗ x[n,f]),   y[n,c] = Σ_f weight[c,f] · max(0, gamma[c]·(a[n,f,c] − mean[c])/σ[c] + beta[c])
/// with the statistics of channel c over all samples and frames; they and the running ones are left in `s`. The
/// normalised maps, F times as large as y, are never written.
/// x: N×F×H×W, a: N·F×C×H'×W', which `frame_stem_backward` will need, y: N×C×H'×W'.
struct frame_stem_train_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, in_view<Y> x, const frame_stem_parameters<scalar_of<Y>>& p,
                  const batch_norm_statistics<scalar_of<Y>>& s, tensor_view<scalar_of<Y>, 4> a, Y&& y) const {
    using T = scalar_of<Y>;
    const out_view<Y> out = y;
    detail::check_frame_stem<T>("frame_stem_train", x, p, a, out,
                                {p.gamma, p.beta, s.running_mean, s.running_variance, s.mean, s.inverse_deviation});
    detail::require(a.extent(0) * a.extent(2) * a.extent(3) > 1, "frame_stem_train",
                    "needs more than one value per channel to estimate a variance");
    if constexpr (requires { vmt_frame_stem_train(ctx, x, p, s, a, out); }) {
      vmt_frame_stem_train(ctx, x, p, s, a, out);
    } else {
      detail::require_host_accessible<Context>();
      conv2d(ctx, generic::frame_images(x), p.conv, {}, a, p.conv_params);
      generic::norm_aggregate_train<T>(a, p, s, out, 0, a.extent(1));
    }
  }
};
inline constexpr frame_stem_train_fn frame_stem_train{};

/// Gradient of `frame_stem_train`, given the `a` and the statistics that it left: adds to the gradients `d`, overwrites
/// dx (N×F×H×W) unless it is empty. `a` serves as room: what it holds afterwards is of no use.
struct frame_stem_backward_fn {
  template <class Context, class A>
  void operator()(Context& ctx, in_view<A> x, in_view<A> dy, const frame_stem_parameters<scalar_of<A>>& p,
                  const_view<scalar_of<A>, 1> mean, const_view<scalar_of<A>, 1> inverse_deviation,
                  const frame_stem_gradients<scalar_of<A>>& d, A&& a, tensor_view<scalar_of<A>, 4> dx = {}) const {
    using T = scalar_of<A>;
    const out_view<A> room = a;
    detail::check_frame_stem<T>("frame_stem_backward", x, p, room, dy,
                                {p.gamma, p.beta, mean, inverse_deviation, d.gamma, d.beta});
    detail::require_same("frame_stem_backward", "gradient of the convolution's weight", d.conv.extents(),
                         p.conv.extents());
    detail::require_same("frame_stem_backward", "gradient of the weight", d.weight.extents(), p.weight.extents());
    if (dx.data_handle() != nullptr) {
      detail::require_same("frame_stem_backward", "input gradient", dx.extents(), x.extents());
    }
    if constexpr (requires { vmt_frame_stem_backward(ctx, x, dy, p, mean, inverse_deviation, d, room, dx); }) {
      vmt_frame_stem_backward(ctx, x, dy, p, mean, inverse_deviation, d, room, dx);
    } else {
      detail::require_host_accessible<Context>();
      generic::norm_aggregate_backward<T>(room, dy, p, mean, inverse_deviation, d, 0, room.extent(1));
      conv2d_backward_weight(ctx, generic::frame_images(x), room, d.conv, p.conv_params);
      if (dx.data_handle() != nullptr) {
        conv2d_backward_input(ctx, room, p.conv, generic::frame_images(dx), p.conv_params);
      }
    }
  }
};
inline constexpr frame_stem_backward_fn frame_stem_backward{};

}  // namespace vmt::inline VMT_ABI::ops
