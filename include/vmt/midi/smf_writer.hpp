// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/midi/smf_types.hpp>

#include <algorithm>  // sort, min, max
#include <array>      // the last note of each pitch
#include <cmath>      // isfinite, llround
#include <cstddef>    // byte
#include <span>
#include <string>
#include <string_view>
#include <tuple>  // order of events

namespace vmt::inline VMT_ABI::midi {

/// How notes are laid down in a file.
struct write_options {
  double bpm = 120;  ///< written as whole microseconds a quarter note (16 777 215 at most: 3.58 bpm)
  /// 960 is what sequencers use and divides by 2, 3 and 5. At 120 bpm a tick is 0.52 ms: the error of half a tick is
  /// less than a third of the time that one note takes on a MIDI cable (0.96 ms), and nothing beside a video frame.
  int ticks_per_quarter = 960;
  int format = 0;          ///< 0: one track; 1: a track of the tempo and one of the notes
  int channel = 0;         ///< 0 … 15
  std::string track_name;  ///< none where empty
};

namespace detail {

class smf_writer {
 public:
  explicit smf_writer(const write_options& options) : options_(options) {
    const auto refuse = [](const char* what) {
      throw error(errc::invalid_argument, std::string("midi::write: ") + what);
    };
    const double tempo = 6e7 / options.bpm;
    if (!(options.bpm > 0) || !(tempo >= 0.5 && tempo < 16'777'215.5)) refuse("bpm must be in 3.58 … 6e7");
    if (options.ticks_per_quarter < 1 || options.ticks_per_quarter > 0x7FFF) {
      refuse("ticks_per_quarter must be in 1 … 32767");
    }
    if (options.format != 0 && options.format != 1) refuse("format must be 0 or 1");
    if (options.channel < 0 || options.channel > 15) refuse("channel must be in 0 … 15");
    if (options.track_name.size() > max_variable_length) refuse("track_name is too long");
    tempo_ = static_cast<std::uint32_t>(std::llround(tempo));
    // From the tempo as it is written, not as it was asked for: the difference would grow with time.
    ticks_per_second_ = 1e6 * options.ticks_per_quarter / tempo_;
  }

  std::vector<std::byte> write(std::span<const note> notes) {
    const std::vector<event> events = lay_out(notes);
    const bool two_tracks = options_.format == 1;
    text("MThd");
    big_endian(6, 4);
    big_endian(static_cast<std::uint32_t>(options_.format), 2);
    big_endian(two_tracks ? 2 : 1, 2);
    big_endian(static_cast<std::uint32_t>(options_.ticks_per_quarter), 2);

    std::size_t start = begin_track();
    if (!two_tracks) name();
    meta(0, 0x51, 3);
    big_endian(tempo_, 3);
    if (two_tracks) {
      end_track(start);
      start = begin_track();
      name();
    }
    std::int64_t now = 0;
    for (const event& e : events) {
      std::int64_t delta = e.tick - now;
      // A gap that four bytes cannot hold (38 hours by default) is bridged by empty texts.
      for (; delta > std::int64_t{max_variable_length}; delta -= max_variable_length)
        meta(max_variable_length, 0x01, 0);
      variable_length(static_cast<std::uint32_t>(delta));
      byte((e.on ? 0x90U : 0x80U) | static_cast<unsigned>(options_.channel));
      byte(static_cast<unsigned>(e.pitch));
      byte(e.on ? static_cast<unsigned>(e.velocity) : 64U);
      now = e.tick;
    }
    end_track(start);
    return std::move(bytes_);
  }

 private:
  struct event {
    std::int64_t tick;
    bool on;
    int pitch;
    int velocity;
  };
  struct tick_note {
    std::int64_t on, off;
    int pitch, velocity;
  };

  /// The nearest tick.
  [[nodiscard]] std::int64_t tick(double seconds, std::size_t index) const {
    const double ticks = seconds * ticks_per_second_;
    if (ticks >= static_cast<double>(max_tick - 1)) {  // one tick is left for the end
      throw error(errc::limit_exceeded, "midi::write: note " + std::to_string(index) + " at " +
                                            std::to_string(seconds) + " s is later than " + std::to_string(max_tick) +
                                            " ticks");
    }
    return std::llround(ticks);
  }

