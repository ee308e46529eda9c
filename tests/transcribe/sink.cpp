// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/midi/notes_csv.hpp>
#include <vmt/transcribe/sink.hpp>

#include "fake_engine.hpp"
#include "support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <limits>

using vmt::note;
using vmt::transcribe::csv_sink;
using vmt::transcribe::midi_sink;

namespace {

std::vector<note> some_notes(int n) {
  vmt::rng random(4);
  std::vector<note> notes;
  for (int i = 0; i < n; ++i) {
    const double onset = i * 0.5 + random.uniform() / 3;
    notes.push_back(
        {onset, onset + 0.1 + random.uniform() / 7, static_cast<int>(21 + random.below(88)), 80, random.uniform()});
  }
  return notes;
}

bool empty(const vmt_test::temp_dir& folder) {
  return std::filesystem::is_empty(folder.path());
}

}  // namespace

TEST_CASE("a CSV sink writes byte for byte what the notes would be written as at once") {
  const vmt_test::temp_dir folder;
  const auto path = folder / "notes.csv";
  std::vector<note> notes = some_notes(3000);
  notes.push_back({std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max(), 127, 127, -1.0 / 3});
  {
    csv_sink sink(path);
    for (const note& n : notes) sink(n);
    CHECK(sink.count() == 3001);
    CHECK_FALSE(std::filesystem::exists(path));
    sink.commit();
  }
  const std::vector<std::byte> bytes = vmt::read_file(path);
  const std::string expected = vmt::midi::format_notes_csv(notes);
  CHECK(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == expected);
}

TEST_CASE("a MIDI sink writes the file of its notes") {
  const vmt_test::temp_dir folder;
  const std::vector<note> notes = some_notes(200);
  vmt::midi::write_options options;
  options.track_name = "piano";
  midi_sink sink(folder / "notes.mid", options);
  for (const note& n : notes) sink(n);
  CHECK(sink.notes() == notes);
  sink.commit();
  CHECK(vmt::read_file(folder / "notes.mid") == vmt::midi::write(notes, options));
}

TEST_CASE("no notes make whole files too") {
  const vmt_test::temp_dir folder;
  midi_sink midi(folder / "a.mid");
  csv_sink csv(folder / "a.csv");
  midi.commit();
  csv.commit();
  CHECK(vmt::midi::load(folder / "a.mid").notes.empty());
  CHECK(vmt::midi::load_notes_csv(folder / "a.csv").empty());
}

TEST_CASE("without commit nothing appears, and what was there stays") {
  const vmt_test::temp_dir folder;
  {
    midi_sink midi(folder / "a.mid");
    csv_sink csv(folder / "a.csv");
    for (const note& n : some_notes(5000)) {
      midi(n);
      csv(n);
    }
  }
  CHECK(empty(folder));
  vmt::write_file(folder / "a.csv", "old");
  {
    csv_sink csv(folder / "a.csv");
    csv(note{});
  }
  CHECK(vmt::read_file(folder / "a.csv").size() == 3);
}

TEST_CASE("a place that cannot be written shows at construction") {
  const vmt_test::temp_dir folder;
  CHECK_THROWS_AS(midi_sink(folder / "missing/a.mid"), vmt::error);
  CHECK_THROWS_AS(csv_sink(folder / "missing/a.csv"), vmt::error);
}

TEST_CASE("a note that no MIDI file can hold leaves no file") {
  const vmt_test::temp_dir folder;
  {
    midi_sink sink(folder / "a.mid");
    sink(note{.onset = -1, .offset = 0});
    CHECK_THROWS_AS(sink.commit(), vmt::error);
  }
  CHECK(empty(folder));
}

TEST_CASE("tee hands every note to every sink, in order") {
  vmt_test::collected<note> a, b;
  auto both = vmt::transcribe::tee(a, b);
  const std::vector<note> notes = some_notes(3);
  for (const note& n : notes) both(n);
  CHECK(a.notes == notes);
  CHECK(b.notes == notes);
}
