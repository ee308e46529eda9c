// SPDX-License-Identifier: MIT
#include <vmt/media/ffmpeg.hpp>

#include <doctest/doctest.h>
#include <support/temp_dir.hpp>
#include <vmt/core/file.hpp>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

static_assert(vmt::frame_source<vmt::media::ffmpeg>);

bool have_ffmpeg() {
  static const bool have = std::system("ffmpeg -version >/dev/null 2>&1") == 0;
  if (!have) MESSAGE("skipped: the program ffmpeg is not here");
  return have;
}

/// Runs ffmpeg's command line with quiet output.
void make(const std::string& arguments) {
  const std::string command = "ffmpeg -nostdin -loglevel error -y " + arguments;
  REQUIRE(std::system(command.c_str()) == 0);
}

template <class F>
vmt::error refusal(F&& f) {
  try {
    f();
  } catch (const vmt::error& e) {
    return e;
  }
  FAIL("no error");
  return {vmt::errc::stopped, ""};
}

bool contains(const vmt::error& e, const std::string& words) {
  const std::string sentence = e.what();
  INFO(sentence);
  const bool found = sentence.find(words) != std::string::npos;
  CHECK(found);
  return found;
}

int open_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

/// A program that stands in for ffmpeg.
std::string script(const vmt_test::temp_dir& dir, const std::string& body) {
  const auto path = dir / "stand-in";
  vmt::write_file(path, "#!/bin/sh\n" + body);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path.string();
}

}  // namespace

TEST_CASE("a video is decoded to its last frame, each with its time") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  const int before = open_descriptors();
  // Frame n is gray n + 20 all over, lossless.
  make("-f lavfi -i color=size=64x48:rate=25:duration=2,format=gray,geq=lum=20+N -c:v ffv1 " +
       (dir / "v.mkv").string());
  {
    vmt::media::ffmpeg video(dir / "v.mkv");
    CHECK(video.width() == 64);
    CHECK(video.height() == 48);
    vmt::frame f;
    int count = 0;
    for (; video(f); ++count) {
      CHECK(f.number == count);
      CHECK(f.time == doctest::Approx(count / 25.0));
      CHECK(f.pixels == std::vector<std::uint8_t>(64 * 48, static_cast<std::uint8_t>(20 + count)));
    }
    CHECK(count == 50);
    CHECK_FALSE(video(f));
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("limited range becomes full range, as PNG files of the same video have it") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  make("-f lavfi -i color=c=white:size=64x48:rate=5:duration=1 -pix_fmt yuv420p -c:v ffv1 " + (dir / "w.mkv").string());
  vmt::media::ffmpeg video(dir / "w.mkv");
  vmt::frame f;
  REQUIRE(video(f));
  CHECK(f.pixels.at(100) == 255);
}

TEST_CASE("a variable frame rate keeps every frame and its own time") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  make(
      "-f lavfi -i testsrc=size=64x48:rate=30:duration=3 -vf "
      "\"settb=1/60000,setpts='if(lt(N,45),N/30,1.5+(N-45)/12.5)/TB'\" "
      "-fps_mode passthrough -enc_time_base 1:60000 -c:v mpeg4 " +
      (dir / "vfr.mp4").string());
  vmt::media::ffmpeg video(dir / "vfr.mp4");
  vmt::frame f;
  int count = 0;
  for (; video(f); ++count) {
    const double expected = count < 45 ? count / 30.0 : 1.5 + (count - 45) / 12.5;
    CHECK(f.time == doctest::Approx(expected).epsilon(0.0001));
  }
  CHECK(count == 90);
  CHECK(video.dropped() == 0);
}

TEST_CASE("the rotation mark of a phone is applied") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  make("-f lavfi -i testsrc=size=64x48:rate=5:duration=1 -c:v mpeg4 " + (dir / "a.mp4").string());
  make("-i " + (dir / "a.mp4").string() + " -c copy -metadata:s:v:0 rotate=90 " + (dir / "b.mp4").string());
  vmt::media::ffmpeg video(dir / "b.mp4");
  CHECK(video.width() == 48);
  CHECK(video.height() == 64);
}

