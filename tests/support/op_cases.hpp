// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bf16.hpp>
#include <vmt/core/rng.hpp>
#include <vmt/ops/ops.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

/// \file
/// One table of cases for every backend: what an operation computes with some context, as one list of numbers.

namespace vmt_test {

using namespace vmt;

template <class T, std::size_t R>
cpu_tensor<T, R> case_tensor(const extents<R>& e, std::uint32_t key, double low = -1, double high = 1) {
  cpu_tensor<T, R> t(e);
  rng r(7, key);
  for (T& v : t.span()) v = static_cast<T>(r.uniform(low, high));
  return t;
}

/// A copy in the memory of the context's backend.
template <class Context, class T, std::size_t R>
auto there(Context&, const cpu_tensor<T, R>& x) {
  using backend = typename Context::backend;
  tensor<T, R, backend> t(x.extents());
  backend::write(t.data_handle(), x.data_handle(), x.size());
  return t;
}

/// A map, kept as `Kept` in the memory of the context's backend; the plain loops keep the numbers themselves.
template <class Kept, class Context, class T, std::size_t R>
auto map_there(Context& ctx, const cpu_tensor<T, R>& x) {
  if constexpr (std::is_same_v<Kept, T> || std::is_same_v<Context, ops::generic_context>) {
    return there(ctx, x);
  } else {
    cpu_tensor<Kept, R> kept(x.extents());
    for (index_t i = 0; i < x.size(); ++i) kept.data_handle()[i] = gpu::to_kept<Kept>(x.data_handle()[i]);
    return there(ctx, kept);
  }
}

/// The numbers of tensors of any backend, one after the other.
template <class T, class... Tensors>
std::vector<T> joined(const Tensors&... tensors) {
  std::vector<T> all;
  const auto append = [&all](const auto& t) {
    cpu_tensor<typename std::remove_cvref_t<decltype(t)>::value_type, 1> kept(t.size());
    std::remove_cvref_t<decltype(t)>::backend::read(t.data_handle(), kept.data_handle(), t.size());
    for (const auto& v : kept.span()) all.push_back(static_cast<T>(gpu::from_kept(v)));
  };
  (append(tensors), ...);
  return all;
}

template <class T, class Context>
struct op_case {
  std::string name;
  double tolerance;  // normalised: ‖difference‖ / ‖oracle‖
  std::function<std::vector<T>(Context&)> fast;
  std::function<std::vector<T>(ops::generic_context&)> plain;
};

struct conv_shape {
  index_t n, c, h, w, k, r, s, stride_h, stride_w, pad_h, pad_w, dilation = 1, shift = 0;
};

inline const std::vector<conv_shape>& conv_shapes() {
  static const std::vector<conv_shape> all = {
      {2, 1, 29, 41, 16, 7, 7, 2, 2, 3, 3},      // the stem
      {1, 8, 37, 50, 8, 3, 3, 1, 1, 1, 1},       // layer1
      {3, 8, 19, 25, 16, 3, 3, 2, 2, 1, 1},      // a stride, odd sizes
      {2, 8, 10, 20, 24, 3, 3, 2, 2, 1, 1},      // a stride, even sizes
      {2, 16, 19, 25, 32, 1, 1, 2, 2, 0, 0},     // downsample
      {1, 20, 10, 13, 16, 3, 3, 1, 1, 1, 1},     // fuse
      {5, 32, 5, 7, 64, 3, 3, 1, 1, 1, 1},       // layer4
      {2, 3, 1, 88, 11, 1, 3, 1, 1, 0, 1},       // conv1d
      {2, 3, 9, 11, 5, 5, 3, 2, 1, 1, 2},        // rectangular
      {1, 2, 7, 5, 3, 2, 4, 3, 2, 0, 3},         // padding as large as the kernel allows
      {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0},         // one number
      {7, 5, 4, 3, 9, 3, 3, 1, 1, 1, 1},         // more images than groups
      {2, 3, 32, 48, 16, 5, 5, 2, 2, 2, 2},      // key_net: the trunk's first
      {1, 8, 12, 20, 12, 3, 3, 2, 1, 1, 1},      // key_net: rows halved only
      {2, 6, 3, 10, 8, 3, 1, 1, 1, 0, 0},        // key_net: all rows at once
      {1, 8, 9, 16, 8, 1, 3, 1, 1, 0, 2, 2},     // dilated over time
      {1, 8, 9, 16, 8, 1, 3, 1, 1, 0, 2, 2, 2},  // causal
      {1, 2, 3, 4, 5, 1, 3, 1, 1, 0, 4, 4, 4},   // taps longer than the row
      {1, 2, 3, 11, 5, 1, 3, 1, 2, 0, 3, 3},     // dilation and stride
      {1, 37, 3, 9, 21, 1, 1, 1, 1, 0, 0},       // key_net: the matrix of a colour
      {2, 66, 3, 3, 70, 3, 3, 1, 1, 1, 1},       // deep: more rows than a tile, few pixels
      {3, 64, 5, 6, 96, 3, 3, 2, 2, 1, 1},       // channels that fill whole tiles, a stride
      {2, 192, 4, 5, 64, 1, 3, 1, 1, 0, 2, 2},   // the same, dilated
      {2, 128, 5, 4, 32, 1, 1, 2, 2, 0, 0},      // the same, one tap
  };
  return all;
}

/// \param products  the tolerance of products and convolutions, where they are not exact; 0: exact
/// \param Kept      how the context keeps maps; what it rounds is rounded for the plain loops, too. Where that is not T
///                  the table has what networks do with maps
template <class T, class Context, class Kept = T>
class op_table {
 public:
  explicit op_table(double products = 0) {
    // A number that is kept in 8 bits of mantissa is at most 2⁻⁹ off.
    exact_ = !plain_maps ? 3e-3 : std::is_same_v<T, float> ? 2e-6 : 1e-14;
    moved_ = plain_maps ? 0 : exact_;
    products_ = products > 0 ? products : exact_;
    convolutions();
    elementwise();
    norms();
    pools();
    arrangements();
    frame_stems();
    if (!plain_maps) return;
    linears();
    columns_and_rows();
    windows();
    training();
  }
  [[nodiscard]] const std::vector<op_case<T, Context>>& cases() const noexcept { return all_; }

