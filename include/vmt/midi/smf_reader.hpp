// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/midi/smf_cursor.hpp>
#include <vmt/midi/smf_types.hpp>

#include <algorithm>  // min, sort, stable_sort
#include <array>      // queues of sounding notes
#include <cstddef>    // byte
#include <span>
#include <string>  // messages
#include <string_view>
#include <utility>  // move

namespace vmt::inline VMT_ABI::midi {

namespace detail {

/// Reads one file. Memory is bound by the bytes that are present (a note takes three), never by a declared count.
class smf_reader {
 public:
  smf_reader(std::span<const std::byte> bytes, const read_options& options) : bytes_(bytes), options_(options) {}

  song read() {
    if (bytes_.size() > options_.max_bytes) {
      fail(errc::limit_exceeded, options_.max_bytes,
           "the data have " + std::to_string(bytes_.size()) + " bytes, allowed are " +
               std::to_string(options_.max_bytes) + " (read_options::max_bytes)");
    }
    cursor chunks(bytes_, 0, bytes_.size());
    header(chunks);
    while (chunks.left() > 0) {
      const std::size_t start = chunks.position();
      const bool is_track = chunks.left() >= 8 && has_id(bytes_, start, "MTrk");
      if (!is_track && song_.tracks >= song_.declared_tracks) break;  // what some writers leave behind the last track
      if (!is_track && !looks_like_id(start)) {
        fail(errc::bad_format, start,
             "expected track " + std::to_string(song_.tracks + 1) + " of " + std::to_string(song_.declared_tracks) +
                 ", found no chunk");
      }
      chunks.skip(4, "chunk name");
      const std::size_t length = chunks.big_endian(4, "chunk length");
      if (length > chunks.left()) {
        fail(errc::bad_format, start + 4,
             "a chunk length of " + std::to_string(length) + ", but only " + std::to_string(chunks.left()) +
                 " bytes follow; the data are cut short");
      }
      if (is_track) track(cursor(bytes_, chunks.position(), chunks.position() + length));
      chunks.skip(length, "chunk");
    }
    if (song_.tracks == 0 && song_.declared_tracks > 0) {
      fail(errc::bad_format, chunks.position(), "expected a track chunk (\"MTrk\"), found none");
    }
    finish();
    return std::move(song_);
  }

 private:
  static constexpr std::uint32_t none = 0xFFFF'FFFF;

  struct sounding {
    std::int64_t on;
    std::int64_t off;    // -1 while it sounds
    std::uint32_t next;  // the next note-on of the same channel and pitch that is not answered yet
    std::uint8_t channel, pitch, velocity;
  };
  struct queue {
    std::uint32_t first = none, last = none;
  };

  /// Chunks of other kinds are passed over; their names are printable.
  [[nodiscard]] bool looks_like_id(std::size_t position) const noexcept {
    for (std::size_t i = position; i < (std::min)(position + 4, bytes_.size()); ++i) {
      const auto c = std::to_integer<unsigned>(bytes_[i]);
      if (c < 0x20U || c > 0x7EU) return false;
    }
    return true;
  }

