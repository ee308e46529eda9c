// SPDX-License-Identifier: MIT
#include <vmt/train/augment_rear.hpp>

#include <doctest/doctest.h>

#include <array>

using namespace vmt;
using namespace vmt::train;

namespace {

struct rear_window {
  std::vector<plane> frames = std::vector<plane>(17);
  plane plate;
  rear_window() {
    plate.resize(320, 96);
    std::fill(plate.pixels.begin(), plate.pixels.end(), 100.0F);
    std::fill(frames.begin(), frames.end(), plate);
  }
  /// The largest change of a row in all frames.
  [[nodiscard]] float change(index_t row) const {
    float most = 0;
    for (const plane& p : frames) {
      for (index_t x = 0; x < p.width; ++x) most = (std::max)(most, std::abs(p.row(row)[x] - 100));
    }
    return most;
  }
};

constexpr std::array<seen_note, 1> one_note{{{100, 6, 12}}};

}  // namespace

TEST_CASE("the rows behind the keys are replaced, in frames and plate, and the keys are not") {
  const rear_augmenter rear({.behind_share = 1, .glow_share = 0});
  int bars = 0;
  for (std::uint32_t i = 0; i < 40; ++i) {
    rear_window w;
    rear(w.frames, w.plate, one_note, rng(3, 0, i));
    CHECK(w.change(0) > 0);
    CHECK(w.plate.row(0)[5] != 100);
    for (index_t y = 10; y < 96; ++y) REQUIRE(w.change(y) == 0);
    bars += w.frames[7].row(0)[100] != w.frames[7].row(0)[200] ? 1 : 0;
  }
  CHECK(bars > 10);
  CHECK(bars < 40);
}

TEST_CASE("glow begins about the onset at its note, is strongest at the rear edge, and leaves the plate") {
  const rear_augmenter rear({.behind_share = 0, .glow_share = 1, .unrelated_share = 0});
  double at_note = 0, beside = 0, rear_edge = 0, front = 0;
  for (std::uint32_t i = 0; i < 30; ++i) {
    rear_window w;
    rear(w.frames, w.plate, one_note, rng(4, 0, i));
    for (const float v : w.plate.pixels) REQUIRE(v == 100);
    for (std::size_t f = 0; f < 4; ++f) REQUIRE(w.frames[f].pixels == w.plate.pixels);
    const plane& lit = w.frames[7];
    at_note += static_cast<double>(lit.row(8)[100]) - 100;
    beside += static_cast<double>(lit.row(8)[160]) - 100;
    rear_edge += static_cast<double>(lit.row(6)[100]) - 100;
    front += static_cast<double>(lit.row(90)[100]) - 100;
  }
  CHECK(at_note / 30 > 10);
  CHECK(at_note > 4 * beside);
  CHECK(rear_edge > 4 * front);
}

TEST_CASE("lights that have nothing to do with the notes come at other places") {
  const rear_augmenter rear({.behind_share = 0, .glow_share = 1, .unrelated_share = 1});
  int elsewhere = 0;
  for (std::uint32_t i = 0; i < 20; ++i) {
    rear_window w;
    rear(w.frames, w.plate, {}, rng(5, 0, i));
    elsewhere += w.change(6) > 2 ? 1 : 0;
  }
  CHECK(elsewhere >= 18);
}

TEST_CASE("with both shares 0 nothing happens") {
  const rear_augmenter rear({.behind_share = 0, .glow_share = 0});
  rear_window w;
  rear(w.frames, w.plate, one_note, rng(1));
  for (index_t y = 0; y < 96; ++y) REQUIRE(w.change(y) == 0);
}
