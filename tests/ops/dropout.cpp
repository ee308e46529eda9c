// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"

#include <vmt/testing/compare.hpp>

#include <cmath>

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("dropout keeps the mean, drops its share, and its gradient has the same mask", T, float, double) {
  constexpr index_t count = 40000;
  const auto x = random_tensor<T, 1>({count}, 1, 0.5, 1.5);
  const auto dy = random_tensor<T, 1>({count}, 2, 0.5, 1.5);
  const rng random(4, 7, 0, rng_use::dropout);
  cpu_tensor<T, 1> first;
  for_each_context([&](auto& ctx) {
    auto y = unwritten<T>(x.extents()), dx = y;
    ops::dropout(ctx, x, 0.15, random, y);
    ops::dropout(ctx, dy, 0.15, random, dx);
    index_t dropped = 0, wrong = 0;
    for (index_t i = 0; i < count; ++i) {
      dropped += y(i) == T(0) ? 1 : 0;
      wrong += (y(i) == T(0)) != (dx(i) == T(0)) ? 1 : 0;
      if (y(i) != T(0)) wrong += std::abs(y(i) * T(0.85) - x(i)) > T(1e-6) ? 1 : 0;
    }
    CHECK(wrong == 0);
    CHECK(std::abs(static_cast<double>(dropped) / count - 0.15) < 0.01);  // five deviations
    if (first.size() == 0) first = y;
    CHECK(testing::same_bits(y, first));  // for every backend and any number of threads
  });
}

TEST_CASE("the mask of number i is word i of the stream") {
  ops::generic_context ctx;
  const auto x = random_tensor<float, 2>({3, 7}, 1, 1, 2);
  auto y = unwritten<float>(x.extents());
  const rng random(9, 1, 2, rng_use::dropout);
  ops::dropout(ctx, x, 0.5, random, y);
  rng words = random;
  for (index_t i = 0; i < 21; ++i) CHECK((y.view().flat()(i) == 0.0F) == (words.bits() < 0x8000'0000U));
  for (const rng::word block : {0U, 1U, 4U}) {
    rng direct = random.from_block(block), counted = random;
    for (rng::word i = 0; i < 4 * block; ++i) (void)counted.bits();
    CHECK(direct.bits() == counted.bits());
  }
}

TEST_CASE("a probability outside [0, 1) is refused, and 0 changes nothing") {
  ops::generic_context ctx;
  const auto x = random_tensor<float, 1>({50}, 1);
  auto y = unwritten<float>(x.extents());
  ops::dropout(ctx, x, 0, rng(1), y);
  CHECK(testing::same_bits(y, x));
  CHECK_THROWS_AS(ops::dropout(ctx, x, 1, rng(1), y), error);
  CHECK_THROWS_AS(ops::dropout(ctx, x, -0.1, rng(1), y), error);
  CHECK_THROWS_AS(ops::dropout(ctx, x, std::numeric_limits<double>::quiet_NaN(), rng(1), y), error);
  cpu_tensor<float, 1> longer(51);
  CHECK_THROWS_AS(ops::dropout(ctx, x, 0.5, rng(1), longer), error);
}
