// SPDX-License-Identifier: MIT
#include <vmt/train/dataset.hpp>

#include "support/code_of.hpp"
#include "support/temp_dir.hpp"

#include <doctest/doctest.h>

using vmt::errc;
using vmt::index_t;
using vmt::train::subset;
using vmt::train::video_data;
using vmt::train::video_data_options;
using vmt_test::code_of;
namespace fs = std::filesystem;

namespace {

/// A data set of one clip with `frames` strips of 80x14 pixels; the gray value tells the frame's number. 25 a second.
struct data_set {
  vmt_test::temp_dir dir;
  fs::path root = dir / "set";

  explicit data_set(int frames = 40, int missing = -1) {
    fs::create_directories(root / "a/frames");
    std::string times;
    for (int i = 0; i < frames; ++i) {
      if (i == missing) continue;
      std::string image = "P5\n80 14\n255\n";
      image.append(80 * 14, static_cast<char>(100 + i));
      vmt::write_file(root / ("a/frames/" + std::to_string(i) + ".pgm"), std::string_view(image));
      times += std::to_string(i) + "," + std::to_string(i * 0.04) + "\n";
    }
    vmt::write_file(root / "a/frames/times.csv", std::string_view(times));
    vmt::write_file(root / "a/notes.csv", std::string_view("onset,offset,pitch\n0.4,0.5,60\n0.2,0.3,21\n"));
    split("clip,split\na,train\n");
  }
  void split(std::string_view text) const { vmt::write_file(root / "split.csv", text); }
  [[nodiscard]] video_data_options options(subset use = subset::train) const {
    return {.use = use, .cache = dir / "cache", .height = 14, .width = 80};
  }
};

struct window {
  std::vector<float> x, y;
};
window load(const video_data& data, index_t sample, bool augment = false) {
  window w{std::vector<float>(static_cast<std::size_t>(data.input_sizes().size())),
           std::vector<float>(static_cast<std::size_t>(data.keys()))};
  data.load(sample, 0, augment, w.x, w.y);
  return w;
}
int shown_number(const window& w, std::size_t frame) {
  return static_cast<int>(std::lround(w.x[frame * 14 * 80] * 255)) - 100;
}

}  // namespace

TEST_CASE("windows are consecutive frames with the targets of their middle one") {
  const data_set set;
  const video_data data(set.root, set.options());
  CHECK(data.size() == 36);
  for (index_t i = 0; i < data.size(); ++i) {
    const window w = load(data, i);
    for (std::size_t f = 0; f < 5; ++f) CHECK(shown_number(w, f) == static_cast<int>(i) + static_cast<int>(f));
    // Notes start at frames 5 and 10; ±32 ms is less than a frame of 40 ms.
    CHECK(w.y[0] == (i + 2 == 5 ? 1.0F : 0.0F));
    CHECK(w.y[39] == (i + 2 == 10 ? 1.0F : 0.0F));
    CHECK(data.where(i).time == doctest::Approx(static_cast<double>(i + 2) * 0.04));
  }
  CHECK_THROWS_AS(load(data, 36), vmt::error);
  CHECK_THROWS_AS(load(data, -1), vmt::error);
}

TEST_CASE("no window crosses a gap or the border of a part, and the parts do not meet") {
  const data_set set(40, 20);
  set.split("clip,split,start,end\na,train,0,0.4\na,train,0.4,1.2\na,validation,1.2,\n");
  // Allowing gaps is the frame folder's business: times.csv has no line for the missing frame.
  const video_data train(set.root, set.options());
  const video_data validation(set.root, set.options(subset::validation));
  CHECK(train.size() == 6 + 6 + 5);  // frames 0-9, 10-19, 21-29
  for (index_t i = 0; i < train.size(); ++i) {
    const window w = load(train, i);
    CHECK(shown_number(w, 4) == shown_number(w, 0) + 4);
    CHECK(shown_number(w, 4) / 10 == shown_number(w, 0) / 10);
  }
  CHECK(validation.size() == 6);
  CHECK(shown_number(load(validation, 0), 0) == 30);
}

