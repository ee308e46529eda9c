// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/batch_norm.hpp>
#include <vmt/ops/generic/conv2d.hpp>

#include <vector>

namespace vmt::inline VMT_ABI::ops {

/// What the stem of a window's frames is parameterised with: a convolution without bias from one channel to C, a batch
/// norm, and the weights of F frames, C×F.
template <class T>
struct frame_stem_parameters {
  const_view<T, 4> conv;
  conv2d_params conv_params;
  const_view<T, 1> gamma;
  const_view<T, 1> beta;
  const_view<T, 2> weight;
};
/// Their gradients, which are added to.
template <class T>
struct frame_stem_gradients {
  tensor_view<T, 4> conv;
  tensor_view<T, 1> gamma;
  tensor_view<T, 1> beta;
  tensor_view<T, 2> weight;
};

/// What a context may keep from `frame_stem_train` for `frame_stem_backward`, as it likes, so that it need not make the
/// maps of the frames anew for it. Where nothing is kept they are made.
template <class Backend>
struct frame_stem_memory {
  typename Backend::template buffer<double> sums;
  typename Backend::template buffer<unsigned char> open;  ///< a bit for each number that a ReLU let through
};

namespace generic {

/// Σ over a channel of what a ReLU let through, by frame: `sum` of dy and `product` of dy·(a − mean).
struct frame_sums {
  double sum = 0, product = 0;
};

/// Gives what follows from the sums of channel c to the gradients, and the constants of
///   da[n,f,c] = scale·weight[c,f]·(dy where the ReLU was open) − c0 + c1·(a − mean).
template <class T>
struct frame_stem_rule {
  double scale;
  T c0, c1;

  frame_stem_rule(const frame_stem_parameters<T>& p, const_view<T, 1> inverse_deviation, double count, index_t c,
                  std::span<const frame_sums> sums, const frame_stem_gradients<T>& d) {
    const double inverse = static_cast<double>(inverse_deviation(c));
    scale = static_cast<double>(p.gamma(c)) * inverse;
    double sum = 0, product = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const auto f = static_cast<index_t>(i);
      d.weight(c, f) += static_cast<T>(scale * sums[i].product + static_cast<double>(p.beta(c)) * sums[i].sum);
      sum += static_cast<double>(p.weight(c, f)) * sums[i].sum;
      product += static_cast<double>(p.weight(c, f)) * sums[i].product;
    }
    d.gamma(c) += static_cast<T>(inverse * product);
    d.beta(c) += static_cast<T>(sum);
    c0 = static_cast<T>(scale * sum / count);
    c1 = static_cast<T>(-scale * inverse * inverse * product / count);
  }
  /// The factor of dy for a frame of this weight.
  [[nodiscard]] T factor(T weight) const noexcept { return static_cast<T>(scale * static_cast<double>(weight)); }
};

/// a: N·F×C×H×W → y: N×C×H×W, batch norm, ReLU and aggregation.
template <class T>
void norm_aggregate_train(const_view<T, 4> a, const frame_stem_parameters<T>& p, const batch_norm_statistics<T>& s,
                          tensor_view<T, 4> y, index_t first, index_t last) {
  const index_t frames = p.weight.extent(1);
  const index_t size = a.extent(2) * a.extent(3);
  for (index_t c = first; c < last; ++c) {
    const T scale = static_cast<T>(static_cast<double>(p.gamma(c)) * batch_statistics(a, s, c));
    for (index_t n = 0; n < y.extent(0); ++n) {
      T* out = y[n][c].data_handle();
      for (index_t i = 0; i < size; ++i) out[i] = T(0);
      for (index_t f = 0; f < frames; ++f) {
        const T* in = a[n * frames + f][c].data_handle();
        for (index_t i = 0; i < size; ++i) {
          const T v = scale * (in[i] - s.mean(c)) + p.beta(c);
          out[i] += p.weight(c, f) * (v <= T(0) ? T(0) : v);  // keeps NaN
        }
      }
    }
  }
}

/// The gradient of that; it takes the place of a.
template <class T>
void norm_aggregate_backward(tensor_view<T, 4> a, const_view<T, 4> dy, const frame_stem_parameters<T>& p,
                             const_view<T, 1> mean, const_view<T, 1> inverse_deviation,
                             const frame_stem_gradients<T>& d, index_t first, index_t last) {
  const index_t frames = p.weight.extent(1);
  const index_t size = a.extent(2) * a.extent(3);
  std::vector<frame_sums> sums(static_cast<std::size_t>(frames));
  for (index_t c = first; c < last; ++c) {
    const T m = mean(c);
    const T scale = static_cast<T>(static_cast<double>(p.gamma(c)) * static_cast<double>(inverse_deviation(c)));
    const auto open = [&](T v) { return scale * (v - m) + p.beta(c) > T(0); };
    for (index_t f = 0; f < frames; ++f) {
      frame_sums& s = sums[static_cast<std::size_t>(f)] = {};
      for (index_t n = 0; n < dy.extent(0); ++n) {
        const T* in = a[n * frames + f][c].data_handle();
        s.sum += sum_of<T>(dy[n][c].span(), [&](double g, std::size_t i) { return open(in[i]) ? g : 0.0; });
        s.product += sum_of<T>(dy[n][c].span(), [&](double g, std::size_t i) {
          return open(in[i]) ? g * (static_cast<double>(in[i]) - static_cast<double>(m)) : 0.0;
        });
      }
    }
    const frame_stem_rule<T> rule(p, inverse_deviation, static_cast<double>(a.extent(0) * size), c, sums, d);
    for (index_t n = 0; n < dy.extent(0); ++n) {
      const T* g = dy[n][c].data_handle();
      for (index_t f = 0; f < frames; ++f) {
        const T factor = rule.factor(p.weight(c, f));
        T* const v = a[n * frames + f][c].data_handle();
        for (index_t i = 0; i < size; ++i) {
          v[i] = (factor * (open(v[i]) ? g[i] : T(0)) - rule.c0) + rule.c1 * (v[i] - m);
        }
      }
    }
  }
}

/// N×F×H×W as N·F images of one channel.
template <class T>
[[nodiscard]] tensor_view<T, 4> frame_images(tensor_view<T, 4> x) {
  return x.reshaped(extents<4>{x.extent(0) * x.extent(1), 1, x.extent(2), x.extent(3)});
}

}  // namespace generic
}  // namespace vmt::inline VMT_ABI::ops
