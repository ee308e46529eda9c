// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/eval/frames.hpp>

#include <array>     // buffer
#include <charconv>  // to_chars

namespace vmt::inline VMT_ABI::eval {

/// The scores that a transcription is reported with.
struct evaluation {
  score onset_50ms;         ///< notes: pitch, and onset within ±50 ms
  score onset_100ms;        ///< notes: pitch, and onset within ±100 ms
  score onset_offset_50ms;  ///< and the offset within max(20 % of the duration, 50 ms), mir_eval's rule
  score onset_offset_100ms;
  score frame;  ///< `frame_scores` at 100 frames a second

  friend bool operator==(const evaluation&, const evaluation&) = default;
};

/// All of them. Throws as `match_notes`.
[[nodiscard]] inline evaluation evaluate(std::span<const note> reference, std::span<const note> estimate) {
  const auto notes = [&](double tolerance, std::optional<double> offset_ratio) {
    note_options options;
    options.onset_tolerance = tolerance;
    options.offset_ratio = offset_ratio;
    return note_scores(reference, estimate, options);
  };
  return {notes(0.05, std::nullopt), notes(0.1, std::nullopt), notes(0.05, 0.2), notes(0.1, 0.2),
          frame_scores(reference, estimate).scores};
}

/// A JSON object of one line: the five scores by their names, each `{precision, recall, accuracy, f1}`. Every number is
/// the shortest that reads back as the same double.
[[nodiscard]] inline std::string to_json(const evaluation& e) {
  std::string json = "{";
  const auto append = [&json](const char* before, const char* name, double value) {
    std::array<char, 32> buffer{};
    const auto [end, status] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    static_cast<void>(status);  // 32 characters hold every double
    json.append(before).append("\"").append(name).append("\": ").append(buffer.data(), end);
  };
  const auto object = [&](const char* before, const char* name, const score& s) {
    json.append(before).append("\"").append(name).append("\": ");
    append("{", "precision", s.precision);
    append(", ", "recall", s.recall);
    append(", ", "accuracy", s.accuracy);
    append(", ", "f1", s.f1);
    json += "}";
  };
  object("", "onset_50ms", e.onset_50ms);
  object(", ", "onset_100ms", e.onset_100ms);
  object(", ", "onset_offset_50ms", e.onset_offset_50ms);
  object(", ", "onset_offset_100ms", e.onset_offset_100ms);
  object(", ", "frame", e.frame);
  json += "}";
  return json;
}

}  // namespace vmt::inline VMT_ABI::eval