TEST_CASE("time 0 is where the audio begins, also when the picture begins later") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  make("-f lavfi -i sine=duration=2 -f lavfi -itsoffset 0.4 -i testsrc=size=64x48:rate=25:duration=1 -c:v mpeg4 " +
       (dir / "late.mkv").string());
  vmt::media::ffmpeg video(dir / "late.mkv");
  vmt::frame f;
  REQUIRE(video(f));
  CHECK(f.time == doctest::Approx(0.4).epsilon(0.02));
}

TEST_CASE("names that look like options, protocols or shell code are only names") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  make("-f lavfi -i testsrc=size=64x48:rate=5:duration=1 -c:v ffv1 " + (dir / "v.mkv").string());
  for (const char* name : {"-y", "http:v.mkv", "a b;'$(touch oops)%03d.mkv", "concat:x|y"}) {
    CAPTURE(name);
    std::filesystem::copy_file(dir / "v.mkv", dir / name);
    const auto old = std::filesystem::current_path();
    std::filesystem::current_path(dir.path());
    int count = 0;
    try {
      vmt::media::ffmpeg video{std::filesystem::path(name)};
      for (vmt::frame f; video(f);) ++count;
    } catch (...) {
      std::filesystem::current_path(old);
      throw;
    }
    std::filesystem::current_path(old);
    CHECK(count == 5);
  }
  CHECK_FALSE(std::filesystem::exists(dir / "oops"));
}

TEST_CASE("what is no video, or is cut short, is an error with ffmpeg's words and never an end") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  vmt::write_file(dir / "text.mp4", std::string_view("this is no video"));
  auto e = refusal([&] { vmt::media::ffmpeg video(dir / "text.mp4"); });
  CHECK(e.code() == vmt::errc::bad_format);
  contains(e, "Invalid data");

  make("-f lavfi -i testsrc=size=320x240:rate=25:duration=4 -c:v mpeg4 -movflags +faststart " +
       (dir / "v.mp4").string());
  auto bytes = vmt::read_file(dir / "v.mp4");
  vmt::write_file(dir / "cut.mp4", std::span(bytes).first(bytes.size() * 6 / 10));
  int count = 0;
  e = refusal([&] {
    vmt::media::ffmpeg video(dir / "cut.mp4");
    for (vmt::frame f; video(f);) ++count;
  });
  CHECK(count < 100);
  CHECK(e.code() == vmt::errc::bad_format);
  contains(e, "exit status");

  make("-f lavfi -i sine=duration=1 " + (dir / "sound.wav").string());
  e = refusal([&] { vmt::media::ffmpeg video(dir / "sound.wav"); });
  CHECK(e.code() == vmt::errc::bad_format);
}

TEST_CASE("missing files and programs are named") {
  const vmt_test::temp_dir dir;
  CHECK(refusal([&] { vmt::media::ffmpeg video(dir / "absent.mp4"); }).code() == vmt::errc::not_found);
  CHECK(refusal([&] { vmt::media::ffmpeg video(dir.path()); }).code() == vmt::errc::invalid_argument);
  vmt::write_file(dir / "v.mp4", std::string_view("x"));
  const int before = open_descriptors();
  const auto e = refusal([&] { vmt::media::ffmpeg video(dir / "v.mp4", {.program = "no-such-ffmpeg-here"}); });
  CHECK(e.code() == vmt::errc::not_found);
  contains(e, "install ffmpeg");
  CHECK(open_descriptors() == before);
}

