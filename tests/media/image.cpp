// SPDX-License-Identifier: MIT
#include <vmt/media/image.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace {

using vmt::errc;
using vmt::media::check_image;
using vmt::media::image_kind;

std::vector<std::byte> fixture(const std::string& name) {
  return vmt::read_file("tests/data/images/" + name);
}

vmt::error picture_refusal(std::span<const std::byte> file, const vmt::media::image_limits& limits = {}) {
  try {
    (void)check_image(file, limits);
  } catch (const vmt::error& e) {
    return e;
  }
  FAIL("the image was accepted");
  return {errc::stopped, ""};
}

bool says(const vmt::error& e, const std::string& words) {
  const std::string sentence = e.what();
  INFO(sentence);
  const bool found = sentence.find(words) != std::string::npos;
  CHECK(found);
  return found;
}

void append_chunk(std::vector<std::byte>& png, const std::string& type, const std::string& data) {
  const auto put = [&png](std::uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) png.push_back(static_cast<std::byte>((v >> shift) & 0xFFU));
  };
  put(static_cast<std::uint32_t>(data.size()));
  const std::string body = type + data;
  const auto bytes = std::as_bytes(std::span(body));
  png.insert(png.end(), bytes.begin(), bytes.end());
  put(vmt::crc32(bytes));
}

/// The chunks of a small PNG file, with a right checksum each, whatever they hold.
std::vector<std::byte> png_of(const std::vector<std::pair<std::string, std::string>>& chunks) {
  const std::string signature = "\x89PNG\r\n\x1A\n";
  const auto bytes = std::as_bytes(std::span(signature));
  std::vector<std::byte> png(bytes.begin(), bytes.end());
  for (const auto& [type, data] : chunks) append_chunk(png, type, data);
  return png;
}

std::string header(std::uint32_t width, std::uint32_t height, char depth = 8, char colour = 0, char interlace = 0) {
  std::string h;
  for (const std::uint32_t v : {width, height}) {
    for (int shift = 24; shift >= 0; shift -= 8) h += static_cast<char>((v >> shift) & 0xFFU);
  }
  return h + depth + colour + '\0' + '\0' + interlace;
}

/// Where a JPEG segment begins: the place of its FF.
std::size_t find_marker(const std::vector<std::byte>& jpeg, unsigned marker) {
  for (std::size_t i = 2; i + 1 < jpeg.size(); ++i) {
    if (jpeg[i] == std::byte{0xFF} && jpeg[i + 1] == static_cast<std::byte>(marker)) return i;
  }
  FAIL("no such marker");
  return 0;
}

}  // namespace

TEST_CASE("good images of each kind are recognised by content, with their size") {
  for (const char* name : {"gray.png", "colour.png", "alpha.png", "palette.png", "gray16.png"}) {
    CAPTURE(name);
    const auto info = check_image(fixture(name));
    CHECK(info.kind == image_kind::png);
    CHECK(info.width == 31);
    CHECK(info.height == 17);
  }
  for (const char* name : {"gray.jpg", "colour.jpg", "progressive.jpg"}) {
    CAPTURE(name);
    const auto info = check_image(fixture(name));
    CHECK(info.kind == image_kind::jpeg);
    CHECK(info.width == 31);
    CHECK(info.height == 17);
  }
  CHECK(check_image(fixture("colour.ppm")).kind == image_kind::pnm);
}

TEST_CASE("every single flipped bit of a PNG file is noticed") {
  const auto png = fixture("gray.png");
  for (std::size_t i = 0; i < png.size() * 8; ++i) {
    auto flipped = png;
    flipped[i / 8] ^= static_cast<std::byte>(1U << (i % 8));
    CAPTURE(i);
    CHECK_THROWS_AS((void)check_image(flipped), vmt::error);
  }
  says(picture_refusal(fixture("flipped.png")), "the checksum of the chunk at byte 33 is wrong");
}

TEST_CASE("an image that is cut at any byte is refused") {
  for (const char* name : {"gray.png", "gray.jpg", "colour.jpg", "progressive.jpg", "colour.ppm", "gray.pgm"}) {
    const auto whole = fixture(name);
    for (std::size_t n = 0; n < whole.size(); ++n) {
      CAPTURE(name);
      CAPTURE(n);
      CHECK_THROWS_AS((void)check_image(std::span(whole).first(n)), vmt::error);
    }
  }
  const auto e = picture_refusal(fixture("truncated.jpg"));
  CHECK(e.code() == errc::bad_format);
  says(e, "truncated");
}

TEST_CASE("files that are no image are refused by name") {
  says(picture_refusal({}), "empty");
  const std::string text = "GIF89a";
  const auto e = picture_refusal(std::as_bytes(std::span(text)));
  CHECK(e.code() == errc::bad_format);
  says(e, "PNG, JPEG or PNM was expected");
}

