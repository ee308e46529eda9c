// SPDX-License-Identifier: MIT
// The tracker on rendered video, whose camera's place is known in every frame.
#include <vmt/keyboard/tracked_strip.hpp>
#include <vmt/synth/synth.hpp>

#include <doctest/doctest.h>

using vmt::frame;
using vmt::index_t;
namespace synth = vmt::synth;

namespace {

struct outcome {
  double before = 0;  ///< worst distance of a corner in pixels, until the third second …
  double after = 0;   ///< … and from the fifth on
  double last = 0;
  index_t changes = 0;
};

/// Two hands play for seven seconds before a camera that moves as the options say.
outcome follow(const synth::options::motion_options& motion) {
  synth::options o = synth::clean();
  o.picture.width = 640;
  o.picture.height = 360;
  o.picture.seconds = 7;
  o.picture.fps = 25;
  o.sensor.noise = 1.5;
  o.motion = motion;
  synth::renderer video(synth::exercise("mixed", 5, 7), o, 5);
  vmt::keyboard::tracked_strip straight(video.keyboard(), 640, 360);
  outcome result;
  frame f, strip;
  while (video(f)) {
    straight(f, strip);
    const auto truth = video.keyboard(f.time).corners;
    double worst = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto seen = straight.tracking().where().corners[i];
      worst = std::max(worst, std::hypot(seen.x - truth[i].x, seen.y - truth[i].y));
    }
    if (f.time < 3) result.before = std::max(result.before, worst);
    if (f.time >= 5) result.after = std::max(result.after, worst);
    result.last = worst;
  }
  result.changes = straight.tracking().changes();
  return result;
}

}  // namespace

TEST_CASE("a camera that is pushed while somebody plays is found again") {
  synth::options::motion_options motion;
  motion.bump_at = 3.2;
  motion.bump = 12;
  motion.bump_turn = 0.5;
  const outcome r = follow(motion);
  CHECK(r.before < 0.5);
  CHECK(r.after < 1.2);
  CHECK(r.changes >= 1);
}

TEST_CASE("slow drift is followed while somebody plays") {
  synth::options::motion_options motion;
  motion.drift = 0.8;
  motion.turn = 0.03;
  const outcome r = follow(motion);
  CHECK(r.after < 2);  // 5.6 pixels if it were not
  CHECK(r.changes >= 2);
}

TEST_CASE("vibration does not change the registration") {
  synth::options::motion_options motion;
  motion.shake = 0.5;
  motion.shake_hz = 5;
  const outcome r = follow(motion);
  CHECK(r.after < 1.2);
  CHECK(r.changes <= 1);
}