TEST_CASE("a window with an onset counts as often as asked, each time with an augmentation of its own") {
  const data_set set;
  video_data_options options = set.options();
  const video_data once(set.root, options);
  options.onset_repeats = 3;
  const video_data data(set.root, options);
  CHECK(data.windows() == 36);
  REQUIRE(data.size() == 36 + 2 * 2);
  CHECK(data.fingerprint() != once.fingerprint());
  for (index_t i = 36; i < 40; ++i) {
    const index_t window_of = i < 38 ? 3 : 8;  // their middles are the frames 5 and 10
    CHECK(data.where(i).time == data.where(window_of).time);
    CHECK(load(data, i).x == load(data, window_of).x);
    CHECK(load(data, i).y == load(data, window_of).y);
    CHECK(load(data, i, true).x != load(data, window_of, true).x);
  }
  CHECK_THROWS_AS(load(data, 40), vmt::error);
  options.onset_repeats = 0;
  CHECK_THROWS_AS(video_data(set.root, options), vmt::error);
}

TEST_CASE("with held targets a key counts in every frame in which it is down, and only onsets are repeated") {
  const data_set set;
  vmt::write_file(set.root / "a/notes.csv", std::string_view("onset,offset,pitch\n0.2,0.6,21\n"));
  video_data_options options = set.options();
  const std::uint64_t onsets = video_data(set.root, options).fingerprint();
  options.targets.kind = vmt::train::target_kind::held;
  options.onset_repeats = 2;
  const video_data data(set.root, options);
  CHECK(data.size() == 36 + 1);  // the window around frame 5 counts twice
  CHECK(data.fingerprint() != onsets);
  for (index_t i = 0; i < 36; ++i) CHECK(load(data, i).y[0] == (i + 2 >= 5 && i + 2 < 15 ? 1.0F : 0.0F));
  options.onset_repeats = 1;
  const std::uint64_t held = video_data(set.root, options).fingerprint();
  CHECK(held != onsets);
  vmt::write_file(set.root / "a/notes.csv", std::string_view("onset,offset,pitch\n0.2,0.7,21\n"));
  CHECK(video_data(set.root, options).fingerprint() != held);
}

TEST_CASE("strips are cut once and again only when something changed") {
  const data_set set(210);
  int calls = 0;
  video_data_options options = set.options();
  options.on_progress = [&](const std::string&, index_t) { ++calls; };
  const std::uint64_t before = video_data(set.root, options).fingerprint();
  CHECK(calls == 2);
  CHECK(video_data(set.root, options).fingerprint() == before);
  CHECK(calls == 2);
  // A damaged cache is made again.
  for (const auto& entry : fs::directory_iterator(options.cache)) fs::resize_file(entry.path(), 1000);
  static_cast<void>(video_data(set.root, options));
  CHECK(calls == 4);
  set.split("clip,split,start,end\na,train,0,8\n");
  CHECK(video_data(set.root, options).fingerprint() != before);
  CHECK(calls == 6);
}

TEST_CASE("training windows are augmented by key, others come out plain") {
  const data_set set;
  video_data_options options = set.options();
  options.augment.noise_share = 1;
  const video_data data(set.root, options);
  CHECK(load(data, 3, true).x == load(data, 3, true).x);
  CHECK(load(data, 3, true).x != load(data, 3, false).x);
  CHECK(load(data, 3, true).y == load(data, 3, false).y);
  options.seed = 2;
  const video_data other(set.root, options);
  CHECK(load(other, 3, true).x != load(data, 3, true).x);
  CHECK(other.fingerprint() != data.fingerprint());
}

