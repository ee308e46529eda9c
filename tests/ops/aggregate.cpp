// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("the channel-wise aggregation and its gradients equal PyTorch's", T, float, double) {
  const golden g("aggregation_channelwise");
  const auto x = g.tensor<T, 5>("x");
  const auto dy = g.tensor<T, 4>("dy");
  cpu_tensor<T, 2> w(3, 5);
  const auto stored = g.numbers<T>("weight");
  std::copy(stored.begin(), stored.end(), w.span().begin());
  for_each_context([&](auto& ctx) {
    auto y = unwritten<T>(dy.extents());
    auto dx = unwritten<T>(x.extents());
    cpu_tensor<T, 2> dw(3, 5);
    ops::aggregate(ctx, x, w, y);
    ops::aggregate_backward(ctx, x, dy, w, dw, dx);
    check_golden<T>(g, "y", y);
    check_golden<T>(g, "dx", dx);
    check_golden<T>(g, "dweight", dw);
  });
}

TEST_CASE("a weight of one frame picks that frame, channel by channel") {
  const auto x = random_tensor<float, 5>({2, 5, 3, 4, 6}, 1);
  for_each_context([&](auto& ctx) {
    for (index_t f = 0; f < 5; ++f) {
      cpu_tensor<float, 2> w(3, 5);
      for (index_t c = 0; c < 3; ++c) w(c, (f + c) % 5) = 1;
      auto y = unwritten<float>(extents<4>{2, 3, 4, 6});
      ops::aggregate(ctx, x, w, y);
      for (index_t n = 0; n < 2; ++n)
        for (index_t c = 0; c < 3; ++c) {
          CHECK(testing::max_abs_difference(y.view()[n][c], x.view()[n][(f + c) % 5][c]) == 0);
        }
    }
  });
}

TEST_CASE("sizes that do not fit are refused") {
  ops::generic_context ctx;
  cpu_tensor<float, 5> x(2, 5, 3, 4, 6);
  cpu_tensor<float, 4> y(2, 3, 4, 6), wrong(2, 5, 4, 6);
  cpu_tensor<float, 2> w(3, 5), turned(5, 3);
  CHECK_THROWS_WITH_AS(ops::aggregate(ctx, x, w, wrong), "aggregate: output has sizes 2×5×4×6, expected 2×3×4×6",
                       error);
  CHECK_THROWS_WITH_AS(ops::aggregate(ctx, x, turned, y),
                       "aggregate: weight (channels × frames) has sizes 5×3, expected 3×5", error);
  CHECK_THROWS_WITH_AS(ops::aggregate_backward(ctx, x, y, w, turned, x),
                       "aggregate_backward: weight gradient has sizes 5×3, expected 3×5", error);
  cpu_tensor<float, 5> other(2, 4, 3, 4, 6);
  CHECK_THROWS_AS(ops::aggregate_backward(ctx, x, y, w, w, other), error);
}
