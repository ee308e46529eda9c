// SPDX-License-Identifier: MIT
#include <vmt/train/key_clips.hpp>

#include "support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace vmt;
using namespace vmt::train;

namespace {

/// A clip of 8 white keys, from C4 to C5, in pictures of 200 × 80: each frame is brighter than the one before it, but a
/// dark bar stands on another white key in each.
void make_clip(const std::filesystem::path& folder, int frames) {
  std::filesystem::create_directories(folder / "frames");
  for (int f = 0; f < frames; ++f) {
    std::ofstream out(folder / "frames" / (std::to_string(100 + f) + ".pgm"), std::ios::binary);
    out << "P5\n200 80\n255\n";
    for (int y = 0; y < 80; ++y) {
      for (int x = 0; x < 200; ++x) out.put(static_cast<char>((x - 20) / 20 == f % 8 && x >= 20 ? 10 : 150 + f));
    }
  }
  std::ofstream(folder / "keyboard.json")
      << R"({"image_size": [200, 80], "corners": [[20, 8], [180, 8], [180, 72], [20, 72]],)"
      << R"( "lowest_key": 60, "highest_key": 72})";
  std::ofstream(folder / "notes.csv") << "onset,offset,pitch,velocity\n0.1,0.2,60,70\n0.5,0.9,62,80\n";
}

}  // namespace

TEST_CASE("the parts of a data set become clips with strips, plate and notes; strips are cut once") {
  const vmt_test::temp_dir dir;
  make_clip(dir / "a", 30);
  std::ofstream(dir / "split.csv") << "clip,split,start,end\na,train,0,0.4\na,train,0.4,\n";
  key_clips_options o{.use = subset::train, .cache = dir / "cache", .fps = 25};
  const std::vector<key_clip> clips = load_key_clips(dir.path(), o);
  REQUIRE(clips.size() == 2);
  for (const key_clip& c : clips) {
    CHECK_NOTHROW(validate(c));
    CHECK(c.layout.lowest_key == 60);
    CHECK(c.width() == 128);
    CHECK_FALSE(c.rendered);
  }
  CHECK(clips[0].frames() == 10);
  CHECK(clips[1].frames() == 20);
  CHECK(clips[0].notes.size() == 1);
  CHECK(clips[1].notes.size() == 1);
  CHECK(clips[1].notes[0].pitch == 62);
  CHECK(clips[0].file->size() == 30);
  // Frame 12 is the third of the second part; its bar stands on the white key number 4.
  std::vector<std::uint8_t> room;
  const std::span<const std::uint8_t> strip = clips[1].strips(2, 3, room);
  CHECK(strip[50 * 128 + 4 * 16 + 8] == 10);
  CHECK(strip[50 * 128 + 6 * 16 + 8] == 162);
  // Most frames show a key without the bar.
  for (const std::uint8_t v : clips[0].plate) REQUIRE(v >= 150);

  const auto written = std::filesystem::last_write_time(dir / "cache");
  const auto file = *std::filesystem::directory_iterator(dir / "cache");
  const auto before = std::filesystem::last_write_time(file);
  CHECK(load_key_clips(dir.path(), o).size() == 2);
  CHECK(std::filesystem::last_write_time(file) == before);
  CHECK(std::filesystem::last_write_time(dir / "cache") == written);
  o.use = subset::test;
  CHECK_THROWS_AS(static_cast<void>(load_key_clips(dir.path(), o)), error);
}

TEST_CASE("a clip without a keyboard file, and a part without frames, are refused") {
  const vmt_test::temp_dir dir;
  make_clip(dir / "a", 6);
  const key_clips_options o{.use = subset::train, .cache = dir / "cache", .fps = 25};
  std::ofstream(dir / "split.csv") << "clip,split,start,end\na,train,5,6\n";
  CHECK_THROWS_AS(static_cast<void>(load_key_clips(dir.path(), o)), error);
  std::ofstream(dir / "split.csv") << "clip,split\na,train\n";
  CHECK(load_key_clips(dir.path(), o).size() == 1);
  std::filesystem::remove(dir / "a" / "keyboard.json");
  CHECK_THROWS_AS(static_cast<void>(load_key_clips(dir.path(), o)), error);
}