 private:
  static constexpr bool plain_maps = std::is_same_v<Kept, T>;
  template <class C, class X>
  static auto map(C& ctx, const X& x) {
    return map_there<Kept>(ctx, x);
  }
  template <class F>
  void add(std::string name, double tolerance, F f) {
    all_.push_back(
        {std::move(name), tolerance, [f](Context& c) { return f(c); }, [f](ops::generic_context& c) { return f(c); }});
  }
  template <std::size_t R>
  cpu_tensor<T, R> next(const extents<R>& e, double low = -1, double high = 1) {
    auto t = case_tensor<T>(e, key_++, low, high);
    if constexpr (!plain_maps) {
      for (T& v : t.span()) v = gpu::from_kept(gpu::to_kept<Kept>(v));
    }
    return t;
  }

  void convolutions() {
    for (const conv_shape& s : conv_shapes()) {
      const ops::conv2d_params p{s.stride_h, s.stride_w, s.pad_h, s.pad_w, s.dilation, s.shift};
      const auto x = next(extents<4>{s.n, s.c, s.h, s.w});
      const auto w = next(extents<4>{s.k, s.c, s.r, s.s});
      const auto b = next(extents<1>{s.k});
      const auto dy = next(extents<4>{s.n, s.k, p.out_height(s.h, s.r), p.out_width(s.w, s.s)});
      const std::string size = to_string(x.extents()) + " * " + to_string(w.extents());
      add("conv2d " + size, products_, [=](auto& ctx) {
        auto y = map(ctx, dy);
        ops::conv2d(ctx, map(ctx, x), there(ctx, w), there(ctx, b), y, p);
        return joined<T>(y);
      });
      add("conv2d without bias " + size, products_, [=](auto& ctx) {
        auto y = map(ctx, dy);
        ops::conv2d(ctx, map(ctx, x), there(ctx, w), {}, y, p);
        return joined<T>(y);
      });
      const auto gamma = next(extents<1>{s.k}, 0.5, 1.5);
      for (const bool more : {false, true}) {
        add((more ? "conv2d_norm, bias, residual, relu " : "conv2d_norm ") + size, products_, [=](auto& ctx) {
          auto y = map(ctx, dy);
          const auto r = map(ctx, dy);
          using residual = const_view<typename decltype(y)::value_type, 4>;
          const auto first = there(ctx, b), g = there(ctx, gamma);
          const ops::given_norm<T> norm{g, first, first, g, 1e-5};
          ops::conv2d_norm(ctx, map(ctx, x), there(ctx, w), more ? const_view<T, 1>(first) : const_view<T, 1>{}, norm,
                           more ? residual(r) : residual{}, more, y, p);
          return joined<T>(y);
        });
      }
      add("conv2d_backward_input " + size, products_, [=](auto& ctx) {
        auto dx = map(ctx, x);
        ops::conv2d_backward_input(ctx, map(ctx, dy), there(ctx, w), dx, p);
        return joined<T>(dx);
      });
      add("conv2d_backward_weight " + size, products_, [=](auto& ctx) {
        auto dw = there(ctx, w);
        ops::conv2d_backward_weight(ctx, map(ctx, x), map(ctx, dy), dw, p);
        return joined<T>(dw);
      });
      add("channel_sum " + size, exact_, [=](auto& ctx) {
        auto db = there(ctx, b);
        ops::channel_sum(ctx, map(ctx, dy), db);
        return joined<T>(db);
      });
    }
  }

