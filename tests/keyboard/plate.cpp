// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/keyboard/plate.hpp>

#include <doctest/doctest.h>
#include <support/count_allocations.hpp>

#include <algorithm>

namespace {

using vmt::frame;
using vmt::index_t;
using vmt::keyboard::plate;
using vmt::keyboard::plate_options;
using vmt::keyboard::running_plate;
using vmt::keyboard::strip_layout;

constexpr strip_layout octave{60, 72};

frame even(std::uint8_t gray, const strip_layout& layout = octave) {
  frame f;
  f.resize(layout.width(), layout.height());
  std::fill(f.pixels.begin(), f.pixels.end(), gray);
  return f;
}

frame noise(std::uint32_t number, const strip_layout& layout = octave) {
  frame f = even(0, layout);
  vmt::rng random(3, 0, number);
  for (auto& v : f.pixels) v = static_cast<std::uint8_t>(random.bits() >> 24);
  return f;
}

}  // namespace

TEST_CASE("a plate is the median on black keys and the 75th percentile elsewhere, exactly") {
  for (const int count : {1, 2, 3, 8, 37, 160}) {
    CAPTURE(count);
    plate p(octave);
    std::vector<frame> frames;
    for (int i = 0; i < count; ++i) {
      frames.push_back(noise(static_cast<std::uint32_t>(i)));
      p.push(frames.back());
    }
    CHECK(p.count() == count);
    frame found;
    p.estimate(found);
    for (std::size_t i = 0; i < found.pixels.size(); ++i) {
      std::vector<std::uint8_t> values;
      for (const frame& f : frames) values.push_back(f.pixels[i]);
      std::sort(values.begin(), values.end());
      const bool black =
          octave.black_at(static_cast<index_t>(i) % octave.width(), static_cast<index_t>(i) / octave.width());
      REQUIRE(found.pixels[i] == values[static_cast<std::size_t>(black ? count / 2 : 3 * count / 4)]);
    }
  }
}

TEST_CASE("a hand that covers white keys for most of the time leaves no trace") {
  plate p(octave);
  for (int i = 0; i < 600; ++i) {
    frame f = even(220);
    for (index_t y = 60; y < 80; ++y) {
      // 71 % of the time on one spot
      if (i % 7 < 5) std::fill_n(f.row(y) + 20, 40, std::uint8_t{120});
    }
    p.push(f);
  }
  frame found;
  p.estimate(found);
  CHECK(found.pixels == even(220).pixels);
}

TEST_CASE("frames are kept evenly from a video of any length, in bounded memory") {
  // The gray of frame i says where in the video it lies; the quarters of the plate are those of the video.
  for (const int length : {159, 160, 161, 1000, 20000}) {
    for (const index_t samples : {160, 161, 2, 254}) {
      CAPTURE(length);
      CAPTURE(samples);
      plate p(octave, {.samples = samples});
      for (int i = 0; i < length; ++i) p.push(even(static_cast<std::uint8_t>(200 * i / length)));
      CHECK(p.count() <= samples);
      CHECK(p.count() >= std::min<index_t>(length, samples / 2));
      if (samples < 160) continue;
      frame found;
      p.estimate(found);
      CHECK(found.row(0)[0] >= 145);
      CHECK(found.row(0)[0] <= 155);
    }
  }
}

TEST_CASE("a live plate forgets what lies too far back") {
  running_plate p(octave, {.samples = 40, .longest_step = 4});
  for (int i = 0; i < 400; ++i) p.push(even(200));
  CHECK(p.current().pixels == even(200).pixels);
  for (int i = 0; i < 300; ++i) p.push(even(90));  // the lamp goes off; 160 frames are remembered
  CHECK(p.current().pixels == even(90).pixels);
  plate all(octave, {.samples = 40});
  for (int i = 0; i < 400; ++i) all.push(even(200));
  for (int i = 0; i < 90; ++i) all.push(even(90));
  frame found;
  all.estimate(found);
  CHECK(found.pixels == even(200).pixels);
}

TEST_CASE("a live plate is there from the first frame, follows soon and takes no memory") {
  running_plate p;
  CHECK_FALSE(p.ready());
  const strip_layout all;
  const frame first = noise(1, all);
  p.push(first);
  CHECK(p.ready());
  CHECK(p.current().pixels == first.pixels);
  const frame second = even(99, all);
  const vmt_test::allocation_count allocations;
  for (int i = 0; i < 1000; ++i) p.push(second);
  CHECK(allocations.since() == 0);
  CHECK(p.current().pixels == second.pixels);
  p.clear();
  CHECK_FALSE(p.ready());
  p.push(first);
  CHECK(p.current().pixels == first.pixels);
}

TEST_CASE("the live plate is the batch plate once its rows have come round") {
  plate batch(octave, plate_options::live());
  running_plate live(octave);
  for (std::uint32_t i = 0; i < 150; ++i) {
    batch.push(noise(i));
    live.push(noise(i));
  }
  frame damaged = even(0);
  damaged.damaged = true;
  for (int i = 0; i < 96; ++i) live.push(damaged);  // stand-ins tell nothing, but the rows come round
  frame expected;
  batch.estimate(expected);
  CHECK(live.current().pixels == expected.pixels);
}

TEST_CASE("what cannot be is refused") {
  CHECK_THROWS_AS(plate(octave, {.samples = 1}), vmt::error);
  CHECK_THROWS_AS(plate(octave, {.samples = 255}), vmt::error);
  CHECK_THROWS_AS(plate(octave, {.longest_step = 0}), vmt::error);
  CHECK_THROWS_AS(plate(strip_layout{61, 72}), vmt::error);
  plate p(octave);
  frame found;
  CHECK_THROWS_AS(p.estimate(found), vmt::error);
  CHECK_THROWS_AS(p.push(even(0, {60, 71})), vmt::error);
  p.push(even(7));
  CHECK_THROWS_AS(p.estimate_rows(found, 0, 1), vmt::error);
  found = even(0);
  CHECK_THROWS_AS(p.estimate_rows(found, 0, 97), vmt::error);
  p.estimate_rows(found, 2, 3);
  CHECK(found.row(1)[5] == 0);
  CHECK(found.row(2)[5] == 7);
}
