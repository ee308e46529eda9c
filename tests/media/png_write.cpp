// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/media/png_check.hpp>
#include <vmt/media/png_write.hpp>
#include <vmt/media/stb.hpp>

#include <doctest/doctest.h>

#include <string_view>

namespace {

vmt::frame noise(vmt::index_t width, vmt::index_t height) {
  vmt::frame picture;
  picture.resize(width, height);
  vmt::rng random(static_cast<std::uint64_t>(width * 1000 + height));
  for (std::uint8_t& p : picture.pixels) p = static_cast<std::uint8_t>(random.below(256));
  return picture;
}

}  // namespace

TEST_CASE("Adler-32 has its known values, also beyond one block of sums") {
  const auto of = [](std::string_view text) { return vmt::media::adler32(std::as_bytes(std::span(text))); };
  CHECK(of("") == 1);
  CHECK(of("Wikipedia") == 0x11E60398);
  CHECK(of(std::string(100'000, '\xFF')) == 0x149A302C);  // zlib.adler32(b"\xff" * 100000)
}

TEST_CASE("a written PNG passes the check of every chunk and comes back pixel by pixel") {
  // One pixel; one stored block; exactly one, one byte more; a strip in two blocks; many blocks.
  for (const auto& [width, height] : {std::pair{1, 1}, {31, 17}, {65534, 1}, {65535, 1}, {800, 145}, {1000, 500}}) {
    CAPTURE(width);
    const vmt::frame picture = noise(width, height);
    const std::vector<std::byte> file = vmt::media::write_png(picture);
    vmt::media::image_limits limits;
    limits.max_width = 1 << 17;
    const vmt::media::image_info info = vmt::media::check_png(file, limits);
    CHECK(info.width == width);
    CHECK(info.height == height);
    if (width > 8192) continue;
    vmt::frame back;
    vmt::media::stb_decoder{}(file, back);
    CHECK(back.width == width);
    CHECK(back.pixels == picture.pixels);
  }
}

TEST_CASE("pictures that are none are refused") {
  vmt::frame picture;
  CHECK_THROWS_AS(vmt::media::write_png(picture), vmt::error);
  picture.resize(3, 2);
  picture.pixels.pop_back();
  CHECK_THROWS_AS(vmt::media::write_png(picture), vmt::error);
  picture.width = -1;
  CHECK_THROWS_AS(vmt::media::write_png(picture), vmt::error);
}
