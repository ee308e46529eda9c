// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>
#include <vmt/midi/note.hpp>

#include <algorithm>  // lower_bound, fill
#include <span>       // notes, rows
#include <string_view>

namespace vmt::inline VMT_ABI::train {

/// What the targets of a frame tell of a key.
enum class target_kind {
  onset,  ///< it is struck now (the paper)
  held,   ///< it is down (the paper's fine-tuning for frame-level scores, section 5, "Metrics")
};
[[nodiscard]] constexpr std::string_view name(target_kind k) noexcept {
  return k == target_kind::onset ? "onset" : "held";
}

/// How notes become targets.
struct target_options {
  target_kind kind = target_kind::onset;
  double tolerance = 0.032;  ///< of onsets: seconds before and after the frame (paper, section 3: ±32 ms)
  int lowest_key = 21;       ///< the MIDI number of output 0; notes outside the outputs are passed over
};

/// The targets of one frame: out[key] is 1 where a note of that key starts at most `tolerance` seconds before or after
/// `time`, else 0. A microsecond, the precision of frame times, is added to the tolerance, so that rounding does not
/// decide about notes right on the border. `notes` must be sorted by onset (as by `operator<`).
inline void onset_targets(std::span<const note> notes, double time, std::span<float> out,
                          const target_options& options = {}) {
  std::fill(out.begin(), out.end(), 0.0F);
  const double reach = options.tolerance + 1e-6;
  auto at =
      std::lower_bound(notes.begin(), notes.end(), time - reach, [](const note& n, double t) { return n.onset < t; });
  for (; at != notes.end() && at->onset <= time + reach; ++at) {
    const index_t key = at->pitch - options.lowest_key;
    if (key >= 0 && key < static_cast<index_t>(out.size())) out[static_cast<std::size_t>(key)] = 1.0F;
  }
}

/// The targets of one frame: out[key] is 1 where a note of that key sounds at `time`, onset ≤ time < offset, else 0, as
/// `eval::frame_scores` counts it. Onset and offset are taken a microsecond early, so that rounding does not decide
/// about notes right on the border. `notes` must be sorted by onset; the work grows with those before `time`.
inline void held_targets(std::span<const note> notes, double time, std::span<float> out,
                         const target_options& options = {}) {
  std::fill(out.begin(), out.end(), 0.0F);
  const double now = time + 1e-6;
  for (const note& n : notes) {
    if (n.onset > now) break;
    const index_t key = n.pitch - options.lowest_key;
    if (now < n.offset && key >= 0 && key < static_cast<index_t>(out.size())) out[static_cast<std::size_t>(key)] = 1.0F;
  }
}

/// The targets of one frame, of the kind that the options say: `onset_targets` or `held_targets`.
inline void frame_targets(std::span<const note> notes, double time, std::span<float> out,
                          const target_options& options = {}) {
  if (options.kind == target_kind::held) {
    held_targets(notes, time, out, options);
  } else {
    onset_targets(notes, time, out, options);
  }
}

/// The targets of N frames, row by row: out has times.size() × keys numbers.
inline void onset_targets(std::span<const note> notes, std::span<const double> times, index_t keys,
                          std::span<float> out, const target_options& options = {}) {
  if (keys < 1 || static_cast<index_t>(out.size()) != checked_product(static_cast<index_t>(times.size()), keys)) {
    throw error(errc::shape_mismatch, "onset_targets: room for " + std::to_string(out.size()) + " numbers was given, " +
                                          std::to_string(times.size()) + " frames × " + std::to_string(keys) +
                                          " keys were expected");
  }
  const auto row = static_cast<std::size_t>(keys);
  for (std::size_t i = 0; i < times.size(); ++i) onset_targets(notes, times[i], out.subspan(i * row, row), options);
}

}  // namespace vmt::inline VMT_ABI::train
