// SPDX-License-Identifier: MIT
// Every overload of the CPU backend against the plain loops of ops::generic: one table of cases, every instruction set
// that this machine has, float and double, and the same bits for 1, 2 and 4 threads.
#include <doctest/doctest.h>

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/core/rng.hpp>
#include <vmt/ops/ops.hpp>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

using namespace vmt;

namespace {

template <class T, std::size_t R>
cpu_tensor<T, R> random(const extents<R>& e, std::uint32_t key, double low = -1, double high = 1) {
  cpu_tensor<T, R> t(e);
  rng r(7, key);
  for (T& v : t.span()) v = static_cast<T>(r.uniform(low, high));
  return t;
}

// What a case computes, as one list of numbers, with any context.
template <class T>
struct op_case {
  std::string name;
  double tolerance;  // normalised: ‖difference‖ / ‖oracle‖
  std::function<std::vector<T>(cpu_context&)> fast;
  std::function<std::vector<T>(ops::generic_context&)> plain;
};

template <class T, class F>
op_case<T> make_case(std::string name, double tolerance, F f) {
  return {std::move(name), tolerance, [f](cpu_context& c) { return f(c); },
          [f](ops::generic_context& c) { return f(c); }};
}

template <class T, class... Tensors>
std::vector<T> joined(const Tensors&... tensors) {
  std::vector<T> all;
  ((all.insert(all.end(), tensors.span().begin(), tensors.span().end())), ...);
  return all;
}

struct conv_shape {
  index_t n, c, h, w, k, r, s, stride_h, stride_w, pad_h, pad_w, dilation = 1, shift = 0;
};

template <class T>
std::vector<op_case<T>> cases() {
  std::vector<op_case<T>> all;
  const double exact = std::is_same_v<T, float> ? 2e-6 : 1e-14;
  const conv_shape convs[] = {
      {2, 1, 29, 41, 16, 7, 7, 2, 2, 3, 3},   // the stem
      {1, 8, 37, 50, 8, 3, 3, 1, 1, 1, 1},    // layer1
      {3, 8, 19, 25, 16, 3, 3, 2, 2, 1, 1},   // a stride, odd sizes
      {2, 8, 10, 20, 24, 3, 3, 2, 2, 1, 1},   // a stride, even sizes
      {2, 16, 19, 25, 32, 1, 1, 2, 2, 0, 0},  // downsample
      {1, 20, 10, 13, 16, 3, 3, 1, 1, 1, 1},  // fuse
      {5, 32, 5, 7, 64, 3, 3, 1, 1, 1, 1},    // layer4
      {2, 3, 1, 88, 11, 1, 3, 1, 1, 0, 1},    // conv1d
      {2, 3, 9, 11, 5, 5, 3, 2, 1, 1, 2},     // rectangular
      {1, 2, 7, 5, 3, 2, 4, 3, 2, 0, 3},      // padding as large as the kernel allows
      {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0},      // one number
      {7, 5, 4, 3, 9, 3, 3, 1, 1, 1, 1},      // more images than groups
      {2, 3, 32, 48, 16, 5, 5, 2, 2, 2, 2},   // key_net: the trunk's first
      {1, 8, 12, 20, 12, 3, 3, 2, 1, 1, 1},   // key_net: rows halved only
      {2, 6, 3, 10, 8, 3, 1, 1, 1, 0, 0},     // key_net: all rows at once
      {1, 8, 9, 16, 8, 1, 3, 1, 1, 0, 2, 2},  // dilated over time
      {1, 8, 9, 16, 8, 1, 3, 1, 1, 0, 2, 2, 2},  // causal
      {1, 2, 3, 4, 5, 1, 3, 1, 1, 0, 4, 4, 4},   // taps longer than the row
      {1, 2, 3, 11, 5, 1, 3, 1, 2, 0, 3, 3},     // dilation and stride
  };
  std::uint32_t key = 1;
  for (const conv_shape& s : convs) {
    const ops::conv2d_params p{s.stride_h, s.stride_w, s.pad_h, s.pad_w, s.dilation, s.shift};
    const auto x = random<T, 4>({s.n, s.c, s.h, s.w}, key++);
    const auto w = random<T, 4>({s.k, s.c, s.r, s.s}, key++);
    const auto b = random<T, 1>({s.k}, key++);
    const auto dy = random<T, 4>({s.n, s.k, p.out_height(s.h, s.r), p.out_width(s.w, s.s)}, key++);
    const std::string size = to_string(x.extents()) + " * " + to_string(w.extents());
    all.push_back(make_case<T>("conv2d " + size, exact, [=](auto& ctx) {
      auto y = dy;
      ops::conv2d(ctx, x, w, b, y, p);
      return joined<T>(y);
    }));
    all.push_back(make_case<T>("conv2d_backward_input " + size, exact, [=](auto& ctx) {
      auto dx = x;
      ops::conv2d_backward_input(ctx, dy, w, dx, p);
      return joined<T>(dx);
    }));
    all.push_back(make_case<T>("conv2d_backward_weight " + size, exact, [=](auto& ctx) {
      auto dw = w;
      ops::conv2d_backward_weight(ctx, x, dy, dw, p);
      return joined<T>(dw);
    }));
    all.push_back(make_case<T>("channel_sum " + size, exact, [=](auto& ctx) {
      auto db = b;
      ops::channel_sum(ctx, dy, db);
      return joined<T>(db);
    }));
  }
  for (const extents<4>& e : {extents<4>{2, 3, 5, 7}, extents<4>{3, 16, 37, 50}, extents<4>{1, 1, 1, 2}}) {
    const auto x = random<T, 4>(e, key++, -1, 3);
    const auto dy = random<T, 4>(e, key++);
    const auto gamma = random<T, 1>({e[1]}, key++, 0.5, 1.5);
    const auto beta = random<T, 1>({e[1]}, key++);
    const std::string size = to_string(e);
    all.push_back(make_case<T>("relu, add " + size, 0, [=](auto& ctx) {
      auto y = x, z = x, dx = x;
      ops::relu(ctx, x, y);
      ops::relu_backward(ctx, y, dy, dx);
      ops::add(ctx, x, dy, z);
      return joined<T>(y, dx, z);
    }));
    all.push_back(make_case<T>("batch_norm " + size, exact, [=](auto& ctx) {
      auto y = x;
      ops::batch_norm(ctx, x, gamma, beta, beta, gamma, 1e-5, y);
      return joined<T>(y);
    }));
    // The two values of the smallest case are nearly equal after normalisation: its gradient is all cancellation.
    for (const bool relu : {false, true}) {
      const std::string what = relu ? "batch_norm_train, relu " : "batch_norm_train ";
      all.push_back(make_case<T>(what + size, std::is_same_v<T, float> ? 1e-5 : 1e-12, [=](auto& ctx) {
        auto y = x, dx = x;
        auto mean = beta, inverse = beta, running_mean = beta, running_variance = gamma, dgamma = gamma, dbeta = beta;
        const ops::batch_norm_statistics<T> s{running_mean, running_variance, mean, inverse};
        ops::batch_norm_train(ctx, x, gamma, beta, s, y, relu);
        ops::batch_norm_backward(ctx, x, dy, gamma, mean, inverse, dgamma, dbeta, dx,
                                 relu ? beta.view() : const_view<T, 1>{});
        return joined<T>(y, mean, inverse, running_mean, running_variance, dgamma, dbeta, dx);
      }));
    }
  }
  for (const extents<4>& e : {extents<4>{2, 3, 73, 40}, extents<4>{1, 2, 4, 5}}) {
    const auto x = random<T, 4>(e, key++);
    for (const ops::pool2d_params p : {ops::pool2d_params{3, 2, 1}, {2, 2, 0}, {3, 1, 1}, {4, 3, 2}}) {
      all.push_back(make_case<T>("max_pool2d " + to_string(e), 0, [=](auto& ctx) {
        cpu_tensor<T, 4> y(e[0], e[1], p.out_size(e[2]), p.out_size(e[3]));
        cpu_tensor<std::int32_t, 4> argmax(y.extents());
        auto dx = x;
        ops::max_pool2d(ctx, x, y, argmax, p);
        ops::max_pool2d_backward(ctx, y, argmax, dx);
        return joined<T>(y, dx);
      }));
    }
  }
  for (const index_t width : {16, 90}) {
    const auto x = random<T, 4>({3, 5, 31, width}, key++);
    const auto conv = random<T, 4>({8, 1, 7, 7}, key++);
    const auto gamma = random<T, 1>({8}, key++, 0.5, 1.5);
    const auto beta = random<T, 1>({8}, key++);
    const auto weight = random<T, 2>({8, 5}, key++);
    const ops::conv2d_params p{2, 2, 3, 3};
    const auto dy = random<T, 4>({3, 8, p.out_height(31, 7), p.out_width(width, 7)}, key++);
    all.push_back(make_case<T>("frame_stem", std::is_same_v<T, float> ? 1e-5 : 1e-12, [=](auto& ctx) {
      auto y = dy, dx = x, dconv = conv;
      auto mean = beta, inverse = beta, running_mean = beta, running_variance = gamma, dgamma = gamma, dbeta = beta;
      auto dweight = weight;
      const ops::batch_norm_statistics<T> s{running_mean, running_variance, mean, inverse};
      const ops::frame_stem_parameters<T> stem{conv, p, gamma, beta, weight};
      ops::frame_stem_train(ctx, x, stem, s, y);
      ops::frame_stem_backward(ctx, x, dy, stem, mean.view(), inverse.view(),
                               ops::frame_stem_gradients<T>{dconv, dgamma, dbeta, dweight}, dx.view());
      return joined<T>(y, mean, inverse, running_mean, running_variance, dgamma, dbeta, dweight, dconv, dx);
    }));
  }
  {
    const auto x = random<T, 5>({3, 5, 4, 9, 11}, key++);
    const auto w = random<T, 2>({4, 5}, key++);
    const auto dy = random<T, 4>({3, 4, 9, 11}, key++);
    all.push_back(make_case<T>("aggregate", exact, [=](auto& ctx) {
      auto y = dy;
      auto dx = x;
      auto dw = w;
      ops::aggregate(ctx, x, w, y);
      ops::aggregate_backward(ctx, x, dy, w, dw, dx);
      return joined<T>(y, dx, dw);
    }));
  }
  {
    const auto x = random<T, 2>({5, 33}, key++);
    const auto w = random<T, 2>({12, 33}, key++);
    const auto b = random<T, 1>({12}, key++);
    const auto dy = random<T, 2>({5, 12}, key++);
    all.push_back(make_case<T>("linear", exact, [=](auto& ctx) {
      auto y = dy;
      auto dx = x;
      auto dw = w;
      auto db = b;
      ops::linear(ctx, x, w, b, y);
      ops::linear_backward_input(ctx, dy, w, dx);
      ops::linear_backward_weight(ctx, x, dy, dw, db);
      return joined<T>(y, dx, dw, db);
    }));
  }
  {
    const auto x = random<T, 3>({6, 9, 20}, key++);
    const auto dy = random<T, 4>({9, 5, 7, 3}, key++);
    std::vector<ops::column_place> places;
    rng r(3);
    for (int i = 0; i < 7; ++i) places.push_back({i % 2, r.uniform(-4, 24)});
    all.push_back(make_case<T>("sample_columns", 0, [=](auto& ctx) {
      auto y = dy;
      auto dx = x;
      ops::sample_columns(ctx, x, places, y);
      ops::sample_columns_backward(ctx, dy, places, dx);
      return joined<T>(y, dx);
    }));
  }
  {
    const auto x = random<T, 2>({100, 401}, key++);
    all.push_back(make_case<T>("dropout", 0, [=](auto& ctx) {
      auto y = x;
      ops::dropout(ctx, x, 0.3, rng(5, 1, 2, rng_use::dropout), y);
      return joined<T>(y);
    }));
  }
  {
    const auto parameters = random<T, 1>({20000}, key++);
    const auto gradients = random<T, 1>({20000}, key++);
    all.push_back(make_case<T>("adam_step", exact, [=](auto& ctx) {
      auto p = parameters;
      cpu_tensor<T, 1> m(20000);
      cpu_tensor<T, 1> v(20000);
      for (index_t step = 1; step <= 3; ++step) ops::adam_step(ctx, p, gradients, m, v, step, {});
      return joined<T>(p, m, v);
    }));
  }
  return all;
}

template <class T>
void run_all(cpu_isa isa) {
  ops::generic_context oracle;
  cpu_context one({.threads = 1, .isa = isa});
  cpu_context two({.threads = 2, .isa = isa});
  cpu_context four({.threads = 4, .isa = isa});
  for (const op_case<T>& c : cases<T>()) {
    CAPTURE(c.name);
    const std::vector<T> expected = c.plain(oracle);
    const std::vector<T> found = c.fast(one);
    REQUIRE(found.size() == expected.size());
    double difference = 0;
    double norm = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double d = static_cast<double>(found[i]) - static_cast<double>(expected[i]);
      difference += d * d;
      norm += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
    }
    CHECK(std::sqrt(difference) <= c.tolerance * std::sqrt(norm));
    for (cpu_context* other : {&two, &four}) {
      const std::vector<T> again = c.fast(*other);
      CHECK(std::memcmp(again.data(), found.data(), found.size() * sizeof(T)) == 0);
    }
  }
}

}  // namespace

