// SPDX-License-Identifier: MIT
#include <vmt/keyboard/strip_layout.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>

using vmt::index_t;
using vmt::keyboard::strip_layout;

TEST_CASE("a strip has 16 columns a white key and 96 rows, 80 of them on the keys") {
  CHECK(strip_layout{}.width() == 832);
  CHECK(strip_layout{}.keys() == 88);
  CHECK(strip_layout{36, 96}.width() == 36 * 16);
  CHECK(strip_layout{60, 62}.width() == 32);
  CHECK(strip_layout::height() == 96);
  CHECK(strip_layout::row_of(-0.05) == doctest::Approx(0).scale(1));
  CHECK(strip_layout::row_of(0) == 4);
  CHECK(strip_layout::row_of(1.15) == doctest::Approx(96));
}

TEST_CASE("key centres lie where the piano's layout in millimetres has them") {
  for (const auto& ends : {std::array{21, 108}, {28, 103}, {36, 96}, {41, 52}}) {
    const int low = ends[0];
    const int high = ends[1];
    const strip_layout layout{low, high};
    const auto piano = vmt::keyboard::piano_layout(low, high);
    const double scale = static_cast<double>(layout.width()) / piano.width;
    for (const auto& key : piano.keys) {
      CAPTURE(key.pitch);
      CHECK(layout.centre(key.pitch) == doctest::Approx(key.centre() * scale));
    }
  }
}

TEST_CASE("the mask marks every black key and nothing else") {
  for (const auto& ends : {std::array{21, 108}, {36, 96}, {29, 47}, {60, 62}, {64, 65}}) {
    const int low = ends[0];
    const int high = ends[1];
    const strip_layout layout{low, high};
    CAPTURE(low);
    for (const index_t y : {3, 4, 55, 56, 95}) {
      for (index_t x = 0; x < layout.width(); ++x) {
        bool expected = false;
        for (int pitch = low; pitch <= high && y >= 4 && y < 56; ++pitch) {
          if (vmt::keyboard::is_white(pitch)) continue;
          expected |= std::abs(static_cast<double>(x) + 0.5 - layout.centre(pitch)) <= 5.28;
        }
        const std::string at = std::to_string(x) + ", " + std::to_string(y);
        CAPTURE(at);
        CHECK(layout.black_at(x, y) == expected);
      }
    }
  }
}

TEST_CASE("a layout begins and ends with white keys of the piano") {
  CHECK_NOTHROW(validate(strip_layout{21, 108}));
  for (const auto& ends : {std::array{20, 108}, {21, 109}, {22, 108}, {21, 106}, {60, 60}, {72, 60}}) {
    const int low = ends[0];
    const int high = ends[1];
    CAPTURE(low);
    CHECK_THROWS_AS(validate(strip_layout{low, high}), vmt::error);
  }
}
