// SPDX-License-Identifier: MIT
#pragma once

#include "device_choice.hpp"
#include "model.hpp"

#include <vmt/io/npy.hpp>
#include <vmt/keyboard/keyboard.hpp>
#include <vmt/media/frame_folder.hpp>
#include <vmt/transcribe/report.hpp>
#include <vmt/transcribe/sink.hpp>
#include <vmt/transcribe/transcriber.hpp>

#include <limits>
#include <optional>
#include <string>

namespace tool {

/// The options of `vmt transcribe`.
struct transcribe_command {
  device_choice device;
  std::string in, midi, model, keyboard, csv, probabilities, report, reference;
  std::string decoder = "peaks";
  std::string precision = "f32";
  vmt::media::frame_folder_options frames;
  std::optional<int> lowest_key;
  int which = 0;
  int threads = 0;
  std::optional<double> threshold;
  std::string lag = "0";
  double plate_ahead = 10;
  double bpm = 120;
  double start = 0;
  double end = std::numeric_limits<double>::infinity();
};

/// Where the keyboard is in frames of this size, by `keyboard` and the options of the search; nothing where the frames
/// are the strips of the network already. Throws with a status.
[[nodiscard]] std::optional<vmt::keyboard::keyboard> keyboard_in(const vmt::frame& f, const transcribe_command& o);

/// The files that a transcription writes. Their places are taken at construction; they appear with `commit`.
class transcription_outputs {
 public:
  transcription_outputs(const transcribe_command& o, vmt::index_t keys, int lowest_key);

  /// A note that was found.
  void operator()(const vmt::note& n) { notes_.push_back(n); }
  /// Has the transcriber tell what the outputs need, and the time of the last frame.
  void watch(vmt::transcribe::transcribe_options& options, double threshold, double& now);
  /// Writes all files, the MIDI file last. Returns the table of scores where there is a reference.
  std::string commit(const model& m, const vmt::transcribe::transcription_result& result,
                     std::optional<std::vector<vmt::note>> reference, double seconds);

 private:
  void take_lag(const std::optional<std::vector<vmt::note>>& reference);

  const transcribe_command& o_;
  int lowest_key_;
  double threshold_ = 0;
  double lag_ = 0;  ///< seconds that were taken away
  std::vector<vmt::note> notes_;
  vmt::transcribe::midi_sink midi_;
  std::optional<vmt::transcribe::csv_sink> csv_;
  std::optional<vmt::io::npy_writer> probabilities_;
  std::optional<vmt::transcribe::report_builder> report_;
};

}  // namespace tool
