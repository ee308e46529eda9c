// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/testing/compare.hpp>

#include <limits>
#include <vector>

using namespace vmt;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
using numbers = std::vector<double>;
}  // namespace

TEST_CASE("the largest difference counts, wherever it is and whatever its sign") {
  CHECK(testing::max_abs_difference(numbers{1, 2, 3}, numbers{1, 2, 3}) == 0);
  CHECK(testing::max_abs_difference(numbers{1, 2, 3}, numbers{1, 2, 3.5}) == 0.5);
  CHECK(testing::max_abs_difference(numbers{4, 2, 3}, numbers{1, 2, 3.5}) == 3);
  CHECK(testing::max_abs_difference(numbers{}, numbers{}) == 0);
  CHECK(testing::normalised_difference(numbers{1, -6}, numbers{1, -8}) == 0.25);
  CHECK(testing::normalised_difference(numbers{0, 0}, numbers{0, 0}) == 0);
  CHECK(testing::normalised_difference(numbers{0, 1e-300}, numbers{0, 0}) == infinity);
}

TEST_CASE("a NaN or an infinity of one side never compares as close") {
  for (const double bad : {not_a_number, infinity, -infinity}) {
    for (const std::size_t place : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
      numbers broken = {1, 2, 3};
      broken[place] = bad;
      CHECK(testing::max_abs_difference(broken, numbers{1, 2, 3}) == infinity);
      CHECK(testing::max_abs_difference(numbers{1, 2, 3}, broken) == infinity);
      CHECK(testing::normalised_difference(broken, numbers{1, 2, 3}) == infinity);
      CHECK(testing::normalised_difference(numbers{1, 2, 3}, broken) == infinity);
      CHECK(testing::max_abs_difference(broken, broken) == 0);
    }
  }
  CHECK(testing::max_abs_difference(numbers{infinity}, numbers{-infinity}) == infinity);
}

TEST_CASE("tensors, views, vectors and numbers of two types can be compared") {
  cpu_tensor<float, 2> a(2, 2);
  a(1, 1) = 0.5F;
  const cpu_tensor<float, 2> b = a;
  CHECK(testing::max_abs_difference(a, b.view()) == 0);
  CHECK(testing::max_abs_difference(a, numbers{0, 0, 0, 1}) == 0.5);
  CHECK(testing::same_bits(a, b));
  CHECK_THROWS_WITH_AS(static_cast<void>(testing::max_abs_difference(a, numbers{1})),
                       "testing: cannot compare 4 numbers with 1", error);
  CHECK_THROWS_AS(static_cast<void>(testing::same_bits(numbers{1}, numbers{1, 2})), error);
}

TEST_CASE("bits are stricter than values") {
  CHECK(testing::same_bits(numbers{not_a_number, 1}, numbers{not_a_number, 1}));
  CHECK_FALSE(testing::same_bits(numbers{0.0}, numbers{-0.0}));
  CHECK_FALSE(testing::same_bits(numbers{1, 2}, numbers{1, std::nextafter(2.0, 3.0)}));
  CHECK(testing::same_bits(numbers{}, numbers{}));
}
