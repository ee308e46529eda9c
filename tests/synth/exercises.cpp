// SPDX-License-Identifier: MIT
#include <vmt/synth/exercises.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <map>

using vmt::synth::exercise;

TEST_CASE("every exercise gives sorted notes of the keyboard for about the time asked for") {
  for (const auto name : vmt::synth::exercise_names) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(name);
      CAPTURE(seed);
      const auto notes = exercise(name, seed, 30, 36, 84);
      CHECK(notes.size() > 30);
      CHECK(std::is_sorted(notes.begin(), notes.end()));
      CHECK(notes.back().onset < 30);
      CHECK(notes.back().onset > 25);
      for (const auto& n : notes) {
        CHECK(n.pitch >= 36);
        CHECK(n.pitch <= 84);
        CHECK(n.offset > n.onset);
        CHECK(n.velocity >= 1);
        CHECK(n.velocity <= 127);
      }
      CHECK(exercise(name, seed, 30, 36, 84) == notes);
      CHECK(exercise(name, seed + 100, 30, 36, 84) != notes);
    }
  }
}

TEST_CASE("an exercise is what its name says") {
  const auto strikes = [](std::string_view name) {
    std::map<int, int> count;
    int same = 0, together = 0, black = 0;
    const auto notes = exercise(name, 4, 60);
    for (std::size_t i = 0; i < notes.size(); ++i) {
      black += vmt::keyboard::is_white(notes[i].pitch) ? 0 : 1;
      if (i == 0) continue;
      same += notes[i].pitch == notes[i - 1].pitch ? 1 : 0;
      together += notes[i].onset - notes[i - 1].onset < 0.03 ? 1 : 0;
    }
    const auto share = [&](int n) { return static_cast<double>(n) / static_cast<double>(notes.size()); };
    return std::array<double, 3>{share(same), share(together), share(black)};
  };
  CHECK(strikes("repeats")[0] > 0.5);
  CHECK(strikes("trills")[0] < 0.1);
  CHECK(strikes("chords")[1] > 0.5);
  CHECK(strikes("trills")[1] < 0.2);
  CHECK(strikes("hanon")[2] == 0);
  CHECK(strikes("scales")[2] > 0.1);
}

TEST_CASE("names, lengths and ranges that make no sense are refused with a sentence") {
  CHECK_THROWS_WITH_AS(static_cast<void>(exercise("polka", 1, 10)), doctest::Contains("hanon"), vmt::error);
  CHECK_THROWS_AS(static_cast<void>(exercise("hanon", 1, -1)), vmt::error);
  CHECK_THROWS_AS(static_cast<void>(exercise("hanon", 1, std::numeric_limits<double>::quiet_NaN())), vmt::error);
  CHECK_THROWS_AS(static_cast<void>(exercise("hanon", 1, 10, 60, 70)), vmt::error);
  CHECK(exercise("hanon", 1, 0).empty());
}
