// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <cmath>

using namespace vmt;
using namespace vmt_test;

namespace {

// Mean and biased variance of channel c, in double.
template <class T>
std::pair<double, double> moments(const cpu_tensor<T, 4>& x, index_t c) {
  double sum = 0;
  double squares = 0;
  double count = 0;
  const auto for_each = [&](auto f) {
    for (index_t n = 0; n < x.extent(0); ++n)
      for (const T v : x.view()[n][c].span()) f(static_cast<double>(v));
  };
  for_each([&](double v) { sum += v, count += 1; });
  for_each([&](double v) { squares += (v - sum / count) * (v - sum / count); });
  return {sum / count, squares / count};
}

}  // namespace

TEST_CASE_TEMPLATE("batch norm, its gradient and its running statistics equal PyTorch's", T, float, double) {
  const golden g("batch_norm_train");
  for_each_context([&](auto& ctx) {
    const auto x = g.tensor<T, 4>("x");
    const auto gamma = g.tensor<T, 1>("weight");
    auto running_mean = g.tensor<T, 1>("running_mean_before");
    auto running_var = g.tensor<T, 1>("running_var_before");
    auto mean = unwritten<T>(gamma.extents()), inverse = mean;
    auto y = unwritten<T>(x.extents()), dx = y;
    cpu_tensor<T, 1> dgamma(gamma.extents()), dbeta(gamma.extents());
    const ops::batch_norm_statistics<T> s{running_mean, running_var,          mean,
                                          inverse,      g.number("momentum"), g.number("eps")};
    ops::batch_norm_train(ctx, x, gamma, g.tensor<T, 1>("bias"), s, y);
    ops::batch_norm_backward(ctx, x, g.tensor<T, 4>("dy"), gamma, mean, inverse, dgamma, dbeta, dx);
    check_golden<T>(g, "y", y);
    check_golden<T>(g, "running_mean_after", running_mean);
    check_golden<T>(g, "running_var_after", running_var);
    check_golden<T>(g, "dx", dx);
    check_golden<T>(g, "dweight", dgamma);
    check_golden<T>(g, "dbias", dbeta);
  });
  const golden h("batch_norm_inference");
  for_each_context([&](auto& ctx) {
    auto x = h.tensor<T, 4>("x");
    auto y = unwritten<T>(x.extents());
    const auto normalise = [&](const cpu_tensor<T, 4>& in, cpu_tensor<T, 4>& out) {
      ops::batch_norm(ctx, in, h.tensor<T, 1>("weight"), h.tensor<T, 1>("bias"), h.tensor<T, 1>("running_mean"),
                      h.tensor<T, 1>("running_var"), h.number("eps"), out);
    };
    normalise(x, y);
    check_golden<T>(h, "y", y);
    normalise(x, x);  // in place
    CHECK(testing::same_bits(x, y));
  });
}

TEST_CASE_TEMPLATE("the output has the asked for mean and deviation, also where the input's mean is large", T, float,
                   double) {
  const extents<4> e{3, 5, 7, 11};
  for (const double offset : {0.0, -3.0, 1000.0}) {
    auto x = random_tensor<T>(e, 1);
    for (T& v : x.span()) v += static_cast<T>(offset);
    const auto gamma = random_tensor<T, 1>({5}, 2, 0.5, 2.0);
    const auto beta = random_tensor<T, 1>({5}, 3);
    for_each_context([&](auto& ctx) {
      cpu_tensor<T, 1> running_mean(5), running_var(5), mean(5), inverse(5);
      const ops::batch_norm_statistics<T> s{running_mean, running_var, mean, inverse, 1.0, 0.0};
      cpu_tensor<T, 4> y(e);
      ops::batch_norm_train(ctx, x, gamma, beta, s, y);
      // Subtracting a mean of 1000 leaves as many digits as x has beside it.
      const double tolerance = static_cast<double>(std::numeric_limits<T>::epsilon()) * (10 + 4 * std::abs(offset));
      for (index_t c = 0; c < 5; ++c) {
        const auto [y_mean, y_variance] = moments(y, c);
        const auto [x_mean, x_variance] = moments(x, c);
        CHECK(std::abs(y_mean - static_cast<double>(beta(c))) <= tolerance);
        CHECK(std::abs(std::sqrt(y_variance) - static_cast<double>(gamma(c))) <= tolerance);
        // With momentum 1 the running statistics are those of the batch; the variance is the unbiased one.
        CHECK(static_cast<double>(running_mean(c)) == doctest::Approx(x_mean).scale(0).epsilon(1e-6));
        CHECK(static_cast<double>(running_var(c)) == doctest::Approx(x_variance * 231 / 230).scale(0).epsilon(1e-6));
      }
    });
  }
}

