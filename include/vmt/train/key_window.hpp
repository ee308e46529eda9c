// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/train/key_clip.hpp>
#include <vmt/train/key_targets.hpp>

namespace vmt::inline VMT_ABI::train {

/// The sizes of the windows that `key_net` is trained with, and how their place is drawn.
struct key_window_options {
  index_t frames = 16;
  index_t width = 320;       ///< pixels, a multiple of 16: 20 white keys
  index_t keys = 28;         ///< of the window that count
  double anywhen = 0.10;     ///< the share of windows at a random time; the others are near a random onset
  double anywhere = 0.07;    ///< the share at a random place; the others are near that onset's key
  double stretched = 0.5;    ///< the share whose time runs faster or slower (training only) …
  double slowest = 0.75;     ///< … by a factor of slowest …
  double fastest = 1.25;     ///< … to fastest
  double halved_above = 45;  ///< frames/s above which every second frame is taken, in 80 % of the windows
  double lossy = 0.12;       ///< the share with a frame that is missing; and that with one shown twice (training only)
};

/// Where a window lies in its clip.
struct key_window {
  double start = 0;  ///< the frame before the first one, fractional: frame i is start + step (i + 1)
  double step = 1;   ///< frames of the clip from frame to frame
  index_t left = 0;  ///< its first column
  bool mirrored = false;
  index_t missing = -1;   ///< the window's frame before which one of the video is missing; −1: none is
  index_t repeated = -1;  ///< the one that shows the picture of the frame before it; −1: none does

  /// The clip's frame at the time of the window's frame i; −1: of the one before the first.
  [[nodiscard]] double position(index_t i) const noexcept {
    const bool later = missing >= 0 && i >= missing;
    return start + step * static_cast<double>(i + (later ? 2 : 1));
  }
  /// The one whose picture it shows.
  [[nodiscard]] double shown(index_t i) const noexcept { return position(i == repeated && i >= 0 ? i - 1 : i); }
};

/// Draws a window. `plain`: without stretch or mirror. Throws `inconsistent` where the clip is too short or narrow.
[[nodiscard]] inline key_window draw_window(const key_clip& clip, rng& random, bool plain,
                                            const key_window_options& o = {}) {
  const double all = static_cast<double>(clip.frames());
  double step = 1.0 / clip.period() > o.halved_above && (random.uniform() < 0.8 || plain) ? 2 : 1;
  const bool stretched = random.uniform() < o.stretched;
  const double factor = random.uniform(o.slowest, o.fastest);
  if (stretched && !plain) step *= factor;
  const bool lacks = random.uniform() < o.lossy && !plain, repeats = random.uniform() < o.lossy && !plain;
  const index_t missing = random.below(o.frames), repeated = random.below(o.frames);
  double length = step * static_cast<double>(o.frames + (lacks ? 1 : 0));
  if (length + 3 > all) {
    step = 1;
    length = static_cast<double>(o.frames + (lacks ? 1 : 0));
  }
  if (length + 3 > all || clip.width() < o.width) {
    throw error(errc::inconsistent, "the clip " + clip.name + " has " + std::to_string(clip.frames()) + " frames of " +
                                        std::to_string(clip.width()) + " columns; a window has " +
                                        std::to_string(o.frames) + " and " + std::to_string(o.width));
  }
  key_window w;
  w.step = step;
  if (lacks) w.missing = missing;
  if (repeats) w.repeated = repeated;
  const double aim_time = random.uniform(0.1, 0.9), aim_place = random.uniform(0.15, 0.85);
  const double kind = random.uniform(), when = random.uniform();
  const index_t where = random.below(clip.width() - o.width + 1);
  std::vector<const note*> seen;
  for (const note& n : clip.notes) {
    const bool within = n.pitch >= clip.layout.lowest_key && n.pitch <= clip.layout.highest_key;
    if (within && n.onset > clip.times.front() && n.onset < clip.times.back()) seen.push_back(&n);
  }
  const index_t chosen = random.below((std::max)(index_t{1}, static_cast<index_t>(std::ssize(seen))));
  w.mirrored = random.uniform() < 0.5 && !plain;
  w.start = when * (all - length - 3);
  w.left = where;
  if (!seen.empty()) {
    const note& n = *seen[static_cast<std::size_t>(chosen)];
    if (kind >= o.anywhen) w.start = clip.frame_at(n.onset) - length * aim_time - step;
    if (kind < 1 - o.anywhere) {
      const double x = clip.layout.centre(n.pitch) - aim_place * static_cast<double>(o.width);
      w.left = std::clamp(static_cast<index_t>(x), index_t{0}, clip.width() - o.width);
    }
  }
  w.start = std::clamp(w.start, 0.0, all - length - 2);
  if (step == std::floor(step)) w.start = std::floor(w.start);
  return w;
}

/// The keys of a window that count, and their targets. Keys whose centre is at least 20 pixels from the window's
/// borders and 8 from the strip's can be chosen; `o.keys` of them are, at random, in the order of their pitch, all
/// again where there are fewer.
inline void window_targets(const key_clip& clip, const key_window& w, rng& random, std::span<float> row,
                           const key_window_options& o = {}, const key_target_options& targets = {}) {
  const key_targets<float> out(row, o.keys, o.frames);
  const auto width = static_cast<double>(o.width);
  std::vector<int> pitches;
  for (int pitch = clip.layout.lowest_key; pitch <= clip.layout.highest_key; ++pitch) {
    const double x = clip.layout.centre(pitch);
    const double in_window = x - static_cast<double>(w.left);
    if (in_window < 20 || in_window > width - 20 || x < 8 || x > static_cast<double>(clip.width()) - 8) continue;
    pitches.push_back(pitch);
  }
  for (index_t extra = std::ssize(pitches) - o.keys; extra > 0; --extra) {
    pitches.erase(pitches.begin() + random.below(std::ssize(pitches)));
  }
  std::vector<double> times;
  for (index_t f = 0; f < o.frames; ++f) times.push_back(clip.time_of(w.position(f)));
  const double period = w.step * clip.period();
  std::vector<note> near;  // those that reach into the window
  for (const note& n : clip.notes) {
    if (n.onset < times.back() + 1 && n.offset > times.front() - 1) near.push_back(n);
  }
  for (index_t k = 0; k < o.keys; ++k) {
    const int pitch = pitches[static_cast<std::size_t>(k % std::ssize(pitches))];
    const double x = clip.layout.centre(pitch) - static_cast<double>(w.left);
    out.place(k) = static_cast<float>(w.mirrored ? width - x : x);
    out.black(k) = keyboard::is_white(pitch) ? 0.0F : 1.0F;
    write_key_targets<float>(near, pitch, times, period, out, k, targets);
  }
}

}  // namespace vmt::inline VMT_ABI::train
