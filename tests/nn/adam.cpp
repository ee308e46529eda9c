// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <vmt/nn/adam.hpp>

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("the optimiser object takes PyTorch's ten steps, also when saved and continued half way", T, float,
                   double) {
  const golden g("adam");
  const ops::adam_params params{g.number("lr"), g.number("beta1"), g.number("beta2"), g.number("eps")};
  const auto gradients = g.tensor<T, 2>("gradients");
  const auto expected = g.tensor<double, 2>("w");
  for_each_context([&](auto& ctx) {
    auto w = g.tensor<T, 1>("w0");
    nn::adam<T> first(16, params);
    for (index_t i = 0; i < 5; ++i) first.update(ctx, w, gradients.view()[i]);
    CHECK(first.step() == 5);
    nn::adam<T> second(16, params);
    std::copy(first.first_moment().span().begin(), first.first_moment().span().end(),
              second.first_moment().span().begin());
    std::copy(first.second_moment().span().begin(), first.second_moment().span().end(),
              second.second_moment().span().begin());
    second.set_step(first.step());
    for (index_t i = 5; i < 10; ++i) second.update(ctx, w, gradients.view()[i]);
    CHECK(testing::normalised_difference(w, expected.view()[9]) <= golden_tolerance<T>);
    check_golden<T>(g, "exp_avg", second.first_moment());
    check_golden<T>(g, "exp_avg_sq", second.second_moment());
  });
}

TEST_CASE_TEMPLATE("with a weight decay it takes the steps of PyTorch's AdamW", T, float, double) {
  const golden g("adamw");
  const auto gradients = g.tensor<T, 2>("gradients");
  const auto expected = g.tensor<double, 2>("w");
  for_each_context([&](auto& ctx) {
    auto w = g.tensor<T, 1>("w0");
    nn::adam<T> adam(16,
                     {g.number("lr"), g.number("beta1"), g.number("beta2"), g.number("eps"), g.number("weight_decay")});
    for (index_t i = 0; i < 10; ++i) {
      adam.update(ctx, w, gradients.view()[i]);
      CHECK(testing::normalised_difference(w, expected.view()[i]) <= golden_tolerance<T>);
    }
  });
}

TEST_CASE("the first step is the learning rate against the sign of each gradient, and the rate may change") {
  ops::generic_context ctx;
  cpu_tensor<double, 1> w(3), gradient(3);
  gradient(0) = 1e-3;
  gradient(1) = -50;
  nn::adam<double> adam(3, {.learning_rate = 0.01});
  adam.update(ctx, w, gradient);
  CHECK(w(0) == doctest::Approx(-0.01).scale(0).epsilon(1e-4));
  CHECK(w(1) == doctest::Approx(0.01).scale(0).epsilon(1e-4));
  CHECK(w(2) == 0);
  adam.params.learning_rate = 0;
  const auto before = w;
  adam.update(ctx, w, gradient);
  CHECK(testing::same_bits(w, before));
}
