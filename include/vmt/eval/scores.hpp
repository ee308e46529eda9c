// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/eval/match.hpp>

namespace vmt::inline VMT_ABI::eval {

/// Of TP hits, FP false alarms and FN misses: TP/(TP+FP), TP/(TP+FN), TP/(TP+FP+FN), and the harmonic mean of the first
/// two. Each in 0 … 1, and 0 where its denominator is.
struct score {
  double precision = 0;
  double recall = 0;
  double accuracy = 0;
  double f1 = 0;

  friend bool operator==(const score&, const score&) = default;
};

/// The score of `hits` common to `reference` and `estimate` things.
[[nodiscard]] constexpr score score_of(double hits, double reference, double estimate) noexcept {
  const auto ratio = [](double a, double b) { return b > 0 ? a / b : 0.0; };
  score s;
  s.precision = ratio(hits, estimate);
  s.recall = ratio(hits, reference);
  s.accuracy = ratio(hits, reference + estimate - hits);
  s.f1 = ratio(2 * s.precision * s.recall, s.precision + s.recall);
  return s;
}

/// Note-level scores: the hits are the pairs of `match_notes`. Precision, recall and F1 equal
/// mir_eval.transcription.precision_recall_f1_overlap; all are 0 where either side is empty. Throws as `match_notes`.
[[nodiscard]] inline score note_scores(std::span<const note> reference, std::span<const note> estimate,
                                       const note_options& options = {}) {
  const std::size_t hits = match_notes(reference, estimate, options).size();
  return score_of(static_cast<double>(hits), static_cast<double>(reference.size()),
                  static_cast<double>(estimate.size()));
}

}  // namespace vmt::inline VMT_ABI::eval