TEST_CASE("a spliced window is one window left of the cut and another right of it, notes and picture alike") {
  const data_set set;
  // Two notes at the time of window 8: one left of where any cut may be seen, one right of it.
  vmt::write_file(set.root / "a/notes.csv", std::string_view("onset,offset,pitch\n0.4,0.5,21\n0.4,0.5,108\n"));
  video_data_options options = set.options();
  options.margin = 0;
  options.augment = {.crop = false, .brightness_range = 0, .noise_share = 0, .splice_share = 1};
  const video_data data(set.root, options);
  int without_right_note = 0;
  for (std::uint32_t epoch = 0; epoch < 60; ++epoch) {
    window w = load(data, 8);
    data.load(8, epoch, true, w.x, w.y);
    const auto gray = [&](std::size_t frame, std::size_t x) {
      return static_cast<int>(std::lround(w.x[(frame * 14 + 3) * 80 + x] * 255)) - 100;
    };
    std::size_t cut = 0;  // the frame's number is its gray value
    while (cut < 80 && gray(0, cut) == 8) ++cut;
    if (cut == 80) continue;  // cut at the very edge, or spliced with itself
    const int other = gray(0, 79);
    for (std::size_t f = 0; f < 5; ++f) {
      for (std::size_t x = 0; x < 80; ++x) CHECK(gray(f, x) == (x < cut ? 8 : other) + static_cast<int>(f));
    }
    if (cut > 2) CHECK(w.y[0] == 1);
    if (cut < 78) CHECK(w.y[87] == 0);
    without_right_note += w.y[87] == 0 ? 1 : 0;
  }
  CHECK(without_right_note > 40);
}

TEST_CASE("a window that is moved along the keyboard takes its notes along") {
  const data_set set;
  // A black and a white note at the time of window 8, and a bright column in the middle of the white key.
  vmt::write_file(set.root / "a/notes.csv", std::string_view("onset,offset,pitch\n0.4,0.5,60\n0.4,0.5,61\n"));
  for (int i = 0; i < 40; ++i) {  // middle C is white key 23 of 52: its middle is at 23.5 · 80 / 52
    std::string image = "P5\n80 14\n255\n";
    for (int p = 0; p < 80 * 14; ++p) image += static_cast<char>(p % 80 == 36 ? 200 : 50);
    vmt::write_file(set.root / ("a/frames/" + std::to_string(i) + ".pgm"), std::string_view(image));
  }
  video_data_options options = set.options();
  options.margin = 0;
  options.augment = {.crop = false, .brightness_range = 0, .noise_share = 0, .shift_keys = 9};
  const video_data data(set.root, options);
  std::vector<int> seen(19);
  for (std::uint32_t epoch = 0; epoch < 300; ++epoch) {
    window w = load(data, 8);
    data.load(8, epoch, true, w.x, w.y);
    const auto bright = std::max_element(w.x.begin(), w.x.begin() + 80) - w.x.begin();
    const auto shift = std::lround((static_cast<double>(bright) - 36) * 52 / 80);
    REQUIRE(std::abs(shift) <= 9);
    ++seen[static_cast<std::size_t>(shift + 9)];
    // The white key so many white keys above middle C, and the black key behind it where there is one.
    int white = 60;
    for (auto left = std::abs(shift); left > 0; --left) {
      do white += shift > 0 ? 1 : -1;
      while (!vmt::keyboard::is_white(white));
    }
    for (int pitch = 21; pitch <= 108; ++pitch) {
      const bool expected = pitch == white || (pitch == white + 1 && !vmt::keyboard::is_white(pitch));
      CHECK(w.y[static_cast<std::size_t>(pitch - 21)] == (expected ? 1.0F : 0.0F));
    }
  }
  for (const int n : seen) CHECK(n > 0);
}

TEST_CASE("a keyboard file says where the strip lies") {
  const data_set set(0);
  for (int i = 0; i < 10; ++i) {
    std::string image = "P5\n100 60\n255\n";
    for (int y = 0; y < 60; ++y) image.append(100, y >= 20 && y < 34 ? static_cast<char>(200) : '\0');
    vmt::write_file(set.root / ("a/frames/" + std::to_string(i) + ".pgm"), std::string_view(image));
  }
  fs::remove(set.root / "a/frames/times.csv");
  video_data_options options = set.options();
  CHECK(code_of([&] { video_data(set.root, options); }, "frames per second") == errc::invalid_argument);
  options.fps = 25;
  CHECK(code_of([&] { video_data(set.root, options); }, "keyboard.json") == errc::not_found);
  vmt::write_file(set.root / "a/keyboard.json",
                  std::string_view(R"({"image_size": [100, 60], "corners": [[10,20],[90,20],[90,34],[10,34]]})"));
  const window w = load(video_data(set.root, options), 0);
  for (const float v : w.x) REQUIRE(v == doctest::Approx(200.0 / 255));
  vmt::write_file(set.root / "a/keyboard.json", std::string_view("{"));
  CHECK(code_of([&] { video_data(set.root, options); }, "keyboard.json") == errc::bad_format);
}