  void linears() {
    const auto x = next(extents<2>{5, 33});
    const auto w = next(extents<2>{12, 33});
    const auto b = next(extents<1>{12});
    const auto dy = next(extents<2>{5, 12});
    add("linear", products_, [=](auto& ctx) {
      auto y = there(ctx, dy), bare = there(ctx, dy);
      auto dx = there(ctx, x);
      auto dw = there(ctx, w);
      auto db = there(ctx, b);
      ops::linear(ctx, there(ctx, x), there(ctx, w), there(ctx, b), y);
      ops::linear(ctx, there(ctx, x), there(ctx, w), {}, bare);
      ops::linear_backward_input(ctx, there(ctx, dy), there(ctx, w), dx);
      ops::linear_backward_weight(ctx, there(ctx, x), there(ctx, dy), dw, db);
      return joined<T>(y, bare, dx, dw, db);
    });
  }

  void elementwise() {
    for (const extents<4>& e : {extents<4>{2, 3, 5, 7}, extents<4>{3, 16, 37, 50}, extents<4>{1, 1, 1, 2}}) {
      const auto x = next(e, -1, 3);
      const auto dy = next(e);
      const std::string size = to_string(e);
      add("relu, add, fill " + size, moved_, [=](auto& ctx) {
        auto y = map(ctx, x), z = map(ctx, x), dx = map(ctx, x), in_place = map(ctx, x);
        auto f = there(ctx, x);
        ops::relu(ctx, map(ctx, x), y);
        ops::relu(ctx, in_place, in_place);
        ops::relu_backward(ctx, y, map(ctx, dy), dx);
        ops::add(ctx, map(ctx, x), map(ctx, dy), z);
        auto sum = map(ctx, x), open = map(ctx, dy), room = map(ctx, x);
        ops::add_relu(ctx, sum, map(ctx, dy), sum);
        ops::relu_backward_add(ctx, y, map(ctx, dy), room, open);
        ops::fill(ctx, f, T(0.5));
        return joined<T>(y, in_place, dx, z, sum, open, f);
      });
      if constexpr (!plain_maps) continue;
      add("sigmoid " + size, exact_, [=](auto& ctx) {
        auto y = there(ctx, x), dx = there(ctx, x);
        ops::sigmoid(ctx, there(ctx, x), y);
        ops::sigmoid_backward(ctx, y, there(ctx, dy), dx);
        return joined<T>(y, dx);
      });
    }
    if (!plain_maps) return;
    const auto x = next(extents<2>{100, 401});
    add("dropout", 0, [=](auto& ctx) {
      auto y = there(ctx, x);
      ops::dropout(ctx, there(ctx, x), 0.3, rng(5, 1, 2, rng_use::dropout), y);
      return joined<T>(y);
    });
  }

