// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("a fully connected layer and its gradients equal PyTorch's", T, float, double) {
  const golden g("linear");
  const auto x = g.tensor<T, 2>("x");
  const auto w = g.tensor<T, 2>("weight");
  const auto bias = g.tensor<T, 1>("bias");
  const auto dy = g.tensor<T, 2>("dy");
  for_each_context([&](auto& ctx) {
    auto y = unwritten<T>(dy.extents());
    auto dx = unwritten<T>(x.extents());
    cpu_tensor<T, 2> dw(w.extents());
    cpu_tensor<T, 1> db(bias.extents());
    ops::linear(ctx, x, w, bias, y);
    ops::linear_backward_input(ctx, dy, w, dx);
    ops::linear_backward_weight(ctx, x, dy, dw, db);
    check_golden<T>(g, "y", y);
    check_golden<T>(g, "dx", dx);
    check_golden<T>(g, "dweight", dw);
    check_golden<T>(g, "dbias", db);
  });
}

TEST_CASE("without a bias the sum stands alone, and gradients are added to what is there") {
  const auto x = random_tensor<double, 2>({3, 8}, 1);
  const auto w = random_tensor<double, 2>({5, 8}, 2);
  const auto dy = random_tensor<double, 2>({3, 5}, 3);
  for_each_context([&](auto& ctx) {
    cpu_tensor<double, 2> y(3, 5);
    ops::linear(ctx, x, w, {}, y);
    double sum = 0;
    for (index_t i = 0; i < 8; ++i) sum += x(2, i) * w(4, i);
    CHECK(y(2, 4) == doctest::Approx(sum).scale(0).epsilon(1e-14));
    cpu_tensor<double, 2> once(5, 8), twice(5, 8), no_bias(5, 8);
    cpu_tensor<double, 1> bias_once(5), bias_twice(5);
    ops::linear_backward_weight(ctx, x, dy, once, bias_once);
    ops::linear_backward_weight(ctx, x, dy, no_bias, {});
    for (int i = 0; i < 2; ++i) ops::linear_backward_weight(ctx, x, dy, twice, bias_twice);
    for (double& v : twice.span()) v /= 2;
    for (double& v : bias_twice.span()) v /= 2;
    CHECK(testing::normalised_difference(twice, once) <= 1e-14);
    CHECK(testing::normalised_difference(bias_twice, bias_once) <= 1e-14);
    CHECK(testing::same_bits(no_bias, once));
  });
}

TEST_CASE("sizes that do not fit are refused") {
  ops::generic_context ctx;
  cpu_tensor<float, 2> x(3, 8), w(5, 8), y(3, 5), narrow(5, 7);
  cpu_tensor<float, 1> bias(4);
  CHECK_THROWS_WITH_AS(ops::linear(ctx, x, narrow, {}, y), "linear: weight expects 7 features, input has 8", error);
  CHECK_THROWS_WITH_AS(ops::linear(ctx, x, w, {}, x), "linear: output has sizes 3×8, expected 3×5", error);
  CHECK_THROWS_WITH_AS(ops::linear(ctx, x, w, bias, y), "linear: bias has sizes 4, expected 5", error);
  CHECK_THROWS_WITH_AS(ops::linear_backward_input(ctx, y, narrow, x),
                       "linear_backward_input: weight expects 7 features, input has 8", error);
  CHECK_THROWS_WITH_AS(ops::linear_backward_weight(ctx, x, y, w, bias),
                       "linear_backward_weight: bias has sizes 4, expected 5", error);
  CHECK_THROWS_AS(ops::linear_backward_weight(ctx, x, x, w, {}), error);
}
