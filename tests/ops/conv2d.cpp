// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("convolutions and their gradients equal PyTorch's", T, float, double) {
  for (const char* name :
       {"conv2d_7x7_s2_p3", "conv2d_3x3_s1_p1", "conv2d_3x3_s2_p1", "conv2d_1x1_s2", "conv2d_5x3_s2x1_p1x2_bias"}) {
    const golden g(name);
    const ops::conv2d_params p{g.integer("stride_rows"), g.integer("stride_columns"), g.integer("padding_rows"),
                               g.integer("padding_columns")};
    const auto x = g.tensor<T, 4>("x");
    const auto w = g.tensor<T, 4>("weight");
    const auto dy = g.tensor<T, 4>("dy");
    cpu_tensor<T, 1> bias;
    if (g.has("bias")) bias = g.tensor<T, 1>("bias");
    for_each_context([&](auto& ctx) {
      auto y = unwritten<T>(dy.extents());
      auto dx = unwritten<T>(x.extents());
      cpu_tensor<T, 4> dw(w.extents());
      ops::conv2d(ctx, x, w, bias, y, p);
      ops::conv2d_backward_input(ctx, dy, w, dx, p);
      ops::conv2d_backward_weight(ctx, x, dy, dw, p);
      check_golden<T>(g, "y", y);
      check_golden<T>(g, "dx", dx);
      check_golden<T>(g, "dweight", dw);
      if (!g.has("bias")) return;
      cpu_tensor<T, 1> db(bias.extents());
      ops::channel_sum(ctx, dy, db);
      check_golden<T>(g, "dbias", db);
    });
  }
}

TEST_CASE("the gradients of weight and bias are added to what is there") {
  const auto x = random_tensor<double, 4>({2, 3, 7, 9}, 1);
  const auto dy = random_tensor<double, 4>({2, 4, 7, 9}, 2);
  for_each_context([&](auto& ctx) {
    cpu_tensor<double, 4> once(4, 3, 3, 3), later(4, 3, 3, 3);
    cpu_tensor<double, 1> bias_once(4), bias_later(4);
    ops::conv2d_backward_weight(ctx, x, dy, once, {1, 1, 1, 1});
    ops::channel_sum(ctx, dy, bias_once);
    ops::fill(ctx, later, 5.0);
    ops::fill(ctx, bias_later, 5.0);
    ops::conv2d_backward_weight(ctx, x, dy, later, {1, 1, 1, 1});
    ops::channel_sum(ctx, dy, bias_later);
    for (double& v : later.span()) v -= 5;
    for (double& v : bias_later.span()) v -= 5;
    CHECK(testing::normalised_difference(later, once) <= 1e-13);
    CHECK(testing::normalised_difference(bias_later, bias_once) <= 1e-13);
  });
}

TEST_CASE("a convolution is linear in its input and in its weight") {
  const ops::conv2d_params p{2, 1, 1, 2};
  const auto x = random_tensor<double, 4>({2, 3, 9, 11}, 1);
  const auto u = random_tensor<double, 4>({2, 3, 9, 11}, 2);
  const auto w = random_tensor<double, 4>({5, 3, 3, 5}, 3);
  const auto v = random_tensor<double, 4>({5, 3, 3, 5}, 4);
  const auto mixed = [](const cpu_tensor<double, 4>& a, const cpu_tensor<double, 4>& b) {
    auto m = a;
    for (std::size_t i = 0; i < m.span().size(); ++i) m.span()[i] = 2 * a.span()[i] - 3 * b.span()[i];
    return m;
  };
  for_each_context([&](auto& ctx) {
    const auto conv = [&](const cpu_tensor<double, 4>& input, const cpu_tensor<double, 4>& weight) {
      cpu_tensor<double, 4> y(2, 5, 5, 11);
      ops::conv2d(ctx, input, weight, {}, y, p);
      return y;
    };
    CHECK(testing::normalised_difference(conv(mixed(x, u), w), mixed(conv(x, w), conv(u, w))) <= 1e-14);
    CHECK(testing::normalised_difference(conv(x, mixed(w, v)), mixed(conv(x, w), conv(x, v))) <= 1e-14);
  });
}

