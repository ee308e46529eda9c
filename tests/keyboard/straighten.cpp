// SPDX-License-Identifier: MIT
#include <vmt/keyboard/straighten.hpp>
#include <vmt/core/rng.hpp>
#include <vmt/media/y4m.hpp>

#include "support/pictures.hpp"

#include <doctest/doctest.h>
#include <support/temp_dir.hpp>

#include <cmath>
#include <cstdlib>
#include <string>

namespace {

using vmt::frame;
using vmt::index_t;
using vmt::keyboard::keyboard;
using vmt::keyboard::straightener;
using vmt_test::noise;
using vmt_test::picture;

int largest_difference(const frame& a, const frame& b) {
  REQUIRE(a.pixels.size() == b.pixels.size());
  int most = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    most = std::max(most, std::abs(static_cast<int>(a.pixels[i]) - static_cast<int>(b.pixels[i])));
  }
  return most;
}

frame straight(const keyboard& k, const frame& f, index_t width = 800, index_t height = 145) {
  frame strip;
  straightener(k, f.width, f.height, width, height)(f, strip);
  return strip;
}

}  // namespace

TEST_CASE("a picture that is the strip already passes unchanged, bit for bit") {
  frame f = noise(800, 145);
  f.time = 1.5;
  f.number = 7;
  f.damaged = true;
  const frame strip = straight(vmt::keyboard::whole_picture(800, 145), f);
  CHECK(strip.pixels == f.pixels);
  CHECK(strip.width == 800);
  CHECK(strip.height == 145);
  CHECK(strip.time == 1.5);
  CHECK(strip.number == 7);
  CHECK(strip.damaged);
}

TEST_CASE("a strip inside a larger picture is cut out exactly, upright or upside down") {
  const frame f = noise(1000, 300);
  keyboard k = vmt::keyboard::whole_picture(1000, 300);
  k.corners = {{{100, 50}, {900, 50}, {900, 195}, {100, 195}}};
  frame expected;
  expected.resize(800, 145);
  for (index_t y = 0; y < 145; ++y) std::copy_n(f.row(y + 50) + 100, 800, expected.row(y));
  CHECK(straight(k, f).pixels == expected.pixels);
  std::rotate(k.corners.begin(), k.corners.begin() + 2, k.corners.end());
  std::reverse(expected.pixels.begin(), expected.pixels.end());
  CHECK(straight(k, f).pixels == expected.pixels);
}

TEST_CASE("a keyboard that stands upright in the picture is laid down exactly") {
  const frame f = noise(145, 800);
  keyboard k = vmt::keyboard::whole_picture(145, 800);
  k.corners = {{{145, 0}, {145, 800}, {0, 800}, {0, 0}}};  // a quarter turn
  const frame strip = straight(k, f);
  for (index_t y = 0; y < 145; y += 7) {
    for (index_t x = 0; x < 800; x += 11) CHECK(strip.row(y)[x] == f.row(x)[144 - y]);
  }
}

TEST_CASE("shrinking by whole factors is the exact mean") {
  const frame f = noise(2400, 290);
  const frame strip = straight(vmt::keyboard::whole_picture(2400, 290), f);
  for (index_t y = 0; y < 145; ++y) {
    for (index_t x = 0; x < 800; ++x) {
      int sum = 0;
      for (index_t j = 0; j < 2; ++j) {
        for (index_t i = 0; i < 3; ++i) sum += f.row(2 * y + j)[3 * x + i];
      }
      // 12-bit thirds are off by up to 1/8192 each
      CHECK(std::abs(strip.row(y)[x] - sum / 6.0) <= 0.5 + 255.0 * 3 / 8192);
    }
  }
}

TEST_CASE("shrinking does not alias: single-pixel stripes become even gray") {
  const frame f = picture(4000, 725, [](double x, double y) { return (std::lround(x - y) & 1) != 0 ? 255 : 0; });
  const frame strip = straight(vmt::keyboard::whole_picture(4000, 725), f);
  for (const auto v : strip.pixels) {
    CHECK(v >= 121);
    CHECK(v <= 134);
  }
}

