// SPDX-License-Identifier: MIT
#include <vmt/keyboard/find_in_picture.hpp>

#include <doctest/doctest.h>
#include <support/keyboard_pictures.hpp>

using vmt::frame;
using vmt::index_t;
using namespace vmt::keyboard;

namespace {

keyboard placed(std::array<point, 4> corners, int lowest = 21, int highest = 108) {
  keyboard k;
  k.image_width = 1000;
  k.image_height = 500;
  k.corners = corners;
  k.lowest_key = lowest;
  k.highest_key = highest;
  return k;
}

constexpr std::array<point, 4> lying{{{60, 180}, {940, 200}, {930, 320}, {50, 290}}};

found_keyboard only(const frame& picture, const picture_options& options = {}) {
  const auto all = find_in_picture(picture, options);
  REQUIRE(all.size() >= 1);
  return all.front();
}

void check_place(const keyboard& found, const keyboard& truth) {
  CHECK(found.lowest_key == truth.lowest_key);
  CHECK(found.highest_key == truth.highest_key);
  CHECK(found.mirrored == truth.mirrored);
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    CHECK(std::hypot(found.corners[i].x - truth.corners[i].x, found.corners[i].y - truth.corners[i].y) < 2);
  }
}

}  // namespace

TEST_CASE("pianos of all usual sizes are found, with their range") {
  for (const auto& [low, high] : {std::pair{21, 108}, {28, 103}, {28, 100}, {36, 96}, {36, 84}}) {
    CAPTURE(low);
    CAPTURE(high);
    // Shorter ones are narrower, so that the keys keep their shape.
    const double share = white_keys_below(high + 1) - white_keys_below(low);
    auto corners = lying;
    for (const std::size_t i : {1U, 2U}) {
      const point from = lying[i == 1 ? 0 : 3];
      corners[i] = {from.x + (lying[i].x - from.x) * share / 52, from.y + (lying[i].y - from.y) * share / 52};
    }
    const keyboard truth = placed(corners, low, high);
    const auto found = only(vmt_test::draw(truth).picture);
    CHECK(found.range.certain);
    CHECK(found.where.score > 0.9);
    check_place(found.where, truth);
  }
}

TEST_CASE("a keyboard is found upside down, mirrored, and both, and the spans go along") {
  for (const bool turned : {false, true}) {
    for (const bool mirrored : {false, true}) {
      CAPTURE(turned);
      CAPTURE(mirrored);
      keyboard truth = placed(lying);
      truth.mirrored = mirrored;
      for (point& p : truth.corners) {
        if (turned) p = {1000 - p.x, 500 - p.y};
        if (mirrored) p = {1000 - p.x, p.y};
      }
      auto drawn = vmt_test::draw(truth);
      const auto found = only(drawn.picture);
      CHECK(found.range.certain);
      check_place(found.where, truth);
      const auto e = vmt_test::compare(found.where, drawn);
      CHECK(e.missing == 0);
      CHECK(e.quantile(0.5) < 0.7);
      CHECK(e.quantile(1) < 2);
    }
  }
}

TEST_CASE("a keyboard that leaves the picture on both sides alike is taken for the usual one") {
  const auto drawn = vmt_test::draw(placed({{{-100, 180}, {1100, 180}, {1100, 380}, {-100, 380}}}));
  const auto found = only(drawn.picture);
  CHECK(found.range.certain);
  CHECK(found.where.lowest_key == 29);  // 100 of 1200 pixels are 4.33 keys
  CHECK(vmt_test::compare(found.where, drawn).right());
}

