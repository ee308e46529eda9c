// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/midi/smf_reader.hpp>
#include <vmt/midi/smf_writer.hpp>

#include "bytes.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using vmt::errc;
using vmt::note;
using vmt::midi::read;
using vmt::midi::write;
using vmt::midi::write_options;
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

const bytes half_second = raw({0, 0xFF, 0x51, 3, 0x07, 0xA1, 0x20});

/// Ticks of 1 ms.
write_options milliseconds() {
  write_options options;
  options.ticks_per_quarter = 500;
  return options;
}

std::vector<note> round_trip(const std::vector<note>& notes, const write_options& options = milliseconds()) {
  return read(write(notes, options)).notes;
}

}  // namespace

TEST_CASE("one note is these bytes") {
  const std::vector<note> notes{{0.25, 0.5, 60, 80, 0.7}};
  const bytes events = raw({0x83, 0x60, 0x90, 60, 80, 0x83, 0x60, 0x80, 60, 64});
  CHECK(write(notes) == header(0, 1, 960) + track(half_second + events + end_of_track));
  write_options options;
  options.format = 1;
  options.track_name = "piano";
  options.channel = 9;
  options.bpm = 60;
  options.ticks_per_quarter = 96;
  const bytes name = raw({0, 0xFF, 0x03, 5, 'p', 'i', 'a', 'n', 'o'});
  CHECK(write(notes, options) == header(1, 2, 96) + track(raw({0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40}) + end_of_track) +
                                     track(name + raw({24, 0x99, 60, 80, 24, 0x89, 60, 64}) + end_of_track));
  CHECK(write({}) == header(0, 1, 960) + track(half_second + end_of_track));
}

TEST_CASE("at one tick notes end before notes begin, each by rising pitch") {
  const std::vector<note> notes{{0.001, 0.002, 60, 2}, {0.0, 0.001, 60, 1}, {0.0, 0.001, 50, 3}, {0.001, 0.002, 40, 4}};
  const bytes events = raw({0, 0x90, 50, 3, 0, 0x90, 60, 1, 1, 0x80, 50, 64, 0, 0x80, 60, 64}) +
                       raw({0, 0x90, 40, 4, 0, 0x90, 60, 2, 1, 0x80, 40, 64, 0, 0x80, 60, 64});
  CHECK(write(notes, milliseconds()) == header(0, 1, 500) + track(half_second + events + end_of_track));
}

TEST_CASE("a note ends where the next of its pitch begins") {
  CHECK(round_trip({{0.0, 1.0, 60, 1}, {0.5, 0.7, 60, 2}, {0.6, 2.0, 61, 3}}) ==
        std::vector<note>{{0.0, 0.5, 60, 1}, {0.5, 0.7, 60, 2}, {0.6, 2.0, 61, 3}});
}

TEST_CASE("notes of one pitch that begin at the same tick become one, the longer and louder") {
  CHECK(round_trip({{0.1, 0.2, 60, 90}, {0.1, 0.3, 60, 50}, {0.1001, 0.15, 60, 70}}) ==
        std::vector<note>{{0.1, 0.3, 60, 90}});
}

TEST_CASE("a note lasts a tick at least") {
  CHECK(round_trip({{0.1, 0.1, 60, 1}, {0.2, 0.2001, 61, 2}}) ==
        std::vector<note>{{0.1, 0.101, 60, 1}, {0.2, 0.201, 61, 2}});
}

TEST_CASE("ten hours of notes are never more than half a tick off") {
  for (const double bpm : {120.0, 97.3, 33.333}) {
    write_options options;
    options.bpm = bpm;
    const double tick = std::round(6e7 / bpm) / (1e6 * options.ticks_per_quarter);
    std::vector<note> notes;
    vmt::rng random(1);
    for (int i = 0; i < 36'000; ++i) {
      notes.push_back({i + random.uniform(0.1, 0.4), i + random.uniform(0.5, 0.9), 21 + i % 88, 1 + i % 127});
    }
    const std::vector<note> back = round_trip(notes, options);
    REQUIRE(back.size() == notes.size());
    double worst = 0;
    for (std::size_t i = 0; i < notes.size(); ++i) {
      worst = std::max({worst, std::abs(back[i].onset - notes[i].onset), std::abs(back[i].offset - notes[i].offset)});
      CHECK(back[i].pitch == notes[i].pitch);
      CHECK(back[i].velocity == notes[i].velocity);
    }
    CHECK(worst <= tick * (0.5 + 1e-6));
    CHECK(worst > tick * 0.49);  // the bound is reached, so it was looked at
  }
}

