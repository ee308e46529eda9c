// SPDX-License-Identifier: MIT
#include <vmt/train/targets.hpp>

#include <doctest/doctest.h>

#include <vector>

using vmt::note;

namespace {
note at(double onset, int pitch) {
  return {.onset = onset, .offset = onset + 0.2, .pitch = pitch};
}
}  // namespace

TEST_CASE("a note counts for frames up to 32 ms before and after it, borders included") {
  const std::vector<note> notes{at(1.0, 60)};
  std::vector<float> out(88);
  const auto hit = [&](double time) {
    vmt::train::onset_targets(notes, time, out);
    return out[60 - 21] > 0.5F;
  };
  CHECK(hit(1.0));
  CHECK(hit(1.0 - 0.032));
  CHECK(hit(1.0 + 0.032));
  CHECK(hit(1.032));
  CHECK(hit(0.968));
  CHECK_FALSE(hit(1.0 - 0.03201));
  CHECK_FALSE(hit(1.0 + 0.03201));
}

TEST_CASE("borders hold late in a recording, where sums of times are rounded") {
  std::vector<float> out(88);
  for (int second = 1; second < 4000; second += 37) {
    const double t = second + 0.1;
    const std::vector<note> notes{at(t, 21)};
    vmt::train::onset_targets(notes, t + 0.032, out);
    CHECK(out[0] == 1.0F);
    vmt::train::onset_targets(notes, t - 0.032, out);
    CHECK(out[0] == 1.0F);
  }
}

TEST_CASE("targets of several frames are rows, and notes outside the keys are passed over") {
  const std::vector<note> notes{at(0.0, 20), at(0.0, 21), at(0.04, 108), at(0.04, 109), at(0.2, 64)};
  const std::vector<double> times{0.0, 0.04, 0.08, 0.2};
  std::vector<float> out(times.size() * 88, 7.0F);
  vmt::train::onset_targets(notes, times, 88, out);
  float sum = 0;
  for (const float v : out) sum += v;
  CHECK(sum == 3.0F);
  CHECK(out[0] == 1.0F);
  CHECK(out[88 + 87] == 1.0F);
  CHECK(out[3 * 88 + 43] == 1.0F);
  CHECK_THROWS_AS(vmt::train::onset_targets(notes, times, 87, out), vmt::error);
}

TEST_CASE("a held key counts from the frame of its onset to the last one before its offset") {
  const std::vector<note> notes{{.onset = 1.0, .offset = 1.2, .pitch = 60}, {.onset = 1.1, .offset = 1.5, .pitch = 62}};
  std::vector<float> out(88);
  const auto held = [&](double time, std::size_t pitch) {
    vmt::train::held_targets(notes, time, out);
    return out[pitch - 21] > 0.5F;
  };
  CHECK_FALSE(held(0.999, 60));
  CHECK(held(1.0, 60));
  CHECK(held(1.19, 60));
  CHECK_FALSE(held(1.2, 60));
  CHECK_FALSE(held(1.05, 62));
  CHECK(held(1.15, 60));
  CHECK(held(1.15, 62));
  CHECK(held(1.3, 62));
  CHECK_FALSE(held(1.3, 60));
}

TEST_CASE("borders of held keys stand late in a recording, where sums of times are rounded") {
  std::vector<float> out(88);
  for (int second = 1; second < 4000; second += 37) {
    const std::vector<note> notes{{.onset = second + 0.1, .offset = second + 0.3, .pitch = 21}};
    vmt::train::held_targets(notes, (second * 10 + 1) / 10.0, out);
    CHECK(out[0] == 1.0F);
    vmt::train::held_targets(notes, (second * 10 + 3) / 10.0, out);
    CHECK(out[0] == 0.0F);
  }
}

TEST_CASE("the kind decides which targets a frame has, and keys outside are passed over") {
  const std::vector<note> notes{{.onset = 0.0, .offset = 2.0, .pitch = 20}, {.onset = 0.0, .offset = 2.0, .pitch = 21}};
  std::vector<float> out(88, 7.0F);
  const auto sum = [&] {
    float total = 0;
    for (const float v : out) total += v;
    return total;
  };
  vmt::train::frame_targets(notes, 1.0, out);
  CHECK(sum() == 0.0F);
  vmt::train::frame_targets(notes, 1.0, out, {.kind = vmt::train::target_kind::held});
  CHECK(out[0] == 1.0F);
  CHECK(sum() == 1.0F);
}
