// SPDX-License-Identifier: MIT
#include <vmt/keyboard/black_keys.hpp>
#include <vmt/core/rng.hpp>

#include <doctest/doctest.h>

using namespace vmt::keyboard;

namespace {

/// The bars of black keys `first` … `last` as a camera sees them: the pitch grows by `growth` from key to key.
std::vector<bar> seen_bars(int first, int last, double pitch, double growth) {
  std::vector<bar> bars;
  for (int b = first; b <= last; ++b) {
    const double t = black_centre(b) - black_centre(first);
    const double x = 50 + pitch * t * (1 + growth * t / 2);
    const double width = 0.5 * pitch * (1 + growth * t);
    bars.push_back({x - width / 2, x + width / 2});
  }
  return bars;
}

}  // namespace

TEST_CASE("black keys are counted over the octaves, below zero too") {
  CHECK(black_crack(0) == 1);  // C sharp lies between C and D
  CHECK(black_crack(2) == 4);  // F sharp
  CHECK(black_crack(4) == 6);  // A sharp
  CHECK(black_crack(5) == 8);
  CHECK(black_crack(-1) == -1);
  CHECK(black_crack(-5) == -6);
  CHECK(black_centre(3) == doctest::Approx(5));  // G sharp is centred
  CHECK(black_centre(7 + 3) - black_centre(5 + 0) == doctest::Approx(black_centre(5) - black_centre(0)));
  for (int crack = -20; crack <= 20; ++crack) {
    const int b = first_black_from(crack);
    CHECK(black_crack(b) >= crack);
    CHECK(black_crack(b - 1) < crack);
  }
  CHECK(white_steps(0) == 0);
  CHECK(white_steps(9) == 16);
  CHECK(white_steps(-1) == -1);
}

TEST_CASE("bars of a profile are found between its maxima, to a fraction of a sample") {
  std::vector<std::uint8_t> profile(100, 200);
  for (std::size_t i = 20; i < 30; ++i) profile[i] = 40;
  profile[19] = 120;  // half covered: the bar begins at 19.5
  profile[60] = 190;  // too weak to be one
  for (std::size_t i = 70; i < 75; ++i) profile[i] = 100;
  std::vector<bar> bars;
  find_bars(profile, bars);
  REQUIRE(bars.size() == 2);
  CHECK(bars[0].left == doctest::Approx(19.5).epsilon(0.01));
  CHECK(bars[0].right == doctest::Approx(30).epsilon(0.01));
  CHECK(bars[1].centre() == doctest::Approx(72.5).epsilon(0.01));
  find_bars(std::vector<std::uint8_t>(100, 7), bars);
  CHECK(bars.empty());
  find_bars({}, bars);
  CHECK(bars.empty());
}

TEST_CASE("cracks between white keys are dropped, black keys beside a dark room stay") {
  std::vector<bar> bars{{0, 300}, {320, 332}, {344, 356}, {361, 363}, {370, 382}};
  std::vector<bar> scratch;
  drop_cracks(bars, scratch);
  REQUIRE(bars.size() == 4);
  CHECK(bars[3].left == 370);
  CHECK(bars[1].left == 320);
}

TEST_CASE("the twos and threes are recognised at any phase, pitch and perspective") {
  for (int first = 0; first < 5; ++first) {
    for (const double growth : {-0.008, 0.0, 0.012}) {
      CAPTURE(first);
      CAPTURE(growth);
      comb_finder finder;
      REQUIRE(finder(seen_bars(first, first + 19, 20, growth)));
      const comb& found = finder.best();
      REQUIRE(found.teeth.size() == 20);
      CHECK(found.missing == 0);
      CHECK(floor_mod(found.teeth.front().black, 5) == first);
      CHECK(found.teeth.back().black - found.teeth.front().black == 19);
    }
  }
}

TEST_CASE("keys under a hand are counted as missing, and a stray bar does not count") {
  auto bars = seen_bars(0, 24, 18, 0.003);
  bars.erase(bars.begin() + 10, bars.begin() + 14);
  const double x = (bars[3].right + bars[4].left) / 2;  // between A sharp and the next C sharp
  comb_finder finder;
  REQUIRE(finder(bars));
  CHECK(finder.best().teeth.size() == 21);
  CHECK(finder.best().missing == 4);
  bars.insert(bars.begin() + 4, bar{x - 4, x + 4});
  REQUIRE(finder(bars));
  CHECK(finder.best().teeth.size() >= 20);
}

TEST_CASE("evenly spaced bars and random ones are no keyboard") {
  std::vector<bar> fence;
  for (int i = 0; i < 60; ++i) fence.push_back({20.0 * i, 20.0 * i + 8});
  comb_finder finder;
  CHECK((!finder(fence) || finder.best().teeth.size() < 7));
  vmt::rng random(3);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<bar> bars;
    double x = 0;
    for (int i = 0; i < 40; ++i) {
      x += random.uniform(10, 40);
      bars.push_back({x - 4, x + 4});
    }
    CAPTURE(trial);
    CHECK((!finder(bars) || finder.best().score() < 20));  // 88 keys have 36
  }
}