TEST_CASE("a child that fails, floods its messages or falls silent about times is dealt with") {
  const vmt_test::temp_dir dir;
  vmt::write_file(dir / "v.mp4", std::string_view("x"));
  const auto play = [&](const std::string& body) {
    vmt::media::ffmpeg video(dir / "v.mp4", {.program = script(dir, body)});
    int count = 0;
    for (vmt::frame f; video(f);) ++count;
    return count;
  };
  const std::string head = "printf 'YUV4MPEG2 W2 H1 F1:1 Cmono\\n'\n";
  const auto frame = [](const std::string& pts) {
    return "printf 'frame:0    pts:" + pts + "       pts_time:x\\nvmt=1\\n' >&3\nprintf 'FRAME\\nab'\n";
  };
  CHECK(play(head + frame("0") + frame("40000")) == 2);
  SUBCASE("a full message pipe does not stop it") {
    CHECK(play(head + frame("0") +
               "i=0; while [ $i -lt 20000 ]; do echo 'a long line of complaint' >&2; i=$((i+1)); done\n" +
               frame("40000")) == 2);
  }
  SUBCASE("frames that do not come later are left out") {
    CHECK(play(head + frame("0") + frame("0") + frame("5")) == 2);
  }
  SUBCASE("an exit status after whole frames") {
    contains(refusal([&] { play(head + frame("0") + "echo 'disk on fire' >&2; exit 3"); }), "disk on fire");
  }
  SUBCASE("a signal") {
    contains(refusal([&] { play(head + frame("0") + "kill -9 $$"); }), "exit status 137");
  }
  SUBCASE("a frame cut short, with success") {
    contains(refusal([&] { play(head + frame("0") + "printf 'FRAME\\na'"); }), "stopped in mid-frame");
  }
  SUBCASE("a frame without a time") {
    contains(refusal([&] { play(head + frame("0") + "printf 'FRAME\\nab'"); }), "gave no time for frame 1");
    contains(refusal([&] { play(head + frame("NOPTS")); }), "has no time");
  }
  SUBCASE("a time without a frame") {
    contains(refusal([&] { play(head + frame("0") + "printf 'frame:1    pts:9 \\n' >&3"); }), "1 frames");
  }
}

TEST_CASE("a source that is given up in mid-video ends its process and leaks nothing") {
  const vmt_test::temp_dir dir;
  vmt::write_file(dir / "v.mp4", std::string_view("x"));
  const int before = open_descriptors();
  {
    vmt::media::ffmpeg video(dir / "v.mp4",
                             {.program = script(dir, "echo $$ > " + (dir / "pid").string() +
                                                         "\nprintf 'YUV4MPEG2 W2 H1 F1:1 Cmono\\n'\nexec sleep 600")});
    CHECK(video.width() == 2);
  }
  pid_t pid = 0;
  std::ifstream(dir / "pid") >> pid;
  REQUIRE(pid > 0);
  CHECK(::kill(pid, 0) == -1);  // gone, and reaped
  CHECK(errno == ESRCH);
  CHECK(open_descriptors() == before);
}

TEST_CASE("the usual codecs, 10 bits and odd sizes are read, every frame with its time and gray") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  struct kind {
    const char* encoder;
    const char* options;
    const char* name;
  };
  const kind kinds[] = {{"libx264", "-pix_fmt yuv420p", "h264.mp4"},
                        {"libx264", "-pix_fmt yuv420p10le", "h264-10.mkv"},
                        {"libx265", "-pix_fmt yuv420p10le -x265-params log-level=none", "hevc-10.mp4"},
                        {"libvpx-vp9", "-deadline realtime", "vp9.webm"},
                        {"libsvtav1", "-preset 12", "av1.mkv"},
                        {"mpeg2video", "", "mpeg2.ts"},
                        {"mjpeg", "-pix_fmt yuvj420p", "mjpeg.avi"},
                        {"prores_ks", "", "prores.mov"},
                        {"ffv1", "-vf crop=63:47:0:0:exact=1 -pix_fmt yuv444p", "odd.mkv"}};
  make("-f lavfi -i color=size=64x64:rate=25:duration=0.8,format=gray,geq=lum=60+5*N -c:v ffv1 " +
       (dir / "source.mkv").string());
  for (const kind& k : kinds) {
    CAPTURE(k.name);
    const std::string path = (dir / k.name).string();
    const std::string command = "ffmpeg -nostdin -loglevel error -y -i " + (dir / "source.mkv").string() + " -c:v " +
                                k.encoder + " " + k.options + " " + path + " >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0) {
      MESSAGE("skipped: ffmpeg cannot write with " << k.encoder);
      continue;
    }
    vmt::media::ffmpeg video(path);
    CHECK(video.width() == (std::string(k.name) == "odd.mkv" ? 63 : 64));
    int count = 0;
    for (vmt::frame f; video(f); ++count) {
      CHECK(f.time == doctest::Approx(count / 25.0).epsilon(0.001));
      CHECK(std::abs(f.pixels.at(1000) - (60 + 5 * count)) <= 6);
    }
    CHECK(count == 20);
  }
}

