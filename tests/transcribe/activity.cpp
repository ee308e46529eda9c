// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/transcribe/activity.hpp>

#include <doctest/doctest.h>

#include <array>
#include <limits>

using vmt::index_t;
using vmt::transcribe::activity;

TEST_CASE("a short video has a column for each frame, in spite of jitter") {
  activity a(100);
  vmt::rng random(2);
  for (int i = 0; i < 60; ++i) {
    const double jitter = i < 2 ? 0 : random.uniform(-0.008, 0.008);
    a.add(10 + 0.04 * i + jitter, std::array{static_cast<float>(i) / 254.0F, 1.0F});
  }
  CHECK(a.keys() == 2);
  CHECK(a.frames() == 60);
  CHECK(a.first() == 10);
  REQUIRE(a.columns() == 60);
  const auto values = a.values();
  for (std::size_t i = 0; i < 60; ++i) {
    CHECK(values[2 * i] == i);
    CHECK(values[2 * i + 1] == 254);
  }
}

TEST_CASE("a video of any length fits, and every peak is kept at its time") {
  activity a(64);
  for (int i = 0; i < 100'000; ++i) a.add(0.04 * i, std::array{i % 10'000 == 5'000 ? 0.5F : 0.1F});
  CHECK(a.columns() <= 64);
  CHECK(a.columns() >= 32);
  const auto values = a.values();
  index_t peaks = 0;
  for (index_t c = 0; c < a.columns(); ++c) {
    const double begin = a.start() + static_cast<double>(c) * a.step();
    bool inside = false;
    for (int i = 5'000; i < 100'000; i += 10'000) inside = inside || (0.04 * i >= begin && 0.04 * i < begin + a.step());
    CHECK(values[static_cast<std::size_t>(c)] == (inside ? 127 : 25));
    peaks += inside ? 1 : 0;
  }
  CHECK(peaks == 10);
  a.add(0.9e9, std::array{0.2F});  // a leap of the clock
  CHECK(a.columns() <= 64);
}

TEST_CASE("a gap stays unknown, a single column without a frame repeats the one before") {
  activity a(100);
  for (const int i : {0, 1, 2, 4, 5, 9}) a.add(0.04 * i, std::array{1.0F});
  constexpr auto u = activity::unknown;
  CHECK(a.values() == std::vector<std::uint8_t>{254, 254, 254, 254, 254, 254, u, u, u, 254});
}

TEST_CASE("what is no activity is refused") {
  CHECK_THROWS_AS(activity(1), vmt::error);
  activity a;
  CHECK(a.columns() == 0);
  CHECK(a.values().empty());
  a.add(1, std::array{0.5F});
  CHECK_THROWS_AS(a.add(1, std::array{0.5F}), vmt::error);
  CHECK_THROWS_AS(a.add(2, std::array{0.5F, 0.5F}), vmt::error);
  CHECK_THROWS_AS(a.add(std::numeric_limits<double>::infinity(), std::array{0.5F}), vmt::error);
}