TEST_CASE("a convolution moves with its input: by one pixel, and by one output for a whole stride") {
  const auto w = random_tensor<double, 4>({4, 2, 3, 3}, 1);
  const auto patch = random_tensor<double, 4>({1, 2, 6, 6}, 2);
  const auto placed = [&](index_t row, index_t column) {
    cpu_tensor<double, 4> x(1, 2, 20, 24);
    for (index_t c = 0; c < 2; ++c)
      for (index_t i = 0; i < 6; ++i)
        for (index_t j = 0; j < 6; ++j) x(0, c, row + i, column + j) = patch(0, c, i, j);
    return x;
  };
  for_each_context([&](auto& ctx) {
    for (const index_t stride : {1, 2}) {
      const ops::conv2d_params p{stride, stride, 1, 1};
      cpu_tensor<double, 4> a(1, 4, 20 / stride, 24 / stride), b(a.extents());
      ops::conv2d(ctx, placed(4, 6), w, {}, a, p);
      ops::conv2d(ctx, placed(4 + stride, 6 + 2 * stride), w, {}, b, p);
      double worst = 0;
      double largest = 0;
      for (index_t k = 0; k < 4; ++k)
        for (index_t i = 0; i + 1 < a.extent(2); ++i)
          for (index_t j = 0; j + 2 < a.extent(3); ++j) {
            worst = std::max(worst, std::abs(b(0, k, i + 1, j + 2) - a(0, k, i, j)));
            largest = std::max(largest, std::abs(a(0, k, i, j)));
          }
      CHECK(largest > 1);
      CHECK(worst <= 1e-14);
    }
  });
}

TEST_CASE("a single bright pixel prints the weight, mirrored") {
  const auto w = random_tensor<float, 4>({2, 1, 3, 5}, 1);
  cpu_tensor<float, 4> x(1, 1, 9, 9), y(1, 2, 9, 9);
  x(0, 0, 4, 4) = 1;
  for_each_context([&](auto& ctx) {
    ops::conv2d(ctx, x, w, {}, y, {1, 1, 1, 2});
    bool mirrored = true;
    for (index_t k = 0; k < 2; ++k)
      for (index_t r = 0; r < 3; ++r)
        for (index_t s = 0; s < 5; ++s) mirrored = mirrored && y(0, k, 5 - r, 6 - s) == w(k, 0, r, s);
    CHECK(mirrored);
  });
}

TEST_CASE("sizes that do not fit are refused with both sizes") {
  ops::generic_context ctx;
  cpu_tensor<float, 4> x(1, 3, 8, 8), w(4, 3, 3, 3), y(1, 4, 6, 6);
  cpu_tensor<float, 1> bias(5);
  CHECK_THROWS_WITH_AS(ops::conv2d(ctx, x, w, bias, y), "conv2d: bias has sizes 5, expected 4", error);
  CHECK_THROWS_WITH_AS(ops::conv2d(ctx, x, w, {}, y, {1, 1, 1, 1}),
                       "conv2d: output has sizes 1×4×6×6, expected 1×4×8×8", error);
  cpu_tensor<float, 4> large(4, 3, 9, 9);
  CHECK_THROWS_WITH_AS(ops::conv2d(ctx, x, large, {}, y), "conv2d: the kernel is larger than the padded input", error);
  CHECK_THROWS_WITH_AS(ops::conv2d(ctx, x, w, {}, y, {1, 1, -1, 0}),
                       "conv2d: strides and dilation must be positive and paddings not negative", error);
  CHECK_THROWS_WITH_AS(ops::conv2d_backward_weight(ctx, x, y, large),
                       "conv2d_backward_weight: the kernel is larger than the padded input", error);
  cpu_tensor<float, 4> dx(1, 2, 8, 8);
  CHECK_THROWS_WITH_AS(ops::conv2d_backward_input(ctx, y, w, dx),
                       "conv2d_backward_input: weight expects 3 input channels, input has 2", error);
  CHECK_THROWS_WITH_AS(ops::channel_sum(ctx, y, bias), "channel_sum: output has sizes 5, expected 4", error);
  try {
    ops::conv2d(ctx, x, w, bias, y);
    FAIL("not refused");
  } catch (const error& e) {
    CHECK(e.code() == errc::shape_mismatch);
  }
}

