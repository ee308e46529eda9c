// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>
#include <vmt/core/index.hpp>
#include <vmt/midi/note.hpp>

#include <algorithm>  // upper_bound
#include <cstddef>    // size_t
#include <cstdint>    // int64_t, uint32_t
#include <vector>

namespace vmt::inline VMT_ABI::midi {

/// The largest number that four variable-length bytes hold.
inline constexpr std::uint32_t max_variable_length = 0x0FFF'FFFF;

/// The highest absolute tick of a track. Ticks times the longest tempo (2^24 µs) then still fit into 63 bits, so that
/// tick-to-seconds sums are exact integers. At 960 ticks a quarter and 120 bpm it is four and a half years.
inline constexpr std::int64_t max_tick = (std::int64_t{1} << 38) - 1;

/// What a tick is: a part of a quarter note (`ticks_per_quarter` > 0), or a part of a SMPTE frame.
struct time_base {
  int ticks_per_quarter = 0;
  int frames_per_second = 0;  ///< 24, 25, 29 (which means 30/1.001) or 30; 0 where quarters are counted
  int ticks_per_frame = 0;

  friend bool operator==(const time_base&, const time_base&) = default;
};

/// A tempo from `tick` on. The map of a song starts at tick 0, with 500 000 (120 bpm) where the file says nothing.
struct tempo_change {
  std::int64_t tick = 0;
  double seconds = 0;
  std::uint32_t microseconds_per_quarter = 500'000;

  friend bool operator==(const tempo_change&, const tempo_change&) = default;
};

/// Control change 64: the sustain pedal, down at 64 … 127. Notes are not lengthened by it.
struct pedal_change {
  std::int64_t tick = 0;
  double seconds = 0;
  int channel = 0;  ///< 0 … 15
  int value = 0;    ///< 0 … 127

  friend bool operator==(const pedal_change&, const pedal_change&) = default;
};

/// What a Standard MIDI File holds, as far as transcription cares.
struct song {
  std::vector<note> notes;           ///< of all tracks and channels, in the order of `note`
  std::vector<pedal_change> pedal;   ///< by tick
  std::vector<tempo_change> tempos;  ///< by tick, never empty, one a tick; without meaning for SMPTE time
  time_base base;
  int format = 0;             ///< 0 or 1
  int declared_tracks = 0;    ///< as the header says
  index_t tracks = 0;         ///< as found
  std::int64_t end_tick = 0;  ///< of the longest track
  double end_seconds = 0;
};

/// Bounds of what `read` accepts. The defaults are far above any music.
struct read_options {
  std::size_t max_bytes = std::size_t{64} << 20;
  index_t max_events = 10'000'000;  ///< of all tracks and kinds
};

/// Seconds of ticks. All sums are integers, so no rounding adds up over a long file: the one division at the end is the
/// only inexact step.
class tempo_map {
 public:
  /// The tempos must be sorted by tick, one a tick, the first at tick 0; for SMPTE time they are not looked at.
  tempo_map(const time_base& base, const std::vector<tempo_change>& tempos) {
    if (base.ticks_per_quarter > 0) {
      denominator_ = std::int64_t{1'000'000} * base.ticks_per_quarter;
      segments_.reserve(tempos.size());
      std::int64_t sum = 0;
      for (const tempo_change& t : tempos) {
        if (!segments_.empty()) sum += (t.tick - segments_.back().tick) * segments_.back().units;
        segments_.push_back({t.tick, sum, std::int64_t{t.microseconds_per_quarter}});
      }
    } else {
      const bool drop_frame = base.frames_per_second == 29;
      denominator_ = std::int64_t{1000} * (drop_frame ? 30 : base.frames_per_second) * base.ticks_per_frame;
      segments_.push_back({0, 0, drop_frame ? 1001 : 1000});
    }
  }

  [[nodiscard]] double seconds(std::int64_t tick) const noexcept {
    const auto after = std::upper_bound(segments_.begin(), segments_.end(), tick,
                                        [](std::int64_t t, const segment& s) { return t < s.tick; });
    const segment& s = *(after - 1);
    return static_cast<double>(s.sum + (tick - s.tick) * s.units) / static_cast<double>(denominator_);
  }

 private:
  struct segment {
    std::int64_t tick;
    std::int64_t sum;    // units before `tick`
    std::int64_t units;  // of 1/denominator seconds, in one tick
  };
  std::vector<segment> segments_;
  std::int64_t denominator_ = 1;
};

}  // namespace vmt::inline VMT_ABI::midi
