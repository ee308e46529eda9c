// SPDX-License-Identifier: MIT
#include <vmt/media/until_broken.hpp>

#include <doctest/doctest.h>

#include <string>

namespace {

/// `good` frames, then an error, or the end.
struct source {
  int good;
  vmt::errc code = vmt::errc::bad_format;
  bool breaks = true;
  int given = 0;
  bool operator()(vmt::frame& f) {
    if (given == good && breaks) throw vmt::error(code, "the tape tore");
    if (given == good) return false;
    f.number = given++;
    return true;
  }
};

static_assert(vmt::frame_source<vmt::media::until_broken<source>>);

}  // namespace

TEST_CASE("a source that breaks ends there, and the error is kept") {
  vmt::media::until_broken video(source{3});
  vmt::frame f;
  int count = 0;
  while (video(f)) CHECK(f.number == count++);
  CHECK(count == 3);
  REQUIRE(video.failure());
  CHECK(video.failure()->code() == vmt::errc::bad_format);
  CHECK(std::string(video.failure()->what()) == "the tape tore");
  CHECK_FALSE(video(f));  // and does not read on
}

TEST_CASE("a source that ends well has no failure") {
  vmt::media::until_broken video(source{.good = 2, .breaks = false});
  vmt::frame f;
  CHECK(video(f));
  CHECK(video(f));
  CHECK_FALSE(video(f));
  CHECK_FALSE(video.failure());
}

TEST_CASE("an error before the first frame and a stop go through") {
  vmt::frame f;
  vmt::media::until_broken none(source{0});
  CHECK_THROWS_AS(none(f), vmt::error);
  vmt::media::until_broken stopped(source{1, vmt::errc::stopped});
  CHECK(stopped(f));
  CHECK_THROWS_AS(stopped(f), vmt::error);
}
