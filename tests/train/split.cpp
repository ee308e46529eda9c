// SPDX-License-Identifier: MIT
#include <vmt/train/split.hpp>

#include "support/temp_dir.hpp"

#include <doctest/doctest.h>

using vmt::errc;
using vmt::train::parse_split;
using vmt::train::subset;

namespace {
errc parse_code(const std::string& text, const std::string& expected_words) {
  try {
    static_cast<void>(parse_split(text));
  } catch (const vmt::error& e) {
    CAPTURE(e.what());
    CHECK(std::string(e.what()).find(expected_words) != std::string::npos);
    return e.code();
  }
  FAIL("no error for " << text);
  return errc::stopped;
}
}  // namespace

TEST_CASE("a split names clips, subsets and parts in any column order") {
  const auto parts = parse_split(
      "\xEF\xBB\xBFsplit,who,clip,end,start\r\ntrain,x,a,10,\r\n\r\n test , , b/c , , 2.5\r\n"
      "validation,,a,,10\n");
  REQUIRE(parts.size() == 3);
  CHECK(parts[0] == vmt::train::clip_part{"a", subset::train, 0, 10});
  CHECK(parts[1].clip == "b/c");
  CHECK(parts[1].use == subset::test);
  CHECK(parts[1].start == 2.5);
  CHECK(parts[1].end == std::numeric_limits<double>::infinity());
  CHECK(parts[2].use == subset::validation);
}

TEST_CASE("start and end may be missing") {
  const auto parts = parse_split("clip,split\nx,train\ny,test");
  REQUIRE(parts.size() == 2);
  CHECK(parts[1] == vmt::train::clip_part{"y", subset::test});
}

TEST_CASE("a malformed split is refused with its line") {
  CHECK(parse_code("", "") == errc::bad_format);
  CHECK(parse_code("clip,use\na,train\n", "split") == errc::not_found);
  CHECK(parse_code("clip,split,clip\na,train,b\n", "'clip'") == errc::inconsistent);
  CHECK(parse_code("clip,split\na,train\n\nb,dev\n", "line 4") == errc::bad_format);
  CHECK(parse_code("clip,split\na\n", "line 2") == errc::inconsistent);
  CHECK(parse_code("clip,split\na,\n", "train, validation or test") == errc::bad_format);
  CHECK(parse_code("clip,split\n,train\n", "clip's folder") == errc::bad_format);
  CHECK(parse_code("clip,split,start\na,train,1s\n", "start") == errc::bad_format);
  CHECK(parse_code("clip,split,start\na,train,-1\n", "0 or more") == errc::bad_format);
  CHECK(parse_code("clip,split,start\na,train,nan\n", "line 2") == errc::not_finite);
  CHECK(parse_code("clip,split,start,end\na,train,5,5\n", "after its start") == errc::bad_format);
}

TEST_CASE("parts of one clip must not overlap") {
  CHECK(parse_code("clip,split\na,train\na,test\n", "overlaps") == errc::inconsistent);
  CHECK(parse_code("clip,split,start,end\na,test,9,20\nb,train,0,\na,train,0,10\n", "line 2") == errc::inconsistent);
  CHECK(parse_split("clip,split,start,end\na,test,10,20\na,train,0,10\n").size() == 2);
}

TEST_CASE("errors of a file name it") {
  const vmt_test::temp_dir dir;
  vmt::write_file(dir / "split.csv", std::string_view("clip\n"));
  try {
    static_cast<void>(vmt::train::load_split(dir / "split.csv"));
    FAIL("no error");
  } catch (const vmt::error& e) {
    CHECK(std::string(e.what()).find((dir / "split.csv").string()) != std::string::npos);
  }
}
