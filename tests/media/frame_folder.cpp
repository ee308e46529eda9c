// SPDX-License-Identifier: MIT
#include <vmt/media/frame_folder.hpp>

#include <doctest/doctest.h>
#include <support/temp_dir.hpp>

#include <limits>
#include <string>
#include <vector>

namespace {

using vmt::errc;
using vmt::media::damage_policy;
using vmt::media::frame_folder;
using vmt::media::frame_folder_options;
using vmt::media::gap_policy;
static_assert(vmt::frame_source<frame_folder<>>);

/// A 2 × 1 image of one gray value.
void put(const vmt_test::temp_dir& dir, const std::string& name, char value = 'a') {
  vmt::write_file(dir / name, std::string("P5 2 1 255\n") + value + value);
}

struct seen {
  std::int64_t number;
  double time;
  int value;
  bool damaged;
};

std::vector<seen> all_frames(frame_folder<>& video) {
  std::vector<seen> frames;
  for (vmt::frame f; video(f);) frames.push_back({f.number, f.time, f.pixels.at(0), f.damaged});
  return frames;
}

/// The error of listing and reading a folder, checked to contain words.
errc refused_folder(const vmt_test::temp_dir& dir, const std::string& words,
                    frame_folder_options options = {.fps = 10}) {
  try {
    frame_folder<> video(dir.path(), options);
    all_frames(video);
  } catch (const vmt::error& e) {
    const std::string sentence = e.what();
    INFO(sentence);
    CHECK(sentence.find(words) != std::string::npos);
    return e.code();
  }
  FAIL("the folder was accepted");
  return errc::stopped;
}

}  // namespace

TEST_CASE("images come in numeric order; case, hidden files and other files do not matter") {
  const vmt_test::temp_dir dir;
  put(dir, "frame10.PGM", 'c');
  put(dir, "frame9.pgm", 'b');
  put(dir, "frame8.Pnm", 'a');
  put(dir, ".frame7.pgm", 'x');
  vmt::write_file(dir / "notes.txt", std::string_view("nothing"));
  frame_folder<> video(dir.path(), {.fps = 10});
  CHECK(video.size() == 3);
  const auto frames = all_frames(video);
  REQUIRE(frames.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(frames[i].number == static_cast<std::int64_t>(8 + i));
    CHECK(frames[i].value == static_cast<int>('a' + i));
    CHECK(frames[i].time == doctest::Approx(0.1 * static_cast<double>(i)));
  }
  CHECK(video.counts().frames == 3);
  vmt::frame f;
  CHECK_FALSE(video(f));
}

TEST_CASE("the last number of the name counts, and names without numbers go by the alphabet") {
  const vmt_test::temp_dir dir;
  put(dir, "take2_5.pgm", 'b');
  put(dir, "take3_4.pgm", 'a');
  frame_folder<> video(dir.path(), {.fps = 1});
  CHECK(all_frames(video).at(0).value == 'a');

  const vmt_test::temp_dir bare;
  put(bare, "beta.pgm", 'b');
  put(bare, "alpha.pgm", 'a');
  frame_folder<> named(bare.path(), {.fps = 2});
  const auto frames = all_frames(named);
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].value == 'a');
  CHECK(frames[1].number == 1);
  CHECK(frames[1].time == doctest::Approx(0.5));
  put(bare, "gamma1.pgm");
  CHECK(refused_folder(bare, "has no number") == errc::inconsistent);
}

TEST_CASE("a folder that cannot be a video is refused with a sentence") {
  const vmt_test::temp_dir dir;
  CHECK(refused_folder(dir, "there are no images") == errc::not_found);
  CHECK_THROWS_AS(frame_folder<>(dir / "absent", {.fps = 1}), vmt::error);
  put(dir, "f1.pgm");
  CHECK_THROWS_AS(frame_folder<>(dir / "f1.pgm", {.fps = 1}), vmt::error);
  CHECK(refused_folder(dir, "frames per second", {}) == errc::invalid_argument);
  CHECK(refused_folder(dir, "frames per second", {.fps = -1}) == errc::invalid_argument);
  CHECK(refused_folder(dir, "frames per second", {.fps = std::numeric_limits<double>::quiet_NaN()}) ==
        errc::invalid_argument);
  SUBCASE("two files of one number") {
    put(dir, "f01.pgm");
    CHECK(refused_folder(dir, "have the same frame number 1") == errc::inconsistent);
    CHECK(refused_folder(dir, "f01.pgm") == errc::inconsistent);
    CHECK(refused_folder(dir, "f1.pgm") == errc::inconsistent);
  }
  SUBCASE("a folder that is named like an image") {
    std::filesystem::create_directory(dir / "f2.png");
    CHECK(refused_folder(dir, "is no readable file") == errc::io_failure);
  }
  SUBCASE("a link to itself") {
    std::filesystem::create_symlink("f2.png", dir / "f2.png");
    CHECK(refused_folder(dir, "is no readable file") == errc::io_failure);
  }
  SUBCASE("a number beyond 63 bits") {
    put(dir, "f99999999999999999999.pgm");
    CHECK(refused_folder(dir, "too large") == errc::bad_format);
  }
  SUBCASE("a size change") {
    vmt::write_file(dir / "f2.pgm", std::string_view("P5 1 1 255\na"));
    CHECK(refused_folder(dir, "f1.pgm' has 2x1") == errc::inconsistent);
    CHECK(refused_folder(dir, "f2.pgm' has 1x1", {.fps = 1, .damaged = damage_policy::skip}) == errc::inconsistent);
  }
}

