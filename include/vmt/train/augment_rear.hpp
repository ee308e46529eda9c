// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/keyboard/strip_layout.hpp>
#include <vmt/train/plane_filters.hpp>

#include <span>

namespace vmt::inline VMT_ABI::train {

/// What happens at the keys' rear edge and behind it: falling notes, lids, hands of clocks. Shares are of windows.
struct rear_options {
  double behind_share = 0.5;     ///< the rows behind the keys show something else: an even tone, noise, or bars
  double glow_share = 0.3;       ///< light that spreads from the rear edge over the keys, and sparks
  double unrelated_share = 0.5;  ///< of those with bars or glow: they have nothing to do with the notes
};

/// A note as a window shows it: the column of its key's middle, its onset and offset in frames.
struct seen_note {
  double x = 0;
  double onset = 0;
  double offset = 0;
};

/// Makes the rear edge a place that tells nothing, or something wrong. Bars and glow belong to the notes or to none.
class rear_augmenter {
 public:
  explicit rear_augmenter(const rear_options& options = {}) : o_(options) {}

  /// `frames` of one size, which is the plate's; gray values are added to and not clamped.
  void operator()(std::span<plane> frames, plane& plate, std::span<const seen_note> notes, rng random) const {
    const bool behind = random.uniform() < o_.behind_share, glow = random.uniform() < o_.glow_share;
    if (!behind && !glow) return;
    std::vector<seen_note> lights(notes.begin(), notes.end());
    if (random.uniform() < o_.unrelated_share) make_up(lights, plate.width, std::ssize(frames), random);
    if (behind) cover(frames, plate, lights, random);
    if (glow) shine(frames, lights, random);
  }

 private:
  static void make_up(std::vector<seen_note>& lights, index_t width, index_t frames, rng& random) {
    lights.resize(static_cast<std::size_t>(2 + random.below(9)));
    for (seen_note& n : lights) {
      n.x = 8 + 8 * static_cast<double>(random.below(width / 8 - 1));
      n.onset = random.uniform(-4, static_cast<double>(frames));
      n.offset = n.onset + random.uniform(2, 14);
    }
  }

  /// Some rows from the top on, which need not end where the keys begin: registrations err.
  static void cover(std::span<plane> frames, plane& plate, std::span<const seen_note> lights, rng& random) {
    const index_t rows = 3 + random.below(7);
    const auto tone = static_cast<float>(random.uniform(0, 200));
    const double kind = random.uniform();
    const auto bright = static_cast<float>(random.uniform(40, 250));
    const double half = random.uniform(3, 8), lead = random.uniform(0, 4);
    const double loud = random.uniform(3, 40);
    const auto fill = [&](plane& p) {
      for (index_t y = 0; y < rows; ++y) std::fill_n(p.row(y), p.width, tone);
    };
    fill(plate);
    for (std::size_t f = 0; f < frames.size(); ++f) {
      plane& p = frames[f];
      fill(p);
      if (kind < 0.3) continue;
      if (kind < 0.5) {
        for (index_t y = 0; y < rows; ++y) {
          for (index_t x = 0; x < p.width; ++x) p.row(y)[x] += static_cast<float>(random.uniform(-loud, loud));
        }
        continue;
      }
      for (const seen_note& n : lights) {
        const auto at = static_cast<double>(f);
        if (at < n.onset - lead || at > n.offset) continue;
        const auto left = std::clamp<index_t>(static_cast<index_t>(n.x - half), 0, p.width);
        const auto right = std::clamp<index_t>(static_cast<index_t>(n.x + half), left, p.width);
        for (index_t y = 0; y < rows; ++y) std::fill(p.row(y) + left, p.row(y) + right, bright);
      }
    }
  }

  /// For each note a light that is strongest at its onset, soft in both directions, and flickers.
  static void shine(std::span<plane> frames, std::span<const seen_note> lights, rng& random) {
    const double strength = random.uniform(10, 140), fade = random.uniform(1, 12), steady = random.uniform(0, 0.6);
    const double wide = random.uniform(4, 16), deep = random.uniform(5, 40), early = random.uniform(-1, 1.5);
    const double sparks = random.uniform() < 0.4 ? random.uniform(30, 200) : 0;
    const double rear = static_cast<double>(keyboard::strip_layout::rows_behind) + 2 * random.normal();
    std::vector<float> across, down;
    for (const seen_note& n : lights) {
      for (std::size_t f = 0; f < frames.size(); ++f) {
        plane& p = frames[f];
        const double age = static_cast<double>(f) - n.onset + early;
        if (age < 0 || static_cast<double>(f) > n.offset + 2 * fade) continue;
        const bool on = static_cast<double>(f) <= n.offset;
        const double now =
            strength * ((1 - steady) * std::exp(-age / fade) + (on ? steady : 0)) * random.uniform(0.8, 1.2);
        if (now < 2) continue;
        bell(n.x, wide, p.width, across);
        bell(rear, deep, p.height, down);
        for (index_t y = 0; y < p.height; ++y) {
          const float row = static_cast<float>(now) * down[static_cast<std::size_t>(y)];
          if (row < 0.5F) continue;
          for (index_t x = 0; x < p.width; ++x) p.row(y)[x] += row * across[static_cast<std::size_t>(x)];
        }
        if (sparks > 0 && age < fade + 2) {
          for (int i = 0; i < 5; ++i) dot(p, n.x + 2 * wide * random.normal(), random.uniform(0, 3 * deep), sparks);
        }
      }
    }
  }

  /// exp(−((i + ½ − at)/sigma)²)
  static void bell(double at, double sigma, index_t size, std::vector<float>& out) {
    out.resize(static_cast<std::size_t>(size));
    for (index_t i = 0; i < size; ++i) {
      const double d = (static_cast<double>(i) + 0.5 - at) / sigma;
      out[static_cast<std::size_t>(i)] = static_cast<float>(std::exp(-d * d));
    }
  }

  static void dot(plane& p, double x, double y, double tone) {
    const auto left = static_cast<index_t>(std::floor(x)), top = static_cast<index_t>(std::floor(y));
    if (left < 0 || top < 0 || left + 1 >= p.width || top + 1 >= p.height) return;
    for (index_t dy = 0; dy < 2; ++dy) {
      for (index_t dx = 0; dx < 2; ++dx) p.row(top + dy)[left + dx] += static_cast<float>(tone);
    }
  }

  rear_options o_;
};

}  // namespace vmt::inline VMT_ABI::train
