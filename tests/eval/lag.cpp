// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/eval/lag.hpp>
#include <vmt/eval/scores.hpp>

#include <doctest/doctest.h>

using vmt::note;
using vmt::eval::estimate_lag;
using vmt::eval::mean_absolute_onset_error;
using vmt::eval::shifted;

namespace {

std::vector<note> piece(vmt::rng& random) {
  std::vector<note> notes;
  double onset = 1;
  for (int i = 0; i < 300; ++i) {
    onset += random.uniform(0.0, 0.2);
    notes.push_back({onset, onset + 0.3, static_cast<int>(55 + random.below(12))});
  }
  return notes;
}

}  // namespace

TEST_CASE("a constant lag is found through jitter, wrong notes and missing notes") {
  vmt::rng random(9);
  const std::vector<note> reference = piece(random);
  for (const double lag : {-0.08, -0.005, 0.0, 0.03, 0.1}) {
    CAPTURE(lag);
    std::vector<note> estimate;
    for (const note& n : shifted(reference, lag)) {
      if (random.below(5) == 0) continue;
      estimate.push_back(n);
      estimate.back().onset += 0.008 * random.normal();
      if (random.below(5) == 0) estimate.push_back({n.onset + random.uniform(-0.5, 0.5), n.offset + 1, n.pitch + 1});
    }
    CHECK(estimate_lag(reference, estimate) == doctest::Approx(lag).epsilon(0.002));
    const std::vector<note> corrected = shifted(estimate, -estimate_lag(reference, estimate));
    CHECK(vmt::eval::note_scores(reference, corrected).recall > 0.75);
  }
}

TEST_CASE("without jitter the lag is exact, and the median ignores a few far notes") {
  const std::vector<note> reference{{1.0, 2.0, 60}, {2.0, 3.0, 61}, {3.0, 4.0, 62}, {4.0, 5.0, 63}};
  std::vector<note> estimate = shifted(reference, 0.125);
  CHECK(estimate_lag(reference, estimate) == 0.125);
  estimate[0].onset = 0.9;
  CHECK(estimate_lag(reference, estimate) == 0.125);
  CHECK(shifted(estimate, 0.5)[1].offset == 3.625);
}

TEST_CASE("an even number of notes has the mean of the middle two as lag") {
  const std::vector<note> reference{{1.0, 2.0, 60}, {2.0, 3.0, 61}};
  const std::vector<note> estimate{{1.0, 2.0, 60}, {2.0625, 3.0, 61}};
  CHECK(estimate_lag(reference, estimate, 0.2) == 0.03125);
}

TEST_CASE("the lag is 0 where nothing pairs up") {
  const std::vector<note> one{{1.0, 2.0, 60}}, far{{1.2, 2.0, 60}}, other{{1.0, 2.0, 61}};
  CHECK(estimate_lag({}, {}) == 0.0);
  CHECK(estimate_lag(one, far) == 0.0);
  CHECK(estimate_lag(one, other) == 0.0);
  CHECK(estimate_lag(one, far, 0.25) == doctest::Approx(0.2));
  CHECK_THROWS_AS(static_cast<void>(estimate_lag(one, far, 0)), vmt::error);
}

TEST_CASE("the mean absolute onset error is of mutually nearest notes") {
  const std::vector<note> reference{{1.0, 2.0, 60}, {1.125, 2.0, 60}, {3.0, 4.0, 62}};
  const std::vector<note> estimate{{1.0625, 2.0, 60}, {1.125, 2.0, 60}, {2.875, 4.0, 62}, {9.0, 10.0, 60}};
  // 1.125 takes 1.125, and 1.0625 is as near to 1.0: differences of 0.0625, 0 and 0.125.
  const std::optional<double> error = mean_absolute_onset_error(reference, estimate);
  REQUIRE(error.has_value());
  CHECK(*error == 0.0625);
  CHECK_FALSE(mean_absolute_onset_error(reference, {}).has_value());
  CHECK_FALSE(mean_absolute_onset_error(reference, std::vector<note>{{1.0, 2.0, 61}}).has_value());
}
