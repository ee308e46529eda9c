// SPDX-License-Identifier: MIT
#include <vmt/keyboard/homography.hpp>

#include <doctest/doctest.h>

using vmt::keyboard::point;
using vmt::keyboard::radial_lens;
using vmt::keyboard::square_to_quad;

TEST_CASE("the square's corners land on the quadrilateral's") {
  const std::array<point, 4> quad{{{8, 286}, {1277, 298}, {1200, 451}, {20, 437}}};
  const square_to_quad map(quad);
  const std::array<point, 4> square{{{0, 0}, {1, 0}, {1, 1}, {0, 1}}};
  for (std::size_t i = 0; i < 4; ++i) {
    const point p = map(square[i].x, square[i].y);
    CHECK(p.x == doctest::Approx(quad[i].x));
    CHECK(p.y == doctest::Approx(quad[i].y));
  }
  // A projective map keeps lines: the centre is where the diagonals meet.
  const auto& [a, b, c, d] = quad;
  const double denominator = (a.x - c.x) * (b.y - d.y) - (a.y - c.y) * (b.x - d.x);
  const double t = ((a.x - b.x) * (b.y - d.y) - (a.y - b.y) * (b.x - d.x)) / denominator;
  const point centre = map(0.5, 0.5);
  CHECK(centre.x == doctest::Approx(a.x + t * (c.x - a.x)));
  CHECK(centre.y == doctest::Approx(a.y + t * (c.y - a.y)));
}

TEST_CASE("the map of a rectangle is exact in every point") {
  const square_to_quad map({{{0, 0}, {800, 0}, {800, 145}, {0, 145}}});
  for (int x = 0; x <= 800; x += 25) {
    const point p = map(x / 800.0, 0.2);
    CHECK(p.x == doctest::Approx(x).epsilon(1e-12));
    CHECK(p.y == doctest::Approx(29).epsilon(1e-12));
  }
}

TEST_CASE("the lens moves the corner of the picture by k and is undone") {
  for (const double k : {-0.1, -0.05, 0.0, 0.1, 0.25}) {
    CAPTURE(k);
    const radial_lens lens(k, 1280, 720);
    const point corner = lens.distort({1280, 720});
    CHECK(corner.x == doctest::Approx(640 + 640 * (1 + k)));
    CHECK(corner.y == doctest::Approx(360 + 360 * (1 + k)));
    for (const point p : {point{640, 360}, point{8, 286}, point{1277, 298}, point{700, 10}}) {
      const point back = lens.distort(lens.undistort(p));
      CHECK(back.x == doctest::Approx(p.x).epsilon(1e-9));
      CHECK(back.y == doctest::Approx(p.y).epsilon(1e-9));
    }
  }
}

TEST_CASE("a corner that the lens cannot show is refused") {
  const radial_lens lens(-0.25, 1000, 1000);
  CHECK_THROWS_AS((void)lens.undistort({1250, 1250}), vmt::error);
}

TEST_CASE("the inverse takes points of the quadrilateral back to the square") {
  const square_to_quad map({{{8, 286}, {1277, 298}, {1200, 451}, {20, 437}}});
  for (const point p : {point{0, 0}, point{1, 1}, point{0.3, 0.9}, point{0.5, 0.1}, point{-0.2, 1.3}}) {
    const point q = map(p.x, p.y);
    const point back = map.inverse(q);
    CHECK(back.x == doctest::Approx(p.x).epsilon(1e-9));
    CHECK(back.y == doctest::Approx(p.y).epsilon(1e-9));
  }
}