TEST_CASE("the CPU operations equal the generic ones, with the same bits for any number of threads") {
  for (const cpu_isa isa : {cpu_isa::portable, cpu_isa::avx2, cpu_isa::avx512}) {
    if (!supported(isa)) {
      MESSAGE("this processor has no " << name(isa));
      continue;
    }
    CAPTURE(name(isa));
    run_all<float>(isa);
    run_all<double>(isa);
  }
}

TEST_CASE("operations refuse tensors that do not fit, and say how") {
  cpu_context ctx({.threads = 1});
  cpu_tensor<float, 4> x(1, 32, 8, 8);
  cpu_tensor<float, 4> w(4, 64, 3, 3);
  cpu_tensor<float, 4> y(1, 4, 8, 8);
  CHECK_THROWS_WITH_AS(ops::conv2d(ctx, x, w, {}, y, {1, 1, 1, 1}),
                       "conv2d: weight expects 64 input channels, input has 32", error);
  cpu_tensor<float, 4> w2(4, 32, 3, 3);
  CHECK_THROWS_WITH_AS(ops::conv2d(ctx, x, w2, {}, y, {1, 1, 0, 0}),
                       "conv2d: output has sizes 1×4×8×8, expected 1×4×6×6", error);
  CHECK_THROWS_AS(ops::conv2d(ctx, x, w2, {}, y, {0, 1, 0, 0}), error);
  cpu_tensor<float, 4> one(1, 32, 1, 1);
  cpu_tensor<float, 1> c(32);
  CHECK_THROWS_AS(ops::batch_norm_train(ctx, one, c, c, ops::batch_norm_statistics<float>{c, c, c, c}, one), error);
}
