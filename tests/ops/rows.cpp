// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"

#include <vmt/testing/compare.hpp>

using namespace vmt;
using namespace vmt_test;

TEST_CASE("rows are taken in any order, and their gradients are added where they came from") {
  const auto x = random_tensor<double, 3>({3, 4, 5}, 1);
  const std::vector<index_t> rows = {2, 0, 2};  // row 2 twice; 1 and 3 not at all
  for_each_context([&](auto& ctx) {
    auto y = unwritten<double>(extents<3>{3, 3, 5});
    ops::take_rows(ctx, x, rows, y);
    const auto dy = random_tensor<double, 3>(y.extents(), 2);
    auto dx = unwritten<double>(x.extents());
    ops::take_rows_backward(ctx, dy, rows, dx);
    for (index_t c = 0; c < 3; ++c) {
      for (index_t m = 0; m < 3; ++m) {
        CHECK(testing::same_bits(y.view()[m][c], x.view()[c][rows[static_cast<std::size_t>(m)]]));
      }
      for (index_t i = 0; i < 5; ++i) {
        CHECK(dx(c, 0, i) == dy(1, c, i));
        CHECK(dx(c, 2, i) == dy(0, c, i) + dy(2, c, i));
        CHECK((dx(c, 1, i) == 0 && dx(c, 3, i) == 0));
      }
    }
  });
}

TEST_CASE("rows outside the tensor and other sizes are refused") {
  ops::generic_context ctx;
  cpu_tensor<float, 3> x(3, 4, 5), y(2, 3, 5);
  using rows = std::vector<index_t>;
  CHECK_NOTHROW(ops::take_rows(ctx, x, rows{0, 3}, y));
  CHECK_THROWS_WITH_AS(ops::take_rows(ctx, x, rows{0, 4}, y), "take_rows: a row lies outside the tensor", error);
  CHECK_THROWS_AS(ops::take_rows(ctx, x, rows{0}, y), error);
  CHECK_THROWS_AS(ops::take_rows_backward(ctx, y, rows{0, -1}, x), error);
}
