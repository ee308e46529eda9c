// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/ops/conv2d_norm.hpp>
#include <vmt/testing/compare.hpp>

#include "support/contexts.hpp"

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("a convolution with its norm is the operations one after the other, to the bit on the CPU", T, float,
                   double) {
  const auto x = random_tensor<T, 4>({2, 3, 9, 11}, 1);
  const auto w = random_tensor<T, 4>({5, 3, 3, 3}, 2);
  const auto r = random_tensor<T, 4>({2, 5, 5, 6}, 3);
  const auto b = random_tensor<T, 1>({5}, 4), beta = random_tensor<T, 1>({5}, 5), mean = random_tensor<T, 1>({5}, 6);
  const auto gamma = random_tensor<T, 1>({5}, 7), variance = random_tensor<T, 1>({5}, 8, 0.5, 1.5);
  const ops::given_norm<T> norm{gamma, beta, mean, variance, 1e-3};
  const ops::conv2d_params p{2, 2, 1, 1};
  for_each_context([&](auto& ctx) {
    for (const bool bias : {false, true})
      for (const bool residual : {false, true})
        for (const bool relu : {false, true}) {
          const const_view<T, 1> first = bias ? b.view() : const_view<T, 1>{};
          auto y = unwritten<T>(r.extents()), expected = unwritten<T>(r.extents());
          ops::conv2d_norm(ctx, x, w, first, norm, residual ? r.view() : const_view<T, 4>{}, relu, y, p);
          ops::conv2d(ctx, x, w, first, expected, p);
          ops::batch_norm(ctx, expected, gamma, beta, mean, variance, 1e-3, expected);
          if (residual) ops::add(ctx, expected, r, expected);
          if (relu) ops::relu(ctx, expected, expected);
          CHECK(testing::same_bits(y, expected));
        }
  });
}

TEST_CASE("a convolution with its norm refuses sizes that do not fit") {
  ops::generic_context ctx;
  const cpu_tensor<float, 4> x(1, 2, 5, 5), w(3, 2, 3, 3), wrong(1, 3, 4, 5);
  const cpu_tensor<float, 1> three(3), two(2);
  cpu_tensor<float, 4> y(1, 3, 5, 5);
  const ops::given_norm<float> norm{three, three, three, three}, short_norm{three, three, two, three};
  const ops::conv2d_params p{1, 1, 1, 1};
  CHECK_NOTHROW(ops::conv2d_norm(ctx, x, w, {}, norm, {}, true, y, p));
  CHECK_THROWS_WITH_AS(ops::conv2d_norm(ctx, x, w, {}, short_norm, {}, true, y, p),
                       "conv2d_norm: a vector per channel has sizes 2, expected 3", error);
  CHECK_THROWS_WITH_AS(ops::conv2d_norm(ctx, x, w, {}, norm, wrong, true, y, p),
                       "conv2d_norm: residual has sizes 1×3×4×5, expected 1×3×5×5", error);
  CHECK_THROWS_AS(ops::conv2d_norm(ctx, x, w, {}, norm, {}, true, y), error);
}