  void header(cursor& in) {
    if (in.left() < 14 || !has_id(bytes_, 0, "MThd")) {
      fail(errc::bad_format, 0, "expected the 14 bytes of a Standard MIDI File's header, \"MThd\" first; this is none");
    }
    in.skip(4, "header name");
    const std::size_t length = in.big_endian(4, "header length");
    if (length < 6 || length > in.left()) {
      fail(errc::bad_format, 4, "a header length of " + std::to_string(length) + ", expected 6");
    }
    const auto format = static_cast<int>(in.big_endian(2, "format"));
    if (format > 1) {
      fail(errc::unsupported, 8,
           format == 2 ? std::string("format 2 (independent sequences) is not supported, only 0 and 1; split the file")
                       : "format " + std::to_string(format) + ", expected 0 or 1");
    }
    song_.format = format;
    song_.declared_tracks = static_cast<int>(in.big_endian(2, "number of tracks"));
    const unsigned division = in.big_endian(2, "division");
    if (division == 0) fail(errc::bad_format, 12, "a division of 0 ticks a quarter note");
    if (division < 0x8000U) {
      song_.base.ticks_per_quarter = static_cast<int>(division);
    } else {
      song_.base.frames_per_second = 256 - static_cast<int>(division >> 8);
      song_.base.ticks_per_frame = static_cast<int>(division & 0xFFU);
      const int f = song_.base.frames_per_second;
      if ((f != 24 && f != 25 && f != 29 && f != 30) || song_.base.ticks_per_frame == 0) {
        fail(errc::bad_format, 12,
             "SMPTE time of " + std::to_string(f) + " frames a second and " +
                 std::to_string(song_.base.ticks_per_frame) +
                 " ticks a frame, expected 24, 25, 29 or 30 and at least 1");
      }
    }
    in.skip(length - 6, "header");
  }

  void track(cursor in) {
    ++song_.tracks;
    const std::size_t first_note = notes_.size();
    std::int64_t tick = 0;
    unsigned running = 0;  // survives meta and system exclusive events: writers that rely on it exist
    bool open = true;
    while (open && in.left() > 0) {
      const std::size_t start = in.position();
      tick += in.variable_length("delta time");
      if (tick > max_tick) fail(errc::limit_exceeded, start, "a time above " + std::to_string(max_tick) + " ticks");
      if (++events_ > options_.max_events) {
        fail(errc::limit_exceeded, start,
             "more than " + std::to_string(options_.max_events) + " events (read_options::max_events)");
      }
      in.need(1, "event");
      const unsigned lead = in.peek();
      if (lead >= 0xF0U) {
        in.skip(1, "status");
        open = lead == 0xFFU ? meta(in, tick) : system(in, lead);
      } else {
        if (lead >= 0x80U) {
          running = in.byte("status");
        } else if (running == 0) {
          fail(errc::bad_format, in.position(), "expected a status byte, found " + hex(lead) + " with no event before");
        }
        channel_event(in, running, tick);
      }
    }
    close(first_note, tick);
    song_.end_tick = (std::max)(song_.end_tick, tick);
  }

  /// False at the end of the track. Of all kinds only the tempo matters; the others may hold what they like.
  bool meta(cursor& in, std::int64_t tick) {
    const unsigned kind = in.byte("meta event kind");
    const std::size_t length = in.variable_length("meta event length");
    in.need(length, "meta event");
    if (kind == 0x51U) {
      const std::size_t at = in.position();
      if (length != 3) fail(errc::bad_format, at, "a tempo of " + std::to_string(length) + " bytes, expected 3");
      const std::uint32_t tempo = in.big_endian(3, "tempo");
      if (tempo == 0) fail(errc::bad_format, at, "a tempo of 0 µs a quarter note");
      song_.tempos.push_back({tick, 0, tempo});
    } else {
      in.skip(length, "meta event");
    }
    return kind != 0x2FU;
  }

  /// System exclusive has a length; the other system messages do not belong into files but do no harm.
  static bool system(cursor& in, unsigned status) {
    if (status == 0xF0U || status == 0xF7U) {
      in.skip(in.variable_length("system exclusive length"), "system exclusive event");
    } else {
      const int count = status == 0xF2U ? 2 : status == 0xF1U || status == 0xF3U ? 1 : 0;
      for (int i = 0; i < count; ++i) in.data("system message");
    }
    return true;
  }

