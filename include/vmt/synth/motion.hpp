// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/strokes.hpp>

namespace vmt::inline VMT_ABI::synth {

/// Where a camera that is shaken, drifts or gets a push has gone: the picture is turned about its middle and then
/// shifted.
struct picture_shift {
  point by;         ///< pixels
  double turn = 0;  ///< radians, clockwise

  friend constexpr bool operator==(const picture_shift& a, const picture_shift& b) noexcept {
    return a.by.x == b.by.x && a.by.y == b.by.y && a.turn == b.turn;
  }
};

/// The motion of a camera, a function of time. Directions and phases come from the seed. A push takes 0.2 s.
class camera_motion {
 public:
  camera_motion(const options& o, std::uint64_t seed) : o_(o.motion) {
    rng random = stream(seed, part::motion);
    for (double& p : phase_) p = random.uniform(0, 2 * std::numbers::pi);
    const auto direction = [&] {
      const double angle = random.uniform(0, 2 * std::numbers::pi);
      return point{std::cos(angle), std::sin(angle)};
    };
    drift_ = direction();
    bump_ = direction();
  }

  [[nodiscard]] bool still() const noexcept {
    return o_.shake == 0 && o_.drift == 0 && o_.turn == 0 && o_.bump == 0 && o_.bump_turn == 0;
  }

  /// Rounded to 1/64 pixel and 1/8192 radian, so that pictures of a camera that hardly moves can be kept.
  [[nodiscard]] picture_shift operator()(double t) const noexcept {
    if (still()) return {};
    const double w = 2 * std::numbers::pi * o_.shake_hz * t;
    const double pushed = smooth_step((t - o_.bump_at) / 0.2);
    const double degrees = o_.turn * t + o_.bump_turn * pushed;
    const double x = o_.shake * (0.75 * std::sin(w + phase_[0]) + 0.25 * std::sin(2.3 * w + phase_[1])) +
                     drift_.x * o_.drift * t + bump_.x * o_.bump * pushed;
    const double y = o_.shake * (0.75 * std::sin(1.1 * w + phase_[2]) + 0.25 * std::sin(2.6 * w + phase_[3])) +
                     drift_.y * o_.drift * t + bump_.y * o_.bump * pushed;
    const auto steps = [](double v, double per) { return std::round(v * per) / per; };
    return {{steps(x, 64), steps(y, 64)}, steps(degrees * std::numbers::pi / 180, 8192)};
  }

 private:
  options::motion_options o_;
  std::array<double, 4> phase_{};
  point drift_, bump_;
};

}  // namespace vmt::inline VMT_ABI::synth