TEST_CASE("missing numbers are named, or keep their time where gaps are allowed") {
  const vmt_test::temp_dir dir;
  for (const char* name : {"f3.pgm", "f4.pgm", "f6.pgm", "f10.pgm"}) put(dir, name);
  CHECK(refused_folder(dir, "misses 4 frames between its first and its last: 5, 7-9;") == errc::inconsistent);
  frame_folder<> video(dir.path(), {.fps = 10, .gaps = gap_policy::allow});
  CHECK(video.counts().gaps == 4);
  const auto frames = all_frames(video);
  REQUIRE(frames.size() == 4);
  CHECK(frames[2].time == doctest::Approx(0.3));
  CHECK(frames[3].time == doctest::Approx(0.7));
}

TEST_CASE("damaged images follow the policy and keep the time of the others") {
  const vmt_test::temp_dir dir;
  vmt::write_file(dir / "f0.pgm", std::string_view("P5 2 1 255\na"));  // one byte short
  put(dir, "f1.pgm", 'b');
  vmt::write_file(dir / "f2.pgm", std::string_view(""));
  put(dir, "f3.pgm", 'd');
  CHECK(refused_folder(dir, "f0.pgm': the PNM image is damaged") == errc::bad_format);

  frame_folder<> skipping(dir.path(), {.fps = 10, .damaged = damage_policy::skip});
  auto frames = all_frames(skipping);
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].number == 1);
  CHECK(frames[1].time == doctest::Approx(0.3));
  CHECK(skipping.counts().damaged == 2);
  CHECK(skipping.counts().frames == 2);

  frame_folder<> repeating(dir.path(), {.fps = 10, .damaged = damage_policy::repeat});
  frames = all_frames(repeating);
  REQUIRE(frames.size() == 3);  // nothing to repeat for the first
  CHECK(frames[1].number == 2);
  CHECK(frames[1].value == 'b');
  CHECK(frames[1].damaged);
  CHECK(frames[1].time == doctest::Approx(0.2));
  CHECK(frames[2].value == 'd');
  CHECK_FALSE(frames[2].damaged);
  CHECK(repeating.counts().damaged == 2);
}

TEST_CASE("an image of a kind that the decoder does not read is an error under every policy") {
  const vmt_test::temp_dir dir;
  std::filesystem::copy_file("tests/data/images/gray.png", dir / "f1.png");
  CHECK(refused_folder(dir, "stb_decoder", {.fps = 1, .damaged = damage_policy::skip}) == errc::unsupported);
}

TEST_CASE("times.csv goes before the frame rate") {
  const vmt_test::temp_dir dir;
  put(dir, "f5.pgm", 'a');
  put(dir, "f9.pgm", 'b');
  const auto times = [&](std::string_view text) { vmt::write_file(dir / "times.csv", text); };
  times("\xEF\xBB\xBFindex,seconds\r\n5,-0.25\r\n9,1e-1\r\n\r\n");
  frame_folder<> video(dir.path(), {.fps = 10});
  const auto frames = all_frames(video);
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].time == -0.25);
  CHECK(frames[1].time == 0.1);
  CHECK(video.counts().gaps == 0);

  times("5,0\n6,1\n7,2\n9,3");  // images 6 and 7 are missing
  CHECK(refused_folder(dir, "misses 2 frames between its first and its last: 6-7") == errc::inconsistent);
  frame_folder<> gappy(dir.path(), {.gaps = gap_policy::allow});
  CHECK(all_frames(gappy).at(1).time == 3);
  times("4,0\n5,1\n9,3\n12,8\n");  // lines before and after are no gap
  frame_folder<> part(dir.path());
  CHECK(all_frames(part).at(0).time == 1);

  times("5,0\n");
  CHECK(refused_folder(dir, "no line for frame 9") == errc::inconsistent);
  times("5,1\n9,1\n");
  CHECK(refused_folder(dir, "line 2: the time does not grow") == errc::inconsistent);
  times("5,1\n5,2\n9,3\n");
  CHECK(refused_folder(dir, "line 2: the index 5 does not grow") == errc::inconsistent);
  times("5,inf\n9,1\n");
  CHECK(refused_folder(dir, "not finite") == errc::not_finite);
  times("5,nan\n9,1\n");
  CHECK(refused_folder(dir, "not finite") == errc::not_finite);
  for (const char* bad :
       {"5;0\n9;1", "5,0,7\n9,1", "a,b\n5,0", "5,\n9,1", "5\n9", "-5,0\n9,1", "index,seconds,x\n5,0"}) {
    CAPTURE(bad);
    times(bad);
    CHECK(refused_folder(dir, "line ") == errc::bad_format);
  }
}

TEST_CASE("any callable decodes") {
  const vmt_test::temp_dir dir;
  put(dir, "f1.png");  // the name does not decide
  int calls = 0;
  auto decoder = [&calls](std::span<const std::byte> file, vmt::frame& f) {
    ++calls;
    f.resize(1, 1);
    f.pixels[0] = static_cast<std::uint8_t>(file.size());
  };
  frame_folder video(dir.path(), {.fps = 1}, decoder);
  vmt::frame f;
  REQUIRE(video(f));
  CHECK(calls == 1);
  CHECK(f.pixels[0] == 13);
}
