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