TEST_CASE("random notes on the tick grid come back as they were, and a second writing gives the same bytes") {
  vmt::rng random(7);
  for (int piece = 0; piece < 50; ++piece) {
    write_options options;
    options.format = piece % 2;
    options.ticks_per_quarter = piece % 3 == 0 ? 500 : 960;
    options.bpm = piece % 5 == 0 ? 91.7 : 120;
    const double ticks_per_second = 1e6 * options.ticks_per_quarter / std::round(6e7 / options.bpm);
    std::vector<vmt::index_t> free_from(128, 0);  // the tick from which each pitch is silent
    std::vector<note> notes;
    vmt::index_t now = 0;
    for (int i = 0; i < 500; ++i) {
      now += random.below(3) == 0 ? random.below(3000) : 0;
      const auto pitch = static_cast<std::size_t>(random.below(128));
      if (free_from[pitch] > now) continue;
      free_from[pitch] = now + 1 + random.below(2000);
      notes.push_back({static_cast<double>(now), static_cast<double>(free_from[pitch]), static_cast<int>(pitch),
                       static_cast<int>(1 + random.below(127))});
    }
    REQUIRE(notes.size() > 100);
    std::sort(notes.begin(), notes.end());
    std::vector<note> timed = notes;
    for (note& n : timed) {
      n.onset /= ticks_per_second;
      n.offset /= ticks_per_second;
    }
    const bytes data = write(timed, options);
    std::vector<note> back = read(data).notes;
    CHECK(write(back, options) == data);
    for (note& n : back) {
      n.onset = std::round(n.onset * ticks_per_second);
      n.offset = std::round(n.offset * ticks_per_second);
    }
    CHECK(back == notes);
  }
}

TEST_CASE("a gap that four bytes do not hold is bridged") {
  write_options options = milliseconds();
  const double far = 3 * 268'435'455.0 / 1000 + 1;  // over three days
  const std::vector<note> back = round_trip({{0.0, 1.0, 60, 1}, {far, far + 1, 60, 2}}, options);
  REQUIRE(back.size() == 2);
  CHECK(back[1].onset == doctest::Approx(far).epsilon(1e-12));
}

TEST_CASE("notes and options out of range are refused by name") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto refused = [](const note& n, errc code, const std::string& part) {
    const std::vector<note> notes{{0.0, 1.0}, n};
    const auto result = failure([&] { static_cast<void>(write(notes)); });
    CAPTURE(result.message);
    CHECK(result.code == code);
    CHECK(contains(result.message, "note 1"));
    CHECK(contains(result.message, part));
  };
  refused({nan, 1.0}, errc::not_finite, "finite");
  refused({0.0, infinity}, errc::not_finite, "finite");
  refused({-0.1, 1.0}, errc::invalid_argument, "negative");
  refused({1.0, 0.9}, errc::invalid_argument, "before onset");
  refused({0.0, 1.0, 128}, errc::invalid_argument, "pitch");
  refused({0.0, 1.0, -1}, errc::invalid_argument, "pitch");
  refused({0.0, 1.0, 60, 0}, errc::invalid_argument, "velocity");
  refused({0.0, 1.0, 60, 128}, errc::invalid_argument, "velocity");
  refused({1e300, 1e300}, errc::limit_exceeded, "later than");
  refused({0.0, 274'877'906'943 / 1920.0}, errc::limit_exceeded, "later than");

  const auto refused_option = [](auto change, const std::string& part) {
    write_options options;
    change(options);
    const auto result = failure([&] { static_cast<void>(write({}, options)); });
    CHECK(result.code == errc::invalid_argument);
    CHECK(contains(result.message, part));
  };
  for (const double bpm : {0.0, -1.0, 3.5, 2e8, nan, infinity}) {
    refused_option([bpm](write_options& o) { o.bpm = bpm; }, "bpm");
  }
  for (const int ticks : {0, 32768})
    refused_option([ticks](write_options& o) { o.ticks_per_quarter = ticks; }, "ticks");
  refused_option([](write_options& o) { o.format = 2; }, "format");
  refused_option([](write_options& o) { o.channel = 16; }, "channel");
}

TEST_CASE("the last note that fits is read again") {
  const double last = (static_cast<double>(vmt::midi::max_tick) - 2) / 1000;
  const std::vector<note> back = round_trip({{last, last, 60, 1}});
  REQUIRE(back.size() == 1);
  CHECK(back[0].onset == doctest::Approx(last).epsilon(1e-12));
}
