// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/levels.hpp>
#include <vmt/model/key_channels.hpp>
#include <vmt/train/augment_geometry.hpp>
#include <vmt/train/augment_light.hpp>
#include <vmt/train/augment_plate.hpp>
#include <vmt/train/augment_rear.hpp>
#include <vmt/train/augment_swap.hpp>
#include <vmt/train/key_window.hpp>

#include <optional>

namespace vmt::inline VMT_ABI::train {

/// How windows are changed in training.
struct key_augment_options {
  geometry_options geometry = {};
  light_options light = {};
  plate_error_options plate = {};
  rear_options rear = {};
  double swapped = 0.45;       ///< the share of real windows that go to another keyboard, where there is one
  double spoilt_plates = 0.5;  ///< the share of real windows whose plate is spoilt; that of rendered ones always is
};

/// A keyboard to put a window's hands on: its plate, and the column of it that takes the place of the window's first.
struct other_keyboard {
  const key_clip* clip = nullptr;  ///< null: there is none
  index_t left = 0;
};

/// Turns a window of a clip into the input of `key_net`, T × 3 × 96 × width: cut and blended in time, moved a little,
/// mirrored, put on another keyboard, its plate spoilt, its rear edge and its light changed, its levels estimated as in
/// a transcription, its channels computed. All choices come from the stream that is given. A const object may be shared
/// by threads.
class key_augmenter {
 public:
  explicit key_augmenter(const key_window_options& window = {}, const key_augment_options& options = {})
      : w_(window), o_(options), rear_(options.rear), light_(options.light) {}

  [[nodiscard]] const key_augment_options& options() const noexcept { return o_; }

  /// Throws as `key_clip::strips` and `key_channels`. `augment`: off, the window as it is.
  void operator()(const key_clip& clip, const key_window& window, bool augment, rng random, std::span<float> x,
                  const other_keyboard& other = {}) const {
    const index_t height = keyboard::strip_layout::height();
    const index_t lo = (std::max)(index_t{0}, window.left - around);
    const index_t hi = (std::min)(clip.width(), window.left + w_.width + around);
    rng geometry = random.from_block(0), plate_stream = random.from_block(1 << 10), light = random.from_block(1 << 12);
    const affine_warp warp(w_.width, height, hi - lo, window.left - lo, window.mirrored, augment ? &geometry : nullptr,
                           o_.geometry);
    std::vector<std::uint8_t> room;
    plane in, plate;
    copy(clip.plate.data(), clip.width(), lo, hi, in);
    std::optional<plate_swap> swap;
    if (augment && other.clip != nullptr) swap = other_plate(in, other, lo - window.left, random.from_block(1 << 9));
    if (swap) in = swap->plate();
    if (augment && (clip.rendered || plate_stream.uniform() < o_.spoilt_plates)) {
      const index_t any = plate_stream.below(clip.frames());
      plane hand;
      copy(clip.strips(any, any + 1, room).data(), clip.width(), lo, hi, hand);
      if (swap) (*swap)(hand);
      spoil_plate(in, hand, random.from_block(1 << 11), o_.plate);
    }
    warp(in, plate);

    std::vector<plane> frames(static_cast<std::size_t>(w_.frames + 1));
    const auto first = static_cast<index_t>(window.start);
    const double last = window.position(w_.frames - 1);
    const index_t end = (std::min)(clip.frames(), static_cast<index_t>(last) + 2);
    const std::span<const std::uint8_t> strips = clip.strips(first, end, room);
    for (std::size_t f = 0; f < frames.size(); ++f) {
      const double at = window.shown(static_cast<index_t>(f) - 1) - static_cast<double>(first);
      const auto before = (std::min)(static_cast<index_t>(at), end - first - 1);
      const auto after = (std::min)(before + 1, end - first - 1);
      const auto part = static_cast<float>(at - static_cast<double>(before));
      copy(strips.data() + before * clip.area(), clip.width(), lo, hi, in);
      if (part > 0) blend(strips.data() + after * clip.area(), clip.width(), lo, part, in);
      if (swap) (*swap)(in);
      warp(in, frames[f]);
    }
    if (augment) rear_(frames, plate, seen_notes(clip, window), random.from_block(1 << 13));
    if (augment) light_(frames, plate, light);
    channels(frames, plate, x);
  }

