// SPDX-License-Identifier: MIT
#include <vmt/train/augment_swap.hpp>

#include <doctest/doctest.h>

using namespace vmt;
using namespace vmt::train;

TEST_CASE("on another keyboard hands stay as they are, and what changes on a key changes in proportion") {
  plane own, other;
  own.resize(64, 48);
  std::fill(own.pixels.begin(), own.pixels.end(), 192.0F);
  other = own;
  std::fill(other.pixels.begin(), other.pixels.end(), 92.0F);
  plane p = own;
  for (index_t y = 8; y < 40; ++y) {
    for (index_t x = 8; x < 28; ++x) p.row(y)[x] = 120;   // a hand
    for (index_t x = 48; x < 52; ++x) p.row(y)[x] = 182;  // the shade of a press
  }
  plate_swap swap(own, other, 30);
  swap(p);
  CHECK(swap.plate().pixels == other.pixels);
  CHECK(p.row(24)[18] == doctest::Approx(120));
  CHECK(p.row(24)[60] == doctest::Approx(92));
  CHECK(p.row(24)[50] == doctest::Approx(190.0 / 2 - 8));  // (182 + 8)(92 + 8)/(192 + 8) − 8
}

TEST_CASE("an exchange for the same plate changes nothing") {
  plane own;
  own.resize(32, 32);
  for (std::size_t i = 0; i < own.pixels.size(); ++i) own.pixels[i] = static_cast<float>(i % 251);
  plate_swap swap(own, own, 20);
  plane p = own;
  for (std::size_t i = 0; i < p.pixels.size(); i += 3) p.pixels[i] = 255 - p.pixels[i];
  const plane before = p;
  swap(p);
  for (std::size_t i = 0; i < p.pixels.size(); ++i)
    REQUIRE(p.pixels[i] == doctest::Approx(before.pixels[i]).epsilon(1e-4));
}
