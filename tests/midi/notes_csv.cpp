// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/midi/notes_csv.hpp>

#include "../support/temp_dir.hpp"
#include "bytes.hpp"

#include <doctest/doctest.h>

using vmt::errc;
using vmt::note;
using vmt::midi::format_notes_csv;
using vmt::midi::parse_notes_csv;
using vmt_test::contains;
using vmt_test::failure;

namespace {

void refuses(std::string_view text, errc code, const std::string& part, int line) {
  const auto result = failure([&] { static_cast<void>(parse_notes_csv(text)); });
  CAPTURE(result.message);
  CHECK(result.code == code);
  CHECK(contains(result.message, part));
  CHECK(contains(result.message, "line " + std::to_string(line) + ":"));
}

}  // namespace

TEST_CASE("notes are written with a header, shortest numbers and line feeds") {
  const std::vector<note> notes{{0.1, 0.30000000000000004, 60, 80, 1.0}, {1e-9, 36000, 21, 127, 0.25}};
  CHECK(format_notes_csv(notes) ==
        "onset,offset,pitch,velocity,confidence\n0.1,0.30000000000000004,60,80,1\n1e-09,36000,21,127,0.25\n");
  CHECK(format_notes_csv({}) == "onset,offset,pitch,velocity,confidence\n");
}

TEST_CASE("random notes come back bit for bit") {
  vmt::rng random(3);
  std::vector<note> notes;
  for (int i = 0; i < 1000; ++i) {
    const double onset = random.uniform(0, 1e4) / 3;
    notes.push_back({onset, onset + random.uniform() / 7, static_cast<int>(random.below(128)),
                     static_cast<int>(1 + random.below(127)), random.uniform() / 3});
  }
  CHECK(parse_notes_csv(format_notes_csv(notes)) == notes);
}

TEST_CASE("the header decides which column is which") {
  CHECK(parse_notes_csv("name,pitch,offset_s,onset_s\nx,61,2,1.5\n,60.0,3,2\n") ==
        std::vector<note>{{1.5, 2.0, 61, 80, 1.0}, {2.0, 3.0, 60, 80, 1.0}});
  CHECK(parse_notes_csv("confidence,velocity,onset,offset,pitch\n0.5,1,1,2,60") ==
        std::vector<note>{{1.0, 2.0, 60, 1, 0.5}});
}

TEST_CASE("byte order mark, CRLF, blank lines, spaces and quotes are tolerated") {
  CHECK(parse_notes_csv("\xEF\xBB\xBF\"onset\", offset ,pitch\r\n\r\n 1 ,2,\"60\"\r\n  \n") ==
        std::vector<note>{{1.0, 2.0, 60, 80, 1.0}});
  CHECK(parse_notes_csv("onset,offset,pitch\n").empty());
}

TEST_CASE("bad notes are refused with their line") {
  const std::string head = "onset,offset,pitch,velocity,confidence\n";
  refuses("", errc::bad_format, "column names", 0);
  refuses("\n\nonset,pitch\n", errc::bad_format, "no \"offset\"", 3);
  refuses("1,2,60\n", errc::bad_format, "no \"onset\"", 1);
  refuses("onset,onset_s,offset,pitch\n", errc::bad_format, "twice", 1);
  refuses(head + "1,2,60,80,1\nx,2,60,80,1\n", errc::bad_format, "\"onset\", found \"x\"", 3);
  refuses(head + "1,2s,60,80,1\n", errc::bad_format, "2s", 2);
  refuses(head + "1,,60,80,1\n", errc::bad_format, "offset", 2);
  refuses(head + "1,2\n", errc::bad_format, "too short", 2);
  refuses(head + "1,2,60,80,\n", errc::bad_format, "confidence", 2);
  refuses(head + "nan,2,60,80,1\n", errc::not_finite, "onset", 2);
  refuses(head + "1,inf,60,80,1\n", errc::not_finite, "offset", 2);
  refuses(head + "1,1e999,60,80,1\n", errc::bad_format, "1e999", 2);
  refuses(head + "1,2,60,80,nan\n", errc::not_finite, "confidence", 2);
  refuses(head + "-1,2,60,80,1\n", errc::bad_format, "0 or later", 2);
  refuses(head + "2,1,60,80,1\n", errc::bad_format, "not before the onset 2", 2);
  refuses(head + "1,2,60.5,80,1\n", errc::bad_format, "pitch", 2);
  refuses(head + "1,2,128,80,1\n", errc::bad_format, "0 to 127", 2);
  refuses(head + "1,2,-1,80,1\n", errc::bad_format, "0 to 127", 2);
  refuses(head + "1,2,60,0,1\n", errc::bad_format, "1 to 127", 2);
}

TEST_CASE("limits of a notes CSV are kept and named") {
  vmt::midi::notes_csv_options options;
  const std::string text = "onset,offset,pitch\n1,2,60\n1,2,61\n";
  options.max_notes = 2;
  CHECK(parse_notes_csv(text, options).size() == 2);
  options.max_notes = 1;
  CHECK(contains(failure([&] { static_cast<void>(parse_notes_csv(text, options)); }).message,
                 "line 3: more than 1 notes"));
  options = {};
  options.max_bytes = text.size() - 1;
  CHECK(failure([&] { static_cast<void>(parse_notes_csv(text, options)); }).code == errc::limit_exceeded);
}

TEST_CASE("notes go to a CSV file and back, and errors name the file") {
  const vmt_test::temp_dir folder;
  const std::vector<note> notes{{0.1, 0.2, 60, 80, 0.3}};
  vmt::midi::save_notes_csv(folder / "a.csv", notes);
  CHECK(vmt::midi::load_notes_csv(folder / "a.csv") == notes);
  vmt::write_file(folder / "b.csv", std::string_view("onset,offset,pitch\n1,2,x\n"));
  const auto result = failure([&] { static_cast<void>(vmt::midi::load_notes_csv(folder / "b.csv")); });
  CHECK(result.code == errc::bad_format);
  CHECK(contains(result.message, "b.csv"));
  CHECK(contains(result.message, "line 2"));
}