TEST_CASE("perspective: what lies on a line through the quadrilateral lands where the exact map says") {
  // The picture's gray is a linear function of the position; so must the strip's be of the mapped position.
  const auto gray = [](double x, double y) { return 20 + x / 8 + y / 12; };
  const frame f = picture(1280, 720, gray);
  keyboard k = vmt::keyboard::whole_picture(1280, 720);
  k.corners = {{{60, 286}, {1220, 250}, {1264, 501}, {20, 477}}};
  const frame strip = straight(k, f);
  const vmt::keyboard::square_to_quad map(k.corners);
  double worst = 0;
  for (index_t y = 0; y < 145; ++y) {
    for (index_t x = 0; x < 800; ++x) {
      const auto p = map((static_cast<double>(x) + 0.5) / 800, (static_cast<double>(y) + 0.5) / 145);
      worst = std::max(worst, std::abs(strip.row(y)[x] - gray(p.x, p.y)));
    }
  }
  CHECK(worst < 1.1);  // two roundings
}

TEST_CASE("a straight keyboard seen through a lens becomes straight again") {
  // The same smooth scene, once seen by a perfect lens and once by a barrel lens.
  const auto scene = [](double x, double y) { return 128 + 100 * std::sin(x / 17) * std::cos(y / 23); };
  const double k1 = -0.1;
  const vmt::keyboard::radial_lens lens(k1, 1280, 720);
  const frame perfect = picture(1280, 720, scene);
  const frame seen = picture(1280, 720, [&](double x, double y) {
    const auto p = lens.undistort({x, y});
    return scene(p.x, p.y);
  });
  keyboard k = vmt::keyboard::whole_picture(1280, 720);
  k.corners = {{{100, 200}, {1180, 210}, {1180, 360}, {100, 355}}};
  const frame expected = straight(k, perfect);
  for (auto& p : k.corners) p = lens.distort(p);  // corners are where they are seen
  const frame ignored = straight(k, seen);
  k.lens = k1;
  const frame corrected = straight(k, seen);
  CHECK(largest_difference(corrected, expected) <= 4);
  CHECK(largest_difference(ignored, expected) > 40);
}

TEST_CASE("a short keyboard takes the place of its keys and the rest is black") {
  keyboard k = vmt::keyboard::whole_picture(720, 100);
  k.lowest_key = 36;   // C2, 9 white keys above A0
  k.highest_key = 96;  // C7: 36 white keys
  const frame f = picture(720, 100, [](double, double) { return 200.0; });
  const frame strip = straight(k, f);
  const double white = 800.0 / 52;
  for (index_t x = 0; x < 800; ++x) {
    const double centre = static_cast<double>(x) + 0.5;
    CHECK(strip.row(70)[x] == (centre > 9 * white && centre < 45 * white ? 200 : 0));
  }
}

TEST_CASE("corners outside the picture repeat its border") {
  const frame f = picture(640, 120, [](double x, double) { return x < 320 ? 40.0 : 90.0; });
  keyboard k = vmt::keyboard::whole_picture(640, 120);
  k.corners = {{{-100, -20}, {740, -20}, {740, 140}, {-100, 140}}};
  const frame strip = straight(k, f);
  for (const index_t y : {0, 72, 144}) {
    CHECK(strip.row(y)[0] == 40);
    CHECK(strip.row(y)[799] == 90);
  }
}

TEST_CASE("any size of picture and strip is served, down to a few pixels") {
  for (const auto& [w, h, sw, sh] : {std::array<index_t, 4>{8, 2, 800, 145},
                                     {9, 5, 3, 2},
                                     {4000, 3000, 805, 150},
                                     {4096, 40, 7, 1},
                                     {1600, 290, 1600, 290}}) {
    const std::string sizes = std::to_string(w) + "x" + std::to_string(h) + " to " + std::to_string(sw);
    CAPTURE(sizes);
    const frame f = picture(w, h, [](double, double) { return 137.0; });
    const frame strip = straight(vmt::keyboard::whole_picture(w, h), f, sw, sh);
    CHECK(static_cast<index_t>(strip.pixels.size()) == sw * sh);
    for (const auto v : strip.pixels) REQUIRE(v == 137);
  }
}

