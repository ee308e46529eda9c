// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/keyboard/key_strip.hpp>

#include "support/pictures.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

namespace {

using vmt::frame;
using vmt::index_t;
using vmt::keyboard::key_strip;
using vmt::keyboard::keyboard;
using vmt::keyboard::point;
using vmt_test::noise;
using vmt_test::picture;

frame strip_of(const keyboard& k, const frame& f) {
  frame strip;
  key_strip(k, f.width, f.height)(f, strip);
  return strip;
}

keyboard with_corners(index_t width, index_t height, const std::array<point, 4>& corners) {
  keyboard k = vmt::keyboard::whole_picture(width, height);
  k.corners = corners;
  return k;
}

/// The 832x96 picture that is a strip already.
keyboard strip_itself() {
  return with_corners(832, 96, {{{0, 4}, {832, 4}, {832, 84}, {0, 84}}});
}

/// Spans of a keyboard whose white keys meet at `border(i)`, as fractions.
template <class F>
std::vector<vmt::keyboard::key_span> spans(const keyboard& k, F&& border) {
  std::vector<vmt::keyboard::key_span> result;
  int white = 0;
  for (int pitch = k.lowest_key; pitch <= k.highest_key; ++pitch) {
    if (vmt::keyboard::is_white(pitch)) {
      result.push_back({border(white), border(white + 1)});
      ++white;
    } else {
      result.push_back({border(white) - 0.005, border(white) + 0.005});
    }
  }
  return result;
}

}  // namespace

TEST_CASE("a picture that is the key strip already passes unchanged, bit for bit") {
  frame f = noise(832, 96);
  f.time = 2.5;
  f.number = 9;
  f.damaged = true;
  const frame strip = strip_of(strip_itself(), f);
  CHECK(strip.width == 832);
  CHECK(strip.height == 96);
  CHECK(strip.pixels == f.pixels);
  CHECK(strip.time == 2.5);
  CHECK(strip.number == 9);
  CHECK(strip.damaged);
}

TEST_CASE("upside down and mirrored pictures give the same upright strip") {
  const frame f = noise(832, 96);
  keyboard k = strip_itself();
  frame turned = f;
  std::reverse(turned.pixels.begin(), turned.pixels.end());
  k.corners = {{{832, 92}, {0, 92}, {0, 12}, {832, 12}}};
  CHECK(strip_of(k, turned).pixels == f.pixels);
  frame mirrored = f;
  for (index_t y = 0; y < 96; ++y) std::reverse(mirrored.row(y), mirrored.row(y) + 832);
  k.corners = {{{832, 4}, {0, 4}, {0, 84}, {832, 84}}};
  k.mirrored = true;
  CHECK(strip_of(k, mirrored).pixels == f.pixels);
}

TEST_CASE("rows behind and before the keys are seen, and beyond the picture its border is repeated") {
  const frame f = picture(832, 96, [](double, double y) { return y < 4 ? 50.0 : y < 84 ? 200.0 : 90.0; });
  const frame strip = strip_of(strip_itself(), f);
  for (index_t y = 0; y < 96; ++y) CHECK(strip.row(y)[400] == (y < 4 ? 50 : y < 84 ? 200 : 90));
  const frame cut = picture(832, 80, [](double, double y) { return 100 + y; });
  const frame beyond = strip_of(with_corners(832, 80, {{{0, 0}, {832, 0}, {832, 80}, {0, 80}}}), cut);
  for (index_t y = 0; y < 96; ++y) {
    CHECK(std::abs(beyond.row(y)[400] - (100.5 + static_cast<double>(std::clamp<index_t>(y - 4, 0, 79)))) < 1);
  }
}

