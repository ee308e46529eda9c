// SPDX-License-Identifier: MIT
#include <vmt/keyboard/levels.hpp>

#include <doctest/doctest.h>
#include <support/count_allocations.hpp>

#include <algorithm>
#include <cmath>

namespace {

using vmt::frame;
using vmt::index_t;
using vmt::keyboard::strip_layout;

/// An empty keyboard with the given tones, a function of the column.
template <class White, class Black>
frame keys(const strip_layout& layout, White&& white, Black&& black) {
  frame f;
  f.resize(layout.width(), layout.height());
  for (index_t y = 0; y < f.height; ++y) {
    for (index_t x = 0; x < f.width; ++x) f.row(y)[x] = layout.black_at(x, y) ? black(x) : white(x);
  }
  return f;
}

}  // namespace

TEST_CASE("the levels of a keyboard with two tones are these tones, at every column") {
  const auto tone = [](int v) { return [v](index_t) { return static_cast<std::uint8_t>(v); }; };
  for (const strip_layout layout : {strip_layout{}, {36, 96}, {60, 72}}) {
    const auto l = vmt::keyboard::estimate_levels(keys(layout, tone(210), tone(30)));
    REQUIRE(static_cast<index_t>(l.white.size()) == layout.width());
    REQUIRE(static_cast<index_t>(l.range.size()) == layout.width());
    for (const float v : l.white) CHECK(v == 210);
    for (const float v : l.range) CHECK(v == 180);
  }
}

TEST_CASE("levels follow the light along the keyboard") {
  const auto light = [](index_t x, double gray) {
    return static_cast<std::uint8_t>(std::lround(gray * (0.6 + 0.4 * static_cast<double>(x) / 832)));
  };
  const frame f = keys(
      {}, [&](index_t x) { return light(x, 230); }, [&](index_t x) { return light(x, 50); });
  const auto l = vmt::keyboard::estimate_levels(f);
  for (index_t x = 60; x < 770; x += 10) {
    const auto i = static_cast<std::size_t>(x);
    CHECK(std::abs(l.white[i] - light(x, 230)) <= 3);
    CHECK(std::abs(l.white[i] - l.range[i] - light(x, 50)) <= 3);
  }
}

TEST_CASE("glare, dirt and a hand's rest on a key or two do not move the levels") {
  frame f = keys(
      {}, [](index_t) { return std::uint8_t{200}; }, [](index_t) { return std::uint8_t{40}; });
  for (index_t y = 0; y < 96; ++y) {
    std::fill_n(f.row(y) + 400, 32, std::uint8_t{255});
    std::fill_n(f.row(y) + 600, 24, std::uint8_t{90});
  }
  const auto l = vmt::keyboard::estimate_levels(f);
  for (const float v : l.white) CHECK(v == 200);
  for (const float v : l.range) CHECK(v == 160);
}

TEST_CASE("in the dark the range stays at 20") {
  const frame f = keys(
      {}, [](index_t) { return std::uint8_t{12}; }, [](index_t) { return std::uint8_t{9}; });
  for (const float v : vmt::keyboard::estimate_levels(f).range) CHECK(v == 20);
}

TEST_CASE("levels are computed again without new memory, and only of strips") {
  const frame f = keys(
      {}, [](index_t) { return std::uint8_t{200}; }, [](index_t) { return std::uint8_t{40}; });
  auto l = vmt::keyboard::estimate_levels(f);
  const vmt_test::allocation_count allocations;
  vmt::keyboard::estimate_levels(f, l);
  CHECK(allocations.since() == 0);
  frame other;
  CHECK_THROWS_AS(vmt::keyboard::estimate_levels(other, l), vmt::error);
  other.resize(800, 145);
  CHECK_THROWS_AS(vmt::keyboard::estimate_levels(other, l), vmt::error);
  other.resize(848, 96);
  CHECK_THROWS_AS(vmt::keyboard::estimate_levels(other, l), vmt::error);
}
