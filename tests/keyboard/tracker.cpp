// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/keyboard/tracked_strip.hpp>

#include <doctest/doctest.h>
#include <support/count_allocations.hpp>
#include <support/strip_picture.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace {

using vmt::frame;
using vmt::index_t;
using vmt::keyboard::keyboard;
using vmt::keyboard::point;
using vmt::keyboard::strip_layout;
using vmt::keyboard::tracked_strip;
using vmt::keyboard::tracker;

constexpr strip_layout range{48, 72};  // 15 white keys: small pictures
constexpr index_t scene_width = 320;
constexpr index_t scene_height = 140;

keyboard at_rest() {
  keyboard k = vmt::keyboard::whole_picture(scene_width, scene_height);
  k.lowest_key = range.lowest_key;
  k.highest_key = range.highest_key;
  k.corners = {{{40, 30}, {280, 32}, {282, 112}, {38, 110}}};
  return k;
}

/// The scene that a camera at rest sees, and 60 pixels around it.
frame surroundings() {
  const vmt_test::strip_scene scene(range);
  const vmt::keyboard::key_strip_map map(at_rest(), scene_width, scene_height);
  return scene.picture(scene_width + 120, scene_height + 120, [&](double x, double y) {
    // The strip position of a picture point, which is about as large, by fixed-point iteration.
    point p{x - 100, y - 86};
    for (int i = 0; i < 4; ++i) {
      const point q = map(p.x, p.y);
      p = {p.x + (x - 60 - q.x), p.y + (y - 60 - q.y)};
    }
    return p;
  });
}

/// The camera's picture when everything has moved by (dx, dy) and turned by `turn` about the middle.
frame seen(double dx, double dy, double turn = 0) {
  static const frame scene = surroundings();
  frame f;
  f.resize(scene_width, scene_height);
  for (index_t y = 0; y < scene_height; ++y) {
    for (index_t x = 0; x < scene_width; ++x) {
      const double u = static_cast<double>(x) + 0.5 - 160 - dx;
      const double v = static_cast<double>(y) + 0.5 - 70 - dy;
      const double px = 219.5 + u + turn * v;
      const double py = 129.5 + v - turn * u;
      const auto i = static_cast<index_t>(px);
      const auto j = static_cast<index_t>(py);
      const double fx = px - static_cast<double>(i);
      const double fy = py - static_cast<double>(j);
      const auto* top = scene.row(j) + i;
      const auto* bottom = scene.row(j + 1) + i;
      f.row(y)[x] = static_cast<std::uint8_t>(
          std::lround((1 - fy) * ((1 - fx) * top[0] + fx * top[1]) + fy * ((1 - fx) * bottom[0] + fx * bottom[1])));
    }
  }
  return f;
}

double worst_corner(const keyboard& k, double dx, double dy, double turn = 0) {
  double worst = 0;
  const keyboard rest = at_rest();
  for (std::size_t i = 0; i < 4; ++i) {
    const double u = rest.corners[i].x - 160;
    const double v = rest.corners[i].y - 70;
    const point to{160 + u - turn * v + dx, 70 + v + turn * u + dy};
    worst = std::max(worst, std::hypot(k.corners[i].x - to.x, k.corners[i].y - to.y));
  }
  return worst;
}

/// Noise that differs from frame to frame, and a hand that wanders over three white keys.
void disturb(frame& f, int number) {
  vmt::rng random(9, 0, static_cast<std::uint32_t>(number));
  const double hand = 160 + 60 * std::sin(number / 7.0);
  for (index_t y = 0; y < f.height; ++y) {
    for (index_t x = 0; x < f.width; ++x) {
      double v = f.row(y)[x] + 6 * (random.uniform() - 0.5);
      if (std::abs(static_cast<double>(x) - hand) < 24 && y > 70) v = 120 + 20 * std::sin(static_cast<double>(x) / 5);
      f.row(y)[x] = static_cast<std::uint8_t>(std::clamp(std::lround(v), 0L, 255L));
    }
  }
}

/// Plays frames from `begin` to `end` whose camera stands as `where(number)` says.
template <class Where>
void play(tracked_strip& straight, int begin, int end, Where&& where) {
  frame strip;
  for (int i = begin; i < end; ++i) {
    const point shift = where(i);
    frame f = seen(shift.x, shift.y);
    disturb(f, i);
    f.number = i;
    straight(f, strip);
  }
}

constexpr auto nowhere = [](int) { return point{0, 0}; };

}  // namespace

TEST_CASE("a camera at rest keeps its registration, bit for bit, under hands and noise") {
  tracked_strip straight(at_rest(), scene_width, scene_height);
  play(straight, 0, 200, nowhere);
  CHECK(straight.tracking().changes() == 0);
  CHECK(straight.tracking().now() == tracker::state::still);
  CHECK(straight.tracking().where().corners[2].x == 282);
}

TEST_CASE("a bump is noticed, and the new place found within half a second") {
  for (const point to : {point{1.6, 0.8}, {-5, 3}, {22, -9}, {-40, 8}}) {
    CAPTURE(to.x);
    tracked_strip straight(at_rest(), scene_width, scene_height);
    play(straight, 0, 60, nowhere);
    play(straight, 60, 62, [&](int) { return to; });
    CHECK(straight.tracking().changes() == 0);  // one picture proves nothing
    play(straight, 62, 80, [&](int) { return to; });
    CHECK(straight.tracking().changes() >= 1);
    CHECK(worst_corner(straight.tracking().where(), to.x, to.y) < 0.7);
    play(straight, 80, 110, [&](int) { return to; });
    CHECK(straight.tracking().now() == tracker::state::still);
    CHECK(worst_corner(straight.tracking().where(), to.x, to.y) < 0.5);
  }
}

