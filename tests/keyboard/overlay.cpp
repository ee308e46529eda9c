// SPDX-License-Identifier: MIT
#include <vmt/keyboard/overlay.hpp>

#include <doctest/doctest.h>

using vmt::frame;
using vmt::index_t;
using namespace vmt::keyboard;

TEST_CASE("an overlay draws along the outline and the keys, and leaves the rest alone") {
  keyboard k = whole_picture(1000, 400);
  k.corners = {{{100, 100}, {900, 100}, {900, 300}, {100, 300}}};
  frame f;
  f.resize(1000, 400);
  for (auto& v : f.pixels) v = 77;
  draw_overlay(k, f);
  const auto changed = [&](index_t x0, index_t y0, index_t x1, index_t y1) {
    int count = 0;
    for (index_t y = y0; y < y1; ++y) {
      for (index_t x = x0; x < x1; ++x) count += f.row(y)[x] != 77 ? 1 : 0;
    }
    return count;
  };
  CHECK(changed(0, 0, 1000, 98) == 0);
  CHECK(changed(0, 303, 1000, 400) == 0);
  CHECK(changed(0, 0, 98, 400) == 0);
  CHECK(changed(100, 99, 900, 102) >= 795);  // the rear edge
  CHECK(changed(99, 100, 102, 300) >= 195);  // the left edge
  // Middle C is the white key 23 of 52: its dot is larger than that of other C's.
  const auto dot = [&](int key) {
    const double x = 100 + 800 * (white_keys_below(key) + 0.5) / 52;
    return changed(static_cast<index_t>(x) - 6, 260, static_cast<index_t>(x) + 7, 281);
  };
  CHECK(dot(60) > dot(48));
  CHECK(dot(48) > dot(50));
}

TEST_CASE("a picture of another size is refused") {
  frame f;
  f.resize(10, 10);
  CHECK_THROWS_AS(draw_overlay(whole_picture(1000, 400), f), vmt::error);
}
