// SPDX-License-Identifier: MIT
#include <vmt/io/json.hpp>

#include <doctest/doctest.h>

#include "io/code_of.hpp"
#include "support/temp_dir.hpp"

#include <string>
#include <string_view>

using vmt::errc;
using vmt::io::parse_json;
using vmt_test::code_of;

TEST_CASE("every kind of JSON value is read") {
  const auto v = vmt::io::load_json("tests/fuzz/corpus/json/all-kinds.json");
  const auto& items = v.as_array();
  REQUIRE(items.size() == 17);
  CHECK(items[0].is_null());
  CHECK_FALSE(items[1].is_null());
  CHECK(items[1].as_bool());
  CHECK_FALSE(items[2].as_bool());
  CHECK(items[3].as_integer() == 0);
  CHECK(items[4].as_integer() == -1);
  CHECK(items[5].as_integer() == 9223372036854775807);
  CHECK(items[6].as_number() == 0x1p63);
  CHECK(std::string(items[6].kind()) == "number");
  CHECK(items[7].as_number() == 1.5e-3);
  CHECK(items[8].as_number() == 100.0);
  CHECK(items[9].as_integer() == 0);
  CHECK(std::signbit(items[10].as_number()));
  CHECK(items[4].as_number() == -1.0);
  CHECK(items[11].as_string().empty());
  CHECK(items[12].as_string() == "a\xC3\xA9\xE6\x97\xA5\xF0\x9F\x8E\xB9\n\"\\/\b\f\r\t");
  CHECK(items[13].as_string() == "\xC3\xA9\xE6\x97\xA5\xF0\x9F\x8E\xB9");
  CHECK(items[14].as_array().empty());
  CHECK(items[15].as_object().empty());
  CHECK(items[16].at("a").at("b").as_array().size() == 1);
  CHECK(items[16].find("b") == nullptr);
}

TEST_CASE("members keep their order and white space is passed over") {
  const auto v = parse_json(" \t\r\n{ \"z\" : 1 , \"a\" : 2 } \n");
  REQUIRE(v.as_object().size() == 2);
  CHECK(v.as_object()[0].name == "z");
  CHECK(v.as_object()[1].value.as_integer() == 2);
}

TEST_CASE("what is not JSON is refused with the byte position") {
  struct wrong {
    std::string_view text;
    std::string_view sentence;
  };
  for (const wrong& w : {
           wrong{"", "JSON: expected a value, found the end at byte 0"},
           wrong{"  ", "JSON: expected a value, found the end at byte 2"},
           wrong{"[1,]", "JSON: expected a value at byte 3"},
           wrong{"[1 2]", "JSON: expected ',' or ']' in an array at byte 3"},
           wrong{"[1", "JSON: expected ',' or ']' in an array at byte 2"},
           wrong{"{1:2}", "JSON: expected a name in quotes in an object at byte 1"},
           wrong{"{\"a\" 1}", "JSON: expected ':' after a name at byte 5"},
           wrong{"{\"a\":1,}", "JSON: expected a name in quotes in an object at byte 7"},
           wrong{"{\"a\":1", "JSON: expected ',' or '}' in an object at byte 6"},
           wrong{"1 1", "JSON: expected the end after the value at byte 2"},
           wrong{"tru", "JSON: expected a value at byte 0"},
           wrong{"NaN", "JSON: expected a value at byte 0"},
           wrong{"01", "JSON: a number starts with an idle 0 at byte 1"},
           wrong{"-", "JSON: expected a digit at byte 1"},
           wrong{"+1", "JSON: expected a value at byte 0"},
           wrong{"1.", "JSON: expected a digit at byte 2"},
           wrong{"1e+", "JSON: expected a digit at byte 3"},
           wrong{"[1e400]", "JSON: a number beyond the range of double at byte 1"},
           wrong{"\"ab", "JSON: a string without its closing quote starts at byte 0"},
           wrong{"\"a\nb\"", "JSON: a control character in a string must be escaped at byte 2"},
           wrong{"\"\\x\"", "JSON: an unknown escape in a string at byte 1"},
           wrong{"\"\\", "JSON: an unknown escape in a string at byte 1"},
           wrong{"\"\\u12g4\"", "JSON: expected four hexadecimal digits after \\u at byte 5"},
           wrong{"\"\\u12", "JSON: expected four hexadecimal digits after \\u at byte 5"},
           wrong{"\"\\ud83c\"", "JSON: half of a surrogate pair at byte 1"},
           wrong{"\"\\udfb9\"", "JSON: half of a surrogate pair at byte 1"},
           wrong{"\"\\ud83c\\u0041\"", "JSON: half of a surrogate pair at byte 1"},
           wrong{"\"\xFF\"", "JSON: a string is not valid UTF-8 at byte 1"},
           wrong{"\"\xC0\x80\"", "JSON: a string is not valid UTF-8 at byte 1"},
           wrong{"\"\xED\xA0\x80\"", "JSON: a string is not valid UTF-8 at byte 1"},
           wrong{"\"\xF4\x90\x80\x80\"", "JSON: a string is not valid UTF-8 at byte 1"},
           wrong{"\"\xE6\x97", "JSON: a string is not valid UTF-8 at byte 1"},
           wrong{R"({"a":1,"b":2,"\u0061":3})", "JSON: the name \"a\" appears twice in one object at byte 13"},
       }) {
    CAPTURE(w.text);
    std::string sentence;
    CHECK(code_of([&] { (void)parse_json(w.text); }, sentence) == errc::bad_format);
    CHECK(sentence == w.sentence);
  }
}

