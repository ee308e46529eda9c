// SPDX-License-Identifier: MIT
#include <vmt/keyboard/keyboard_file.hpp>

#include <doctest/doctest.h>
#include <support/temp_dir.hpp>

#include <cmath>
#include <string>

namespace {

using vmt::errc;

const std::string minimal =
    R"({"image_size": [1280, 720], "corners": [[8, 286], [1277, 298.5], [1264, 451], [20, 437]]})";

/// The minimal file with a piece replaced.
std::string with(const std::string& old, const std::string& now) {
  std::string text = minimal;
  const std::size_t at = text.find(old);
  REQUIRE(at != std::string::npos);
  return text.replace(at, old.size(), now);
}

errc file_refusal(const std::string& text, const std::string& words) {
  try {
    (void)vmt::keyboard::parse_keyboard(text);
  } catch (const vmt::error& e) {
    const std::string sentence = e.what();
    INFO(sentence);
    CHECK(sentence.find(words) != std::string::npos);
    return e.code();
  }
  FAIL("accepted: ", text);
  return errc::stopped;
}

}  // namespace

TEST_CASE("a keyboard file needs size and corners; the rest has defaults and strangers are passed over") {
  auto k = vmt::keyboard::parse_keyboard(minimal);
  CHECK(k.image_width == 1280);
  CHECK(k.image_height == 720);
  CHECK(k.corners[1].x == 1277);
  CHECK(k.corners[1].y == 298.5);
  CHECK(k.corners[3].x == 20);
  CHECK(k.lowest_key == 21);
  CHECK(k.highest_key == 108);
  CHECK(k.lens == 0);
  CHECK(k.score == 1);
  k = vmt::keyboard::parse_keyboard(
      with("{", R"({"lowest_key": 36, "highest_key": 96, "lens": -0.05, "score": 0.5, "made_by": {"x": [null]}, )"));
  CHECK(k.lowest_key == 36);
  CHECK(k.highest_key == 96);
  CHECK(k.lens == -0.05);
  CHECK(k.score == 0.5);
}

TEST_CASE("a keyboard that was saved is loaded the same, to the last bit") {
  const vmt_test::temp_dir dir;
  auto k = vmt::keyboard::parse_keyboard(minimal);
  k.corners[0] = {1.0 / 3, 286.1};
  k.lowest_key = 28;
  k.highest_key = 103;
  k.lens = -0.0123456789012345;
  k.score = 0.1;
  vmt::keyboard::save_keyboard(dir / "k.json", k);
  const auto back = vmt::keyboard::load_keyboard(dir / "k.json");
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(back.corners[i].x == k.corners[i].x);
    CHECK(back.corners[i].y == k.corners[i].y);
  }
  CHECK(back.image_width == k.image_width);
  CHECK(back.image_height == k.image_height);
  CHECK(back.lowest_key == 28);
  CHECK(back.highest_key == 103);
  CHECK(back.lens == k.lens);
  CHECK(back.score == k.score);
}

TEST_CASE("a negative zero is a zero") {
  const auto k = vmt::keyboard::parse_keyboard(with("{", R"({"lens": -0.0, )"));
  CHECK_FALSE(std::signbit(k.lens));
  const std::string text = vmt::keyboard::to_json(k);
  CHECK(vmt::keyboard::to_json(vmt::keyboard::parse_keyboard(text)) == text);
}

