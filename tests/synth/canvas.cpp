// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/synth/canvas.hpp>

#include <doctest/doctest.h>

using vmt::index_t;
using vmt::synth::area;
using vmt::synth::canvas;
using vmt::synth::point;
using vmt::synth::polygon_filler;

namespace {

/// Points on an ellipse in order of their angle: a convex polygon.
std::vector<point> convex(vmt::rng& random, double cx, double cy, double size) {
  std::vector<double> angles(3 + static_cast<std::size_t>(random.below(5)));
  for (double& a : angles) a = random.uniform(0, 6.283);
  std::sort(angles.begin(), angles.end());
  const double rx = random.uniform(0.3, 1) * size, ry = random.uniform(0.3, 1) * size;
  std::vector<point> polygon;
  for (const double a : angles) polygon.push_back({cx + rx * std::cos(a), cy + ry * std::sin(a)});
  return polygon;
}

double area_of(const std::vector<point>& p) {
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const point a = p[i], b = p[(i + 1) % p.size()];
    sum += a.x * b.y - b.x * a.y;
  }
  return std::abs(sum) / 2;
}

/// The part of a convex polygon inside a box, by cutting along its four sides.
std::vector<point> cut(std::vector<point> p, double l, double t, double r, double b) {
  const auto half = [&](auto&& inside, auto&& meet) {
    std::vector<point> out;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const point a = p[i], c = p[(i + 1) % p.size()];
      if (inside(a)) out.push_back(a);
      if (inside(a) != inside(c)) out.push_back(meet(a, c));
    }
    p = out;
  };
  const auto at_x = [](double x) {
    return [x](point a, point c) { return point{x, a.y + (c.y - a.y) * (x - a.x) / (c.x - a.x)}; };
  };
  const auto at_y = [](double y) {
    return [y](point a, point c) { return point{a.x + (c.x - a.x) * (y - a.y) / (c.y - a.y), y}; };
  };
  half([&](point a) { return a.x >= l; }, at_x(l));
  half([&](point a) { return a.x <= r; }, at_x(r));
  half([&](point a) { return a.y >= t; }, at_y(t));
  half([&](point a) { return a.y <= b; }, at_y(b));
  return p;
}

}  // namespace

TEST_CASE("each pixel gets exactly the share that a polygon covers of it") {
  vmt::rng random(1);
  polygon_filler fill;
  const area picture{0, 0, 30, 20};
  for (int trial = 0; trial < 200; ++trial) {
    const auto polygon = convex(random, random.uniform(-5, 35), random.uniform(-5, 25), random.uniform(0.4, 25));
    std::vector<double> got(600, 0.0);
    fill(polygon, picture, picture, [&](index_t x, index_t y, float share) {
      got[static_cast<std::size_t>(y * 30 + x)] = static_cast<double>(share);
    });
    double worst = 0;
    for (int y = 0; y < 20; ++y) {
      for (int x = 0; x < 30; ++x) {
        const double want = area_of(cut(polygon, x, y, x + 1, y + 1));
        worst = std::max(worst, std::abs(want - got[static_cast<std::size_t>(y * 30 + x)]));
      }
    }
    CHECK(worst < 2e-3);
  }
}

TEST_CASE("a part of the picture is filled with the same bits as all of it") {
  vmt::rng random(2);
  polygon_filler fill;
  const area picture{0, 0, 64, 48};
  for (int trial = 0; trial < 100; ++trial) {
    const auto polygon = convex(random, random.uniform(0, 64), random.uniform(0, 48), 40);
    canvas all, parts;
    for (canvas* c : {&all, &parts}) {
      c->resize(64, 48);
      std::fill(c->pixels.begin(), c->pixels.end(), 0.0F);
    }
    fill(polygon, picture, picture, [&](index_t x, index_t y, float share) { all.row(y)[x] += share; });
    for (const area& part : {area{0, 0, 13, 48}, area{13, 0, 64, 7}, area{13, 7, 64, 48}}) {
      fill(polygon, picture, part, [&](index_t x, index_t y, float share) { parts.row(y)[x] += share; });
    }
    CHECK(all.pixels == parts.pixels);
  }
}

TEST_CASE("polygons outside, without area or without points fill nothing") {
  polygon_filler fill;
  const area picture{0, 0, 10, 10};
  int calls = 0;
  const auto count = [&](index_t, index_t, float) { ++calls; };
  fill(std::vector<point>{{-9, -9}, {-3, -9}, {-3, -2}}, picture, picture, count);
  fill(std::vector<point>{{20, 2}, {40, 2}, {30, 8}}, picture, picture, count);
  fill(std::vector<point>{{1, 1}, {8, 8}}, picture, picture, count);
  fill(std::vector<point>{{1, 1}, {8, 8}, {4, 4}}, picture, picture, count);
  fill(std::vector<point>{}, picture, picture, count);
  CHECK(calls == 0);
}

TEST_CASE("an L-shaped polygon counts once, however it runs round") {
  polygon_filler fill;
  const area picture{0, 0, 10, 10};
  std::vector<point> shape{{2, 1}, {5, 1}, {5, 5}, {8, 5}, {8, 9}, {2, 9}};
  for (int turn = 0; turn < 2; ++turn) {
    double sum = 0;
    float most = 0;
    fill(shape, picture, picture,
         [&](index_t, index_t, float share) { sum += static_cast<double>(share), most = std::max(most, share); });
    CHECK(sum == doctest::Approx(3 * 4 + 6 * 4));
    CHECK(most == 1.0F);
    std::reverse(shape.begin(), shape.end());
  }
}