 private:
  static constexpr index_t around = 8;  ///< columns beside the window that the warp may reach

  /// The exchange for another plate, or, in half of the windows, for the mean of both.
  static plate_swap other_plate(const plane& own, const other_keyboard& other, index_t offset, rng random) {
    const bool half = random.uniform() < 0.5;
    const double threshold = random.uniform(15, 35);
    const key_clip& c = *other.clip;
    plane theirs;
    theirs.resize(own.width, own.height);
    for (index_t y = 0; y < own.height; ++y) {
      const std::uint8_t* const from = c.plate.data() + y * c.width();
      for (index_t i = 0; i < own.width; ++i) {
        const auto v = static_cast<float>(from[std::clamp<index_t>(other.left + offset + i, 0, c.width() - 1)]);
        theirs.row(y)[i] = half ? 0.5F * (v + own.row(y)[i]) : v;
      }
    }
    return {own, theirs, threshold};
  }

  /// The notes near the window, in its columns and frames (0: the one before the first).
  [[nodiscard]] std::vector<seen_note> seen_notes(const key_clip& clip, const key_window& window) const {
    std::vector<seen_note> seen;
    for (const note& n : clip.notes) {
      const double onset = (clip.frame_at(n.onset) - window.start) / window.step;
      const double offset = (clip.frame_at(n.offset) - window.start) / window.step;
      if (onset > static_cast<double>(w_.frames) + 4 || offset < -20) continue;
      const double x = clip.layout.centre(n.pitch) - static_cast<double>(window.left);
      if (x < -16 || x > static_cast<double>(w_.width) + 16) continue;
      seen.push_back({window.mirrored ? static_cast<double>(w_.width) - x : x, onset, offset});
    }
    return seen;
  }

  static void copy(const std::uint8_t* strip, index_t width, index_t lo, index_t hi, plane& out) {
    out.resize(hi - lo, keyboard::strip_layout::height());
    for (index_t y = 0; y < out.height; ++y) {
      const std::uint8_t* const from = strip + y * width + lo;
      float* const to = out.row(y);
      for (index_t i = 0; i < out.width; ++i) to[i] = static_cast<float>(from[i]);
    }
  }
  static void blend(const std::uint8_t* strip, index_t width, index_t lo, float part, plane& p) {
    for (index_t y = 0; y < p.height; ++y) {
      const std::uint8_t* const from = strip + y * width + lo;
      float* const to = p.row(y);
      for (index_t i = 0; i < p.width; ++i) to[i] += part * (static_cast<float>(from[i]) - to[i]);
    }
  }
  static void round(const plane& p, std::vector<std::uint8_t>& bytes) {
    bytes.assign(p.pixels.size(), 0);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(p.pixels[i] + 0.5F);
  }

  static void channels(std::span<const plane> frames, const plane& plate, std::span<float> x) {
    frame empty;
    empty.width = plate.width;
    empty.height = plate.height;
    round(plate, empty.pixels);
    const keyboard::levels levels = keyboard::estimate_levels(empty);
    std::vector<std::uint8_t> before, now;
    round(frames[0], before);
    const std::size_t size = 3 * plate.pixels.size();
    for (std::size_t f = 1; f < frames.size(); ++f) {
      round(frames[f], now);
      key_channels(now, before, plate.pixels, levels.white, levels.range, x.subspan((f - 1) * size, size));
      std::swap(now, before);
    }
  }

  key_window_options w_;
  key_augment_options o_;
  rear_augmenter rear_;
  light_augmenter light_;
};

}  // namespace vmt::inline VMT_ABI::train
