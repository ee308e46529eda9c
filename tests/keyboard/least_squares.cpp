// SPDX-License-Identifier: MIT
#include <vmt/keyboard/least_squares.hpp>

#include <doctest/doctest.h>

using vmt::keyboard::least_squares;

TEST_CASE("a line through points that lie on it is found exactly, whatever the weights") {
  least_squares<2> equations;
  for (int x = -3; x <= 5; ++x) equations.add({1, static_cast<double>(x)}, 2 - 0.5 * x, 1 + x * x);
  std::array<double, 2> line{};
  REQUIRE(equations.solve(line));
  CHECK(line[0] == doctest::Approx(2));
  CHECK(line[1] == doctest::Approx(-0.5));
}

TEST_CASE("weights decide between contradictions, and a prior is an equation") {
  least_squares<1> equations;
  equations.add({1}, 10, 3);
  equations.add({2}, 0, 0.5);  // weighs 0.5 · 2² = 2
  equations.add_prior(0, 4, 5);
  std::array<double, 1> x{};
  REQUIRE(equations.solve(x));
  CHECK(x[0] == doctest::Approx((3 * 10 + 5 * 4) / 10.0));
}

TEST_CASE("equations that determine nothing, or are not finite, leave the unknowns alone") {
  least_squares<2> equations;
  equations.add({1, 1}, 3);
  equations.add({2, 2}, 6);
  std::array<double, 2> x{7, 8};
  CHECK_FALSE(equations.solve(x));
  equations.add({0, 1}, std::nan(""));
  CHECK_FALSE(equations.solve(x));
  CHECK(x[0] == 7);
  CHECK(x[1] == 8);
}