  static void check(const note& n, std::size_t index) {
    const auto refuse = [&](errc code, const char* what) {
      throw error(code, "midi::write: note " + std::to_string(index) + ": " + what);
    };
    if (!std::isfinite(n.onset) || !std::isfinite(n.offset))
      refuse(errc::not_finite, "onset and offset must be finite");
    if (n.onset < 0) refuse(errc::invalid_argument, "onset must not be negative");
    if (n.offset < n.onset) refuse(errc::invalid_argument, "offset must not lie before onset");
    if (n.pitch < 0 || n.pitch > 127) refuse(errc::invalid_argument, "pitch must be in 0 … 127");
    if (n.velocity < 1 || n.velocity > 127) refuse(errc::invalid_argument, "velocity must be in 1 … 127");
  }

  /// Whole ticks, one note a pitch at any time, sorted: the ends of a tick before its starts.
  [[nodiscard]] std::vector<event> lay_out(std::span<const note> notes) const {
    std::vector<tick_note> kept;
    kept.reserve(notes.size());
    for (std::size_t i = 0; i < notes.size(); ++i) {
      const note& n = notes[i];
      check(n, i);
      const std::int64_t on = tick(n.onset, i);
      kept.push_back({on, (std::max)(tick(n.offset, i), on + 1), n.pitch, n.velocity});
    }
    std::sort(kept.begin(), kept.end(), [](const tick_note& a, const tick_note& b) {
      return std::tie(a.on, a.pitch, a.off, a.velocity) < std::tie(b.on, b.pitch, b.off, b.velocity);
    });

    std::array<tick_note*, 128> last{};
    std::vector<event> events;
    events.reserve(2 * kept.size());
    for (tick_note& n : kept) {
      tick_note*& before = last[static_cast<std::size_t>(n.pitch)];
      if (before != nullptr && before->on == n.on) {  // the same key at the same tick: one note, the longer and louder
        before->off = (std::max)(before->off, n.off);
        before->velocity = (std::max)(before->velocity, n.velocity);
        n.off = n.on;  // dropped below
        continue;
      }
      if (before != nullptr) before->off = (std::min)(before->off, n.on);
      before = &n;
    }
    for (const tick_note& n : kept) {
      if (n.off == n.on) continue;
      events.push_back({n.on, true, n.pitch, n.velocity});
      events.push_back({n.off, false, n.pitch, 0});
    }
    std::sort(events.begin(), events.end(), [](const event& a, const event& b) {
      return std::tie(a.tick, a.on, a.pitch) < std::tie(b.tick, b.on, b.pitch);
    });
    return events;
  }

  void byte(unsigned value) { bytes_.push_back(static_cast<std::byte>(value)); }
  void text(std::string_view s) {
    for (const char c : s) byte(static_cast<unsigned char>(c));
  }
  void big_endian(std::uint32_t value, int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8) byte((value >> shift) & 0xFFU);
  }
  void variable_length(std::uint32_t value) {
    for (int shift = 21; shift > 0; shift -= 7) {
      if ((value >> shift) != 0) byte(((value >> shift) & 0x7FU) | 0x80U);
    }
    byte(value & 0x7FU);
  }
  void meta(std::uint32_t delta, unsigned kind, std::uint32_t length) {
    variable_length(delta);
    byte(0xFF);
    byte(kind);
    variable_length(length);
  }
  void name() {
    if (options_.track_name.empty()) return;
    meta(0, 0x03, static_cast<std::uint32_t>(options_.track_name.size()));
    text(options_.track_name);
  }
  std::size_t begin_track() {
    text("MTrk");
    big_endian(0, 4);
    return bytes_.size();
  }
  void end_track(std::size_t start) {
    meta(0, 0x2F, 0);
    const std::size_t length = bytes_.size() - start;
    if (length > 0xFFFF'FFFFU) throw error(errc::limit_exceeded, "midi::write: a track of more than 4 GiB");
    for (std::size_t i = 0; i < 4; ++i)
      bytes_[start - 4 + i] = static_cast<std::byte>((length >> (24 - 8 * i)) & 0xFFU);
  }

  write_options options_;
  std::uint32_t tempo_ = 500'000;
  double ticks_per_second_ = 0;
  std::vector<std::byte> bytes_;
};

}  // namespace detail

/// A Standard MIDI File of the notes, in any order. Each time becomes its nearest tick, so errors do not add up.
/// A note lasts at least one tick; where the next note of its pitch begins earlier than it ends, it ends there; notes
/// of one pitch that begin at the same tick become one (the longer, the louder). Throws `invalid_argument` or
/// `not_finite` for a note or an option out of range, `limit_exceeded` past `max_tick`.
[[nodiscard]] inline std::vector<std::byte> write(std::span<const note> notes, const write_options& options = {}) {
  return detail::smf_writer(options).write(notes);
}

}  // namespace vmt::inline VMT_ABI::midi
