// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/eval/scores.hpp>

#include <array>    // notes sounding per pitch
#include <cmath>    // ceil
#include <cstdint>  // int64_t

namespace vmt::inline VMT_ABI::eval {

/// Frame-level scores with the error parts of Bay, Ehmann and Downie, "Evaluation of multiple-F0 estimation and
/// tracking systems", ISMIR 2009. The errors are shares of all reference pitches and may exceed 1; they are 0 without
/// reference.
struct frame_result {
  score scores;
  double substitution_error = 0;  ///< E_sub = Σ (min(n_ref, n_est) − n_hit) / Σ n_ref
  double miss_error = 0;          ///< E_miss = Σ max(0, n_ref − n_est) / Σ n_ref
  double false_alarm_error = 0;   ///< E_fa = Σ max(0, n_est − n_ref) / Σ n_ref
  double total_error = 0;         ///< E_tot = Σ (max(n_ref, n_est) − n_hit) / Σ n_ref, the sum of the three
};

namespace detail {

/// The first frame at or after a time, exactly: the smallest k with k / rate ≥ seconds in double arithmetic.
inline std::int64_t first_frame(double seconds, double rate) {
  if (!(std::abs(seconds) * rate < 0x1p52)) {
    throw error(errc::limit_exceeded, "a time of " + std::to_string(seconds) + " s is too large for frames");
  }
  auto k = static_cast<std::int64_t>(std::ceil(seconds * rate));
  while (static_cast<double>(k - 1) / rate >= seconds) --k;
  while (static_cast<double>(k) / rate < seconds) ++k;
  return k;
}

}  // namespace detail

/// Frame-level scores: a pitch is active in frame k (at k / rate seconds) where onset ≤ k / rate < offset for one of
/// its notes; precision, recall and accuracy are of sums over all frames. 100 frames a second is the grid of MIREX.
/// Equal to mir_eval.multipitch.metrics where both sides are given on that grid. Work and memory grow with the notes,
/// not with the length. Throws as `match_notes`, and `invalid_argument` for a rate that is not positive.
[[nodiscard]] inline frame_result frame_scores(std::span<const note> reference, std::span<const note> estimate,
                                               double rate = 100) {
  detail::check_notes(reference, "reference");
  detail::check_notes(estimate, "estimated");
  if (!(rate > 0 && std::isfinite(rate))) throw error(errc::invalid_argument, "frame_scores: rate must be positive");

  struct change {
    std::int64_t frame;
    int pitch;
    std::size_t side;  // 0 reference, 1 estimate
    int step;
  };
  std::vector<change> changes;
  changes.reserve(2 * (reference.size() + estimate.size()));
  const auto add = [&](std::span<const note> notes, std::size_t side) {
    for (const note& n : notes) {
      changes.push_back({detail::first_frame(n.onset, rate), n.pitch, side, 1});
      changes.push_back({detail::first_frame(n.offset, rate), n.pitch, side, -1});
    }
  };
  add(reference, 0);
  add(estimate, 1);
  std::sort(changes.begin(), changes.end(), [](const change& a, const change& b) { return a.frame < b.frame; });

  std::array<std::array<index_t, 128>, 2> sounding{};  // notes per side and pitch
  std::array<index_t, 2> active{};                     // pitches per side
  index_t both = 0;
  double n_reference = 0, n_estimate = 0, hits = 0, smaller = 0, larger = 0;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const change& c = changes[i];
    const auto pitch = static_cast<std::size_t>(c.pitch);
    // Within one frame an end may come before its start; the count is then below zero for a moment and nobody looks.
    const bool was = sounding[c.side][pitch] > 0;
    sounding[c.side][pitch] += c.step;
    const bool is = sounding[c.side][pitch] > 0;
    const int turned = static_cast<int>(is) - static_cast<int>(was);
    active[c.side] += turned;
    if (sounding[1 - c.side][pitch] > 0) both += turned;

    if (i + 1 == changes.size()) break;
    const auto frames = static_cast<double>(changes[i + 1].frame - c.frame);
    n_reference += frames * static_cast<double>(active[0]);
    n_estimate += frames * static_cast<double>(active[1]);
    hits += frames * static_cast<double>(both);
    smaller += frames * static_cast<double>((std::min)(active[0], active[1]));
    larger += frames * static_cast<double>((std::max)(active[0], active[1]));
  }

  frame_result result;
  result.scores = score_of(hits, n_reference, n_estimate);
  if (n_reference > 0) {
    result.substitution_error = (smaller - hits) / n_reference;
    result.miss_error = (n_reference - smaller) / n_reference;
    result.false_alarm_error = (n_estimate - smaller) / n_reference;
    result.total_error = (larger - hits) / n_reference;
  }
  return result;
}

}  // namespace vmt::inline VMT_ABI::eval