  void channel_event(cursor& in, unsigned status, std::int64_t tick) {
    const unsigned kind = status >> 4, channel = status & 15U;
    const unsigned a = in.data(kind <= 0xAU ? "pitch" : "event data");
    if (kind == 0xCU || kind == 0xDU) return;  // program, channel pressure: one data byte
    const unsigned b = in.data(kind <= 0x9U ? "velocity" : "event data");
    queue& q = queues_[channel * 128 + a];
    if (kind == 0x9U && b > 0) {
      const auto index = static_cast<std::uint32_t>(notes_.size());
      if (index == none) fail(errc::limit_exceeded, in.position(), "more notes than can be counted");
      notes_.push_back({tick, -1, none, static_cast<std::uint8_t>(channel), static_cast<std::uint8_t>(a),
                        static_cast<std::uint8_t>(b)});
      (q.first == none ? q.first : notes_[q.last].next) = index;
      q.last = index;
    } else if (kind == 0x8U || kind == 0x9U) {
      if (q.first == none) return;  // nothing sounds: harmless
      sounding& n = notes_[q.first];
      n.off = tick;
      q.first = n.next;
    } else if (kind == 0xBU && a == 64) {
      song_.pedal.push_back({tick, 0, static_cast<int>(channel), static_cast<int>(b)});
    }
  }

  /// Ends what still sounds. Walks the track's notes instead of all queues: many empty tracks must stay cheap.
  void close(std::size_t first_note, std::int64_t tick) {
    for (std::size_t i = first_note; i < notes_.size(); ++i) {
      sounding& n = notes_[i];
      if (n.off < 0) n.off = tick;
      queues_[std::size_t{n.channel} * 128 + n.pitch] = {};
    }
  }

  void finish() {
    std::vector<tempo_change>& tempos = song_.tempos;
    const auto by_tick = [](const auto& a, const auto& b) { return a.tick < b.tick; };
    std::stable_sort(tempos.begin(), tempos.end(), by_tick);
    std::size_t kept = 0;  // of several tempos at one tick the last counts
    for (std::size_t i = 0; i < tempos.size(); ++i) {
      if (i + 1 == tempos.size() || tempos[i + 1].tick != tempos[i].tick) tempos[kept++] = tempos[i];
    }
    tempos.resize(kept);
    if (tempos.empty() || tempos.front().tick > 0) {
      tempos.emplace_back();
      std::rotate(tempos.begin(), tempos.end() - 1, tempos.end());
    }
    const tempo_map clock(song_.base, tempos);

    for (tempo_change& t : tempos) t.seconds = clock.seconds(t.tick);
    std::stable_sort(song_.pedal.begin(), song_.pedal.end(), by_tick);
    for (pedal_change& p : song_.pedal) p.seconds = clock.seconds(p.tick);
    song_.end_seconds = clock.seconds(song_.end_tick);
    song_.notes.reserve(notes_.size());
    for (const sounding& n : notes_) {
      song_.notes.push_back({clock.seconds(n.on), clock.seconds(n.off), n.pitch, n.velocity, 1.0});
    }
    std::sort(song_.notes.begin(), song_.notes.end());
  }

  std::span<const std::byte> bytes_;
  read_options options_;
  song song_;
  std::vector<sounding> notes_;
  std::array<queue, 16 * 128> queues_{};
  index_t events_ = 0;
};

}  // namespace detail

/// Reads a Standard MIDI File of format 0 or 1 from memory.
///
/// A note-off ends the longest-sounding note-on of its channel and pitch in the same track; a note-on of velocity 0 is
/// a note-off; what still sounds at the end of a track ends there. Notes may have zero length. Tolerated: a missing end
/// of track, bytes after it, chunks and meta events of any other kind, a wrong number of tracks in the header, a longer
/// header, running status after meta and system exclusive events, stray system messages. Throws `bad_format` for
/// whatever contradicts itself (a chunk or event longer than the bytes left, a data byte above 0x7F, a tempo or
/// division of 0, a fifth byte of a number), `unsupported` for format 2, `limit_exceeded` beyond `options`; the message
/// names the byte. Source: "Standard MIDI Files 1.0", MIDI Manufacturers Association, RP-001.
[[nodiscard]] inline song read(std::span<const std::byte> bytes, const read_options& options = {}) {
  return detail::smf_reader(bytes, options).read();
}

}  // namespace vmt::inline VMT_ABI::midi
