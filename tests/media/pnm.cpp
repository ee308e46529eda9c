// SPDX-License-Identifier: MIT
#include <vmt/media/pnm.hpp>

#include <doctest/doctest.h>
#include <support/temp_dir.hpp>

#include <string>

namespace {

using pixels = std::vector<std::uint8_t>;

vmt::frame decoded(const std::string& file) {
  vmt::frame f;
  vmt::media::decode_pnm(std::as_bytes(std::span(file)), f);
  return f;
}

vmt::errc refusal_of(const std::string& file) {
  vmt::frame f;
  f.resize(2, 1);
  f.pixels = {9, 9};
  try {
    vmt::media::decode_pnm(std::as_bytes(std::span(file)), f);
  } catch (const vmt::error& e) {
    CHECK(f.pixels == pixels{9, 9});  // untouched
    return e.code();
  }
  FAIL("accepted: ", file);
  return vmt::errc::stopped;
}

}  // namespace

TEST_CASE("P5, P2 and P6 with comments and odd spacing are read") {
  CHECK(decoded("P5 3 2 255\n\x01\x02\x03\x04\x05\x06").pixels == pixels{1, 2, 3, 4, 5, 6});
  CHECK(decoded("P5\n# a comment\n3#another\n 2\r\n255 abcdef").pixels == pixels{97, 98, 99, 100, 101, 102});
  CHECK(decoded("P2\n2 2\n255\n0 255\n#x\n7\t8\n").pixels == pixels{0, 255, 7, 8});
  CHECK(decoded("P2 1 1 255 42").pixels == pixels{42});
  CHECK(decoded(std::string("P6 2 1 255\n\xFF\0\0\0\xFF\0", 17)).pixels == pixels{76, 150});
  CHECK(decoded("P5 3 2 255\nabcdef").width == 3);
  CHECK(decoded("P5 3 2 255\nabcdef").height == 2);
}

TEST_CASE("other maximum values are scaled to 255 and rounded") {
  CHECK(decoded("P2 4 1 1 0 1 1 0").pixels == pixels{0, 255, 255, 0});
  CHECK(decoded("P2 3 1 3 1 2 3").pixels == pixels{85, 170, 255});
  CHECK(decoded(std::string("P5 4 1 65535\n\0\0\x01\x01\xFF\xFF\x7F\xFF", 21)).pixels == pixels{0, 1, 255, 127});
  CHECK(decoded(std::string("P5 1 1 1000\n\x01\xF4", 14)).pixels == pixels{128});  // 500 of 1000
}

TEST_CASE("a binary PNM file of the wrong length is damaged") {
  CHECK(refusal_of("P5 3 2 255\nabcde") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 3 2 255\nabcdefg") == vmt::errc::bad_format);
  CHECK(refusal_of("P6 1 1 255\nab") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 3 2 256\nabcdef") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 3 2 255") == vmt::errc::bad_format);
  CHECK(refusal_of("P2 2 1 255 1") == vmt::errc::bad_format);
  CHECK(refusal_of("P2 2 1 255 1 2 3") == vmt::errc::bad_format);
}

TEST_CASE("malformed headers and samples are refused") {
  CHECK(refusal_of("P5") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 -3 2 255\nabcdef") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 3x 2 255\nabcdef") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 0 2 255\n") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 3 2 0\nabcdef") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 3 2 65536\nabcdef") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 99999999999999999999 2 255\nabcdef") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 3 # never ends") == vmt::errc::bad_format);
  CHECK(refusal_of("P2 2 1 9 1 10") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 2 1 9\n\x01\x0A") == vmt::errc::bad_format);
  CHECK(refusal_of("P5 9000 1 255\n") == vmt::errc::limit_exceeded);
  CHECK(refusal_of("P2 8000 8000 255\n") == vmt::errc::limit_exceeded);
  CHECK(refusal_of("P4 8 1\nx") == vmt::errc::unsupported);
  CHECK(refusal_of("GIF") == vmt::errc::bad_format);
}

TEST_CASE("a frame that was written is read back the same") {
  const vmt_test::temp_dir dir;
  vmt::frame f;
  f.resize(5, 3);
  for (std::size_t i = 0; i < 15; ++i) f.pixels[i] = static_cast<std::uint8_t>(i * 17);
  vmt::media::write_pgm(dir / "f.pgm", f);
  vmt::frame back;
  vmt::media::pnm_decoder{}(vmt::read_file(dir / "f.pgm"), back);
  CHECK(back.width == 5);
  CHECK(back.height == 3);
  CHECK(back.pixels == f.pixels);
}

TEST_CASE("the PNM decoder names the decoder that a PNG file needs") {
  vmt::frame f;
  try {
    vmt::media::pnm_decoder{}(vmt::read_file("tests/data/images/gray.png"), f);
    FAIL("accepted");
  } catch (const vmt::error& e) {
    CHECK(e.code() == vmt::errc::unsupported);
    CHECK(std::string(e.what()).find("stb_decoder") != std::string::npos);
  }
}
