// SPDX-License-Identifier: MIT
#include <vmt/media/y4m.hpp>

#include <doctest/doctest.h>
#include <support/temp_dir.hpp>

#include <cstdio>
#include <cstring>
#include <string>

namespace {

/// Bytes of a string, a few at a time, as a pipe gives them.
struct trickle {
  std::string text;
  std::size_t step;
  std::size_t at = 0;

  std::size_t operator()(std::span<std::byte> room) {
    const std::size_t now = std::min({step, room.size(), text.size() - at});
    std::memcpy(room.data(), text.data() + at, now);
    at += now;
    return now;
  }
};
using reader = vmt::media::y4m_reader<trickle>;
static_assert(vmt::frame_source<reader>);
using pixels = std::vector<std::uint8_t>;

reader open(const std::string& text, vmt::media::y4m_options options = {}) {
  return reader({text, 3}, options);
}

vmt::errc y4m_refusal(const std::string& text, vmt::media::y4m_options options = {}) {
  try {
    reader r = open(text, options);
    for (vmt::frame f; r(f);) {
    }
  } catch (const vmt::error& e) {
    return e.code();
  }
  FAIL("accepted: ", text);
  return vmt::errc::stopped;
}

}  // namespace

TEST_CASE("a mono stream gives its frames and their times, whatever the size of the reads") {
  const std::string text = "YUV4MPEG2 W3 H2 F30000:1001 Ip A1:1 Cmono XANY\nFRAME\nabcdefFRAME Ip\nuvwxyz";
  for (const std::size_t step : {1U, 2U, 5U, 1000U}) {
    reader r({text, step});
    CHECK(r.width() == 3);
    CHECK(r.height() == 2);
    vmt::frame f;
    REQUIRE(r(f));
    CHECK(f.pixels == pixels{'a', 'b', 'c', 'd', 'e', 'f'});
    CHECK(f.time == 0);
    CHECK(f.number == 0);
    REQUIRE(r(f));
    CHECK(f.pixels == pixels{'u', 'v', 'w', 'x', 'y', 'z'});
    CHECK(f.time == doctest::Approx(1001.0 / 30000));
    CHECK(f.number == 1);
    CHECK_FALSE(r(f));
    CHECK_FALSE(r(f));
  }
}

TEST_CASE("the chroma of every 8-bit format is passed over, odd sizes included") {
  const std::string luma(15, 'y');  // 5 × 3
  const std::pair<const char*, std::size_t> formats[] = {{"", 12},           {" C420", 12},      {" C420jpeg", 12},
                                                         {" C420mpeg2", 12}, {" C420paldv", 12}, {" C411", 12},
                                                         {" C422", 18},      {" C444", 30},      {" C444alpha", 45}};
  for (const auto& [format, chroma] : formats) {
    const std::string name = format;  // clang 14 cannot capture a structured binding
    CAPTURE(name);
    reader r = open("YUV4MPEG2 W5 H3 F25:1" + name + "\nFRAME\n" + luma + std::string(chroma, 'c') + "FRAME\n" + luma +
                        std::string(chroma, 'c'),
                    {.range = vmt::media::luma_range::full});
    vmt::frame f;
    for (int i = 0; i < 2; ++i) {
      REQUIRE(r(f));
      CHECK(f.pixels == pixels(15, 'y'));
    }
    CHECK_FALSE(r(f));
  }
}

TEST_CASE("limited range is spread to 0 … 255 where the stream or the caller says so") {
  using vmt::media::luma_range;
  const std::string samples("\x10\xEB\x80\x05\xFF", 5);
  const auto first = [&](const std::string& parameters, luma_range range) {
    const std::string chroma(parameters.find("mono") == std::string::npos ? 6 : 0, 'c');
    reader r = open("YUV4MPEG2 W5 H1 F25:1 " + parameters + "\nFRAME\n" + samples + chroma, {.range = range});
    vmt::frame f;
    REQUIRE(r(f));
    return f.pixels;
  };
  const pixels spread{0, 255, 130, 0, 255};
  const pixels same{16, 235, 128, 5, 255};
  CHECK(first("C420", luma_range::stated) == spread);
  CHECK(first("C420 XCOLORRANGE=LIMITED", luma_range::stated) == spread);
  CHECK(first("C420 XCOLORRANGE=FULL", luma_range::stated) == same);
  CHECK(first("Cmono", luma_range::stated) == same);
  CHECK(first("Cmono XCOLORRANGE=LIMITED", luma_range::stated) == spread);
  CHECK(first("C420", luma_range::full) == same);
  CHECK(first("C420 XCOLORRANGE=FULL", luma_range::limited) == spread);
}