TEST_CASE("a smaller copy of the video uses the same keyboard; another picture is refused") {
  keyboard k = vmt::keyboard::whole_picture(1280, 720);
  k.corners = {{{160, 200}, {1120, 200}, {1120, 400}, {160, 400}}};
  const auto scene = [](double x, double y) { return 40 + x / 10 + y / 12; };
  const frame large = straight(k, picture(1280, 720, scene));
  const frame small = straight(k, picture(640, 360, [&](double x, double y) { return scene(2 * x, 2 * y); }));
  CHECK(largest_difference(large, small) <= 1);
  CHECK_THROWS_AS(straightener(k, 640, 480), vmt::error);
  CHECK_THROWS_AS(straightener(k, 1280, 720, 0, 145), vmt::error);
  const straightener fixed(k, 1280, 720);
  frame strip;
  CHECK_THROWS_AS(fixed(noise(640, 360), strip), vmt::error);
}

TEST_CASE("frames after the first take no new memory") {
  const straightener s(vmt::keyboard::whole_picture(640, 100), 640, 100);
  const frame f = noise(640, 100);
  frame strip;
  s(f, strip);
  const auto* before = strip.pixels.data();
  const auto first = strip.pixels;
  s(f, strip);
  CHECK(strip.pixels.data() == before);
  CHECK(strip.pixels == first);
}

TEST_CASE("ffmpeg's perspective and area filters give the same strip but for their double resampling") {
  if (std::system("ffmpeg -version >/dev/null 2>&1") != 0) {
    MESSAGE("skipped: the program ffmpeg is not here");
    return;
  }
  const vmt_test::temp_dir dir;
  const auto make = [&](const std::string& filters, const std::string& name) {
    const std::string path = (dir / name).string();
    const std::string command =
        "ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=size=1280x720:rate=1:duration=1 -vf \"format=gray" +
        filters + "\" -f yuv4mpegpipe -pix_fmt gray " + path;
    REQUIRE(std::system(command.c_str()) == 0);
    std::FILE* file = std::fopen(path.c_str(), "rb");
    REQUIRE(file != nullptr);
    vmt::media::y4m_reader video(vmt::media::stdio_bytes{file});
    frame f;
    REQUIRE(video(f));
    std::fclose(file);
    return f;
  };
  const frame source = make("", "source.y4m");
  const frame expected =
      make(",perspective=x0=8:y0=286:x1=1277:y1=298:x2=20:y2=437:x3=1264:y3=451:sense=source,scale=800:145:flags=area",
           "strip.y4m");
  // The filter maps pixel numbers, so pixel centres, of a 1280x720 picture between these points.
  const vmt::keyboard::square_to_quad map({{{8, 286}, {1277, 298}, {1264, 451}, {20, 437}}});
  const auto edge = [&](double x, double y) {
    const auto p = map((x - 0.5) / 1280, (y - 0.5) / 720);
    return vmt::keyboard::point{p.x + 0.5, p.y + 0.5};
  };
  keyboard k = vmt::keyboard::whole_picture(1280, 720);
  k.corners = {{edge(0, 0), edge(1280, 0), edge(1280, 720), edge(0, 720)}};
  const auto difference = [&] {
    const frame strip = straight(k, source);
    double sum = 0;
    for (std::size_t i = 0; i < strip.pixels.size(); ++i) {
      sum += std::abs(static_cast<int>(strip.pixels[i]) - static_cast<int>(expected.pixels[i]));
    }
    return sum / static_cast<double>(strip.pixels.size());
  };
  const double aligned = difference();
  CAPTURE(aligned);
  CHECK(aligned < 1);
  for (auto& p : k.corners) p.x += 0.5;  // half a pixel is seen
  CHECK(difference() > 1.5 * aligned);
}

TEST_CASE("a mirrored picture gives the same strip as the one before the mirror") {
  const frame f = noise(1000, 300);
  keyboard k = vmt::keyboard::whole_picture(1000, 300);
  k.corners = {{{100, 50}, {900, 50}, {900, 195}, {100, 195}}};
  frame turned = f;
  for (index_t y = 0; y < 300; ++y) std::reverse(turned.row(y), turned.row(y) + 1000);
  keyboard m = k;
  for (auto& p : m.corners) p.x = 1000 - p.x;
  m.mirrored = true;
  CHECK(straight(m, turned).pixels == straight(k, f).pixels);
}