TEST_CASE("slow drift is followed in small steps") {
  tracked_strip straight(at_rest(), scene_width, scene_height);
  const auto drift = [](int i) { return point{std::max(0, i - 30) * 0.02, std::max(0, i - 30) * -0.01}; };
  frame strip;
  keyboard before = straight.tracking().where();
  double largest_step = 0;
  for (int i = 0; i < 400; ++i) {
    play(straight, i, i + 1, drift);
    const keyboard& now = straight.tracking().where();
    for (std::size_t c = 0; c < 4; ++c) {
      largest_step = std::max(
          largest_step, std::hypot(now.corners[c].x - before.corners[c].x, now.corners[c].y - before.corners[c].y));
    }
    before = now;
  }
  CHECK(straight.tracking().changes() >= 5);
  CHECK(largest_step < 1);
  CHECK(worst_corner(before, drift(399).x, drift(399).y) < 0.9);
}

TEST_CASE("vibration does not shake the registration") {
  for (const double amplitude : {0.6, 2.5}) {
    tracked_strip straight(at_rest(), scene_width, scene_height);
    play(straight, 0, 250, [&](int i) {
      const double phase = 2 * std::numbers::pi * 4.7 * i / 30;
      return point{amplitude * std::sin(phase) / 2, amplitude * std::cos(phase)};
    });
    CHECK(straight.tracking().changes() <= 1);  // the first reference is not quite the middle
    CHECK(worst_corner(straight.tracking().where(), 0, 0) < 0.6);
  }
}

TEST_CASE("a turned camera is followed in all corners") {
  tracked_strip straight(at_rest(), scene_width, scene_height);
  play(straight, 0, 60, nowhere);
  frame strip;
  for (int i = 60; i < 120; ++i) {
    frame f = seen(6, -4, 0.03);
    disturb(f, i);
    straight(f, strip);
  }
  CHECK(worst_corner(straight.tracking().where(), 6, -4, 0.03) < 0.6);
}

TEST_CASE("when the keyboard goes out of sight the tracker says so, keeps its place and finds it again") {
  tracked_strip straight(at_rest(), scene_width, scene_height);
  play(straight, 0, 60, nowhere);
  frame title;
  title.resize(scene_width, scene_height);
  for (index_t y = 0; y < scene_height; ++y) {
    for (index_t x = 0; x < scene_width; ++x)
      title.row(y)[x] = static_cast<std::uint8_t>((x / 7 + y / 5) % 2 * 90 + 60);
  }
  frame strip;
  for (int i = 0; i < 60; ++i) straight(title, strip);
  CHECK(straight.tracking().now() == tracker::state::lost);
  CHECK(straight.tracking().changes() == 0);
  play(straight, 120, 160, [](int) { return point{9, 2}; });
  CHECK(straight.tracking().now() == tracker::state::still);
  CHECK(worst_corner(straight.tracking().where(), 9, 2) < 0.6);
}

TEST_CASE("the strip and the plate stay the same when the camera moves") {
  tracked_strip straight(at_rest(), scene_width, scene_height);
  const vmt::keyboard::key_strip fixed(at_rest(), scene_width, scene_height);
  play(straight, 0, 60, nowhere);
  play(straight, 60, 120, [](int) { return point{12, -5}; });
  frame expected;
  frame found;
  fixed(seen(0, 0), expected);
  straight(seen(12, -5), found);
  REQUIRE(found.width == expected.width);
  double sum = 0;
  double of_plate = 0;
  for (std::size_t i = 0; i < found.pixels.size(); ++i) {
    sum += std::abs(static_cast<int>(found.pixels[i]) - static_cast<int>(expected.pixels[i]));
    const auto y = static_cast<index_t>(i) / found.width;
    if (y > 4 && y < 84) of_plate += std::abs(static_cast<int>(straight.plate().pixels[i]) - expected.pixels[i]);
  }
  CHECK(sum / static_cast<double>(found.pixels.size()) < 3);
  CHECK(of_plate / static_cast<double>(found.pixels.size()) < 6);
}

TEST_CASE("a tracker without a plate does nothing, and damaged frames tell nothing") {
  tracker t(at_rest(), scene_width, scene_height);
  frame strip = vmt_test::strip_scene{range}.strip();
  CHECK_FALSE(t.push(strip));
  t.refer_to(strip);
  frame other = strip;
  std::fill(other.pixels.begin(), other.pixels.end(), std::uint8_t{0});
  other.damaged = true;
  for (int i = 0; i < 200; ++i) CHECK_FALSE(t.push(other));
  CHECK(t.now() == tracker::state::still);
  frame wrong;
  wrong.resize(832, 96);
  CHECK_THROWS_AS(t.refer_to(wrong), vmt::error);
}

TEST_CASE("following takes no memory while the registration holds") {
  tracked_strip straight(at_rest(), scene_width, scene_height);
  play(straight, 0, 110, nowhere);
  frame f = seen(0.1, 0);
  frame strip;
  straight(f, strip);
  const vmt_test::allocation_count allocations;
  for (int i = 0; i < 100; ++i) straight(f, strip);
  CHECK(allocations.since() == 0);
}

TEST_CASE("options out of range are refused") {
  CHECK_THROWS_AS(tracker(at_rest(), scene_width, scene_height, {.tolerance = 0}), vmt::error);
  CHECK_THROWS_AS(tracker(at_rest(), scene_width, scene_height, {.least_agreement = 1}), vmt::error);
  CHECK_THROWS_AS(tracker(at_rest(), scene_width, scene_height, {.every = 0}), vmt::error);
  CHECK_THROWS_AS(tracker(at_rest(), 640, 640), vmt::error);
}
