// SPDX-License-Identifier: MIT
#include <vmt/eval/scores.hpp>

#include <doctest/doctest.h>

using vmt::note;
using vmt::eval::score;

TEST_CASE("scores are the ratios of hits, false alarms and misses") {
  const score s = vmt::eval::score_of(6, 10, 8);
  CHECK(s.precision == 0.75);
  CHECK(s.recall == 0.6);
  CHECK(s.accuracy == 0.5);  // 6 of 6 + 2 + 4
  CHECK(s.f1 == doctest::Approx(2.0 / 3).epsilon(1e-15));
}

TEST_CASE("scores without notes are 0, never NaN") {
  CHECK(vmt::eval::score_of(0, 0, 0) == score{});
  CHECK(vmt::eval::score_of(0, 5, 0) == score{});
  CHECK(vmt::eval::score_of(0, 5, 5) == score{});
  CHECK(vmt::eval::note_scores({}, {}) == score{});
}

TEST_CASE("note scores count each reference note once") {
  const std::vector<note> reference{{1.0, 2.0, 60}, {2.0, 3.0, 62}};
  const std::vector<note> estimate{{1.01, 2.0, 60}, {1.02, 2.0, 60}, {2.0, 2.5, 62}, {5.0, 6.0, 70}};
  CHECK(vmt::eval::note_scores(reference, estimate) == vmt::eval::score_of(2, 2, 4));
  vmt::eval::note_options options;
  options.offset_ratio = 0.2;
  CHECK(vmt::eval::note_scores(reference, estimate, options) == vmt::eval::score_of(1, 2, 4));
}
