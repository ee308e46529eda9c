// SPDX-License-Identifier: MIT
#include <vmt/eval/report.hpp>

#include <doctest/doctest.h>

using vmt::note;

TEST_CASE("an evaluation holds the four note scores and the frame score") {
  const std::vector<note> reference{{1.0, 2.0, 60}, {2.0, 3.0, 61}, {3.0, 4.0, 62}, {4.0, 5.0, 63}};
  // right; late by 80 ms; right but too short; late by 80 ms and too short
  const std::vector<note> estimate{{1.0, 2.0, 60}, {2.08, 3.0, 61}, {3.0, 3.5, 62}, {4.08, 4.5, 63}};
  const vmt::eval::evaluation e = vmt::eval::evaluate(reference, estimate);
  CHECK(e.onset_50ms == vmt::eval::score_of(2, 4, 4));
  CHECK(e.onset_100ms == vmt::eval::score_of(4, 4, 4));
  CHECK(e.onset_offset_50ms == vmt::eval::score_of(1, 4, 4));
  CHECK(e.onset_offset_100ms == vmt::eval::score_of(2, 4, 4));
  CHECK(e.frame == vmt::eval::score_of(100 + 92 + 50 + 42, 400, 284));
}

TEST_CASE("the JSON has all scores by name, unrounded") {
  vmt::eval::evaluation e;
  e.onset_50ms = {1, 0.1, 1.0 / 3, 2.0 / 3};
  e.frame = {0.30000000000000004, 0, 1e-7, 0.5};
  const std::string zero = "{\"precision\": 0, \"recall\": 0, \"accuracy\": 0, \"f1\": 0}";
  CHECK(vmt::eval::to_json(e) ==
        "{\"onset_50ms\": {\"precision\": 1, \"recall\": 0.1, \"accuracy\": 0.3333333333333333, "
        "\"f1\": 0.6666666666666666}, \"onset_100ms\": " +
            zero + ", \"onset_offset_50ms\": " + zero + ", \"onset_offset_100ms\": " + zero +
            ", \"frame\": {\"precision\": 0.30000000000000004, \"recall\": 0, \"accuracy\": 1e-07, \"f1\": 0.5}}");
}
