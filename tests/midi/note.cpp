// SPDX-License-Identifier: MIT
#include <vmt/midi/note.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

using vmt::note;

TEST_CASE("notes are ordered by onset, then pitch, then offset") {
  const note first{0.5, 9.0, 90}, second{1.0, 9.0, 60}, third{1.0, 2.0, 61}, fourth{1.0, 3.0, 61};
  std::vector<note> notes{fourth, third, second, first};
  std::sort(notes.begin(), notes.end());
  CHECK(notes == std::vector<note>{first, second, third, fourth});
}

TEST_CASE("the order of notes agrees with equality") {
  const note a{1.0, 2.0, 60, 80, 0.5};
  for (const note& b : {note{1.0, 2.0, 60, 81, 0.5}, note{1.0, 2.0, 60, 80, 0.6}}) {
    CHECK(a != b);
    CHECK(a < b);
  }
  CHECK((a <=> note(a)) == std::partial_ordering::equivalent);
  const note nan{std::numeric_limits<double>::quiet_NaN()};
  CHECK((a <=> nan) == std::partial_ordering::unordered);
}
