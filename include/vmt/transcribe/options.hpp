// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/keyboard.hpp>
#include <vmt/media/frame_folder.hpp>
#include <vmt/midi/note.hpp>
#include <vmt/transcribe/key_decoder.hpp>
#include <vmt/transcribe/paper_decoder.hpp>
#include <vmt/transcribe/peak_decoder.hpp>

#include <algorithm>   // max
#include <functional>  // callbacks
#include <optional>
#include <variant>  // choice of the decoder

namespace vmt::inline VMT_ABI::transcribe {

/// How a video is transcribed. Callbacks are called on the caller's thread, in the order of the frames.
struct transcribe_options {
  /// Of `onset_net`: times to sub-frame precision by default; `paper_options{}` for the decoder of the paper.
  std::variant<peak_options, paper_options> decoder = peak_options{};
  int lowest_key = 21;  ///< of `onset_net`: the MIDI number of the network's first output
  /// Where the keyboard is in the frames, which are then straightened; no note is found on keys that it does not have.
  /// None: the frames are strips of the network's size already.
  std::optional<keyboard::keyboard> keyboard{};
  /// Of `key_net`: how its outputs become notes.
  key_decoder_options notes{};
  /// Of `key_net`: seconds by which the network follows the video, so that the empty keyboard is known from what comes
  /// as well as from what was; strips wait that long in memory (2.4 MB a second at 30 frames/s). 0 for playing along.
  double plate_ahead = 10;

  double lag_seconds = 0;   ///< subtracted from the times of all notes; times before 0 become 0
  double gap_factor = 1.5;  ///< frames further apart than so many periods have a gap between them, see `frame_gaps`
  /// Frames whose picture stands in for a damaged one: `repeat` uses them like others, `skip` makes a gap of them,
  /// `fail` throws `bad_format`.
  media::damage_policy damaged = media::damage_policy::repeat;

  index_t total_frames = -1;  ///< handed to `on_progress`; −1: not known
  std::function<void(index_t done, index_t total)> on_progress{};  ///< after each frame
  std::function<bool()> stop{};                      ///< asked before each frame; true ends the video there, cleanly
  std::function<void(const frame& strip)> on_strip{};  ///< each straightened frame that the network sees
  /// Each frame's probabilities, one a key; as many frames after the frame itself as the network looks ahead.
  std::function<void(double time, std::span<const float> probabilities)> on_probabilities{};
  /// Of `key_net`: a note as soon as its onset is known, for playing along; its offset is not yet.
  std::function<void(const note&)> on_onset{};
};

/// What happened on the way.
struct transcription_result {
  index_t frames = 0;    ///< frames received
  index_t windows = 0;   ///< frames that the network has judged
  index_t notes = 0;     ///< notes handed to the sink
  index_t gaps = 0;      ///< places where frames were missing, or were skipped as damaged
  index_t damaged = 0;   ///< frames marked as damaged
  index_t unseen = 0;    ///< frames that did not show the keyboard where it was looked for (`key_net`)
  bool stopped = false;  ///< ended by the `stop` callback

  friend bool operator==(const transcription_result&, const transcription_result&) = default;
};

/// The note `seconds` earlier; times before 0 become 0.
[[nodiscard]] inline note without_lag(note n, double seconds) noexcept {
  n.onset = (std::max)(0.0, n.onset - seconds);
  n.offset = (std::max)(n.onset, n.offset - seconds);
  return n;
}

}  // namespace vmt::inline VMT_ABI::transcribe