TEST_CASE("unevenly spread white keys take 16 columns each where the keyboard knows their spans") {
  // A lens the model does not know pulls the borders by up to most of a key.
  const auto border = [](int i) { return i / 52.0 + 0.014 * std::sin(3.0 * i / 52); };
  keyboard k = with_corners(1248, 200, {{{0, 40}, {1248, 40}, {1248, 160}, {0, 160}}});
  const auto tone = [](int white) { return 40 + 60 * (white % 3); };
  const double end = border(52);
  const frame f = picture(1248, 200, [&](double x, double) {
    const double u = x / 1248 * end;
    int white = 0;
    while (white < 51 && border(white + 1) < u) ++white;
    return static_cast<double>(tone(white));
  });
  const auto wrong = [&](const frame& strip) {
    int count = 0;
    for (int white = 0; white < 52; ++white) {
      for (index_t x = 2; x < 14; ++x) count += std::abs(strip.row(50)[16 * white + x] - tone(white)) > 1 ? 1 : 0;
    }
    return count;
  };
  CHECK(wrong(strip_of(k, f)) > 60);
  k.keys = spans(k, [&](int i) { return border(i) / end; });
  CHECK(wrong(strip_of(k, f)) == 0);
}

TEST_CASE("a shorter keyboard has a shorter strip of the same scale") {
  keyboard k = with_corners(720, 100, {{{0, 10}, {720, 10}, {720, 90}, {0, 90}}});
  k.lowest_key = 36;
  k.highest_key = 96;
  const frame f = picture(720, 100, [](double x, double) { return std::fmod(x, 40) < 20 ? 60.0 : 180.0; });
  const frame strip = strip_of(k, f);
  REQUIRE(strip.width == 576);
  for (index_t x = 0; x < 576; ++x) CHECK(strip.row(40)[x] == (x % 32 < 16 ? 60 : 180));
}

TEST_CASE("the map of a strip gives the corners of the keyboard, through lens and perspective") {
  keyboard k = with_corners(1280, 720, {{{60, 286}, {1220, 250}, {1264, 501}, {20, 477}}});
  k.lens = -0.08;
  k.keys = spans(k, [](int i) { return i / 52.0 + 0.0001 * i * (52 - i) / 52; });
  const vmt::keyboard::key_strip_map map(k, 1280, 720);
  const std::array<point, 4> at{{{0, 4}, {832, 4}, {832, 84}, {0, 84}}};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(map(at[i].x, at[i].y).x == doctest::Approx(k.corners[i].x));
    CHECK(map(at[i].x, at[i].y).y == doctest::Approx(k.corners[i].y));
  }
  // Border 26 lies at its fraction of the width: between the corners along the undistorted rear edge.
  const vmt::keyboard::radial_lens lens(k.lens, 1280, 720);
  auto corners = k.corners;
  for (auto& p : corners) p = lens.undistort(p);
  const point p = lens.distort(vmt::keyboard::square_to_quad(corners)(0.5 + 0.0013, 0));
  CHECK(map(416, 4).x == doctest::Approx(p.x));
  CHECK(map(416, 4).y == doctest::Approx(p.y));
  CHECK(map.column_of(0.5 + 0.0013) == doctest::Approx(416));
}

TEST_CASE("spans that leave a margin at the ends are taken at their word") {
  keyboard k = strip_itself();
  k.keys = spans(k, [](int i) { return 0.01 + 0.97 * i / 52.0; });
  const vmt::keyboard::key_strip_map map(k, 832, 96);
  CHECK(map(0, 4).x == doctest::Approx(8.32));
  CHECK(map(832, 4).x == doctest::Approx(0.98 * 832));
  for (const double u : {0.0, 0.01, 0.4, 0.98, 1.0}) {
    CHECK(map(map.column_of(u), 4).x == doctest::Approx(832 * u).epsilon(1e-9).scale(832));
  }
}

TEST_CASE("spans that contradict the keyboard are refused") {
  keyboard k = strip_itself();
  k.keys.resize(87);
  CHECK_THROWS_AS(key_strip(k, 832, 96), vmt::error);
  k.keys = spans(k, [](int i) { return i / 52.0; });
  CHECK_NOTHROW(key_strip(k, 832, 96));
  for (int pitch : {60, 62}) k.keys[static_cast<std::size_t>(pitch - 21)] = {0.4, 0.41};  // two keys at one place
  CHECK_THROWS_AS(key_strip(k, 832, 96), vmt::error);
  CHECK_THROWS_AS(key_strip(strip_itself(), 640, 480), vmt::error);
}

TEST_CASE("strips after the first take no new memory") {
  const key_strip straight(strip_itself(), 832, 96);
  const frame f = noise(832, 96);
  frame strip;
  straight(f, strip);
  const auto* before = strip.pixels.data();
  straight(f, strip);
  CHECK(strip.pixels.data() == before);
}
