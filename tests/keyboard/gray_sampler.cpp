// SPDX-License-Identifier: MIT
#include <vmt/keyboard/gray_sampler.hpp>

#include <doctest/doctest.h>

using vmt::frame;
using vmt::keyboard::gray_sampler;

TEST_CASE("a linear picture is read linearly between its pixels, and its border is repeated") {
  frame f;
  f.resize(8, 6);
  for (int y = 0; y < 6; ++y) {
    for (int x = 0; x < 8; ++x) f.row(y)[x] = static_cast<std::uint8_t>(10 * x + 5 * y);
  }
  const gray_sampler at(f);
  CHECK(at({3.5, 2.5}) == doctest::Approx(40));
  CHECK(at({3.75, 2.9}) == doctest::Approx(40 + 2.5 + 2));
  CHECK(at({-20, 0.5}) == doctest::Approx(0));
  CHECK(at({100, 100}) == doctest::Approx(95));
  CHECK(at.holds({8, 6}));
  CHECK_FALSE(at.holds({8, 6}, 0.5));
  CHECK_FALSE(at.holds({-0.1, 3}));
}

TEST_CASE("shrinking takes the mean of blocks and cuts off what is left over") {
  frame f;
  f.resize(5, 4);
  for (std::size_t i = 0; i < 20; ++i) f.pixels[i] = static_cast<std::uint8_t>(i);
  frame half;
  vmt::keyboard::shrink(f, 2, half);
  CHECK(half.width == 2);
  CHECK(half.height == 2);
  CHECK(half.pixels[0] == 3);   // of 0 1 5 6
  CHECK(half.pixels[3] == 15);  // of 12 13 17 18
  vmt::keyboard::shrink(f, 1, half);
  CHECK(half.pixels == f.pixels);
  CHECK_THROWS_AS(vmt::keyboard::shrink(f, 5, half), vmt::error);
  CHECK_THROWS_AS(vmt::keyboard::shrink(f, 0, half), vmt::error);
}

TEST_CASE("the finder's picture keeps even areas even, and brings out what lies in the shade") {
  frame f;
  f.resize(20, 10);
  const auto shown = [&](int v) {
    for (auto& p : f.pixels) p = static_cast<std::uint8_t>(v);
    frame out;
    vmt::keyboard::smooth(f, out);
    for (const auto p : out.pixels) REQUIRE(p == out.pixels[0]);
    return static_cast<int>(out.pixels[0]);
  };
  CHECK(shown(255) == 255);
  CHECK(shown(100) - shown(30) > 60);
  CHECK(shown(240) - shown(170) < 45);
}
