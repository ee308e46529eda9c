// SPDX-License-Identifier: MIT
#include <vmt/midi/smf_types.hpp>

#include <doctest/doctest.h>

using vmt::midi::tempo_change;
using vmt::midi::tempo_map;
using vmt::midi::time_base;

TEST_CASE("ticks become seconds by the tempo that holds at each") {
  const tempo_map clock(time_base{100, 0, 0}, {{0, 0, 500'000}, {200, 0, 1'000'000}, {300, 0, 250'000}});
  CHECK(clock.seconds(0) == 0.0);
  CHECK(clock.seconds(100) == 0.5);
  CHECK(clock.seconds(200) == 1.0);
  CHECK(clock.seconds(250) == 1.5);
  CHECK(clock.seconds(300) == 2.0);
  CHECK(clock.seconds(700) == 3.0);
}

TEST_CASE("a hundred thousand tempo changes add up without rounding") {
  std::vector<tempo_change> tempos;
  for (int i = 0; i < 100'000; ++i) tempos.push_back({i, 0, i % 2 == 0 ? 333'333U : 666'667U});
  CHECK(tempo_map(time_base{1, 0, 0}, tempos).seconds(100'000) == 50'000.0);
}

TEST_CASE("SMPTE time knows no tempo") {
  const std::vector<tempo_change> tempos{{0, 0, 123'456}};
  CHECK(tempo_map(time_base{0, 25, 40}, tempos).seconds(1000) == 1.0);
  CHECK(tempo_map(time_base{0, 24, 4}, tempos).seconds(96) == 1.0);
  CHECK(tempo_map(time_base{0, 30, 80}, tempos).seconds(2400 * 3600) == 3600.0);
  CHECK(tempo_map(time_base{0, 29, 10}, tempos).seconds(300) == 1.001);
}

TEST_CASE("the last tick at the slowest tempo does not overflow") {
  const tempo_map clock(time_base{1, 0, 0}, {{0, 0, 0xFF'FFFF}});
  CHECK(clock.seconds(vmt::midi::max_tick) == doctest::Approx(274877906943.0 * 16.777215).epsilon(1e-15));
}
