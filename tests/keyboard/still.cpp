// SPDX-License-Identifier: MIT
#include <vmt/keyboard/still.hpp>
#include <vmt/core/rng.hpp>

#include <doctest/doctest.h>

using vmt::frame;

TEST_CASE("the median of pictures is that of each pixel, also beyond a block and of an even number") {
  vmt::rng random(9);
  for (const std::size_t n : {1U, 2U, 4U, 5U, 11U}) {
    CAPTURE(n);
    std::vector<frame> pictures(n);
    for (frame& f : pictures) {
      f.resize(37, 19);
      for (auto& v : f.pixels) v = static_cast<std::uint8_t>(random.below(256));
    }
    frame median;
    vmt::keyboard::median_picture(pictures, median);
    REQUIRE(median.pixels.size() == 37 * 19);
    for (std::size_t i = 0; i < median.pixels.size(); ++i) {
      std::vector<std::uint8_t> values;
      for (const frame& f : pictures) values.push_back(f.pixels[i]);
      std::sort(values.begin(), values.end());
      REQUIRE(median.pixels[i] == values[(n - 1) / 2]);
    }
  }
}

TEST_CASE("no pictures and pictures of two sizes have no median") {
  frame out;
  CHECK_THROWS_AS(vmt::keyboard::median_picture({}, out), vmt::error);
  std::vector<frame> two(2);
  two[0].resize(4, 3);
  two[1].resize(3, 4);
  CHECK_THROWS_AS(vmt::keyboard::median_picture(two, out), vmt::error);
}