  void norms() {
    const double tolerance = !plain_maps ? exact_ : std::is_same_v<T, float> ? 1e-5 : 1e-12;
    for (const extents<4>& e :
         {extents<4>{2, 3, 5, 7}, extents<4>{3, 16, 37, 50}, extents<4>{2, 2, 150, 93}, extents<4>{1, 1, 1, 2}}) {
      const auto x = next(e, -1, 3);
      const auto dy = next(e);
      const auto gamma = next(extents<1>{e[1]}, 0.5, 1.5);
      const auto beta = next(extents<1>{e[1]});
      const std::string size = to_string(e);
      add("batch_norm " + size, exact_, [=](auto& ctx) {
        auto y = there(ctx, x);
        const auto b = there(ctx, beta), g = there(ctx, gamma);
        ops::batch_norm(ctx, y, g, b, b, g, 1e-5, y);
        return joined<T>(y);
      });
      // The two values of the smallest case are nearly equal after normalisation: its gradient is all cancellation.
      for (const bool relu : {false, true}) {
        const std::string what = relu ? "batch_norm_train, relu " : "batch_norm_train ";
        add(what + size, tolerance, [=](auto& ctx) {
          auto y = map(ctx, x), dx = map(ctx, dy);
          const auto in = map(ctx, x);
          const auto g = there(ctx, gamma), b = there(ctx, beta);
          auto mean = there(ctx, beta), inverse = there(ctx, beta), running_mean = there(ctx, beta),
               running_variance = there(ctx, gamma), dgamma = there(ctx, gamma), dbeta = there(ctx, beta);
          const ops::batch_norm_statistics<T> s{running_mean, running_variance, mean, inverse};
          ops::batch_norm_train(ctx, in, g, b, s, y, relu);
          ops::batch_norm_backward(ctx, in, dx, g, mean, inverse, dgamma, dbeta, dx,
                                   relu ? b.view() : const_view<T, 1>{});
          return joined<T>(y, mean, inverse, running_mean, running_variance, dgamma, dbeta, dx);
        });
      }
    }
  }

  void pools() {
    const double tolerance = !plain_maps ? exact_ : std::is_same_v<T, float> ? 1e-7 : 1e-15;
    for (const extents<4>& e : {extents<4>{2, 3, 73, 40}, extents<4>{1, 2, 4, 5}}) {
      const auto x = next(e);
      for (const ops::pool2d_params& p : {ops::pool2d_params{3, 2, 1}, ops::pool2d_params{2, 2, 0},
                                          ops::pool2d_params{3, 1, 1}, ops::pool2d_params{2, 3, 1}}) {
        const std::string size = to_string(e) + " by " + std::to_string(p.kernel) + "/" + std::to_string(p.stride);
        const auto dy = next(extents<4>{e[0], e[1], p.out_size(e[2]), p.out_size(e[3])});
        add("max_pool2d " + size, tolerance, [=](auto& ctx) {
          auto y = map(ctx, dy), again = map(ctx, dy), dx = map(ctx, x);
          auto argmax = there(ctx, cpu_tensor<std::int32_t, 4>(dy.extents()));
          ops::max_pool2d(ctx, map(ctx, x), y, argmax, p);
          ops::max_pool2d(ctx, map(ctx, x), again, {}, p);
          ops::max_pool2d_backward(ctx, map(ctx, dy), argmax, dx, p);
          return joined<T>(y, again, dx);
        });
        add("avg_pool2d " + size, exact_, [=](auto& ctx) {
          auto y = there(ctx, dy), dx = there(ctx, x);
          ops::avg_pool2d(ctx, there(ctx, x), y, p);
          ops::avg_pool2d_backward(ctx, there(ctx, dy), dx, p);
          return joined<T>(y, dx);
        });
      }
      const auto dy = next(extents<2>{e[0], e[1]});
      add("global_avg_pool " + to_string(e), exact_, [=](auto& ctx) {
        auto y = there(ctx, dy);
        auto dx = map(ctx, x);
        ops::global_avg_pool(ctx, map(ctx, x), y);
        ops::global_avg_pool_backward(ctx, there(ctx, dy), dx);
        return joined<T>(y, dx);
      });
    }
  }

