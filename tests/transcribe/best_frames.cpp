// SPDX-License-Identifier: MIT
#include <vmt/transcribe/best_frames.hpp>

#include <doctest/doctest.h>

#include <array>

using vmt::transcribe::best_frames;

namespace {

vmt::frame picture(int i) {
  vmt::frame f;
  f.resize(2, 1);
  f.time = 0.04 * i;
  f.number = i;
  f.pixels = {static_cast<std::uint8_t>(i % 256), 7};
  return f;
}

}  // namespace

TEST_CASE("the frames with the most onsets are kept, spread over the video, with their own pictures") {
  best_frames best(4);
  for (int i = 0; i < 12'800; ++i) {
    best.picture(picture(i));
    if (i < 2) continue;
    const int j = i - 2;  // probabilities come two frames later
    const float strong = j % 1000 == 500 ? 0.95F : j % 10 == 0 ? 0.6F : 0.2F;
    best.probabilities(0.04 * j, std::array{strong, 0.1F});
  }
  const auto chosen = best.chosen();
  REQUIRE(chosen.size() == 4);
  double before = -100;
  for (const auto* k : chosen) {
    CHECK(k->picture.number % 1000 == 500);
    CHECK(k->picture.pixels[0] == k->picture.number % 256);
    CHECK(k->probabilities[0] == 0.95F);
    CHECK(k->picture.time - before > 40);
    before = k->picture.time;
  }
}

TEST_CASE("no onsets, no pictures, or none wanted: nothing is kept") {
  best_frames silent(4), blind(4), none(0);
  for (int i = 0; i < 100; ++i) {
    for (best_frames* b : {&silent, &none}) b->picture(picture(i));
    silent.probabilities(0.04 * i, std::array{0.39F});
    blind.probabilities(0.04 * i, std::array{1.0F});
    none.probabilities(0.04 * i, std::array{1.0F});
  }
  CHECK(silent.chosen().empty());
  CHECK(blind.chosen().empty());
  CHECK(none.chosen().empty());
}
