// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/eval/match.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <set>

using vmt::index_t;
using vmt::note;
using vmt::eval::match;
using vmt::eval::match_notes;
using vmt::eval::note_options;

namespace {

note_options with(double onset, std::optional<double> ratio = std::nullopt) {
  note_options options;
  options.onset_tolerance = onset;
  options.offset_ratio = ratio;
  return options;
}

/// The largest number of pairs, by trying everything.
int brute_force(const std::vector<note>& reference, const std::vector<note>& estimate, const note_options& options) {
  std::vector<bool> used(estimate.size(), false);
  const std::function<int(std::size_t)> best = [&](std::size_t i) -> int {
    if (i == reference.size()) return 0;
    int most = best(i + 1);
    for (std::size_t j = 0; j < estimate.size(); ++j) {
      if (used[j] || !vmt::eval::detail::agrees(reference[i], estimate[j], options)) continue;
      used[j] = true;
      most = std::max(most, 1 + best(i + 1));
      used[j] = false;
    }
    return most;
  };
  return best(0);
}

}  // namespace

TEST_CASE("notes match by pitch and onset, and indices are those of the lists given") {
  const std::vector<note> reference{{2.0, 3.0, 62}, {1.0, 2.0, 60}, {1.0, 2.0, 64}};
  const std::vector<note> estimate{{1.03, 5.0, 60}, {1.0, 2.0, 65}, {1.96, 2.0, 62}};
  CHECK(match_notes(reference, estimate) == std::vector<match>{{0, 2}, {1, 0}});
}

TEST_CASE("a difference of exactly the tolerance counts, whatever the last bit says") {
  for (int k = 0; k < 1000; ++k) {
    const double onset = k / 100.0;
    CAPTURE(onset);
    CHECK(match_notes(std::vector<note>{{onset, onset + 1}}, std::vector<note>{{onset + 0.05, onset + 1}}).size() == 1);
    CHECK(match_notes(std::vector<note>{{onset + 0.05, onset + 1}}, std::vector<note>{{onset, onset + 1}}).size() == 1);
    CHECK(match_notes(std::vector<note>{{onset, onset + 1}}, std::vector<note>{{onset + 0.0501, onset + 1}}).empty());
  }
}

TEST_CASE("offsets may differ by a fifth of the reference duration, and by 50 ms always") {
  const auto matches = [](double reference_duration, double estimated_duration) {
    return !match_notes(std::vector<note>{{1.0, 1.0 + reference_duration}},
                        std::vector<note>{{1.0, 1.0 + estimated_duration}}, with(0.05, 0.2))
                .empty();
  };
  CHECK(matches(2.0, 2.4));
  CHECK(matches(2.0, 1.6));
  CHECK_FALSE(matches(2.0, 2.401));
  CHECK(matches(0.1, 0.15));
  CHECK(matches(0.1, 0.05));
  CHECK_FALSE(matches(0.1, 0.151));
  CHECK(matches(2.4, 2.0));
  CHECK_FALSE(matches(0.1, 0.5));  // the reference's duration decides, not the estimate's
}

TEST_CASE("a greedy choice is taken back where more notes match so") {
  // The first reference note could take either estimate, the second only the first estimate.
  const std::vector<note> reference{{1.04, 2.0}, {1.0, 2.0}};
  const std::vector<note> estimate{{1.02, 2.0}, {1.09, 2.0}};
  CHECK(match_notes(reference, estimate) == std::vector<match>{{0, 1}, {1, 0}});
}

TEST_CASE("no matching is larger: random crowds against trying everything") {
  vmt::rng random(11);
  index_t total = 0;
  for (int piece = 0; piece < 400; ++piece) {
    const auto crowd = [&](index_t count) {
      std::vector<note> notes;
      for (index_t i = 0; i < count; ++i) {
        const double onset = random.uniform(0, 0.3);
        notes.push_back({onset, onset + random.uniform(0, 0.4), static_cast<int>(60 + random.below(2))});
      }
      return notes;
    };
    const std::vector<note> reference = crowd(random.below(8)), estimate = crowd(random.below(8));
    for (const note_options& options : {with(0.05), with(0.1), with(0.1, 0.2)}) {
      const std::vector<match> matches = match_notes(reference, estimate, options);
      CHECK(static_cast<int>(matches.size()) == brute_force(reference, estimate, options));
      total += static_cast<index_t>(matches.size());
      std::set<index_t> left, right;
      for (const auto& [i, j] : matches) {
        CHECK(left.insert(i).second);
        CHECK(right.insert(j).second);
        CHECK(vmt::eval::detail::agrees(reference[static_cast<std::size_t>(i)], estimate[static_cast<std::size_t>(j)],
                                        options));
      }
    }
  }
  CHECK(total > 1000);
}

TEST_CASE("an augmenting path through all notes is found") {
  // Reference i agrees with estimates i and i + 1 by their offsets. By their onsets each tries i + 1 first, so that the
  // last finds its only partner taken and all the others must step back.
  std::vector<note> reference, estimate;
  constexpr int count = 1500;
  for (int i = 0; i < count; ++i) {
    reference.push_back({1.0 + i * 1e-6, 100 + i * 0.1, 60});
    estimate.push_back({1.0 - i * 1e-6, 100 + i * 0.1 - 0.05, 60});
  }
  const std::vector<match> matches = match_notes(reference, estimate, with(0.05, 0.0));
  REQUIRE(matches.size() == count);
  for (index_t i = 0; i < count; ++i) CHECK(matches[static_cast<std::size_t>(i)] == match{i, i});
}

TEST_CASE("notes without length are notes; notes that make no sense are refused") {
  const std::vector<note> blip{{1.0, 1.0}};
  CHECK(match_notes(blip, blip, with(0.05, 0.2)).size() == 1);
  CHECK(match_notes({}, blip).empty());
  CHECK(match_notes(blip, {}).empty());
  const auto code = [&](const note& n) {
    try {
      static_cast<void>(match_notes(blip, std::vector<note>{n}));
    } catch (const vmt::error& e) {
      CHECK(std::string(e.what()).find("estimated note 0") != std::string::npos);
      return e.code();
    }
    return vmt::errc{};
  };
  CHECK(code({1.0, 0.9}) == vmt::errc::invalid_argument);
  CHECK(code({1.0, 2.0, 128}) == vmt::errc::invalid_argument);
  CHECK(code({std::numeric_limits<double>::quiet_NaN(), 2.0}) == vmt::errc::not_finite);
  CHECK_THROWS_AS(static_cast<void>(match_notes(blip, blip, with(-0.1))), vmt::error);
  CHECK_THROWS_AS(static_cast<void>(match_notes(blip, blip, with(0.1, -0.2))), vmt::error);
}