  void arrangements() {
    const auto a = next(extents<4>{2, 3, 4, 5});
    const auto b = next(extents<4>{2, 1, 4, 5});
    add("concat_channels, split_channels", moved_, [=](auto& ctx) {
      auto y = map(ctx, cpu_tensor<T, 4>(2, 4, 4, 5));
      auto first = map(ctx, cpu_tensor<T, 4>(a.extents())), second = map(ctx, cpu_tensor<T, 4>(b.extents()));
      ops::concat_channels(ctx, map(ctx, a), map(ctx, b), y);
      ops::split_channels(ctx, y, first, second);
      return joined<T>(y, first, second);
    });
    add("swap_last_two", 0, [=](auto& ctx) {
      auto y = there(ctx, cpu_tensor<T, 3>(6, 5, 4)), back = there(ctx, case_tensor<T>(extents<3>{6, 4, 5}, 1));
      ops::swap_last_two(ctx, there(ctx, a).view().reshaped(extents<3>{6, 4, 5}), y);
      ops::swap_last_two(ctx, y, back, true);
      return joined<T>(y, back);
    });
    for (const index_t outputs : {5, 17, 1}) {
      const auto x = next(extents<3>{2, 3, 9});
      const auto dy = next(extents<3>{2, 3, outputs});
      add("resample_linear to " + std::to_string(outputs), exact_, [=](auto& ctx) {
        auto y = there(ctx, dy), dx = there(ctx, x);
        ops::resample_linear(ctx, there(ctx, x), y);
        ops::resample_linear_backward(ctx, there(ctx, dy), dx);
        return joined<T>(y, dx);
      });
    }
    const auto row = next(extents<2>{3, 7});
    const auto drows = next(extents<4>{2, 3, 6, 7});
    add("repeat_rows", exact_, [=](auto& ctx) {
      auto y = map(ctx, drows);
      auto dx = there(ctx, row);
      ops::repeat_rows(ctx, there(ctx, row), y);
      ops::repeat_rows_backward(ctx, map(ctx, drows), dx);
      return joined<T>(y, dx);
    });
    const auto x = next(extents<5>{3, 5, 4, 9, 11});
    const auto w = next(extents<2>{4, 5});
    const auto dy = next(extents<4>{3, 4, 9, 11});
    add("aggregate", exact_, [=](auto& ctx) {
      auto y = map(ctx, dy);
      auto dx = map(ctx, x);
      auto dw = there(ctx, w);
      ops::aggregate(ctx, map(ctx, x), there(ctx, w), y);
      ops::aggregate_backward(ctx, map(ctx, x), map(ctx, dy), there(ctx, w), dw, dx);
      return joined<T>(y, dx, dw);
    });
  }

  void frame_stems() {
    for (const index_t width : {16, 90}) {
      const auto x = next(extents<4>{3, 5, 31, width});
      const auto conv = next(extents<4>{8, 1, 7, 7});
      const auto gamma = next(extents<1>{8}, 0.5, 1.5);
      const auto beta = next(extents<1>{8});
      const auto weight = next(extents<2>{8, 5});
      const ops::conv2d_params p{2, 2, 3, 3};
      const auto dy = next(extents<4>{3, 8, p.out_height(31, 7), p.out_width(width, 7)});
      // Rounded products open and close some ReLUs.
      const double tolerance = products_ > exact_ ? 20 * products_ : std::is_same_v<T, float> ? 1e-5 : 1e-12;
      add("frame_stem", tolerance, [=](auto& ctx) {
        auto y = map(ctx, dy);
        auto dx = there(ctx, x), dconv = there(ctx, conv);
        auto mean = there(ctx, beta), inverse = there(ctx, beta), running_mean = there(ctx, beta),
             running_variance = there(ctx, gamma), dgamma = there(ctx, gamma), dbeta = there(ctx, beta);
        auto dweight = there(ctx, weight);
        const auto far_dy = map(ctx, dy);
        const auto far_x = there(ctx, x), far_conv = there(ctx, conv);
        const auto far_gamma = there(ctx, gamma), far_beta = there(ctx, beta);
        const auto far_weight = there(ctx, weight);
        const ops::batch_norm_statistics<T> s{running_mean, running_variance, mean, inverse};
        const ops::frame_stem_parameters<T> stem{far_conv, p, far_gamma, far_beta, far_weight};
        ops::frame_stem_train(ctx, far_x, stem, s, y);
        ops::frame_stem_backward(ctx, far_x, far_dy, stem, mean.view(), inverse.view(),
                                 ops::frame_stem_gradients<T>{dconv, dgamma, dbeta, dweight}, dx.view());
        return joined<T>(y, mean, inverse, running_mean, running_variance, dgamma, dbeta, dweight, dconv, dx);
      });
      add("frame_stem, inference", products_, [=](auto& ctx) {
        auto y = map(ctx, dy);
        const auto far_conv = there(ctx, conv), far_x = there(ctx, x);
        const auto far_gamma = there(ctx, gamma), far_beta = there(ctx, beta);
        const auto far_weight = there(ctx, weight);
        const ops::frame_stem_parameters<T> stem{far_conv, p, far_gamma, far_beta, far_weight};
        ops::frame_stem(ctx, far_x, stem, far_beta.view(), far_gamma.view(), 1e-5, y);
        return joined<T>(y);
      });
    }
  }

