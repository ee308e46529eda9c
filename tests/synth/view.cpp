// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/synth/view.hpp>

#include <doctest/doctest.h>

using vmt::synth::camera;
using vmt::synth::place;
using vmt::synth::point;
using vmt::synth::view;

namespace {

camera random_camera(vmt::rng& r) {
  camera c;
  c.target = {r.uniform(400, 800), r.uniform(0, 150), 0};
  c.eye = {r.uniform(0, 1200), r.uniform(-300, 900), r.uniform(900, 2000)};
  c.roll = r.uniform(-180, 180);
  c.focal = r.uniform(0.6, 1.5);
  return c;
}

/// How far p lies to the right of the line from a to b, relative to the distances: 0 on it.
double beside(point a, point b, point p) {
  const double size = std::hypot(b.x - a.x, b.y - a.y) + std::hypot(p.x - a.x, p.y - a.y);
  return ((b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)) / (size * size);
}

}  // namespace

TEST_CASE("a camera straight above shows places by similar triangles, the player at the bottom") {
  camera c;
  c.eye = {600, 70, 1500};
  c.target = {600, 70, 0};
  c.focal = 1.1;
  const view v(c, 1280, 720);
  for (const place p : {place{0, 0, 0}, place{1222, 148, 0}, place{300, 94, 12.5}, place{800, 30, -10}}) {
    const point seen = v(p);
    const double scale = 1.1 * 1280 / (1500 - p.z);
    CHECK(seen.x == doctest::Approx(640 + (p.x - 600) * scale));
    CHECK(seen.y == doctest::Approx(360 + (p.y - 70) * scale));
    CHECK(v.distance(p) == doctest::Approx(1500 - p.z));
  }
}

TEST_CASE("what a camera sees of the white plane is a homography, and heights are displaced as on_white_plane says") {
  vmt::rng random(3);
  for (int trial = 0; trial < 50; ++trial) {
    const camera c = random_camera(random);
    const view v(c, 1280, 720);
    const vmt::keyboard::square_to_quad quad({v({0, 0, 0}), v({1222, 0, 0}), v({1222, 148, 0}), v({0, 148, 0})});
    for (int i = 0; i < 20; ++i) {
      const place p{random.uniform(0, 1222), random.uniform(0, 148), random.uniform(-12, 14)};
      const auto on_plane = vmt::keyboard::on_white_plane(p.x, p.y, p.z, c.eye.x, c.eye.y, c.eye.z);
      const point want = quad(on_plane.x / 1222, on_plane.y / 148), got = v(p);
      CHECK(got.x == doctest::Approx(want.x).epsilon(1e-6));
      CHECK(got.y == doctest::Approx(want.y).epsilon(1e-6));
    }
  }
}

TEST_CASE("the target is in the middle, a roll turns the picture, lines stay straight") {
  vmt::rng random(4);
  for (int trial = 0; trial < 50; ++trial) {
    const camera c = random_camera(random);
    const view v(c, 640, 480);
    const point middle = v(c.target);
    CHECK(middle.x == doctest::Approx(320));
    CHECK(middle.y == doctest::Approx(240));
    camera turned = c;
    turned.roll += 30;
    const view w(turned, 640, 480);
    const place p{900, 20, 3};
    const point a = v(p), b = w(p);
    CHECK(std::hypot(a.x - 320, a.y - 240) == doctest::Approx(std::hypot(b.x - 320, b.y - 240)));
    CHECK(beside(v({0, 10, 5}), v({1200, 70, 9}), v({600, 40, 7})) == doctest::Approx(0).epsilon(1e-9));
  }
}

TEST_CASE("upside down, the player is at the top; mirrored, low notes are at the right") {
  camera c;
  CHECK(view(c, 640, 360)({600, 148, 0}).y > view(c, 640, 360)({600, 0, 0}).y);
  c.roll = 180;
  CHECK(view(c, 640, 360)({600, 148, 0}).y < view(c, 640, 360)({600, 0, 0}).y);
  CHECK(view(c, 640, 360)({0, 50, 0}).x > view(c, 640, 360)({1000, 50, 0}).x);
  c.roll = 0;
  const point plain = view(c, 640, 360)({100, 148, 0});
  c.mirrored = true;
  const point mirrored = view(c, 640, 360)({100, 148, 0});
  CHECK(mirrored.x == doctest::Approx(640 - plain.x));
  CHECK(mirrored.y == doctest::Approx(plain.y));
}

TEST_CASE("the lens is the one of the keyboard") {
  vmt::rng random(5);
  for (const double k : {-0.15, -0.05, 0.08}) {
    camera c = random_camera(random);
    const view straight(c, 1280, 720);
    c.lens = k;
    const view bent(c, 1280, 720);
    const vmt::keyboard::radial_lens lens(k, 1280, 720);
    for (const place p : {place{500, 0, 0}, place{900, 148, 12}, place{611, 74, 0}}) {
      const point want = lens.distort(straight(p)), got = bent(p);
      CHECK(got.x == doctest::Approx(want.x));
      CHECK(got.y == doctest::Approx(want.y));
    }
  }
}

TEST_CASE("a strip shows the white plane to scale whatever the eye") {
  for (const place eye : {place{611, 70, 1200}, place{100, -200, 700}}) {
    const view v(eye, 0, -7.4, 832 / 1222.0, 96 / (1.2 * 148), 832, 96);
    const point a = v({0, 0, 0}), b = v({1222, 148, 0});
    CHECK(a.x == doctest::Approx(0));
    CHECK(a.y == doctest::Approx(4));
    CHECK(b.x == doctest::Approx(832));
    CHECK(b.y == doctest::Approx(84));
    // What is high moves away from the point below the eye.
    const point low = v({800, 50, 0}), high = v({800, 50, 12});
    CHECK((high.x - low.x) * (800 - eye.x) > 0);
    CHECK((high.y - low.y) * (50 - eye.y) > 0);
  }
}

TEST_CASE("errors of the registration move the corners of a strip by so much") {
  const std::array<point, 4> shift{{{3, -2}, {-1, 4}, {2, 2}, {0, -5}}};
  const view v({611, 70, 1200}, 0, 0, 800 / 1222.0, 145 / 148.0, 800, 145, shift);
  const std::array<place, 4> corners{{{0, 0, 0}, {1222, 0, 0}, {1222, 148, 0}, {0, 148, 0}}};
  const std::array<point, 4> plain{{{0, 0}, {800, 0}, {800, 145}, {0, 145}}};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(v(corners[i]).x == doctest::Approx(plain[i].x + shift[i].x));
    CHECK(v(corners[i]).y == doctest::Approx(plain[i].y + shift[i].y));
  }
}

TEST_CASE("what is behind the eye is cut off") {
  camera c;
  c.eye = {600, 900, 900};
  c.target = {600, 100, 0};
  const view v(c, 640, 360);
  std::vector<point> out;
  v.outline(std::vector<place>{{-5000, -5000, -700}, {6000, -5000, -700}, {6000, 5000, -700}, {-5000, 5000, -700}},
            out);
  CHECK(out.size() >= 4);
  for (const point& p : out) CHECK((std::isfinite(p.x) && std::isfinite(p.y)));
  v.outline(std::vector<place>{{0, 3000, 2000}, {100, 3000, 2000}, {100, 3500, 2000}}, out);
  CHECK(out.empty());
}

TEST_CASE("a camera needs a direction") {
  camera c;
  c.target = c.eye;
  CHECK_THROWS_AS(view(c, 640, 360), vmt::error);
}
