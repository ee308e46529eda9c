// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/midi/note.hpp>
#include <vmt/synth/options.hpp>

namespace vmt::inline VMT_ABI::synth {

/// Separate random streams for the parts of one video, so that turning one ingredient off leaves the others alone.
enum class part : std::uint32_t {
  strokes = 1,
  fingers,
  hands,
  keys,
  room,
  effects,
  sensor,
  exercise,
  preset,
  distractor,
  motion
};

[[nodiscard]] constexpr rng stream(std::uint64_t seed, part p, index_t sample = 0) noexcept {
  return rng(seed, static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(sample), rng_use::render);
}

/// Smooth random motion: a cubic through one standard normal number a grid step. It is addressed by time, so that any
/// moment can be asked for in any order. Its standard deviation is about 0.8.
class wander {
 public:
  constexpr wander(std::uint64_t seed, std::uint32_t track, double steps_per_second) noexcept
      : seed_(seed), track_(track), rate_(steps_per_second) {}

  [[nodiscard]] double operator()(double t) const noexcept {
    const double at = t * rate_ + 1024;
    const double i = std::floor(at);
    const double u = at - i;
    std::array<double, 4> v{};
    for (int k = 0; k < 4; ++k) v[static_cast<std::size_t>(k)] = value(static_cast<std::int64_t>(i) + k - 1);
    const double a = v[1], b = (v[2] - v[0]) / 2, d = (v[3] - v[1]) / 2;
    const double c = 3 * (v[2] - a) - 2 * b - d, e = 2 * (a - v[2]) + b + d;
    return a + u * (b + u * (c + u * e));
  }

 private:
  /// The sum of four uniform numbers, scaled to variance 1: no logarithm, and bounded.
  [[nodiscard]] double value(std::int64_t i) const noexcept {
    const auto w = rng::philox({static_cast<rng::word>(i), track_, 77, static_cast<rng::word>(rng_use::render)},
                               {static_cast<rng::word>(seed_), static_cast<rng::word>(seed_ >> 32)});
    double sum = 0;
    for (const rng::word bits : w) sum += static_cast<double>(bits) * 0x1p-32;
    return (sum - 2) * 1.7320508;
  }
  std::uint64_t seed_;
  std::uint32_t track_;
  double rate_;
};

[[nodiscard]] constexpr double smooth_step(double u) noexcept {
  u = u < 0 ? 0 : u > 1 ? 1 : u;
  return u * u * (3 - 2 * u);
}

/// One press of a key: from `onset − press/2` it goes down evenly, is half way at the onset and down at
/// `onset + press/2`; it rises evenly, and at the offset the share `left` of the travel is still before it.
struct stroke {
  vmt::note note;
  double press = 0.04;
  double release = 0.06;
  double full = 1;  ///< share of the travel that is used
  double left = 0.5;

  [[nodiscard]] double depth(double t) const noexcept {
    const double down = (t - note.onset) / press + 0.5;
    const double up = (note.offset - t) / release + left;
    return full * std::clamp((std::min)(down, up), 0.0, 1.0);
  }
};

/// What can be played of a list of notes: those of the keyboard, sorted; a repeated key is let go 40 ms before it is
/// struck again, repeats within 70 ms are left out, nothing is shorter than 50 ms. Throws `not_finite` for times that
/// are no numbers or beyond 10⁶ seconds.
[[nodiscard]] inline std::vector<note> playable(std::vector<note> notes, int lowest, int highest) {
  for (const note& n : notes) {
    if (!(std::abs(n.onset) < 1e6 && std::abs(n.offset) < 1e6)) {
      throw error(errc::not_finite, "synth: the times of a note of pitch " + std::to_string(n.pitch) +
                                        " are no numbers below 1000000 seconds");
    }
  }
  std::erase_if(notes, [&](const note& n) { return n.pitch < lowest || n.pitch > highest || n.onset < 0; });
  std::sort(notes.begin(), notes.end());
  std::array<index_t, 128> last;
  last.fill(-1);
  std::vector<note> out;
  out.reserve(notes.size());
  for (note n : notes) {
    n.offset = (std::max)(n.offset, n.onset + 0.05);
    n.velocity = std::clamp(n.velocity, 1, 127);
    index_t& before = last[static_cast<std::size_t>(n.pitch)];
    if (before >= 0) {
      note& b = out[static_cast<std::size_t>(before)];
      if (n.onset - b.onset < 0.07) continue;
      b.offset = (std::max)(b.onset + 0.03, (std::min)(b.offset, n.onset - 0.04));
    }
    before = static_cast<index_t>(out.size());
    out.push_back(n);
  }
  return out;
}

/// The motion of all keys of a performance.
class key_action {
 public:
  key_action() = default;
  /// `notes` as `playable` leaves them. Loud notes go down faster. A key that is struck again soon rises faster.
  key_action(std::span<const note> notes, double press_ms, double release_ms, std::uint64_t seed,
             double release_left = 0.5) {
    rng random = stream(seed, part::strokes);
    for (const note& n : notes) {
      // Keys measure velocity by the time of travel, which spans a factor of ten from pp to ff.
      const double force = std::exp((64.0 - n.velocity) / 50);
      stroke s{n};
      s.press = std::clamp(press_ms / 1000 * force * random.uniform(0.9, 1.12), 0.006, 0.16);
      s.release = std::clamp(release_ms / 1000 * random.uniform(0.6, 1.5), 0.01, 0.2);
      s.release = (std::min)(s.release, n.offset - n.onset);
      s.full = random.uniform(0.85, 1);
      s.left = release_left;
      longest_ = (std::max)({longest_, s.press, s.release});
      auto& strokes = keys_[static_cast<std::size_t>(n.pitch)];
      if (!strokes.empty()) {
        stroke& before = strokes.back();
        const double time = n.onset - s.press / 2 - before.note.offset;
        before.release = (std::min)(before.release, (std::max)(time / before.left, 0.04));
      }
      strokes.push_back(s);
    }
  }

  /// How far a key is down at a time, 0 … 1.
  [[nodiscard]] double depth(int pitch, double t) const noexcept {
    const auto& strokes = keys_[static_cast<std::size_t>(pitch)];
    auto next = std::partition_point(strokes.begin(), strokes.end(),
                                     [&](const stroke& s) { return s.note.onset - longest_ < t; });
    double depth = 0;
    for (int back = 0; back < 4 && next != strokes.begin(); ++back) depth = (std::max)(depth, (--next)->depth(t));
    return depth;
  }

 private:
  std::array<std::vector<stroke>, 128> keys_;
  double longest_ = 0;
};

}  // namespace vmt::inline VMT_ABI::synth