  void columns_and_rows() {
    const auto x = next(extents<3>{6, 9, 20});
    const auto dy = next(extents<4>{9, 5, 7, 3});
    std::vector<ops::column_place> places;
    rng r(3);
    for (int i = 0; i < 7; ++i) places.push_back({i % 2, r.uniform(-4, 24)});
    add("sample_columns", 0, [=](auto& ctx) {
      auto y = there(ctx, dy);
      auto dx = there(ctx, x);
      ops::sample_columns(ctx, there(ctx, x), places, y);
      ops::sample_columns_backward(ctx, there(ctx, dy), places, dx);
      return joined<T>(y, dx);
    });
    const auto map = next(extents<3>{4, 6, 5});
    const auto taken = next(extents<3>{5, 4, 5});
    const std::vector<index_t> rows{3, 0, 5, 3, 1};  // one twice, two never
    add("take_rows", 0, [=](auto& ctx) {
      auto y = there(ctx, taken), dx = there(ctx, map);
      ops::take_rows(ctx, there(ctx, map), rows, y);
      ops::take_rows_backward(ctx, there(ctx, taken), rows, dx);
      return joined<T>(y, dx);
    });
  }

  void windows() {
    if constexpr (std::is_same_v<T, float>) {
      cpu_tensor<std::uint8_t, 4> bytes(3, 2, 11, 40);
      std::vector<std::int32_t> rows(3 * 2 * 9);
      rng r(4);
      for (std::uint8_t& b : bytes.span()) b = static_cast<std::uint8_t>(r.below(256));
      for (std::int32_t& row : rows) row = static_cast<std::int32_t>(r.below(70));
      const auto normals = next(extents<1>{100}, -3, 3);
      const auto y = next(extents<4>{3, 2, 9, 31});
      const std::vector<ops::window_crop> plain{{1, 4}, {2, 0, 0.005F}, {0, 30, 0.003F}};
      std::vector<ops::window_crop> noisy = plain;
      noisy[1].noise = 0.2;
      noisy[2].noise = 0.01;
      for (const auto& crops : {plain, noisy}) {
        add("window_input", 0, [=](auto& ctx) {
          auto found = there(ctx, y);
          const auto table = there(ctx, normals);
          ops::window_input(ctx, bytes, crops, rows, const_view<float, 1>(table.view()), found);
          return joined<T>(found);
        });
      }
    }
  }

  void training() {
    const auto parameters = next(extents<1>{20000});
    const auto gradients = next(extents<1>{20000});
    add("adam_step", exact_, [=](auto& ctx) {
      auto p = there(ctx, parameters);
      auto m = there(ctx, cpu_tensor<T, 1>(20000)), v = there(ctx, cpu_tensor<T, 1>(20000));
      for (index_t step = 1; step <= 3; ++step) {
        ops::adam_step(ctx, p, there(ctx, gradients), m, v, step, {.weight_decay = 0.01});
      }
      return joined<T>(p, m, v);
    });
    add("gradient_norm, scale", 10 * exact_, [=](auto& ctx) {
      auto g = there(ctx, gradients);
      const ops::gradient_size whole = ops::gradient_norm(ctx, g.view(), 1e18);
      ops::scale(ctx, g.view(), T(0.25));
      std::vector<T> found = joined<T>(g);
      found.push_back(static_cast<T>(whole.norm));
      found.push_back(whole.sound ? T(1) : T(0));
      auto broken = gradients;
      broken.span()[12345] = std::numeric_limits<T>::quiet_NaN();
      found.push_back(ops::gradient_norm(ctx, there(ctx, broken).view(), 1e18).sound ? T(1) : T(0));
      found.push_back(ops::gradient_norm(ctx, g.view(), 0.2).sound ? T(1) : T(0));
      return found;
    });
    const auto logits = next(extents<2>{9, 88}, -6, 6);
    const auto places = next(extents<2>{9, 88});
    for (const double share : {0.1, 0.0, 1.0}) {
      auto targets = places;
      for (T& t : targets.span()) t = static_cast<double>(t) < 2 * share - 1 ? T(1) : T(0);
      add("balanced_bce with " + std::to_string(share) + " onsets", exact_, [=](auto& ctx) {
        auto d = there(ctx, logits);
        const double loss = ops::balanced_bce(ctx, there(ctx, logits), there(ctx, targets), d);
        std::vector<T> found = joined<T>(d);
        found.push_back(static_cast<T>(loss));
        return found;
      });
    }
  }

  double exact_, moved_, products_;
  std::uint32_t key_ = 1;
  std::vector<op_case<T, Context>> all_;
};

/// ‖found − expected‖ / ‖expected‖, or the bare difference where nothing was expected.
template <class T>
double distance(const std::vector<T>& found, const std::vector<T>& expected) {
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double d = static_cast<double>(found[i]) - static_cast<double>(expected[i]);
    difference += d * d;
    norm += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
  }
  return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
}

}  // namespace vmt_test
