// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/eval/frames.hpp>

#include <doctest/doctest.h>

#include <limits>

using vmt::note;
using vmt::eval::frame_result;
using vmt::eval::frame_scores;

namespace {

/// Frame by frame, straight from the definition.
frame_result by_definition(const std::vector<note>& reference, const std::vector<note>& estimate, double rate,
                           int frames) {
  double n_reference = 0, n_estimate = 0, hits = 0, sub = 0, miss = 0, alarm = 0, total = 0;
  for (int k = 0; k < frames; ++k) {
    double r = 0, e = 0, h = 0;
    for (int pitch = 0; pitch < 128; ++pitch) {
      const auto active = [&](const std::vector<note>& notes) {
        return std::any_of(notes.begin(), notes.end(), [&](const note& n) {
          return n.pitch == pitch && n.onset <= k / rate && k / rate < n.offset;
        });
      };
      const bool in_reference = active(reference), in_estimate = active(estimate);
      r += in_reference;
      e += in_estimate;
      h += in_reference && in_estimate;
    }
    n_reference += r;
    n_estimate += e;
    hits += h;
    sub += std::min(r, e) - h;
    miss += std::max(0.0, r - e);
    alarm += std::max(0.0, e - r);
    total += std::max(r, e) - h;
  }
  frame_result result{vmt::eval::score_of(hits, n_reference, n_estimate)};
  if (n_reference > 0) {
    result.substitution_error = sub / n_reference;
    result.miss_error = miss / n_reference;
    result.false_alarm_error = alarm / n_reference;
    result.total_error = total / n_reference;
  }
  return result;
}

}  // namespace

TEST_CASE("frames lie at whole multiples of 1/rate; a note has its onset's frame and not its offset's") {
  using vmt::eval::detail::first_frame;
  CHECK(first_frame(0.0, 100) == 0);
  CHECK(first_frame(0.29, 100) == 29);  // 0.29 · 100 is 28.999999999999996
  CHECK(first_frame(0.07, 100) == 7);   // 0.07 · 100 is 7.000000000000001
  CHECK(first_frame(0.291, 100) == 30);
  CHECK(first_frame(-0.295, 100) == -29);
  const std::vector<note> reference{{0.07, 0.29}}, estimate{{0.07, 0.18}};
  CHECK(frame_scores(reference, estimate).scores == vmt::eval::score_of(11, 22, 11));
}

TEST_CASE("frame scores and errors of a small case") {
  const std::vector<note> reference{{0.0, 1.0, 60}, {0.0, 1.0, 64}};
  const std::vector<note> estimate{{0.0, 0.5, 60}, {0.0, 0.5, 65}, {2.0, 2.5, 70}};
  const frame_result r = frame_scores(reference, estimate, 10);
  CHECK(r.scores == vmt::eval::score_of(5, 20, 15));
  CHECK(r.substitution_error == 0.25);
  CHECK(r.miss_error == 0.5);
  CHECK(r.false_alarm_error == 0.25);
  CHECK(r.total_error == 1.0);
}

TEST_CASE("random pieces agree with the definition") {
  vmt::rng random(5);
  for (int piece = 0; piece < 60; ++piece) {
    const auto draw = [&](vmt::index_t count) {
      std::vector<note> notes;
      for (vmt::index_t i = 0; i < count; ++i) {
        const double onset = piece % 2 == 0 ? random.uniform(0, 2) : static_cast<double>(random.below(200)) / 100;
        const double duration = piece % 2 == 0 ? random.uniform(0, 0.5) : static_cast<double>(random.below(50)) / 100;
        notes.push_back({onset, onset + duration, static_cast<int>(60 + random.below(4))});
      }
      return notes;
    };
    const std::vector<note> reference = draw(random.below(20)), estimate = draw(random.below(20));
    const double rate = piece % 3 == 0 ? 29.97 : 100;
    const frame_result found = frame_scores(reference, estimate, rate);
    const frame_result right = by_definition(reference, estimate, rate, 300);
    CHECK(found.scores == right.scores);
    CHECK(found.substitution_error == doctest::Approx(right.substitution_error).epsilon(1e-14));
    CHECK(found.miss_error == doctest::Approx(right.miss_error).epsilon(1e-14));
    CHECK(found.false_alarm_error == doctest::Approx(right.false_alarm_error).epsilon(1e-14));
    CHECK(found.total_error == doctest::Approx(right.total_error).epsilon(1e-14));
  }
}

TEST_CASE("a note of a year costs no more than one of a second") {
  const std::vector<note> reference{{0.0, 3.2e7}}, estimate{{1.6e7, 3.2e7}};
  CHECK(frame_scores(reference, estimate).scores.recall == 0.5);
}

TEST_CASE("frame scores without notes are 0, and nonsense is refused") {
  CHECK(frame_scores({}, {}).scores == vmt::eval::score{});
  CHECK(frame_scores({}, std::vector<note>{{0.0, 1.0}}).total_error == 0.0);
  CHECK_THROWS_AS(static_cast<void>(frame_scores({}, {}, 0)), vmt::error);
  CHECK_THROWS_AS(static_cast<void>(frame_scores({}, {}, std::numeric_limits<double>::quiet_NaN())), vmt::error);
  CHECK_THROWS_AS(static_cast<void>(frame_scores(std::vector<note>{{0.0, 1e300}}, {})), vmt::error);
  CHECK_THROWS_AS(static_cast<void>(frame_scores(std::vector<note>{{1.0, 0.0}}, {})), vmt::error);
}