TEST_CASE("a keyboard that leaves the picture on one side more than on the other has no octave, but one that is told") {
  const keyboard truth = placed({{{-390, 180}, {1090, 180}, {1090, 380}, {-390, 380}}});
  const auto drawn = vmt_test::draw(truth);
  auto found = only(drawn.picture);
  CHECK(found.range.left_cut);
  CHECK_FALSE(found.range.certain);
  // The first white key that is wholly in the picture: 390 of 1480 pixels are 13.7 keys.
  const int lowest = 45;
  REQUIRE(white_keys_below(lowest) == 14);
  picture_options told;
  told.lowest_key = lowest;
  found = only(drawn.picture, told);
  CHECK(found.where.lowest_key == lowest);
  const auto e = vmt_test::compare(found.where, drawn);
  CHECK(e.right());
  told.lowest_key = 47;  // of the keys from the next one on
  found = only(drawn.picture, told);
  CHECK(found.where.lowest_key == 47);
  CHECK(vmt_test::compare(found.where, drawn).right());
}

TEST_CASE("two keyboards are both found") {
  const keyboard low = placed({{{60, 300}, {940, 300}, {940, 420}, {60, 420}}});
  const keyboard high = placed({{{150, 60}, {750, 60}, {750, 180}, {150, 180}}}, 36, 96);
  auto picture = vmt_test::draw(low).picture;
  const auto upper = vmt_test::draw(high).picture;
  std::copy_n(upper.pixels.begin(), 250 * 1000, picture.pixels.begin());
  const auto all = find_in_picture(picture);
  REQUIRE(all.size() == 2);
  const bool low_first = all[0].where.corners[0].y > 200;
  check_place(all[low_first ? 0 : 1].where, low);
  check_place(all[low_first ? 1 : 0].where, high);
}

TEST_CASE("what is no keyboard is not taken for one") {
  frame f;
  f.resize(1000, 500);
  const auto best = [&] {
    double score = 0;
    for (const auto& found : find_in_picture(f)) score = std::max(score, found.where.score);
    return score;
  };
  const auto paint = [&](auto&& gray) {
    for (index_t y = 0; y < 500; ++y) {
      for (index_t x = 0; x < 1000; ++x) f.row(y)[x] = static_cast<std::uint8_t>(gray(x, y));
    }
  };
  vmt::rng random(4);
  SUBCASE("an even gray") {
    paint([](index_t, index_t) { return 90; });
  }
  SUBCASE("noise") {
    paint([&](index_t, index_t) { return random.below(256); });
  }
  SUBCASE("a fence") {
    paint([](index_t x, index_t) { return x % 20 < 8 ? 30 : 220; });
  }
  SUBCASE("books of random widths") {
    std::vector<int> shelf(1000);
    int gray = 0;
    for (int& v : shelf) {
      if (random.below(14) == 0) gray = static_cast<int>(random.below(256));
      v = gray;
    }
    paint([&](index_t x, index_t y) { return y > 100 && y < 400 ? shelf[static_cast<std::size_t>(x)] : 60; });
  }
  SUBCASE("squares") {
    paint([](index_t x, index_t y) { return (x / 25 + y / 25) % 2 == 0 ? 20 : 230; });
  }
  SUBCASE("text") {
    paint([&](index_t x, index_t y) { return y % 24 < 14 && (x * 7919 / 13 + (y / 24) * 104729) % 11 < 5 ? 10 : 240; });
  }
  CHECK(best() < 0.5);
}

TEST_CASE("pictures that are too small show nothing, and larger ones are searched in a copy") {
  frame tiny;
  tiny.resize(63, 40);
  CHECK(find_in_picture(tiny).empty());
  keyboard truth = placed(lying);
  picture_options coarse;
  coarse.working_size = 500;
  const auto found = only(vmt_test::draw(truth).picture, coarse);
  CHECK(found.where.image_width == 1000);
  check_place(found.where, truth);
}

TEST_CASE("the same picture gives the same keyboard, to the last bit") {
  const auto drawn = vmt_test::draw(placed(lying));
  const auto a = only(drawn.picture);
  const auto b = only(drawn.picture);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(a.where.corners[i].x == b.where.corners[i].x);
    CHECK(a.where.corners[i].y == b.where.corners[i].y);
  }
  CHECK(a.where.score == b.where.score);
}