TEST_CASE("depth and size have limits") {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  CHECK(code_of([&] { (void)parse_json(nested(32)); }) == errc{});
  CHECK(code_of([&] { (void)parse_json(nested(33)); }) == errc::limit_exceeded);
  CHECK(code_of([&] { (void)parse_json(std::string(1 << 20, '[')); }) == errc::limit_exceeded);
  CHECK(code_of([&] { (void)parse_json("[1]", {.max_bytes = 3}); }) == errc{});
  CHECK(code_of([&] { (void)parse_json("[1] ", {.max_bytes = 3}); }) == errc::limit_exceeded);
}

TEST_CASE("a value of the wrong kind is named, and so is a missing member") {
  std::string sentence;
  const auto v = parse_json(R"({"a": "text", "n": 1.5})");
  CHECK(code_of([&] { (void)v.at("a").as_number(); }, sentence) == errc::bad_format);
  CHECK(sentence == "JSON: expected number, found string");
  CHECK(code_of([&] { (void)v.at("n").as_integer(); }) == errc::bad_format);
  CHECK(code_of([&] { (void)v.as_array(); }) == errc::bad_format);
  CHECK(code_of([&] { (void)v.at("a").find("x"); }) == errc::bad_format);
  CHECK(code_of([&] { (void)v.at("b"); }, sentence) == errc::not_found);
  CHECK(sentence == "JSON: the member \"b\" is missing");
}

TEST_CASE("errors in files name the file") {
  const vmt_test::temp_dir folder;
  vmt::write_file(folder / "k.json", "{");
  std::string sentence;
  CHECK(code_of([&] { (void)vmt::io::load_json(folder / "k.json"); }, sentence) == errc::bad_format);
  CHECK(sentence.find((folder / "k.json").string()) != std::string::npos);
  CHECK(code_of([&] { (void)vmt::io::load_json(folder / "none.json"); }) == errc::not_found);
  CHECK(code_of([&] { (void)vmt::io::load_json(folder / "k.json", {.max_bytes = 0}); }) == errc::limit_exceeded);
}

TEST_CASE("strings and numbers are written so that they read back") {
  const std::string text = "\"quoted\" \\ \n\x01 \xC3\xA9 \xF0\x9F\x8E\xB9";
  CHECK(vmt::io::json_string(text) == "\"\\\"quoted\\\" \\\\ \\u000a\\u0001 \xC3\xA9 \xF0\x9F\x8E\xB9\"");
  CHECK(parse_json(vmt::io::json_string(text)).as_string() == text);
  CHECK(code_of([] { (void)vmt::io::json_string("a\xFF"); }) == errc::invalid_argument);
  for (const double x : {0.1, -1e300, 5e-324, 0x1.fffffffffffffp1023, 12.0, 1.0 / 3.0}) {
    CHECK(parse_json(vmt::io::json_number(x)).as_number() == x);
  }
  CHECK(vmt::io::json_number(0.1) == "0.1");
  CHECK(std::signbit(parse_json(vmt::io::json_number(-0.0)).as_number()));
  CHECK(code_of([] { (void)vmt::io::json_number(std::nan("")); }) == errc::not_finite);
}