TEST_CASE("a stream that is cut at any byte is an error, except between frames") {
  const std::string head = "YUV4MPEG2 W2 H2 F25:1 C420\n";
  const std::string frame = "FRAME\nabcdxy";
  const std::string whole = head + frame + frame;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    CAPTURE(n);
    if (n == head.size() || n == head.size() + frame.size()) {
      reader r = open(whole.substr(0, n));
      vmt::frame f;
      for (std::size_t k = head.size(); k < n; k += frame.size()) CHECK(r(f));
      CHECK_FALSE(r(f));
    } else {
      CHECK(y4m_refusal(whole.substr(0, n)) == vmt::errc::bad_format);
    }
  }
}

TEST_CASE("malformed streams are refused") {
  CHECK(y4m_refusal("") == vmt::errc::bad_format);
  CHECK(y4m_refusal("RIFF....AVI ") == vmt::errc::bad_format);
  CHECK(y4m_refusal("YUV4MPEG2X W2 H2 F25:1\n") == vmt::errc::bad_format);
  CHECK(y4m_refusal("YUV4MPEG2 W2 F25:1\n") == vmt::errc::bad_format);
  CHECK(y4m_refusal("YUV4MPEG2 W0 H2 F25:1\n") == vmt::errc::bad_format);
  CHECK(y4m_refusal("YUV4MPEG2 W-2 H2 F25:1\n") == vmt::errc::bad_format);
  CHECK(y4m_refusal("YUV4MPEG2 W2x H2 F25:1\n") == vmt::errc::bad_format);
  CHECK(y4m_refusal("YUV4MPEG2 W2 H2 F25\n") == vmt::errc::bad_format);
  CHECK(y4m_refusal("YUV4MPEG2 W2 H2 F0:0 Cmono\n") == vmt::errc::bad_format);
  CHECK(y4m_refusal("YUV4MPEG2 W2 H2 F25:1 Cmono\nFRAMEabcd") == vmt::errc::bad_format);
  CHECK(y4m_refusal("YUV4MPEG2 W2 H2 F25:1 Cmono\nFRAME\nabcdgarbage") == vmt::errc::bad_format);
  CHECK(y4m_refusal("YUV4MPEG2 " + std::string(5000, 'X')) == vmt::errc::bad_format);
  CHECK(y4m_refusal("YUV4MPEG2 W9000 H2 F25:1\n") == vmt::errc::limit_exceeded);
  CHECK(y4m_refusal("YUV4MPEG2 W8000 H8000 F25:1\n") == vmt::errc::limit_exceeded);
}

TEST_CASE("high bit depths are refused by name") {
  for (const char* format : {"420p10", "422p12", "444p16", "mono16", "410", "440"}) {
    try {
      reader r = open("YUV4MPEG2 W2 H2 F25:1 C" + std::string(format) + "\n");
      FAIL("accepted");
    } catch (const vmt::error& e) {
      CHECK(e.code() == vmt::errc::unsupported);
      CHECK(std::string(e.what()).find(format) != std::string::npos);
    }
  }
}

TEST_CASE("a rate that the stream does not state may come from the caller") {
  reader r = open("YUV4MPEG2 W1 H1 F0:0 Cmono\nFRAME\naFRAME\nb", {.fps = 50});
  vmt::frame f;
  REQUIRE(r(f));
  REQUIRE(r(f));
  CHECK(f.time == doctest::Approx(0.02));
}

TEST_CASE("a stream is read from an open file") {
  const vmt_test::temp_dir dir;
  const auto path = (dir / "v.y4m").string();
  std::FILE* file = std::fopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  std::fputs("YUV4MPEG2 W2 H1 F10:1 Cmono\nFRAME\nabFRAME\ncd", file);
  std::fclose(file);
  file = std::fopen(path.c_str(), "rb");
  vmt::media::y4m_reader video(vmt::media::stdio_bytes{file});
  vmt::frame f;
  int count = 0;
  while (video(f)) ++count;
  CHECK(count == 2);
  CHECK(f.pixels == pixels{'c', 'd'});
  std::fclose(file);
}

TEST_CASE("frames after the first take no new memory") {
  reader r = open("YUV4MPEG2 W2 H1 F10:1 Cmono\nFRAME\nabFRAME\ncd");
  vmt::frame f;
  REQUIRE(r(f));
  const auto* before = f.pixels.data();
  REQUIRE(r(f));
  CHECK(f.pixels.data() == before);
}
