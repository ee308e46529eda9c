// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <cmath>

using namespace vmt;
using namespace vmt_test;

namespace {

struct loss_and_gradient {
  double loss;
  cpu_tensor<double, 2> gradient;
};

template <class Context>
loss_and_gradient balanced(Context& ctx, const cpu_tensor<double, 2>& logits, const cpu_tensor<double, 2>& targets) {
  auto d = unwritten<double>(logits.extents());
  const double loss = ops::balanced_bce(ctx, logits, targets, d);
  return {loss, d};
}

// Every `every`-th element is positive.
cpu_tensor<double, 2> targets_of(const extents<2>& e, index_t every, index_t first = 0) {
  cpu_tensor<double, 2> t(e);
  for (index_t i = first; i < t.size(); i += every) t.span()[static_cast<std::size_t>(i)] = 1;
  return t;
}

}  // namespace

TEST_CASE_TEMPLATE("the balanced loss and its gradient equal PyTorch's for all kinds of labels", T, float, double) {
  for (const char* name :
       {"balanced_bce_mixed", "balanced_bce_all_positive", "balanced_bce_all_negative", "balanced_bce_extreme"}) {
    const golden g(name);
    for_each_context([&](auto& ctx) {
      const auto logits = g.tensor<T, 2>("logits");
      auto d = unwritten<T>(logits.extents());
      const double loss = ops::balanced_bce(ctx, logits, g.tensor<T, 2>("targets"), d);
      check_golden<T>(g, "loss", std::vector<double>{loss});
      check_golden<T>(g, "dlogits", d);
    });
  }
}

TEST_CASE("both kinds of labels weigh the same, however rare one is") {
  const extents<2> e{4, 50};
  const cpu_tensor<double, 2> logits(e);  // all 0: every element has the loss log 2 and a gradient of ±weight / 2M
  for_each_context([&](auto& ctx) {
    for (const index_t every : {2, 3, 20, 200}) {
      const auto targets = targets_of(e, every);
      const auto [loss, d] = balanced(ctx, logits, targets);
      CHECK(loss == doctest::Approx(std::log(2.0)).scale(0).epsilon(1e-14));
      double positive = 0;
      double negative = 0;
      for (std::size_t i = 0; i < d.span().size(); ++i) {
        (targets.span()[i] > 0 ? positive : negative) += d.span()[i];
      }
      CHECK(positive == doctest::Approx(-0.25).scale(0).epsilon(1e-14));
      CHECK(negative == doctest::Approx(0.25).scale(0).epsilon(1e-14));
    }
  });
}

TEST_CASE("exchanging the labels and the signs changes nothing") {
  const auto logits = random_tensor<double, 2>({3, 20}, 1, -5, 5);
  const auto targets = targets_of(logits.extents(), 7);
  auto opposite_logits = logits;
  auto opposite_targets = targets;
  for (double& v : opposite_logits.span()) v = -v;
  for (double& v : opposite_targets.span()) v = 1 - v;
  for_each_context([&](auto& ctx) {
    const auto [loss, d] = balanced(ctx, logits, targets);
    auto [opposite_loss, opposite_d] = balanced(ctx, opposite_logits, opposite_targets);
    for (double& v : opposite_d.span()) v = -v;
    CHECK(opposite_loss == doctest::Approx(loss).scale(0).epsilon(1e-14));
    CHECK(testing::normalised_difference(opposite_d, d) <= 1e-14);
  });
}

TEST_CASE("repeating the negatives of a batch changes neither the loss nor the share of the positives") {
  const auto logits = random_tensor<double, 2>({1, 10}, 1, -3, 3);
  auto targets = targets_of(logits.extents(), 10);
  cpu_tensor<double, 2> more_logits(1, 28), more_targets(1, 28);
  for (index_t i = 0; i < 28; ++i) more_logits(index_t{0}, i) = i == 0 ? logits(0, 0) : logits(0, 1 + (i - 1) % 9);
  more_targets(0, 0) = 1;
  for_each_context([&](auto& ctx) {
    const auto [loss, d] = balanced(ctx, logits, targets);
    const auto [more_loss, more_d] = balanced(ctx, more_logits, more_targets);
    CHECK(more_loss == doctest::Approx(loss).scale(0).epsilon(1e-14));
    CHECK(more_d(0, 0) == doctest::Approx(d(0, 0)).scale(0).epsilon(1e-14));
    CHECK(3 * more_d(0, 1) == doctest::Approx(d(0, 1)).scale(0).epsilon(1e-14));
  });
}