TEST_CASE("a channel of equal values has a finite output and gradient") {
  cpu_tensor<float, 4> x(2, 1, 3, 3);
  for (float& v : x.span()) v = 0.1F;
  const auto dy = random_tensor<float>(x.extents(), 1);
  for_each_context([&](auto& ctx) {
    cpu_tensor<float, 1> gamma(1), beta(1), running_mean(1), running_var(1), mean(1), inverse(1), dgamma(1), dbeta(1);
    gamma(0) = 1;
    beta(0) = 0.25F;
    auto y = x, dx = x;
    ops::batch_norm_train(ctx, x, gamma, beta,
                          ops::batch_norm_statistics<float>{running_mean, running_var, mean, inverse}, y);
    ops::batch_norm_backward(ctx, x, dy, gamma, mean, inverse, dgamma, dbeta, dx);
    CHECK(testing::max_abs_difference(y, std::vector<float>(18, 0.25F)) <= 1e-5);
    bool finite = true;
    for (const float v : dx.span()) finite = finite && std::isfinite(v);
    CHECK(finite);
  });
}

TEST_CASE("a batch of one sample with one pixel is refused in training, and nothing has changed") {
  for_each_context([](auto& ctx) {
    cpu_tensor<float, 4> x(1, 3, 1, 1), y(1, 3, 1, 1);
    cpu_tensor<float, 1> c(3), running_mean(3), running_var(3);
    ops::fill(ctx, running_var, 1.0F);
    const ops::batch_norm_statistics<float> s{running_mean, running_var, c, c};
    CHECK_THROWS_WITH_AS(ops::batch_norm_train(ctx, x, c, c, s, y),
                         "batch_norm_train: needs more than one value per channel to estimate a variance", error);
    CHECK(testing::max_abs_difference(running_var, std::vector<float>(3, 1.0F)) == 0);
    // Two samples of one pixel, or one of two, have a variance.
    cpu_tensor<float, 4> two(2, 3, 1, 1), wide(1, 3, 1, 2);
    CHECK_NOTHROW(ops::batch_norm_train(ctx, two, c, c, s, two));
    CHECK_NOTHROW(ops::batch_norm_train(ctx, wide, c, c, s, wide));
  });
}

TEST_CASE("vectors and maps of other sizes are refused") {
  ops::generic_context ctx;
  cpu_tensor<float, 4> x(2, 3, 4, 4), y(2, 4, 4, 4);
  cpu_tensor<float, 1> c(3), d(4);
  CHECK_THROWS_WITH_AS(ops::batch_norm(ctx, x, c, c, c, c, 1e-5, y),
                       "batch_norm: output has sizes 2×4×4×4, expected 2×3×4×4", error);
  CHECK_THROWS_WITH_AS(ops::batch_norm(ctx, x, c, d, c, c, 1e-5, x),
                       "batch_norm: a vector per channel has sizes 4, expected 3", error);
  CHECK_THROWS_AS(ops::batch_norm_train(ctx, x, c, c, ops::batch_norm_statistics<float>{c, d, c, c}, x), error);
  CHECK_THROWS_WITH_AS(ops::batch_norm_backward(ctx, x, y, c, c, c, c, c, x),
                       "batch_norm_backward: output gradient has sizes 2×4×4×4, expected 2×3×4×4", error);
  CHECK_THROWS_AS(ops::batch_norm_backward(ctx, x, x, c, c, c, d, c, x), error);
}

TEST_CASE_TEMPLATE("with a ReLU it is the two operations one after the other, forwards and backwards", T, float,
                   double) {
  const extents<4> e{3, 4, 6, 9};
  const auto x = random_tensor<T>(e, 1);
  const auto dy = random_tensor<T>(e, 2);
  const auto gamma = random_tensor<T, 1>({4}, 3, -1.5, 1.5);
  const auto beta = random_tensor<T, 1>({4}, 4);
  for_each_context([&](auto& ctx) {
    cpu_tensor<T, 1> running_mean(4), running_var(4), mean(4), inverse(4);
    const ops::batch_norm_statistics<T> s{running_mean, running_var, mean, inverse};
    cpu_tensor<T, 4> y(e), separate(e), dx(e), separate_dx(e);
    cpu_tensor<T, 1> dgamma(4), dbeta(4), separate_dgamma(4), separate_dbeta(4);
    ops::batch_norm_train(ctx, x, gamma, beta, s, y, true);
    ops::batch_norm_backward(ctx, x, dy, gamma, mean, inverse, dgamma, dbeta, dx, beta.view());
    ops::batch_norm_train(ctx, x, gamma, beta, s, separate);
    ops::relu(ctx, separate, separate);
    ops::relu_backward(ctx, separate, dy, separate_dx);
    ops::batch_norm_backward(ctx, x, separate_dx, gamma, mean, inverse, separate_dgamma, separate_dbeta, separate_dx);
    CHECK(testing::same_bits(y, separate));
    const double tolerance = 20 * static_cast<double>(std::numeric_limits<T>::epsilon());
    CHECK(testing::max_abs_difference(dx, separate_dx.span()) <= tolerance);
    CHECK(testing::max_abs_difference(dgamma, separate_dgamma.span()) <= 10 * tolerance);
    CHECK(testing::max_abs_difference(dbeta, separate_dbeta.span()) <= 10 * tolerance);
  });
}
