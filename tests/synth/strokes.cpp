// SPDX-License-Identifier: MIT
#include <vmt/synth/strokes.hpp>

#include <doctest/doctest.h>

#include <limits>

using vmt::note;
using vmt::synth::key_action;
using vmt::synth::playable;
using vmt::synth::wander;

TEST_CASE("a key is half way down at the onset and half way up at the offset") {
  const std::vector<note> notes{{1, 1.5, 60, 64}, {2, 2.4, 60, 120}, {1, 3, 72, 20}};
  const key_action keys(notes, 40, 60, 9);
  for (const note& n : notes) {
    const double full = keys.depth(n.pitch, (n.onset + n.offset) / 2);
    CHECK(full >= 0.85);
    CHECK(full <= 1);
    CHECK(keys.depth(n.pitch, n.onset) == doctest::Approx(full / 2));
    CHECK(keys.depth(n.pitch, n.offset) == doctest::Approx(full / 2));
    CHECK(keys.depth(n.pitch, n.onset - 0.1) == 0);
    CHECK(keys.depth(n.pitch, n.offset + 0.15) == 0);
  }
  CHECK(keys.depth(61, 1.2) == 0);
}

TEST_CASE("loud notes go down faster") {
  int faster = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<note> notes{{1, 2, 60, 15}, {1, 2, 64, 120}};
    const key_action keys(notes, 40, 60, seed);
    faster += keys.depth(64, 0.985) < keys.depth(60, 0.985) ? 1 : 0;  // soft: has begun earlier
  }
  CHECK(faster > 40);
}

TEST_CASE("playable notes are sorted, on the keyboard, and repeats come up before they go down again") {
  const auto notes =
      playable({{2, 3, 60}, {0, 5, 60}, {0.03, 1, 60}, {1, 1.01, 20}, {1, 1, 109}, {-1, 0, 70}, {4, 4, 62}}, 21, 108);
  REQUIRE(notes.size() == 3);
  CHECK(notes[0].onset == 0);
  CHECK(notes[0].offset == doctest::Approx(1.96));
  CHECK(notes[1].onset == 2);
  CHECK(notes[2].pitch == 62);
  CHECK(notes[2].offset == doctest::Approx(4.05));
}

TEST_CASE("times that are no numbers are refused") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(static_cast<void>(playable({{nan, 1, 60}}, 21, 108)), vmt::error);
  CHECK_THROWS_AS(static_cast<void>(playable({{0, std::numeric_limits<double>::infinity(), 60}}, 21, 108)), vmt::error);
  CHECK_THROWS_AS(static_cast<void>(playable({{1e9, 2e9, 60}}, 21, 108)), vmt::error);
}

TEST_CASE("wandering is smooth, centred, of the stated size and different for each track") {
  const wander a(5, 1, 2), b(5, 2, 2), again(5, 1, 2);
  double sum = 0, square = 0, together = 0, step = 0;
  const int n = 20000;
  for (int i = 0; i < n; ++i) {
    const double t = i * 0.05;
    CHECK(a(t) == again(t));
    sum += a(t), square += a(t) * a(t), together += a(t) * b(t);
    step = std::max(step, std::abs(a(t + 1e-4) - a(t)));
  }
  CHECK(std::abs(sum / n) < 0.05);
  CHECK(std::sqrt(square / n) == doctest::Approx(0.8).epsilon(0.15));
  CHECK(std::abs(together / n) < 0.05);
  CHECK(step < 0.005);
}

TEST_CASE("at the end of a note the stated share of the travel is left, and a key is up before it is struck again") {
  const std::vector<note> notes{{1, 2, 60, 64}, {2.06, 3, 60, 64}, {1, 2, 62, 64}};
  for (const double left : {0.5, 0.6, 0.9}) {
    CAPTURE(left);
    const vmt::synth::key_action action(notes, 40, 100, 3, left);
    for (const int pitch : {60, 62}) {
      const double full = action.depth(pitch, 1.5);
      CHECK(action.depth(pitch, 2) == doctest::Approx(left * full));
    }
    CHECK(action.depth(62, 2.03) > 0);
    double least = 1;
    for (double t = 2; t < 2.06; t += 0.001) least = std::min(least, action.depth(60, t));
    CHECK(least < 0.1);
  }
}
