// SPDX-License-Identifier: MIT
#include <vmt/media/stb.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

vmt::frame read_picture(const std::string& name) {
  vmt::frame f;
  vmt::media::stb_decoder{}(vmt::read_file("tests/data/images/" + name), f);
  return f;
}

int largest_difference(const vmt::frame& a, const vmt::frame& b) {
  REQUIRE(a.pixels.size() == b.pixels.size());
  REQUIRE(a.width == b.width);
  int most = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    most = std::max(most, std::abs(static_cast<int>(a.pixels[i]) - static_cast<int>(b.pixels[i])));
  }
  return most;
}

}  // namespace

TEST_CASE("PNG files of all kinds give Pillow's gray, bit for bit") {
  const vmt::frame expected = read_picture("gray.pgm");
  CHECK(read_picture("gray.png").pixels == expected.pixels);
  CHECK(read_picture("colour.png").pixels == expected.pixels);
  CHECK(read_picture("alpha.png").pixels == expected.pixels);
  CHECK(read_picture("gray16.png").pixels == expected.pixels);
  CHECK(read_picture("colour.ppm").pixels == expected.pixels);
  CHECK(read_picture("palette.png").pixels == read_picture("palette.pgm").pixels);
}

TEST_CASE("pixels beyond a short palette are black, not what lay in memory") {
  const vmt::frame f = read_picture("short_palette.png");
  CHECK(f.pixels == read_picture("short_palette.pgm").pixels);
  CHECK(f.pixels.at(0) == 18);
  CHECK(f.pixels.at(3) == 0);
}

TEST_CASE("JPEG files give the luma that libjpeg decodes, but for rounding") {
  CHECK(largest_difference(read_picture("gray.jpg"), read_picture("gray_jpg.pgm")) <= 1);
  CHECK(largest_difference(read_picture("colour.jpg"), read_picture("colour_jpg.pgm")) <=
        3);  // its colours were converted twice
  CHECK(largest_difference(read_picture("progressive.jpg"), read_picture("colour.jpg")) <= 40);
  CHECK(largest_difference(read_picture("progressive.jpg"), read_picture("gray.pgm")) <= 40);
}

TEST_CASE("damaged files are refused and leave the frame alone") {
  vmt::frame f;
  f.resize(1, 1);
  f.pixels = {77};
  const vmt::media::stb_decoder decode{};
  for (const char* name : {"truncated.jpg", "flipped.png"}) {
    CAPTURE(name);
    const auto file = vmt::read_file(std::string("tests/data/images/") + name);
    CHECK_THROWS_AS(decode(file, f), vmt::error);
    CHECK(f.pixels.front() == 77);
  }
  // Data that stop before the picture is full, under right checksums: only the decoder can tell.
  auto png = vmt::read_file("tests/data/images/gray.png");
  const auto put = [&png](std::size_t at, std::uint32_t v) {
    for (std::size_t i = 0; i < 4; ++i) png[at + i] = static_cast<std::byte>((v >> (24 - 8 * i)) & 0xFFU);
  };
  put(20, 170);  // the height in IHDR
  put(29, vmt::crc32(std::span(png).subspan(12, 17)));
  try {
    decode(png, f);
    FAIL("accepted");
  } catch (const vmt::error& e) {
    CHECK(e.code() == vmt::errc::bad_format);
  }
  CHECK(f.width == 1);
}

TEST_CASE("the limits hold for decoding") {
  const vmt::media::stb_decoder small{.limits = {.max_width = 30}};
  vmt::frame f;
  CHECK_THROWS_AS(small(vmt::read_file("tests/data/images/gray.png"), f), vmt::error);
}

TEST_CASE("a folder of odd images (VMT_ODD_IMAGES_DIR) is read or refused, the same each time, and never crashes") {
  const char* folder = std::getenv("VMT_ODD_IMAGES_DIR");
  if (folder == nullptr) {
    MESSAGE("skipped: VMT_ODD_IMAGES_DIR is not set");
    return;
  }
  int read = 0;
  int refused = 0;
  const vmt::media::stb_decoder decode{};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().extension() == ".csv" || entry.path().extension() == ".md") continue;
    CAPTURE(entry.path().string());
    const auto file = vmt::read_file(entry.path());
    vmt::frame first;
    vmt::frame second;
    bool good = true;
    try {
      decode(file, first);
    } catch (const vmt::error& e) {
      good = false;
      CHECK(std::string(e.what()).size() > 20);
    }
    if (good) {
      decode(file, second);
      CHECK(first.pixels == second.pixels);
      CHECK(static_cast<vmt::index_t>(first.pixels.size()) == first.width * first.height);
    }
    const std::string where = entry.path().parent_path().filename().string();
    if (where == "pngsuite-corrupt" || where == "pngsuite-iphone" || where == "fuzz-bmp" || where == "fuzz-gif") {
      CHECK_FALSE(good);
    }
    if (where == "pngsuite-primary" || where == "pngsuite-16bit") CHECK(good);
    (good ? read : refused) += 1;
  }
  MESSAGE(read, " read, ", refused, " refused");
  CHECK(read > 0);
  CHECK(refused > 0);
}