TEST_CASE("sizes beyond the limits are refused before anything is decoded") {
  CHECK(picture_refusal(png_of({{"IHDR", header(8193, 1)}, {"IDAT", "x"}, {"IEND", ""}})).code() ==
        errc::limit_exceeded);
  CHECK(picture_refusal(png_of({{"IHDR", header(8000, 8000)}})).code() == errc::limit_exceeded);
  CHECK(picture_refusal(png_of({{"IHDR", header(0xFFFFFFFF, 0xFFFFFFFF)}})).code() == errc::limit_exceeded);
  const auto png = fixture("gray.png");
  CHECK(picture_refusal(png, {.max_width = 30}).code() == errc::limit_exceeded);
  CHECK(picture_refusal(png, {.max_height = 16}).code() == errc::limit_exceeded);
  CHECK(picture_refusal(png, {.max_area = 31 * 17 - 1}).code() == errc::limit_exceeded);
  CHECK(picture_refusal(png, {.max_bytes = png.size() - 1}).code() == errc::limit_exceeded);
  CHECK_NOTHROW((void)check_image(png, {31, 17, 31 * 17, png.size()}));
  CHECK(picture_refusal(fixture("gray.jpg"), {.max_width = 30}).code() == errc::limit_exceeded);
}

TEST_CASE("a PNG file whose chunks contradict the format is refused though its checksums are right") {
  const std::pair<std::string, std::string> end{"IEND", ""};
  const std::pair<std::string, std::string> data{"IDAT", "x"};
  CHECK_NOTHROW((void)check_image(png_of({{"IHDR", header(3, 2)}, {"tEXt", "note"}, data, end})));
  says(picture_refusal(png_of({data, end})), "IHDR is not its first");
  says(picture_refusal(png_of({{"IHDR", header(3, 2)}, {"IHDR", header(3, 2)}, data, end})), "IHDR is not its first");
  says(picture_refusal(png_of({{"IHDR", header(3, 2)}, end})), "no image data");
  says(picture_refusal(png_of({{"IHDR", header(3, 2)}, data})), "ends before the chunk IEND");
  says(picture_refusal(png_of({{"IHDR", header(3, 2, 8, 3)}, data, end})), "palette (chunk PLTE) is missing");
  says(picture_refusal(png_of({{"IHDR", header(3, 2, 8, 3)}, {"PLTE", "1234"}, data, end})), "malformed");
  says(picture_refusal(png_of({{"IHDR", header(3, 2, 3, 0)}, data, end})), "colour type 0 with 3 bits");
  says(picture_refusal(png_of({{"IHDR", header(3, 2, 8, 1)}, data, end})), "colour type 1 with 8 bits");
  says(picture_refusal(png_of({{"IHDR", header(3, 2, 8, 0, 2)}, data, end})), "interlace");
  says(picture_refusal(png_of({{"IHDR", header(0, 2)}, data, end})), "width or height is 0");
  says(picture_refusal(png_of({{"IHDR", "short"}, data, end})), "13 were expected");
  says(picture_refusal(png_of({{"IHDR", header(3, 2)}, {"ABCD", ""}, data, end})), "critical and unknown");
  CHECK(picture_refusal(png_of({{"CgBI", "1234"}, {"IHDR", header(3, 2)}, data, end})).code() == errc::unsupported);
}

TEST_CASE("a JPEG file may have zeros after its end marker, but nothing else at its very end") {
  auto jpeg = fixture("colour.jpg");
  jpeg.resize(jpeg.size() + 7);
  CHECK_NOTHROW((void)check_image(jpeg));
  jpeg.push_back(std::byte{7});
  says(picture_refusal(jpeg), "does not end with the end marker");
}

TEST_CASE("JPEG headers that break decoders are refused") {
  const auto good = fixture("colour.jpg");
  const std::size_t sof = find_marker(good, 0xC0);
  SUBCASE("sampling factors that do not divide (CVE-2021-37789)") {
    auto bad = good;
    bad[sof + 11] = std::byte{0x31};  // the luma: 3 across
    bad[sof + 14] = std::byte{0x21};  // the first colour: 2
    says(picture_refusal(bad), "do not divide");
  }
  SUBCASE("a sampling factor of 0") {
    auto bad = good;
    bad[sof + 11] = std::byte{0x01};
    says(picture_refusal(bad), "sampling factor");
  }
  SUBCASE("12 bits") {
    auto bad = good;
    bad[sof + 4] = std::byte{12};
    CHECK(picture_refusal(bad).code() == errc::unsupported);
  }
  SUBCASE("arithmetic coding") {
    auto bad = good;
    bad[sof + 1] = std::byte{0xC9};
    CHECK(picture_refusal(bad).code() == errc::unsupported);
  }
  SUBCASE("two components") {
    auto bad = good;
    bad[sof + 9] = std::byte{2};
    says(picture_refusal(bad), "components");
  }
  SUBCASE("a component without data") {
    auto bad = good;
    const std::size_t sos = find_marker(good, 0xDA);
    bad[sos + 5] = bad[sos + 7];
    says(picture_refusal(bad), "component 0 are missing");
  }
  SUBCASE("a Huffman table with too many bits") {
    auto bad = good;
    bad[find_marker(good, 0xC4) + 5 + 16] = std::byte{16};
    says(picture_refusal(bad), "11 bits");
  }
  SUBCASE("two frame headers") {
    auto bad = good;
    const std::vector<std::byte> copy(good.begin() + static_cast<std::ptrdiff_t>(sof),
                                      good.begin() + static_cast<std::ptrdiff_t>(sof + 19));
    bad.insert(bad.begin() + static_cast<std::ptrdiff_t>(sof), copy.begin(), copy.end());
    says(picture_refusal(bad), "two frame headers");
  }
}
