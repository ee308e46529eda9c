// SPDX-License-Identifier: MIT
#include <vmt/keyboard/resample.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <utility>

namespace {

using vmt::frame;
using vmt::index_t;
using vmt::keyboard::point;
using vmt::keyboard::resampler;

/// Gray 40 + x + y, in whole pixels.
frame ramp(index_t width, index_t height) {
  frame f;
  f.resize(width, height);
  for (index_t y = 0; y < height; ++y) {
    for (index_t x = 0; x < width; ++x) f.row(y)[x] = static_cast<std::uint8_t>(40 + x + y);
  }
  return f;
}

}  // namespace

TEST_CASE("any smooth map may be resampled by: a curved one shows the gray of the mapped place") {
  const auto bent = [](double x, double y) { return point{10 + 0.8 * x + 3 * std::sin(y / 9), 12 + 0.7 * y + x / 30}; };
  const frame f = ramp(80, 60);
  const resampler resample(80, 60, 60, 40, 0, 60, bent);
  frame strip;
  resample(f, strip);
  for (index_t y = 0; y < 40; ++y) {
    for (index_t x = 0; x < 60; ++x) {
      const point p = bent(static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5);
      CHECK(std::abs(strip.row(y)[x] - (40 + (p.x - 0.5) + (p.y - 0.5))) < 0.8);
    }
  }
}

TEST_CASE("columns outside the stated part are black, and the map is not asked there") {
  std::set<double> asked;
  const auto map = [&](double x, double y) {
    asked.insert(x);
    return point{x, y};
  };
  const resampler resample(50, 20, 50, 20, 10, 30, map);
  CHECK(*asked.begin() == 10);
  CHECK(*asked.rbegin() == 30);
  const frame f = ramp(50, 20);
  frame strip;
  resample(f, strip);
  for (index_t x = 0; x < 50; ++x) CHECK(strip.row(7)[x] == (x >= 10 && x < 30 ? f.row(7)[x] : 0));
  const resampler nothing(50, 20, 50, 20, 30, 10, map);
  nothing(f, strip);
  for (const auto v : strip.pixels) CHECK(v == 0);
}

TEST_CASE("the mean is kept when a picture is made smaller by any factor") {
  frame f = ramp(90, 70);
  for (const auto& [width, height] : {std::pair<index_t, index_t>{45, 35}, {31, 23}, {7, 5}, {1, 1}}) {
    const double sx = 90.0 / static_cast<double>(width);
    const double sy = 70.0 / static_cast<double>(height);
    const resampler resample(90, 70, width, height, 0, static_cast<double>(width), [&](double x, double y) {
      return point{x * sx, y * sy};
    });
    frame strip;
    resample(f, strip);
    double sum = 0;
    for (const auto v : strip.pixels) sum += v;
    CHECK(sum / static_cast<double>(width * height) == doctest::Approx(40 + 44.5 + 34.5).epsilon(0.004));
  }
}

TEST_CASE("sizes out of range are refused") {
  const auto map = [](double x, double y) { return point{x, y}; };
  CHECK_THROWS_AS(resampler(10, 10, 0, 10, 0, 10, map), vmt::error);
  CHECK_THROWS_AS(resampler(10, 10, 10, 8193, 0, 10, map), vmt::error);
  CHECK_THROWS_AS(resampler(65536, 65536, 10, 10, 0, 10, map), vmt::error);
  const resampler good(10, 10, 10, 10, 0, 10, map);
  frame f = ramp(10, 9);
  frame strip;
  CHECK_THROWS_AS(good(f, strip), vmt::error);
  f = ramp(10, 10);
  CHECK_THROWS_AS(good(f, f), vmt::error);
}
