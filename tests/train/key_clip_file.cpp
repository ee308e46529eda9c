// SPDX-License-Identifier: MIT
#include <vmt/train/key_clip_file.hpp>

#include "support/temp_dir.hpp"
#include "train/toy_clip.hpp"

#include <doctest/doctest.h>

using namespace vmt;
using namespace vmt::train;
using vmt_test::toy_clip;

TEST_CASE("a clip comes back from its file as it was") {
  const vmt_test::temp_dir dir;
  key_clip c = toy_clip(5);
  c.rendered = true;
  save_key_clip(c, dir / "a.clip");
  const key_clip back = load_key_clip(dir / "a.clip");
  CHECK(back.name == c.name);
  CHECK(back.layout.lowest_key == c.layout.lowest_key);
  CHECK(back.layout.highest_key == c.layout.highest_key);
  CHECK(back.times == c.times);
  CHECK(back.pixels == c.pixels);
  CHECK(back.plate == c.plate);
  CHECK(back.notes == c.notes);
  CHECK(back.rendered);
}

TEST_CASE("stored clips are made once, and again where the file is damaged") {
  const vmt_test::temp_dir dir;
  int made = 0;
  const auto make = [&made](index_t i) {
    ++made;
    return toy_clip(i);
  };
  const auto clips = stored_clips(make, dir / "clips", 77);
  CHECK(clips(3).pixels == toy_clip(3).pixels);
  CHECK(clips(3).pixels == toy_clip(3).pixels);
  CHECK(made == 1);
  CHECK(stored_clips(make, dir / "clips", 77)(3).notes == toy_clip(3).notes);
  CHECK(made == 1);
  static_cast<void>(stored_clips(make, dir / "clips", 78)(3));  // another maker
  CHECK(made == 2);

  const std::filesystem::path file = dir / "clips" / "77" / "3.clip";
  std::vector<std::byte> bytes = read_file(file);
  bytes[bytes.size() / 2] ^= std::byte{1};
  write_file(file, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  CHECK_THROWS_AS(static_cast<void>(load_key_clip(file)), error);
  CHECK(clips(3).pixels == toy_clip(3).pixels);
  CHECK(made == 3);
  CHECK(load_key_clip(file).frames() == 40);
}
