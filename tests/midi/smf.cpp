// SPDX-License-Identifier: MIT
#include <vmt/midi/smf.hpp>

#include "../support/temp_dir.hpp"
#include "bytes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

using vmt::errc;
using vmt::note;
using vmt_test::contains;
using vmt_test::failure;

TEST_CASE("notes go to a MIDI file and back") {
  const vmt_test::temp_dir folder;
  const std::vector<note> notes{{0.5, 1.0, 60, 80}, {0.75, 2.0, 64, 90}};
  vmt::midi::save(folder / "a.mid", notes);
  CHECK(vmt::midi::load(folder / "a.mid").notes == notes);
  vmt::midi::save(folder / "a.mid", {});
  CHECK(vmt::midi::load(folder / "a.mid").notes.empty());
}

TEST_CASE("errors of a MIDI file name it") {
  const vmt_test::temp_dir folder;
  const auto refused = [&](const char* name, errc code, const vmt::midi::read_options& options = {}) {
    const auto result = failure([&] { static_cast<void>(vmt::midi::load(folder / name, options)); });
    CAPTURE(result.message);
    CHECK(result.code == code);
    CHECK(contains(result.message, name));
  };
  refused("absent.mid", errc::not_found);
  vmt::write_file(folder / "text.mid", std::string_view("this is no music"));
  refused("text.mid", errc::bad_format);
  vmt::midi::read_options options;
  options.max_bytes = 10;
  refused("text.mid", errc::limit_exceeded, options);
}

TEST_CASE("a note that cannot be written leaves the old file alone") {
  const vmt_test::temp_dir folder;
  const std::vector<note> notes{{0.5, 1.0, 60, 80}};
  vmt::midi::save(folder / "a.mid", notes);
  const std::vector<note> bad{{1.0, 0.5, 60, 80}};
  CHECK_THROWS_AS(vmt::midi::save(folder / "a.mid", bad), vmt::error);
  CHECK(vmt::midi::load(folder / "a.mid").notes == notes);
}

TEST_CASE("odd and malformed files from the wild are read or refused, and what is read survives writing") {
  const char* folder = std::getenv("VMT_ODD_MIDI_DIR");
  if (folder == nullptr) {
    MESSAGE("skipped: VMT_ODD_MIDI_DIR is not set");
    return;
  }
  int accepted = 0, refused = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    std::string extension = entry.path().extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (extension != ".mid" && extension != ".midi") continue;
    CAPTURE(entry.path().string());
    vmt::midi::song song;
    const auto result = failure([&] { song = vmt::midi::load(entry.path()); });
    if (result.code != errc{}) {
      CHECK(contains(result.message, "byte "));
      CHECK((result.code == errc::bad_format || result.code == errc::unsupported));
      ++refused;
      continue;
    }
    ++accepted;
    const std::vector<std::byte> once = vmt::midi::write(song.notes);
    CHECK(vmt::midi::write(vmt::midi::read(once).notes) == once);
  }
  MESSAGE("read " << accepted << ", refused " << refused);
  CHECK(accepted > 0);
  CHECK(refused > 0);
}
