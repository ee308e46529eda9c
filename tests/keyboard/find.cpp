// SPDX-License-Identifier: MIT
#include <vmt/keyboard/find.hpp>
#if !defined(_WIN32)
#include <vmt/media/ffmpeg.hpp>
#endif

#include <doctest/doctest.h>
#include <support/keyboard_pictures.hpp>

#include <cstdlib>  // system

using vmt::errc;
using vmt::frame;
using namespace vmt::keyboard;

namespace {

keyboard usual() {
  keyboard k;
  k.image_width = 800;
  k.image_height = 400;
  k.corners = {{{40, 150}, {760, 160}, {750, 260}, {30, 240}}};
  return k;
}

/// A video of pictures, each for a number of seconds, five frames a second.
struct slides {
  std::vector<std::pair<frame, double>> parts;
  int number = 0;
  bool operator()(frame& f) {
    double end = 0;
    const double time = number / 5.0;
    for (const auto& [picture, seconds] : parts) {
      end += seconds;
      if (time >= end) continue;
      f = picture;
      f.time = time;
      f.number = number++;
      return true;
    }
    return false;
  }
};

frame card(int gray) {
  frame f;
  f.resize(800, 400);
  for (auto& v : f.pixels) v = static_cast<std::uint8_t>(gray);
  return f;
}

}  // namespace

TEST_CASE("the keyboard is found in the stretch of the video that shows it") {
  const frame keys = vmt_test::draw(usual()).picture;
  const auto at_once = find_keyboard(slides{{{keys, 30}}});
  REQUIRE(at_once);
  CHECK(at_once.from == 0);
  CHECK(at_once.to < 10);
  CHECK(at_once.where().lowest_key == 21);
  const auto later = find_keyboard(slides{{{card(20), 23}, {keys, 40}}});
  REQUIRE(later);
  CHECK(later.from >= 20);
  CHECK(later.refusal.empty());
  const auto short_one = find_keyboard(slides{{{keys, 0.3}}});
  REQUIRE(short_one);
}

TEST_CASE("the source is read no further than needed, and damaged frames do not count") {
  slides video{{{vmt_test::draw(usual()).picture, 300}}};
  int read = 0;
  const auto result = find_keyboard([&](frame& f) {
    ++read;
    const bool more = video(f);
    if (read % 2 == 0) {
      f.pixels.assign(f.pixels.size(), 0);
      f.damaged = true;
    }
    return more;
  });
  REQUIRE(result);
  CHECK(read == 51);  // ten seconds, and the first frame after them
}

TEST_CASE("without a keyboard there is a sentence, after a while") {
  slides video{{{card(100), 1000}}};
  find_options options;
  options.give_up = 30;
  const auto result = find_keyboard([&](frame& f) { return video(f); }, options);
  CHECK_FALSE(result);
  CHECK(result.refusal.find("no keyboard was found") != std::string::npos);
  CHECK(video.number <= 152);
  CHECK_THROWS_AS((void)result.where(), vmt::error);
  const auto empty = find_keyboard(slides{});
  CHECK(empty.refusal == "the video has no frame");
}

TEST_CASE("of two keyboards one must be chosen") {
  auto low = usual();
  for (point& p : low.corners) p.y += 100;
  auto picture = vmt_test::draw(low).picture;
  auto high = usual();
  for (point& p : high.corners) p.y -= 120;
  const auto upper = vmt_test::draw(high).picture;
  std::copy_n(upper.pixels.begin(), 190 * 800, picture.pixels.begin());
  const auto open = find_keyboard(picture);
  CHECK_FALSE(open);
  CHECK(open.refusal.find("2 keyboards are in the picture") != std::string::npos);
  find_options options;
  options.which = 2;
  const auto second = find_keyboard(picture, options);
  REQUIRE(second);
  CHECK(second.where().corners[0].y == doctest::Approx(250).epsilon(0.01));
  options.which = 3;
  const auto third = find_keyboard(picture, options);
  CHECK_FALSE(third);
  CHECK(third.refusal.find("keyboard 3 was asked for, but 2 are") != std::string::npos);
}

TEST_CASE("an octave that cannot be seen is asked for, with the numbers that it may be") {
  auto k = usual();
  k.corners = {{{-310, 120}, {870, 120}, {870, 280}, {-310, 280}}};
  const auto picture = vmt_test::draw(k).picture;
  const auto open = find_keyboard(picture);
  CHECK_FALSE(open);
  CHECK(open.refusal.find("not its octave") != std::string::npos);
  CHECK(open.refusal.find("33, 45") != std::string::npos);
  find_options options;
  options.picture.lowest_key = 45;
  const auto told = find_keyboard(picture, options);
  REQUIRE(told);
  CHECK(told.where().lowest_key == 45);
}

TEST_CASE("options out of range and frames of two sizes are refused") {
  find_options options;
  options.pictures = 0;
  CHECK_THROWS_AS((void)find_keyboard(slides{}, options), vmt::error);
  options = {};
  options.picture.lowest_key = 22;
  CHECK_THROWS_AS((void)find_keyboard(slides{}, options), vmt::error);
  options = {};
  options.give_up = 1;
  CHECK_THROWS_AS((void)find_keyboard(slides{}, options), vmt::error);
  frame small;
  small.resize(400, 200);
  try {
    (void)find_keyboard(slides{{{card(3), 4}, {small, 4}}});
    FAIL("accepted");
  } catch (const vmt::error& e) {
    CHECK(e.code() == errc::inconsistent);
  }
}

TEST_CASE("real keys, taken again by random cameras, are in their places or asked about, never wrong") {
#if !defined(_WIN32)
  if (std::system("ffmpeg -version >/dev/null 2>&1") != 0) {
    MESSAGE("there is no ffmpeg: left out");
    return;
  }
  const std::filesystem::path clip = "examples/data/bach/video.mp4";
  REQUIRE(std::filesystem::exists(clip));  // tests run in the project's folder
  vmt::media::ffmpeg video(clip);
  const auto result = find_keyboard([&](frame& f) { return video(f); });
  REQUIRE(result);
  const keyboard& k = result.where();
  CHECK(k.lowest_key == 21);
  CHECK(k.highest_key == 108);
  CHECK_FALSE(k.mirrored);
  const std::array<point, 4> measured{{{8, 286}, {1277, 298}, {1264, 451}, {20, 437}}};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(std::hypot(k.corners[i].x - measured[i].x, k.corners[i].y - measured[i].y) < 6);
  }
  vmt_test::keyboard_picture flat{result.still, vmt_test::borders_of(k), false};
  int right = 0;
  int wrong = 0;
  constexpr int count = 6;
  vmt_test::camera_wildness wild;
  wild.cut = 0;  // of a keyboard cut at a random place the usual reading may be wrong
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    const auto again = vmt_test::photograph(flat, seed, wild);
    const auto found = find_keyboard(again.picture);
    if (!found) continue;
    ++(vmt_test::compare(found.where(), again).right() && found.where().mirrored == again.mirrored ? right : wrong);
  }
  CHECK(wrong == 0);
  CHECK(right >= 4);
#endif
}
