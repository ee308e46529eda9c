// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <cmath>

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("ReLU and sigmoid and their gradients equal PyTorch's", T, float, double) {
  const golden relu("relu");
  const golden sigmoid("sigmoid");
  for_each_context([&](auto& ctx) {
    const auto x = relu.tensor<T, 4>("x");
    auto y = unwritten<T>(x.extents()), dx = y;
    ops::relu(ctx, x, y);
    ops::relu_backward(ctx, y, relu.tensor<T, 4>("dy"), dx);
    check_golden<T>(relu, "y", y, std::is_same_v<T, float> ? 1e-7 : 0);
    check_golden<T>(relu, "dx", dx, std::is_same_v<T, float> ? 1e-7 : 0);
  });
  for_each_context([&](auto& ctx) {
    const auto x = sigmoid.tensor<T, 1>("x");
    auto y = unwritten<T>(x.extents()), dx = y;
    ops::sigmoid(ctx, x, y);
    ops::sigmoid_backward(ctx, y, sigmoid.tensor<T, 1>("dy"), dx);
    check_golden<T>(sigmoid, "y", y);
    check_golden<T>(sigmoid, "dx", dx);
  });
}

TEST_CASE_TEMPLATE("a NaN goes through ReLU, infinities keep their side, zero is zero", T, float, double) {
  using limits = std::numeric_limits<T>;
  for_each_context([&](auto& ctx) {
    // 67 numbers: whole registers and a rest.
    cpu_tensor<T, 1> x(67), y(67);
    for (index_t i = 0; i < 67; ++i) x(i) = static_cast<T>(i % 3) - T(1);
    for (const index_t place : {index_t{0}, index_t{31}, index_t{66}}) {
      auto with_nan = x;
      with_nan(place) = limits::quiet_NaN();
      ops::relu(ctx, with_nan, y);
      CHECK(std::isnan(y(place)));
      index_t nans = 0;
      for (const T v : y.span()) nans += std::isnan(v) ? 1 : 0;
      CHECK(nans == 1);
    }
    x(3) = limits::infinity();
    x(64) = -limits::infinity();
    ops::relu(ctx, x, y);
    CHECK(y(index_t{3}) == limits::infinity());
    CHECK(y(index_t{64}) == T(0));
    CHECK(y(index_t{1}) == T(0));
    CHECK(y(index_t{2}) == T(1));
  });
}

TEST_CASE_TEMPLATE("sigmoid stays within 0 and 1 and is symmetric", T, float, double) {
  for_each_context([&](auto& ctx) {
    cpu_tensor<T, 1> x(401), minus(401), y(401), z(401);
    for (index_t i = 0; i < 401; ++i) {
      x(i) = static_cast<T>(i - 200) / T(4) * (i % 7 == 0 ? T(100) : T(1));
      minus(i) = -x(i);
    }
    ops::sigmoid(ctx, x, y);
    ops::sigmoid(ctx, minus, z);
    T worst = 0;
    bool inside = true;
    for (index_t i = 0; i < 401; ++i) {
      worst = std::max(worst, std::abs(y(i) + z(i) - T(1)));
      inside = inside && y(i) >= T(0) && y(i) <= T(1);
    }
    CHECK(inside);
    CHECK(worst <= 2 * std::numeric_limits<T>::epsilon());
  });
}

TEST_CASE("the output may be the input") {
  const auto x = random_tensor<float, 4>({2, 3, 5, 7}, 1);
  const auto dy = random_tensor<float, 4>({2, 3, 5, 7}, 2);
  for_each_context([&](auto& ctx) {
    auto y = x, in_place = x;
    ops::relu(ctx, x, y);
    ops::relu(ctx, in_place, in_place);
    CHECK(testing::same_bits(y, in_place));
    auto dx = x, gradient = dy;
    ops::relu_backward(ctx, y, dy, dx);
    ops::relu_backward(ctx, y, gradient, gradient);
    CHECK(testing::same_bits(dx, gradient));
    auto sum = x, same = x;
    ops::add(ctx, x, dy, sum);
    ops::add(ctx, same, dy, same);
    CHECK(testing::same_bits(sum, same));
    CHECK(sum(1, 2, 3, 4) == x(1, 2, 3, 4) + dy(1, 2, 3, 4));
  });
}

TEST_CASE("fill sets every element, of any rank and of none") {
  for_each_context([&](auto& ctx) {
    auto x = random_tensor<double, 3>({3, 5, 7}, 1);
    ops::fill(ctx, x, -2.5);
    index_t set = 0;
    for (const double v : x.span()) set += v == -2.5 ? 1 : 0;
    CHECK(set == 105);
    cpu_tensor<double, 2> none(0, 4), out(0, 4);
    ops::fill(ctx, none, 1.0);
    ops::relu(ctx, none, out);
    CHECK(out.size() == 0);
  });
}

TEST_CASE("sizes that differ are refused with both") {
  ops::generic_context ctx;
  cpu_tensor<float, 2> a(2, 3), b(3, 2);
  CHECK_THROWS_WITH_AS(ops::relu(ctx, a, b), "relu: output has sizes 3×2, expected 2×3", error);
  CHECK_THROWS_WITH_AS(ops::relu_backward(ctx, a, b, a), "relu_backward: output gradient has sizes 3×2, expected 2×3",
                       error);
  CHECK_THROWS_WITH_AS(ops::relu_backward(ctx, a, a, b), "relu_backward: input gradient has sizes 3×2, expected 2×3",
                       error);
  CHECK_THROWS_WITH_AS(ops::sigmoid(ctx, a, b), "sigmoid: output has sizes 3×2, expected 2×3", error);
  CHECK_THROWS_AS(ops::sigmoid_backward(ctx, a, b, a), error);
  CHECK_THROWS_WITH_AS(ops::add(ctx, a, b, a), "add: second term has sizes 3×2, expected 2×3", error);
  CHECK_THROWS_WITH_AS(ops::add(ctx, a, a, b), "add: output has sizes 3×2, expected 2×3", error);
}
