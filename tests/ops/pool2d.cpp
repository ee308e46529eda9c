// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <cmath>

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("max-pool and global average equal PyTorch's, also where values tie", T, float, double) {
  for (const char* name : {"max_pool_3_2_1", "max_pool_3_2_1_ties"}) {
    const golden g(name);
    const ops::pool2d_params p{g.integer("kernel"), g.integer("stride"), g.integer("padding")};
    const auto x = g.tensor<T, 4>("x");
    const auto dy = g.tensor<T, 4>("dy");
    for_each_context([&](auto& ctx) {
      auto y = unwritten<T>(dy.extents()), without = y;
      auto dx = unwritten<T>(x.extents());
      cpu_tensor<std::int32_t, 4> argmax(dy.extents());
      ops::max_pool2d(ctx, x, y, argmax, p);
      ops::max_pool2d(ctx, x, without, {}, p);
      ops::max_pool2d_backward(ctx, dy, argmax, dx, p);
      check_golden<T>(g, "y", y, std::is_same_v<T, float> ? 1e-7 : 0);
      check_golden<T>(g, "dx", dx);
      CHECK(testing::same_bits(without, y));
    });
  }
  const golden g("global_average_pool");
  for_each_context([&](auto& ctx) {
    const auto dy = g.tensor<T, 2>("dy");
    const auto x = g.tensor<T, 4>("x");
    auto y = unwritten<T>(dy.extents());
    auto dx = unwritten<T>(x.extents());
    ops::global_avg_pool(ctx, x, y);
    ops::global_avg_pool_backward(ctx, dy, dx);
    check_golden<T>(g, "y", y);
    check_golden<T>(g, "dx", dx);
  });
}

TEST_CASE("every window: the maximum is the largest value in it, the mean their sum over the whole kernel") {
  const auto x = random_tensor<double, 4>({2, 3, 8, 9}, 1);
  for (const ops::pool2d_params p : {ops::pool2d_params{3, 2, 1}, {2, 2, 0}, {3, 1, 1}, {4, 3, 2}, {1, 1, 0}}) {
    CAPTURE(p.kernel);
    const extents<4> e{2, 3, p.out_size(8), p.out_size(9)};
    for_each_context([&](auto& ctx) {
      auto most = unwritten<double>(e), mean = most;
      cpu_tensor<std::int32_t, 4> argmax(e);
      ops::max_pool2d(ctx, x, most, argmax, p);
      ops::avg_pool2d(ctx, x, mean, p);
      double worst = 0;
      for (index_t n = 0; n < e[0]; ++n)
        for (index_t c = 0; c < e[1]; ++c)
          for (index_t i = 0; i < e[2]; ++i)
            for (index_t j = 0; j < e[3]; ++j) {
              double largest = -10;
              double sum = 0;
              for (index_t r = 0; r < p.kernel; ++r)
                for (index_t s = 0; s < p.kernel; ++s) {
                  const index_t h = i * p.stride - p.padding + r;
                  const index_t w = j * p.stride - p.padding + s;
                  if (h < 0 || w < 0 || h >= 8 || w >= 9) continue;
                  largest = std::max(largest, x(n, c, h, w));
                  sum += x(n, c, h, w);
                }
              const index_t place = argmax(n, c, i, j);
              worst = std::max(worst, std::abs(most(n, c, i, j) - largest));
              worst = std::max(worst, std::abs(x(n, c, place / 9, place % 9) - largest));
              worst = std::max(worst, std::abs(mean(n, c, i, j) - sum / static_cast<double>(p.kernel * p.kernel)));
            }
      CHECK(worst <= 1e-15);
    });
  }
}

TEST_CASE("a maximum is nowhere below the mean of its window, for values that are not negative") {
  const auto x = random_tensor<float, 4>({2, 3, 17, 20}, 1, 0, 1);
  const ops::pool2d_params p;
  for_each_context([&](auto& ctx) {
    cpu_tensor<float, 4> most(2, 3, 9, 10), mean(2, 3, 9, 10);
    ops::max_pool2d(ctx, x, most, {}, p);
    ops::avg_pool2d(ctx, x, mean, p);
    index_t above = 0;
    for (std::size_t i = 0; i < most.span().size(); ++i) above += most.span()[i] >= mean.span()[i] ? 1 : 0;
    CHECK(above == most.size());
  });
}

TEST_CASE("padding is no value: a map of negative numbers keeps them, and a NaN is passed on") {
  cpu_tensor<float, 4> x(1, 1, 5, 5), y(1, 1, 3, 3);
  for (float& v : x.span()) v = -4;
  x(0, 0, 2, 2) = std::numeric_limits<float>::quiet_NaN();
  for_each_context([&](auto& ctx) {
    ops::max_pool2d(ctx, x, y, {}, {3, 2, 1});
    CHECK(y(0, 0, 0, 0) == -4);
    CHECK(y(0, 0, 2, 2) == -4);
    CHECK(std::isnan(y(0, 0, 1, 1)));
  });
}

TEST_CASE("the gradients of pooling share out what comes in") {
  const auto dy = random_tensor<double, 4>({1, 2, 4, 5}, 1);
  for_each_context([&](auto& ctx) {
    auto dx = unwritten<double>(extents<4>{1, 2, 8, 10});
    ops::avg_pool2d_backward(ctx, dy, dx, {2, 2, 0});
    bool quarter = true;
    for (index_t c = 0; c < 2; ++c)
      for (index_t h = 0; h < 8; ++h)
        for (index_t w = 0; w < 10; ++w) quarter = quarter && dx(0, c, h, w) == dy(0, c, h / 2, w / 2) / 4;
    CHECK(quarter);
  });
}

TEST_CASE("windows and sizes that do not fit are refused") {
  ops::generic_context ctx;
  cpu_tensor<float, 4> x(1, 2, 8, 8), y(1, 2, 4, 4), no_pixel(1, 2, 0, 8);
  cpu_tensor<std::int32_t, 4> argmax(1, 2, 4, 5);
  cpu_tensor<float, 2> v(1, 3), w(1, 2);
  CHECK_THROWS_WITH_AS(ops::max_pool2d(ctx, x, y, argmax, {3, 2, 1}),
                       "max_pool2d: argmax has sizes 1×2×4×5, expected 1×2×4×4", error);
  CHECK_THROWS_WITH_AS(ops::max_pool2d(ctx, x, y, {}, {3, 2, 2}),
                       "max_pool2d: kernel and stride must be positive, the padding at most half of the kernel", error);
  CHECK_THROWS_AS(ops::max_pool2d(ctx, x, y, {}, {3, 0, 1}), error);
  CHECK_THROWS_WITH_AS(ops::avg_pool2d(ctx, x, y, {3, 1, 1}), "avg_pool2d: output has sizes 1×2×4×4, expected 1×2×8×8",
                       error);
  CHECK_THROWS_AS(ops::avg_pool2d_backward(ctx, y, x, {3, 1, 1}), error);
  CHECK_THROWS_WITH_AS(ops::max_pool2d_backward(ctx, y, argmax, x, {3, 2, 1}),
                       "max_pool2d_backward: argmax has sizes 1×2×4×5, expected 1×2×4×4", error);
  CHECK_THROWS_WITH_AS(ops::global_avg_pool(ctx, x, v), "global_avg_pool: output has sizes 1×3, expected 1×2", error);
  CHECK_THROWS_WITH_AS(ops::global_avg_pool(ctx, no_pixel, w), "global_avg_pool: the input has no pixel", error);
  CHECK_THROWS_AS(ops::global_avg_pool_backward(ctx, v, x), error);
}
