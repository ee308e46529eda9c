// SPDX-License-Identifier: MIT
#include <vmt/keyboard/keyboard.hpp>

#include <doctest/doctest.h>

#include <limits>

namespace {

vmt::keyboard::keyboard good() {
  vmt::keyboard::keyboard k;
  k.image_width = 1280;
  k.image_height = 720;
  k.corners = {{{8, 286}, {1277, 298}, {1264, 451}, {20, 437}}};
  return k;
}

vmt::errc refusal(const vmt::keyboard::keyboard& k, const std::string& words) {
  try {
    vmt::keyboard::validate(k);
  } catch (const vmt::error& e) {
    const std::string sentence = e.what();
    INFO(sentence);
    CHECK(sentence.find(words) != std::string::npos);
    return e.code();
  }
  FAIL("accepted, expected: ", words);
  return vmt::errc::stopped;
}

}  // namespace

TEST_CASE("the white keys of a piano are counted") {
  using vmt::keyboard::is_white;
  using vmt::keyboard::white_keys_below;
  CHECK(is_white(21));
  CHECK_FALSE(is_white(22));
  CHECK(is_white(60));
  CHECK_FALSE(is_white(61));
  CHECK(is_white(64));
  CHECK(is_white(65));
  CHECK(is_white(108));
  CHECK(white_keys_below(21) == 0);
  CHECK(white_keys_below(60) == 23);
  CHECK(white_keys_below(108) == 51);
  CHECK(white_keys_below(109) == 52);
}

TEST_CASE("corners of a real keyboard are accepted, from either side of the piano") {
  auto k = good();
  CHECK_NOTHROW(vmt::keyboard::validate(k));
  for (auto& p : k.corners) p = {1280 - p.x, 720 - p.y};  // the camera stands opposite the player
  CHECK_NOTHROW(vmt::keyboard::validate(k));
  for (auto& p : k.corners) p = {p.y * 1280 / 720, p.x * 720 / 1280};
  CHECK(refusal(k, "counter-clockwise") == vmt::errc::inconsistent);  // transposed is mirrored
  CHECK_NOTHROW(vmt::keyboard::validate(vmt::keyboard::whole_picture(800, 145)));
}

TEST_CASE("what cannot be a keyboard is refused with a sentence") {
  using vmt::errc;
  auto k = good();
  SUBCASE("mirrored") {
    std::swap(k.corners[0], k.corners[1]);
    std::swap(k.corners[2], k.corners[3]);
    CHECK(refusal(k, "counter-clockwise") == errc::inconsistent);
  }
  SUBCASE("crossed") {
    std::swap(k.corners[2], k.corners[3]);
    CHECK(refusal(k, "convex") == errc::inconsistent);
  }
  SUBCASE("dented") {
    k.corners[2] = {60, 300};
    CHECK(refusal(k, "convex") == errc::inconsistent);
  }
  SUBCASE("on one line") {
    k.corners = {{{0, 100}, {400, 100}, {800, 100}, {1200, 100}}};
    CHECK(refusal(k, "convex") == errc::inconsistent);
  }
  SUBCASE("all in one place") {
    k.corners = {};
    CHECK(refusal(k, "too close") == errc::inconsistent);
  }
  SUBCASE("far outside") {
    k.corners[1].x = 1280 * 1.3;
    CHECK(refusal(k, "top right corner (1664.0, 298.0) is far outside the picture of 1280x720") ==
          errc::invalid_argument);
  }
  SUBCASE("not finite") {
    k.corners[3].y = std::numeric_limits<double>::quiet_NaN();
    CHECK(refusal(k, "bottom left corner is not finite") == errc::not_finite);
    k.corners[3].y = std::numeric_limits<double>::infinity();
    CHECK(refusal(k, "not finite") == errc::not_finite);
  }
  SUBCASE("keys") {
    k.lowest_key = 22;
    CHECK(refusal(k, "outermost key 22") == errc::invalid_argument);
    k.lowest_key = 20;
    CHECK(refusal(k, "outermost key 20") == errc::invalid_argument);
    k.lowest_key = 96;
    k.highest_key = 36;
    CHECK(refusal(k, "not below") == errc::inconsistent);
  }
  SUBCASE("size, lens, score") {
    k.image_width = 0;
    CHECK(refusal(k, "0x720") == errc::invalid_argument);
    k = good();
    k.lens = 0.3;
    CHECK(refusal(k, "lens") == errc::invalid_argument);
    k.lens = std::numeric_limits<double>::quiet_NaN();
    CHECK(refusal(k, "lens") == errc::invalid_argument);
    k = good();
    k.score = 1.5;
    CHECK(refusal(k, "score") == errc::invalid_argument);
  }
}

TEST_CASE("corners go along with the size of the picture while its aspect ratio stays") {
  const auto half = vmt::keyboard::scaled_to(good(), 640, 360);
  CHECK(half.image_width == 640);
  CHECK(half.corners[1].x == doctest::Approx(638.5));
  CHECK(half.corners[2].y == doctest::Approx(225.5));
  CHECK_NOTHROW((void)vmt::keyboard::scaled_to(good(), 854, 480));  // 16:9 as phones round it
  try {
    (void)vmt::keyboard::scaled_to(good(), 640, 480);
    FAIL("accepted");
  } catch (const vmt::error& e) {
    CHECK(e.code() == vmt::errc::inconsistent);
    CHECK(std::string(e.what()).find("1280x720 pixels, but the frames have 640x480") != std::string::npos);
  }
}

TEST_CASE("a mirrored picture has its corners the other way round, and says so") {
  auto k = good();
  std::swap(k.corners[0], k.corners[1]);
  std::swap(k.corners[2], k.corners[3]);
  k.mirrored = true;
  CHECK_NOTHROW(vmt::keyboard::validate(k));
  k = good();
  k.mirrored = true;
  CHECK(refusal(k, "run clockwise") == vmt::errc::inconsistent);
}

TEST_CASE("spans are one for each key and run from left to right") {
  auto k = good();
  k.lowest_key = 60;
  k.highest_key = 64;
  k.keys = {{0, 0.33}, {0.2, 0.4}, {0.33, 0.67}, {0.6, 0.8}, {0.67, 1}};
  CHECK_NOTHROW(vmt::keyboard::validate(k));
  SUBCASE("too few") {
    k.keys.pop_back();
    CHECK(refusal(k, "spans for 4 keys, but 5 keys") == vmt::errc::inconsistent);
  }
  SUBCASE("empty") {
    k.keys[1].right = 0.2;
    CHECK(refusal(k, "key 61") == vmt::errc::invalid_argument);
  }
  SUBCASE("out of order among the white keys") {
    std::swap(k.keys[0], k.keys[2]);
    CHECK(refusal(k, "key 62") == vmt::errc::invalid_argument);
  }
  SUBCASE("out of order among the black keys") {
    std::swap(k.keys[1], k.keys[3]);
    CHECK(refusal(k, "key 63") == vmt::errc::invalid_argument);
  }
  SUBCASE("outside") {
    k.keys[4].right = 1.2;
    CHECK(refusal(k, "key 64") == vmt::errc::invalid_argument);
  }
  SUBCASE("not a number") {
    k.keys[2].left = std::numeric_limits<double>::quiet_NaN();
    CHECK(refusal(k, "key 62") == vmt::errc::invalid_argument);
  }
}