TEST_CASE("a 3×3 convolution with many channels is within single precision of the exact one, whatever the map's size") {
  // Maps of more tiles in a row than one run has, of rests in both directions, of a single tile, of many blocks.
  const extents<4> maps[] = {{1, 8, 6, 301}, {2, 16, 37, 50}, {1, 24, 4, 4}, {9, 8, 19, 25}, {1, 8, 3, 8}};
  constexpr ops::conv2d_params p{1, 1, 1, 1};
  for (const extents<4>& e : maps) {
    const auto x = random_tensor<float, 4>(e, 1);
    const auto w = random_tensor<float, 4>({13, e[1], 3, 3}, 2);
    const auto bias = random_tensor<float, 1>({13}, 3);
    const auto dy = random_tensor<float, 4>({e[0], 13, e[2], e[3]}, 4);
    const auto exact = [](const auto& t) {
      cpu_tensor<double, std::remove_cvref_t<decltype(t)>::rank()> d(t.extents());
      std::copy(t.span().begin(), t.span().end(), d.span().begin());
      return d;
    };
    ops::generic_context plain;
    cpu_tensor<double, 4> y(dy.extents()), dx(e);
    ops::conv2d(plain, exact(x), exact(w), exact(bias), y, p);
    ops::conv2d_backward_input(plain, exact(dy), exact(w), dx, p);
    for_each_context([&](auto& ctx) {
      auto found = unwritten<float>(dy.extents());
      auto found_dx = unwritten<float>(e);
      ops::conv2d(ctx, x, w, bias, found, p);
      ops::conv2d_backward_input(ctx, dy, w, found_dx, p);
      CHECK(testing::normalised_difference(found, y.span()) <= 1e-6);
      CHECK(testing::normalised_difference(found_dx, dx.span()) <= 1e-6);
    });
  }
}

TEST_CASE_TEMPLATE("a kernel as high as the map, and strides of one direction, have the gradient of the plain loops", T,
                   float, double) {
  struct shape {
    index_t height, kernel_h, kernel_w;
    ops::conv2d_params p;
  };
  const shape shapes[] = {{6, 6, 1, {}},           {6, 6, 3, {1, 2, 0, 1}}, {9, 3, 3, {2, 1, 1, 1}},
                          {9, 3, 3, {2, 2, 1, 1}}, {8, 1, 1, {2, 2, 0, 0}}, {7, 3, 5, {1, 3, 1, 2}},
                          {5, 1, 2, {3, 4, 0, 0}}};
  for (const shape& s : shapes) {
    const auto w = random_tensor<T, 4>({9, 5, s.kernel_h, s.kernel_w}, 1);
    const extents<4> e{3, 5, s.height, 83};
    const auto dy = random_tensor<T, 4>({3, 9, s.p.out_height(s.height, s.kernel_h), s.p.out_width(83, s.kernel_w)}, 2);
    ops::generic_context plain;
    cpu_tensor<T, 4> expected(e);
    ops::conv2d_backward_input(plain, dy, w, expected, s.p);
    for_each_context([&](auto& ctx) {
      auto dx = unwritten<T>(e);
      ops::conv2d_backward_input(ctx, dy, w, dx, s.p);
      CHECK(testing::normalised_difference(dx, expected.span()) <= (std::is_same_v<T, float> ? 2e-6 : 1e-14));
    });
  }
}
