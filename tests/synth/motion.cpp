// SPDX-License-Identifier: MIT
#include <vmt/synth/motion.hpp>

#include <doctest/doctest.h>

using vmt::synth::camera_motion;
using vmt::synth::options;

TEST_CASE("a camera stands still unless it is moved") {
  const camera_motion none({}, 1);
  CHECK(none.still());
  CHECK(none(17).by.x == 0);
  CHECK(none(17).turn == 0);
}

TEST_CASE("a push moves the picture once, by the stated distance and angle") {
  options o;
  o.motion.bump_at = 2;
  o.motion.bump = 40;
  o.motion.bump_turn = 3;
  const camera_motion m(o, 5);
  CHECK(std::hypot(m(1.99).by.x, m(1.99).by.y) == 0);
  CHECK(std::hypot(m(2.2).by.x, m(2.2).by.y) == doctest::Approx(40).epsilon(1e-3));
  CHECK(m(9).by.x == m(2.2).by.x);
  CHECK(m(9).turn == doctest::Approx(3 * std::numbers::pi / 180).epsilon(2e-3));
}

TEST_CASE("drift goes on evenly, vibration stays within its amplitude and comes back") {
  options o;
  o.motion.drift = 0.5;
  const camera_motion drift(o, 5);
  CHECK(std::hypot(drift(20).by.x, drift(20).by.y) == doctest::Approx(10).epsilon(3e-3));
  o.motion.drift = 0;
  o.motion.shake = 3;
  const camera_motion shake(o, 5);
  double most = 0, sum = 0;
  for (int i = 0; i < 1000; ++i) {
    most = std::max(most, std::abs(shake(i / 100.0).by.x));
    sum += shake(i / 100.0).by.x;
  }
  CHECK(most > 1.5);
  CHECK(most <= 3.01);
  CHECK(std::abs(sum / 1000) < 0.2);
}
