// SPDX-License-Identifier: MIT
#include <vmt/midi/smf_reader.hpp>

#include "bytes.hpp"

#include <doctest/doctest.h>

using vmt::errc;
using vmt::note;
using vmt::midi::read;
using vmt_test::bytes;
using vmt_test::chunk;
using vmt_test::contains;
using vmt_test::end_of_track;
using vmt_test::failure;
using vmt_test::header;
using vmt_test::raw;
using vmt_test::track;
using vmt_test::operator+;

namespace {

const bytes one_note = raw({0, 0x90, 60, 80, 96, 0x80, 60, 64});  // a quarter at division 96: half a second

bytes file(const bytes& events, int division = 96) {
  return header(0, 1, division) + track(events);
}

std::vector<note> notes_of(const bytes& data) {
  return read(data).notes;
}

void refuses_file(const bytes& data, errc code, const std::string& part, std::size_t position) {
  const auto result = failure([&] { static_cast<void>(read(data)); });
  CAPTURE(result.message);
  CHECK(result.code == code);
  CHECK(contains(result.message, part));
  CHECK(contains(result.message, "byte " + std::to_string(position) + ":"));
}

}  // namespace

TEST_CASE("a note has its onset, offset, pitch and velocity") {
  const vmt::midi::song song = read(file(one_note + end_of_track));
  CHECK(song.notes == std::vector<note>{{0.0, 0.5, 60, 80, 1.0}});
  CHECK(song.format == 0);
  CHECK(song.tracks == 1);
  CHECK(song.base == vmt::midi::time_base{96, 0, 0});
  CHECK(song.tempos == std::vector<vmt::midi::tempo_change>{{0, 0.0, 500'000}});
  CHECK(song.end_tick == 96);
  CHECK(song.end_seconds == 0.5);
}

TEST_CASE("the tempo of the first track holds in the others, and of two at one tick the last") {
  const bytes tempos = raw({0, 0xFF, 0x51, 3, 0, 0, 1, 0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40}) +  // 1 µs, then 1 s
                       raw({48, 0xFF, 0x51, 3, 0x07, 0xA1, 0x20});                             // half a second
  const vmt::midi::song song = read(header(1, 2, 96) + track(tempos + end_of_track) + track(one_note + end_of_track));
  CHECK(song.notes == std::vector<note>{{0.0, 0.75, 60, 80, 1.0}});
  CHECK(song.tempos == std::vector<vmt::midi::tempo_change>{{0, 0.0, 1'000'000}, {48, 0.5, 500'000}});
}

TEST_CASE("overlapping notes of one pitch end in the order in which they began") {
  const bytes events = raw({0, 0x90, 60, 1, 48, 0x90, 60, 2, 48, 0x80, 60, 0, 96, 0x80, 60, 0});
  CHECK(notes_of(file(events + end_of_track)) == std::vector<note>{{0.0, 0.5, 60, 1, 1.0}, {0.25, 1.0, 60, 2, 1.0}});
}

TEST_CASE("channels and tracks keep their notes apart") {
  const bytes two_channels = raw({0, 0x90, 60, 1, 0, 0x91, 60, 2, 48, 0x81, 60, 0, 48, 0x80, 60, 0});
  CHECK(notes_of(file(two_channels + end_of_track)) ==
        std::vector<note>{{0.0, 0.25, 60, 2, 1.0}, {0.0, 0.5, 60, 1, 1.0}});
  const bytes other = raw({48, 0x80, 60, 0, 0, 0x90, 62, 3, 48, 0x80, 62, 0});
  CHECK(notes_of(header(1, 2, 96) + track(one_note + end_of_track) + track(other + end_of_track)) ==
        std::vector<note>{{0.0, 0.5, 60, 80, 1.0}, {0.25, 0.5, 62, 3, 1.0}});
}

TEST_CASE("a note-on of velocity 0 is a note-off, and an unasked note-off is nothing") {
  CHECK(notes_of(file(raw({0, 0x80, 60, 0, 0, 0x90, 60, 9, 96, 60, 0, 5, 60, 0}) + end_of_track)) ==
        std::vector<note>{{0.0, 0.5, 60, 9, 1.0}});
}

TEST_CASE("what sounds at the end of a track ends there, with or without an end of track") {
  const bytes held = raw({0, 0x90, 60, 80, 48, 0x90, 127, 81});
  const std::vector<note> expected{{0.0, 0.5, 60, 80, 1.0}, {0.25, 0.5, 127, 81, 1.0}};
  CHECK(notes_of(file(held + raw({48, 0xFF, 0x2F, 0}))) == expected);
  CHECK(notes_of(file(held + raw({48, 0xB0, 7, 100}))) == expected);
  // and is not left over for the next track
  CHECK(notes_of(header(1, 2, 96) + track(held + raw({48, 0xFF, 0x2F, 0})) +
                 track(raw({96, 0x80, 60, 0}) + end_of_track)) == expected);
}

TEST_CASE("pitches off the piano are kept") {
  CHECK(notes_of(file(raw({0, 0x90, 0, 1, 96, 0x80, 0, 0}) + end_of_track)) ==
        std::vector<note>{{0.0, 0.5, 0, 1, 1.0}});
}

TEST_CASE("running status survives meta and system exclusive events") {
  const bytes events = raw({0, 0x90, 60, 80, 0, 0xFF, 1, 1, 'x', 0, 62, 81, 0, 0xF0, 2, 1, 0xF7, 96, 60, 0, 0, 62, 0});
  CHECK(notes_of(file(events + end_of_track)) == std::vector<note>{{0.0, 0.5, 60, 80, 1.0}, {0.0, 0.5, 62, 81, 1.0}});
}

TEST_CASE("the sustain pedal is kept as events, and does not lengthen notes") {
  const vmt::midi::song song =
      read(file(raw({0, 0xB3, 64, 127, 0, 0xB3, 7, 1}) + one_note + raw({96, 0xB3, 64, 0}) + end_of_track));
  CHECK(song.pedal == std::vector<vmt::midi::pedal_change>{{0, 0.0, 3, 127}, {192, 1.0, 3, 0}});
  CHECK(song.notes.at(0).offset == 0.5);
}

TEST_CASE("events that do not matter are passed over") {
  const bytes others = raw({0, 0xC0, 5, 0, 0xD0, 1, 0, 0xE0, 0, 64, 0, 0xA0, 60, 1}) +
                       raw({0, 0xFF, 0x58, 4, 4, 2, 24, 8, 0, 0xFF, 0x58, 1, 9, 0, 0xFF, 0x59, 2, 0x55, 9}) +
                       raw({0, 0xF1, 1, 0, 0xF2, 1, 2, 0, 0xF3, 1, 0, 0xF6, 0, 0xF8, 0, 0xF5, 0, 0xFD});
  CHECK(notes_of(file(others + one_note + end_of_track)) == std::vector<note>{{0.0, 0.5, 60, 80, 1.0}});
}

TEST_CASE("SMPTE divisions are read") {
  CHECK(notes_of(file(one_note + end_of_track, 0xE728)) == std::vector<note>{{0.0, 0.096, 60, 80, 1.0}});  // 25 × 40
  CHECK(notes_of(file(one_note + end_of_track, 0xE364)) ==
        std::vector<note>{{0.0, 0.032032, 60, 80, 1.0}});  // 29.97 × 100
  refuses_file(file(one_note + end_of_track, 0xE700), errc::bad_format, "0 ticks a frame", 12);
  refuses_file(file(one_note + end_of_track, 0xC028), errc::bad_format, "64 frames a second", 12);
}

TEST_CASE("odd but harmless files are read") {
  const std::vector<note> expected{{0.0, 0.5, 60, 80, 1.0}};
  const bytes good = track(one_note + end_of_track);
  CHECK(notes_of(header(0, 1, 96) + chunk("XFIH", raw({1, 2, 3})) + good) == expected);
  CHECK(notes_of(header(0, 1, 96) + good + raw({0, 0, 42})) == expected);
  CHECK(notes_of(header(0, 1, 96) + good + raw({1, 2, 3, 4, 5, 6, 7, 8, 9, 10})) == expected);
  CHECK(notes_of(header(1, 3, 96) + good) == expected);
  CHECK(notes_of(header(0, 0, 96) + good) == expected);
  CHECK(notes_of(chunk("MThd", raw({0, 0, 0, 1, 0, 96, 7, 7})) + good) == expected);
  CHECK(notes_of(file(one_note + end_of_track + raw({0, 0x90, 1}))) == expected);
  CHECK(notes_of(file(raw({0x80, 0x80, 0x80, 0}) + raw({0x90, 60, 80, 96, 0x80, 60, 64}) + end_of_track)) == expected);
  CHECK(read(header(1, 3, 96) + good).declared_tracks == 3);
  CHECK(read(header(0, 2, 96) + good + good).tracks == 2);
  CHECK(notes_of(header(0, 0, 96)).empty());
}

TEST_CASE("files that contradict themselves are refused, with the byte") {
  refuses_file({}, errc::bad_format, "MThd", 0);
  refuses_file(chunk("RIFF", bytes(20)), errc::bad_format, "MThd", 0);
  refuses_file(chunk("MThd", raw({0, 0, 0, 1, 0})) + bytes(8), errc::bad_format, "header length of 5", 4);
  refuses_file(header(2, 1, 96) + track(end_of_track), errc::unsupported, "format 2", 8);
  refuses_file(header(7, 1, 96) + track(end_of_track), errc::unsupported, "format 7", 8);
  refuses_file(header(0, 1, 0) + track(end_of_track), errc::bad_format, "division of 0", 12);
  refuses_file(header(0, 1, 96), errc::bad_format, "MTrk", 14);
  refuses_file(header(1, 2, 96) + track(end_of_track) + bytes(8), errc::bad_format, "track 2 of 2", 26);
  refuses_file(header(1, 2, 96) + track(end_of_track) + raw({'M', 'T', 'r'}), errc::bad_format, "chunk name", 26);
  bytes lie = file(one_note + end_of_track);
  lie[21] = std::byte{13};
  refuses_file(lie, errc::bad_format, "a chunk length of 13, but only 12 bytes", 18);
  lie[18] = lie[19] = lie[20] = lie[21] = std::byte{0xFF};
  refuses_file(lie, errc::bad_format, "4294967295", 18);
  refuses_file(file(raw({0, 0x90, 60})), errc::bad_format, "velocity", 25);
  refuses_file(file(raw({0})), errc::bad_format, "event", 23);
  refuses_file(file(raw({0x81})), errc::bad_format, "delta time", 23);
  refuses_file(file(raw({0, 0x90, 60, 80, 0, 0x90, 0x80, 80})), errc::bad_format, "pitch), found 0x80", 28);
  refuses_file(file(raw({0, 0x90, 60, 0xFF})), errc::bad_format, "velocity), found 0xFF", 25);
  refuses_file(file(raw({0, 60, 80})), errc::bad_format, "status", 23);
  refuses_file(file(raw({0x81, 0x82, 0x83, 0x84, 0, 0x90})), errc::bad_format, "four bytes", 22);
  refuses_file(file(raw({0, 0xFF, 0x51, 3, 0, 0, 0})), errc::bad_format, "tempo of 0", 26);
  refuses_file(file(raw({0, 0xFF, 0x51, 2, 1, 1})), errc::bad_format, "tempo of 2 bytes", 26);
  refuses_file(file(raw({0, 0xFF, 0x01, 5, 1, 1})), errc::bad_format, "meta event", 26);
  refuses_file(file(raw({0, 0xF0, 0x8F, 0xFF, 0xFF, 0x7F, 1})), errc::bad_format, "system exclusive", 28);
}

TEST_CASE("every cut of a file is refused or read, and the whole is read") {
  const bytes whole =
      header(1, 2, 96) + track(raw({0, 0xFF, 0x51, 3, 7, 0xA1, 0x20}) + end_of_track) + track(one_note + end_of_track);
  REQUIRE(notes_of(whole).size() == 1);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto result = failure([&] { static_cast<void>(read(cut)); });
    // Where the second track is missing altogether the file is whole in itself.
    const std::size_t first_track_ends = 14 + 8 + 11;
    CHECK(result.code == (size == first_track_ends ? errc{} : errc::bad_format));
  }
}

TEST_CASE("limits are kept and named") {
  vmt::midi::read_options options;
  const bytes data = file(one_note + end_of_track);
  options.max_events = 3;
  CHECK(read(data, options).notes.size() == 1);
  options.max_events = 2;
  const auto result = failure([&] { static_cast<void>(read(data, options)); });
  CHECK(result.code == errc::limit_exceeded);
  CHECK(contains(result.message, "max_events"));
  options = {};
  options.max_bytes = data.size() - 1;
  CHECK(contains(failure([&] { static_cast<void>(read(data, options)); }).message, "max_bytes"));

  bytes long_gaps;  // 1024 · (2^28 − 1) ticks lie below the highest, one more step above
  for (int i = 0; i < 1024; ++i) long_gaps = std::move(long_gaps) + raw({0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 1, 0});
  CHECK(read(file(long_gaps)).end_tick == 1024 * ((std::int64_t{1} << 28) - 1));
  CHECK(failure([&] {
          static_cast<void>(read(file(long_gaps + raw({0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 1, 0}))));
        }).code == errc::limit_exceeded);
}

TEST_CASE("memory stays in proportion to the bytes that are there") {
  // The densest file: a note-on every three bytes, none ever ended.
  bytes events = raw({0, 0x90, 60, 1});
  while (events.size() < 300'000) events = std::move(events) + raw({0, 60, 1});
  const vmt::midi::song song = read(file(events));
  CHECK(song.notes.size() == (events.size() - 1) / 3);
  CHECK(song.notes.capacity() == song.notes.size());
}
