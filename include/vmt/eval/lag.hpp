// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/eval/match.hpp>

#include <algorithm>  // nth_element

namespace vmt::inline VMT_ABI::eval {

namespace detail {

/// estimate − reference onset of all pairs of equal pitch that are each other's nearest once `lag` is taken away, and
/// then not further apart than `reach`. Unlike a largest matching this never trades a near partner for a far one.
class nearest_pairs {
 public:
  nearest_pairs(std::span<const note> reference, std::span<const note> estimate) {
    collect(reference, "reference", reference_);
    collect(estimate, "estimated", estimate_);
  }

  [[nodiscard]] std::vector<double> differences(double lag, double reach) const {
    std::vector<double> result;
    for (std::size_t pitch = 0; pitch < 128; ++pitch) {
      const std::vector<double>& r = reference_[pitch];
      const std::vector<double>& e = estimate_[pitch];
      if (r.empty() || e.empty()) continue;
      for (std::size_t i = 0; i < r.size(); ++i) {
        const std::size_t j = nearest(e, r[i] + lag);
        if (nearest(r, e[j] - lag) == i && distance(e[j] - lag, r[i]) <= reach) result.push_back(e[j] - r[i]);
      }
    }
    return result;
  }

 private:
  using onsets = std::vector<std::vector<double>>;  // of each pitch, rising

  static void collect(std::span<const note> notes, const char* which, onsets& into) {
    check_notes(notes, which);
    into.resize(128);
    for (const note& n : notes) into[static_cast<std::size_t>(n.pitch)].push_back(n.onset);
    for (std::vector<double>& times : into) std::sort(times.begin(), times.end());
  }

  /// Of a sorted list that is not empty; the earlier of two equally near, the first of equal ones.
  static std::size_t nearest(const std::vector<double>& times, double t) {
    auto after = std::lower_bound(times.begin(), times.end(), t);
    if (after == times.end() || (after != times.begin() && t - *(after - 1) <= *after - t)) {
      after = std::lower_bound(times.begin(), after, *(after - 1));
    }
    return static_cast<std::size_t>(after - times.begin());
  }

  onsets reference_, estimate_;
};

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

}  // namespace detail

/// How much later the estimate runs than the reference, in seconds, as one constant: the median onset difference of
/// mutually nearest notes within ±`reach`, taken again with pairs chosen around the last value until it stands (rounds
/// in which the reach shrinks to a third). 0 where no notes pair up. Recordings lag by −5 to +30 ms as a rule. Throws
/// as `match_notes`, and `invalid_argument` for a reach that is not positive.
[[nodiscard]] inline double estimate_lag(std::span<const note> reference, std::span<const note> estimate,
                                         double reach = 0.15) {
  if (!(reach > 0)) throw error(errc::invalid_argument, "estimate_lag: reach must be positive");
  const detail::nearest_pairs pairs(reference, estimate);
  double lag = 0;
  for (int round = 0; round < 8; ++round) {
    std::vector<double> differences = pairs.differences(lag, round == 0 ? reach : reach / 3);
    if (differences.empty()) break;
    const double before = lag;
    lag = detail::median(std::move(differences));
    if (round > 0 && lag == before) break;
  }
  return lag;
}

/// The notes `seconds` later: `shifted(estimate, -estimate_lag(reference, estimate))` is free of lag.
[[nodiscard]] inline std::vector<note> shifted(std::span<const note> notes, double seconds) {
  std::vector<note> result(notes.begin(), notes.end());
  for (note& n : result) {
    n.onset += seconds;
    n.offset += seconds;
  }
  return result;
}

/// Mean of |estimate − reference onset| in seconds over mutually nearest notes of equal pitch within ±`reach`; none
/// where there are no such pairs. Throws as `estimate_lag`.
[[nodiscard]] inline std::optional<double> mean_absolute_onset_error(std::span<const note> reference,
                                                                     std::span<const note> estimate,
                                                                     double reach = 0.15) {
  if (!(reach > 0)) throw error(errc::invalid_argument, "mean_absolute_onset_error: reach must be positive");
  const std::vector<double> differences = detail::nearest_pairs(reference, estimate).differences(0, reach);
  if (differences.empty()) return std::nullopt;
  double sum = 0;
  for (const double d : differences) sum += std::abs(d);
  return sum / static_cast<double>(differences.size());
}

}  // namespace vmt::inline VMT_ABI::eval