TEST_CASE("a picture turned by half is turned back") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  make("-f lavfi -i color=size=64x48:rate=5:duration=1,format=gray,geq=lum=40+2*X -c:v mpeg4 -q:v 2 " +
       (dir / "a.mp4").string());
  make("-i " + (dir / "a.mp4").string() + " -c copy -metadata:s:v:0 rotate=180 " + (dir / "b.mp4").string());
  vmt::frame f;
  REQUIRE(vmt::media::ffmpeg(dir / "a.mp4")(f));
  CHECK(f.row(20)[5] < f.row(20)[58]);
  REQUIRE(vmt::media::ffmpeg(dir / "b.mp4")(f));
  CHECK(f.row(20)[5] > f.row(20)[58]);
}

TEST_CASE("a stream that starts at some hour begins at 0") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  make("-f lavfi -i testsrc=size=64x48:rate=25:duration=1 -c:v mpeg2video -output_ts_offset 3600 " +
       (dir / "v.ts").string());
  vmt::media::ffmpeg video(dir / "v.ts");
  vmt::frame f;
  REQUIRE(video(f));
  CHECK(f.time == doctest::Approx(0).epsilon(0.001));
  REQUIRE(video(f));
  CHECK(f.time == doctest::Approx(0.04).epsilon(0.001));
}

TEST_CASE("the fields of interlaced frames are joined, and frames that are not interlaced stay as they are") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  // Bars that move by 12 pixels from field to field; every row of one moment is the same.
  const std::string bars =
      "-f lavfi -i \"color=size=128x96:rate=50:duration=0.4,format=gray,"
      "geq=lum='if(lt(mod(X+12*N,64),32),200,60)'\" ";
  make(bars + "-vf tinterlace=interleave_top,fieldorder=tff -c:v mpeg2video -q:v 1 -flags +ilme+ildct " +
       (dir / "fields.mpg").string());
  make(bars + "-c:v ffv1 " + (dir / "frames.mkv").string());
  const auto combed = [](const vmt::frame& f) {
    int count = 0;
    for (vmt::index_t y = 10; y < 86; ++y) {
      for (vmt::index_t x = 0; x < f.width; ++x) count += std::abs(f.row(y)[x] - f.row(y + 1)[x]) > 70 ? 1 : 0;
    }
    return count;
  };
  vmt::frame f;
  int frames = 0;
  for (vmt::media::ffmpeg video(dir / "fields.mpg"); video(f); ++frames) CHECK(combed(f) < 200);
  CHECK(frames == 10);
  vmt::media::ffmpeg video(dir / "frames.mkv");
  for (frames = 0; video(f); ++frames) {
    for (vmt::index_t x = 0; x < 128; ++x) REQUIRE(f.row(50)[x] == ((x + 12 * frames) % 64 < 32 ? 200 : 60));
  }
  CHECK(frames == 20);
}

TEST_CASE("a cover picture is no video") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  make(
      "-f lavfi -i sine=duration=1 -f lavfi -i testsrc=size=64x48:rate=25:duration=0.04 -map 0 -map 1 -c:v mjpeg "
      "-pix_fmt yuvj420p -disposition:v attached_pic " +
      (dir / "song.m4a").string());
  const auto e = refusal([&] { vmt::media::ffmpeg video(dir / "song.m4a"); });
  CHECK(e.code() == vmt::errc::bad_format);
  contains(e, "no video stream");
}

TEST_CASE("a Matroska file that is cut short is an error after its last frame, though ffmpeg calls it a success") {
  if (!have_ffmpeg()) return;
  const vmt_test::temp_dir dir;
  make("-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -c:v mpeg4 -g 5 " + (dir / "v.mkv").string());
  const auto bytes = vmt::read_file(dir / "v.mkv");
  vmt::write_file(dir / "cut.mkv", std::span(bytes).first(bytes.size() / 2));
  int count = 0;
  const auto e = refusal([&] {
    vmt::media::ffmpeg video(dir / "cut.mkv");
    for (vmt::frame f; video(f);) ++count;
  });
  CHECK(count > 30);
  CHECK(count < 70);
  CHECK(e.code() == vmt::errc::bad_format);
  contains(e, "cut short after " + std::to_string(count) + " frames");
  const bool has_address = std::string(e.what()).find("@ 0x") != std::string::npos;
  CHECK_FALSE(has_address);
  vmt::media::ffmpeg lenient(dir / "cut.mkv", {.strict = false});
  int all = 0;
  for (vmt::frame f; lenient(f);) ++all;
  CHECK(all == count);
  const bool told = lenient.messages().find("ended prematurely") != std::string::npos;
  CHECK(told);
}