TEST_CASE("what is missing, doubled or outside is named") {
  const data_set set;
  const auto attempt = [&](subset use = subset::train) { video_data(set.root, set.options(use)); };
  CHECK(code_of([&] { attempt(subset::test); }, "no clips for test") == errc::not_found);
  set.split("clip,split\nb,train\n");
  CHECK(code_of([&] { attempt(); }, "\"b\"") == errc::not_found);
  fs::create_directories(set.root / "../outside");
  set.split("clip,split\n../outside,train\n");
  CHECK(code_of([&] { attempt(); }, "outside the data set") == errc::invalid_argument);
  set.split("clip,split\n" + (set.root / "a").string() + ",train\n");
  CHECK(code_of([&] { attempt(); }, "outside the data set") == errc::invalid_argument);
  fs::create_directory_symlink(set.root / "../outside", set.root / "link");
  set.split("clip,split\nlink,train\n");
  CHECK(code_of([&] { attempt(); }, "outside the data set") == errc::invalid_argument);

  set.split("clip,split\na,train\n");
  fs::remove(set.root / "a/notes.csv");
  CHECK(code_of([&] { attempt(); }, "neither notes.csv nor a .mid") == errc::not_found);
  vmt::write_file(set.root / "a/x.mid", std::string_view("no"));
  CHECK(code_of([&] { attempt(); }, "x.mid") == errc::bad_format);
  vmt::write_file(set.root / "a/y.midi", std::string_view("no"));
  CHECK(code_of([&] { attempt(); }, "x.mid and y.midi") == errc::inconsistent);

  vmt::write_file(set.root / "a/notes.csv", std::string_view("onset,offset,pitch\n"));
  set.split("clip,split,start\na,train,100\n");
  CHECK(code_of([&] { attempt(); }, "0 frames") == errc::inconsistent);
  fs::remove_all(set.root / "a/frames");
  CHECK(code_of([&] { attempt(); }, "neither a file video") == errc::not_found);
  vmt::write_file(set.root / "a/video.mp4", std::string_view("x"));
  vmt::write_file(set.root / "a/video.avi", std::string_view("x"));
  CHECK(code_of([&] { attempt(); }, "video.avi and video.mp4") == errc::inconsistent);
}

TEST_CASE("a damaged strip file is refused") {
  const vmt_test::temp_dir dir;
  vmt::frame f;
  f.resize(6, 2);
  std::fill(f.pixels.begin(), f.pixels.end(), std::uint8_t{9});
  vmt::train::strip_writer writer(dir / "s", 2, 6, 77);
  for (int i = 0; i < 3; ++i) {
    f.time = i;
    writer.add(f);
  }
  CHECK_FALSE(fs::exists(dir / "s"));
  writer.finish();
  const vmt::train::strip_file strips(dir / "s");
  CHECK(strips.stamp() == 77);
  CHECK(strips.size() == 3);
  std::vector<std::uint8_t> bytes(24);
  strips.read(1, bytes);
  CHECK(bytes[23] == 9);
  CHECK_THROWS_AS(strips.read(2, bytes), vmt::error);
  const std::vector<std::byte> good = vmt::read_file(dir / "s");
  const auto refused = [&](std::vector<std::byte> bad) {
    vmt::write_file(dir / "t", bad);
    CHECK_THROWS_AS(vmt::train::strip_file(dir / "t"), vmt::error);
  };
  for (std::size_t n = 0; n < good.size(); ++n) refused({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n)});
  for (const std::size_t byte : std::initializer_list<std::size_t>{0, 8, 12, 24, 31, 32, 39, 40, 47, 48, 56 + 36 + 4}) {
    std::vector<std::byte> bad = good;
    bad[byte] ^= std::byte{0x40};
    refused(std::move(bad));
  }
}
