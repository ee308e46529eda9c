// SPDX-License-Identifier: MIT
#include <vmt/train/block_coding.hpp>
#include <vmt/train/plane_filters.hpp>

#include <vmt/core/rng.hpp>

#include <doctest/doctest.h>

using namespace vmt;
using namespace vmt::train;
using vmt::train::detail::area_filter;
using vmt::train::detail::cubic_filter;
using vmt::train::detail::gaussian_filter;

namespace {

plane noise(index_t w, index_t h) {
  plane p;
  p.resize(w, h);
  rng random(7);
  for (float& v : p.pixels) v = static_cast<float>(random.uniform(0, 255));
  return p;
}

double spread(const plane& p) {
  double sum = 0, squares = 0;
  for (const float v : p.pixels) {
    sum += static_cast<double>(v);
    squares += static_cast<double>(v) * static_cast<double>(v);
  }
  const auto n = static_cast<double>(p.pixels.size());
  return std::sqrt((std::max)(0.0, squares / n - sum / n * (sum / n)));
}

double largest_difference(const plane& a, const plane& b) {
  double d = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    d = (std::max)(d, std::abs(static_cast<double>(a.pixels[i]) - static_cast<double>(b.pixels[i])));
  }
  return d;
}

}  // namespace

TEST_CASE("filters keep an even picture, also at the border and in another size") {
  plane p, between, out;
  p.resize(30, 20);
  for (float& v : p.pixels) v = 100;
  for (const auto& [across, down] :
       {std::pair{gaussian_filter(30, 1.1), gaussian_filter(20, 0.3)},
        std::pair{area_filter(30, 13), area_filter(20, 11)}, std::pair{cubic_filter(30, 61), cubic_filter(20, 33)}}) {
    filter(p, across, down, between, out);
    CHECK(out.width == across.size());
    CHECK(out.height == down.size());
    for (const float v : out.pixels) REQUIRE(v == doctest::Approx(100).epsilon(1e-5));
  }
}

TEST_CASE("half the size by area is the mean of four pixels; a blur takes noise away") {
  const plane p = noise(16, 8);
  plane between, out;
  filter(p, area_filter(16, 8), area_filter(8, 4), between, out);
  const double mean = (static_cast<double>(p.row(2)[4]) + static_cast<double>(p.row(2)[5]) +
                       static_cast<double>(p.row(3)[4]) + static_cast<double>(p.row(3)[5])) /
                      4;
  CHECK(static_cast<double>(out.row(1)[2]) == doctest::Approx(mean).epsilon(1e-4));
  const plane large = noise(64, 64);
  filter(large, gaussian_filter(64, 1), gaussian_filter(64, 1), between, out);
  CHECK(spread(out) < 0.4 * spread(large));
}

TEST_CASE("a straight slope stays one when enlarged by cubics") {
  plane p, between, out;
  p.resize(12, 12);
  for (index_t y = 0; y < 12; ++y) {
    for (index_t x = 0; x < 12; ++x) p.row(y)[x] = static_cast<float>(10 * x);
  }
  filter(p, cubic_filter(12, 24), cubic_filter(12, 24), between, out);
  CHECK(out.row(12)[12] - out.row(12)[11] == doctest::Approx(5).epsilon(1e-3));
}

TEST_CASE("coding loses more the lower the quality, and an even picture only its level's rounding") {
  const block_coder code;
  const plane p = noise(21, 13);  // the last blocks reach over the border
  double before = 0;
  for (const double quality : {90.0, 50.0, 10.0}) {
    plane q = p;
    code(q, quality);
    const double lost = largest_difference(p, q);
    CHECK(lost > before);
    before = lost;
  }
  plane fine = p;
  code(fine, 99);
  CHECK(largest_difference(p, fine) < 8);
  plane even;
  even.resize(16, 16);
  for (float& v : even.pixels) v = 77;
  plane coded = even;
  code(coded, 50);
  CHECK(spread(coded) < 1e-3);
  CHECK(largest_difference(even, coded) <=
        12.0 / 8 / 2 + 1e-3);  // half a step of the mean's coefficient, which is 8 times it
  CHECK_THROWS_AS(code(coded, 0), error);
}
