// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("concatenation and linear resampling equal PyTorch's", T, float, double) {
  const golden g("concat_channels");
  for_each_context([&](auto& ctx) {
    const auto dy = g.tensor<T, 4>("dy");
    auto y = unwritten<T>(dy.extents());
    ops::concat_channels(ctx, g.tensor<T, 4>("x0"), g.tensor<T, 4>("x1"), y);
    auto dx0 = unwritten<T>(extents<4>{2, 4, 3, 5}), dx1 = unwritten<T>(extents<4>{2, 2, 3, 5});
    ops::split_channels(ctx, dy, dx0, dx1);
    check_golden<T>(g, "y", y, std::is_same_v<T, float> ? 1e-7 : 0);
    check_golden<T>(g, "dx0", dx0, std::is_same_v<T, float> ? 1e-7 : 0);
    check_golden<T>(g, "dx1", dx1, std::is_same_v<T, float> ? 1e-7 : 0);
  });
  for (const char* name : {"resample_88_50", "resample_7_12", "resample_7_1", "resample_1_5", "resample_6_6"}) {
    const golden r(name);
    for_each_context([&](auto& ctx) {
      const auto dy = r.tensor<T, 3>("dy");
      const auto x = r.tensor<T, 3>("x");
      auto y = unwritten<T>(dy.extents());
      auto dx = unwritten<T>(x.extents());
      ops::resample_linear(ctx, x, y);
      ops::resample_linear_backward(ctx, dy, dx);
      check_golden<T>(r, "y", y);
      check_golden<T>(r, "dx", dx);
    });
  }
}

TEST_CASE("splitting undoes concatenation") {
  const auto a = random_tensor<float, 4>({3, 2, 4, 5}, 1);
  const auto b = random_tensor<float, 4>({3, 7, 4, 5}, 2);
  for_each_context([&](auto& ctx) {
    cpu_tensor<float, 4> both(3, 9, 4, 5);
    auto first = unwritten<float>(a.extents()), second = unwritten<float>(b.extents());
    ops::concat_channels(ctx, a, b, both);
    ops::split_channels(ctx, both, first, second);
    CHECK(testing::same_bits(first, a));
    CHECK(testing::same_bits(second, b));
  });
}

TEST_CASE_TEMPLATE("resampling keeps both ends and straight lines, whatever the lengths", T, float, double) {
  for_each_context([](auto& ctx) {
    for (const index_t from : {2, 3, 12, 88})
      for (const index_t to : {2, 3, 11, 50, 88, 175}) {
        cpu_tensor<T, 3> x(1, 1, from), y(1, 1, to);
        for (index_t i = 0; i < from; ++i) {
          x(0, 0, i) = static_cast<T>(3 - 5 * static_cast<double>(i) / static_cast<double>(from - 1));
        }
        ops::resample_linear(ctx, x, y);
        CHECK(y(0, 0, 0) == T(3));
        CHECK(y(0, 0, to - 1) == T(-2));
        double worst = 0;
        for (index_t m = 0; m < to; ++m) {
          const double line = 3 - 5 * static_cast<double>(m) / static_cast<double>(to - 1);
          worst = std::max(worst, std::abs(static_cast<double>(y(0, 0, m)) - line));
        }
        CHECK(worst <= 8 * static_cast<double>(std::numeric_limits<T>::epsilon()));
      }
  });
}

TEST_CASE("a row is repeated over all rows and samples, and its gradient is their sum") {
  const auto row = random_tensor<double, 2>({3, 7}, 1);
  const auto dy = random_tensor<double, 4>({2, 3, 5, 7}, 2);
  for_each_context([&](auto& ctx) {
    auto y = unwritten<double>(dy.extents());
    auto dx = unwritten<double>(row.extents());
    ops::repeat_rows(ctx, row, y);
    ops::repeat_rows_backward(ctx, dy, dx);
    double worst = 0;
    for (index_t c = 0; c < 3; ++c)
      for (index_t w = 0; w < 7; ++w) {
        double sum = 0;
        for (index_t n = 0; n < 2; ++n)
          for (index_t h = 0; h < 5; ++h) {
            sum += dy(n, c, h, w);
            worst = std::max(worst, std::abs(y(n, c, h, w) - row(c, w)));
          }
        worst = std::max(worst, std::abs(sum - dx(c, w)));
      }
    CHECK(worst <= 1e-14);
  });
}

TEST_CASE("sizes that do not fit are refused") {
  ops::generic_context ctx;
  cpu_tensor<float, 4> a(2, 3, 4, 5), b(2, 1, 4, 5), narrow(2, 1, 4, 4), y(2, 4, 4, 5);
  CHECK_NOTHROW(ops::concat_channels(ctx, a, b, y));
  CHECK_THROWS_WITH_AS(ops::concat_channels(ctx, a, narrow, y),
                       "concat_channels: second input has sizes 2×1×4×4, expected 2×1×4×5", error);
  CHECK_THROWS_WITH_AS(ops::concat_channels(ctx, a, b, a),
                       "concat_channels: output has sizes 2×3×4×5, expected 2×4×4×5", error);
  CHECK_THROWS_AS(ops::split_channels(ctx, y, a, narrow), error);
  CHECK_THROWS_AS(ops::split_channels(ctx, y, b, b), error);
  cpu_tensor<float, 3> s(1, 2, 8), t(1, 3, 8), none(1, 2, 0);
  CHECK_THROWS_WITH_AS(ops::resample_linear(ctx, s, t), "resample_linear: output has sizes 1×3×8, expected 1×2×8",
                       error);
  CHECK_THROWS_WITH_AS(ops::resample_linear(ctx, none, s), "resample_linear: the input is empty", error);
  CHECK_THROWS_AS(ops::resample_linear_backward(ctx, s, t), error);
  CHECK_THROWS_AS(ops::resample_linear_backward(ctx, s, none), error);
  cpu_tensor<float, 2> row(3, 4), right(3, 5);
  CHECK_NOTHROW(ops::repeat_rows(ctx, right, a));
  CHECK_THROWS_WITH_AS(ops::repeat_rows(ctx, row, a), "repeat_rows: input has sizes 3×4, expected 3×5", error);
  CHECK_THROWS_WITH_AS(ops::repeat_rows_backward(ctx, a, row),
                       "repeat_rows_backward: input gradient has sizes 3×4, expected 3×5", error);
}
