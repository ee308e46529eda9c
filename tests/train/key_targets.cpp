// SPDX-License-Identifier: MIT
#include <vmt/train/key_targets.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace vmt;
using vmt::train::key_targets;
using vmt::train::write_key_targets;
using enum vmt::key_output;

TEST_CASE("a note is a triangle at its onset and its release, held between, with its velocity and its place") {
  const std::vector<note> notes{{1.01, 1.31, 60, 127}, {1.0, 1.2, 61, 64}};
  std::vector<double> times;
  for (int i = 0; i < 20; ++i) times.push_back(0.9 + i * 0.04);
  std::vector<float> row(static_cast<std::size_t>(key_targets<float>::size(2, 20)));
  const key_targets<float> t(row, 2, 20);
  write_key_targets<float>(notes, 60, times, 0.04, t, 1);
  // Frames 2 and 3 are at 0.98 and 1.02, 30 and 10 ms from the onset; the triangle is 60 ms to each side.
  CHECK(t.at(1, onset, 1) == 0);
  CHECK(t.at(1, onset, 2) == doctest::Approx(0.5));
  CHECK(t.at(1, onset, 3) == doctest::Approx(1 - 10.0 / 60));
  CHECK(t.at(1, onset, 4) == doctest::Approx(1 - 50.0 / 60));
  CHECK(t.at(1, onset, 5) == 0);
  CHECK(t.at(1, place, 2) == doctest::Approx(0.75));
  CHECK(t.at(1, place, 3) == doctest::Approx(-0.25));
  CHECK(t.at(1, place, 5) == 0);
  CHECK(t.at(1, velocity, 3) == 1);
  CHECK(t.at(1, velocity, 5) == 0);
  // Held: not from 0.98 to 1.04, nor from 1.26 to 1.36.
  CHECK(t.at(1, held, 1) == 0);
  CHECK(t.at(1, held, 3) == -1);
  CHECK(t.at(1, held, 4) == 1);
  CHECK(t.at(1, held, 8) == 1);
  CHECK(t.at(1, held, 10) == -1);
  CHECK(t.at(1, held, 12) == 0);
  CHECK(t.at(1, release, 10) == doctest::Approx(1 - 10.0 / 60));
  CHECK(t.at(1, release, 8) == 0);
  for (const key_output o : {onset, held, release, velocity, place}) {
    for (index_t f = 0; f < 20; ++f) CHECK(t.at(0, o, f) == 0);  // the other key was not written
  }
}

TEST_CASE("between two strokes the nearer one counts") {
  const std::vector<note> notes{{1.00, 1.05, 60, 40}, {1.08, 1.2, 60, 90}};
  const std::vector<double> times{1.0, 1.04, 1.08};
  std::vector<float> row(static_cast<std::size_t>(key_targets<float>::size(1, 3)));
  const key_targets<float> t(row, 1, 3);
  write_key_targets<float>(notes, 60, times, 0.04, t, 0);
  CHECK(t.at(0, onset, 0) == 1);
  CHECK(t.at(0, onset, 2) == 1);
  CHECK(t.at(0, velocity, 0) == doctest::Approx(40 / 127.0));
  CHECK(t.at(0, velocity, 2) == doctest::Approx(90 / 127.0));
  CHECK(t.at(0, place, 2) == doctest::Approx(0));
}

TEST_CASE("a row has places and colours first, and must have the right size") {
  std::vector<float> row(static_cast<std::size_t>(key_targets<float>::size(3, 4)), 0.0F);
  CHECK(row.size() == 3 + 3 + 3 * 5 * 4);
  const key_targets<float> t(row, 3, 4);
  t.place(2) = 17;
  t.black(2) = 1;
  t.at(2, place, 3) = 5;
  CHECK(row[2] == 17);
  CHECK(row[5] == 1);
  CHECK(row.back() == 5);
  CHECK(t.where(2) == key_place{17, true});
  CHECK_THROWS_AS(key_targets<float>(row, 3, 5), error);
}