TEST_CASE("malformed keyboard files are refused with the member that is wrong") {
  CHECK(file_refusal("", "JSON") == errc::bad_format);
  CHECK(file_refusal("[1, 2]", "object, found array") == errc::bad_format);
  CHECK(file_refusal("{}", "image_size") == errc::not_found);
  CHECK(file_refusal(R"({"image_size": [1280, 720]})", "corners") == errc::not_found);
  CHECK(file_refusal(with("[1280, 720]", "[1280]"), "\"image_size\": two numbers") == errc::bad_format);
  CHECK(file_refusal(with("1280, 720", "1280.5, 720"), "\"image_size\"") == errc::bad_format);
  CHECK(file_refusal(with("1280, 720", "99999999999, 720"), "\"image_size\": the width is out of range") ==
        errc::invalid_argument);
  CHECK(file_refusal(with("[8, 286], ", ""), "3 points were found, 4 were expected") == errc::bad_format);
  CHECK(file_refusal(with("[8, 286]", "[8, 286, 1]"), "top left corner has 3 numbers") == errc::bad_format);
  CHECK(file_refusal(with("[8, 286]", "\"8, 286\""), "\"corners\"") == errc::bad_format);
  CHECK(file_refusal(with("[8, 286]", "[8, null]"), "\"corners\"") == errc::bad_format);
  CHECK(file_refusal(with("{", R"({"lowest_key": "A0", )"), "\"lowest_key\"") == errc::bad_format);
  CHECK(file_refusal(with("{", R"({"lowest_key": 22, )"), "outermost key 22") == errc::invalid_argument);
  CHECK(file_refusal(with("{", R"({"lens": 7, )"), "lens") == errc::invalid_argument);
  CHECK(file_refusal(with("[8, 286]", "[1100, 430]"), "convex") == errc::inconsistent);
  CHECK(file_refusal(minimal + "x", "JSON") == errc::bad_format);
}

TEST_CASE("errors of a file name the file, and an unsound keyboard is never written") {
  const vmt_test::temp_dir dir;
  vmt::write_file(dir / "bad.json", std::string_view("{}"));
  try {
    (void)vmt::keyboard::load_keyboard(dir / "bad.json");
    FAIL("accepted");
  } catch (const vmt::error& e) {
    CHECK(std::string(e.what()).find("bad.json': ") != std::string::npos);
  }
  CHECK_THROWS_AS((void)vmt::keyboard::load_keyboard(dir / "absent.json"), vmt::error);
  CHECK_THROWS_AS(vmt::keyboard::save_keyboard(dir / "new.json", {}), vmt::error);
  CHECK_FALSE(std::filesystem::exists(dir / "new.json"));
}

TEST_CASE("mirroring and spans come through a file; files without them have none") {
  auto k = vmt::keyboard::parse_keyboard(minimal);
  CHECK_FALSE(k.mirrored);
  CHECK(k.keys.empty());
  CHECK(vmt::keyboard::to_json(k).find("keys") == std::string::npos);
  std::swap(k.corners[0], k.corners[1]);
  std::swap(k.corners[2], k.corners[3]);
  k.mirrored = true;
  k.lowest_key = 60;
  k.highest_key = 62;
  k.keys = {{-0.001, 1.0 / 3}, {0.25, 0.5}, {1.0 / 3, 1.001}};
  const auto back = vmt::keyboard::parse_keyboard(vmt::keyboard::to_json(k));
  CHECK(back.mirrored);
  REQUIRE(back.keys.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(back.keys[i].left == k.keys[i].left);
    CHECK(back.keys[i].right == k.keys[i].right);
  }
  CHECK(file_refusal(with("{", R"({"mirrored": 1, )"), "\"mirrored\"") == errc::bad_format);
  CHECK(file_refusal(with("{", R"({"mirrored": true, )"), "clockwise") == errc::inconsistent);
  CHECK(file_refusal(with("{", R"({"keys": [[0, 1]], )"), "spans for 1 keys") == errc::inconsistent);
  CHECK(file_refusal(with("{", R"({"keys": [[0]], )"), "the span of key 21 has 1 numbers") == errc::bad_format);
  std::string many = "[0, 1]";
  for (int i = 0; i < 100; ++i) many += ", [0, 1]";
  CHECK(file_refusal(with("{", R"({"keys": [)" + many + "], "), "at most 88 keys") == errc::limit_exceeded);
}