TEST_CASE("a batch of one kind of labels is the plain cross-entropy, and finite") {
  const extents<2> e{2, 12};
  const auto logits = random_tensor<double>(e, 1, -4, 4);
  for_each_context([&](auto& ctx) {
    for (const double label : {0.0, 1.0}) {
      cpu_tensor<double, 2> targets(e);
      ops::fill(ctx, targets, label);
      const auto [loss, d] = balanced(ctx, logits, targets);
      double expected = 0;
      double worst = 0;
      for (std::size_t i = 0; i < 24; ++i) {
        const double p = 1 / (1 + std::exp(-logits.span()[i]));
        expected -= std::log(label > 0 ? p : 1 - p) / 24;
        worst = std::max(worst, std::abs(d.span()[i] - (p - label) / 24));
      }
      CHECK(loss == doctest::Approx(expected).scale(0).epsilon(1e-13));
      CHECK(worst <= 1e-16);
    }
  });
}

TEST_CASE_TEMPLATE("logits of any finite size have a finite loss and gradient", T, float, double) {
  for_each_context([](auto& ctx) {
    for (const double size : {100.0, 1e4, 3e38}) {
      cpu_tensor<T, 2> logits(2, 2), targets(2, 2), d(2, 2);
      logits(0, 0) = logits(1, 0) = static_cast<T>(size);
      logits(0, 1) = logits(1, 1) = static_cast<T>(-size);
      targets(0, 0) = targets(0, 1) = 1;
      const double loss = ops::balanced_bce(ctx, logits, targets, d);
      // Half of the four are wrong by `size`, half are right.
      CHECK(loss == doctest::Approx(static_cast<double>(static_cast<T>(size)) / 2).scale(0).epsilon(1e-6));
      CHECK(testing::max_abs_difference(d, std::vector<double>{0, -0.25, 0.25, 0}) <= 1e-30);
    }
  });
}

TEST_CASE_TEMPLATE("ten steps of Adam equal PyTorch's, through gradients of 0, 1e-12 and 1e8", T, float, double) {
  const golden g("adam");
  REQUIRE(g.number("weight_decay") == 0);
  const ops::adam_params params{g.number("lr"), g.number("beta1"), g.number("beta2"), g.number("eps")};
  const auto gradients = g.tensor<T, 2>("gradients");
  const auto expected = g.tensor<double, 2>("w");
  for_each_context([&](auto& ctx) {
    auto w = g.tensor<T, 1>("w0");
    cpu_tensor<T, 1> m(16), v(16);
    for (index_t step = 1; step <= 10; ++step) {
      CAPTURE(step);
      ops::adam_step(ctx, w, gradients.view()[step - 1], m, v, step, params);
      CHECK(testing::normalised_difference(w, expected.view()[step - 1]) <= golden_tolerance<T>);
    }
    check_golden<T>(g, "exp_avg", m);
    check_golden<T>(g, "exp_avg_sq", v);
  });
}

TEST_CASE("empty and unequal arguments are refused") {
  ops::generic_context ctx;
  cpu_tensor<double, 2> a(2, 3), b(3, 2), none(0, 88);
  CHECK_THROWS_WITH_AS(ops::balanced_bce(ctx, a, b, a), "balanced_bce: targets has sizes 3×2, expected 2×3", error);
  CHECK_THROWS_WITH_AS(ops::balanced_bce(ctx, a, a, b), "balanced_bce: gradient has sizes 3×2, expected 2×3", error);
  CHECK_THROWS_WITH_AS(ops::balanced_bce(ctx, none, none, none), "balanced_bce: the batch is empty", error);
  cpu_tensor<double, 1> p(4), q(5);
  CHECK_THROWS_WITH_AS(ops::adam_step(ctx, p, q, p, p, 1, {}), "adam_step: gradients has sizes 5, expected 4", error);
  CHECK_THROWS_WITH_AS(ops::adam_step(ctx, p, p, q, p, 1, {}), "adam_step: first moment has sizes 5, expected 4",
                       error);
  CHECK_THROWS_AS(ops::adam_step(ctx, p, p, p, q, 1, {}), error);
}
