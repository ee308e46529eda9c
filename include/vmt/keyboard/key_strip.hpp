// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/homography.hpp>
#include <vmt/keyboard/resample.hpp>
#include <vmt/keyboard/strip_layout.hpp>

#include <vector>  // borders

namespace vmt::inline VMT_ABI::keyboard {

/// The borders of the white keys from left to right, as fractions of the keyboard's width: where the keyboard has spans
/// of its keys, half-way between two white neighbours, else evenly spread. One more than there are white keys.
[[nodiscard]] inline std::vector<double> white_borders(const keyboard& k) {
  const strip_layout layout{k.lowest_key, k.highest_key};
  validate(layout);
  std::vector<double> borders;
  const double count = static_cast<double>(layout.white_keys());
  if (k.keys.empty()) {
    for (index_t i = 0; i <= layout.white_keys(); ++i) borders.push_back(static_cast<double>(i) / count);
    return borders;
  }
  if (static_cast<index_t>(k.keys.size()) != layout.keys()) {
    throw error(errc::inconsistent, "the keyboard: " + std::to_string(k.keys.size()) + " key spans for " +
                                        std::to_string(layout.keys()) + " keys");
  }
  double right = k.keys.front().left;
  for (int pitch = k.lowest_key; pitch <= k.highest_key; ++pitch) {
    if (!is_white(pitch)) continue;
    const key_span& span = k.keys[static_cast<std::size_t>(pitch - k.lowest_key)];
    borders.push_back((right + span.left) / 2);
    right = span.right;
  }
  borders.push_back(right);
  for (std::size_t i = 1; i < borders.size(); ++i) {
    if (!(borders[i] > borders[i - 1])) {
      throw error(errc::inconsistent, "the keyboard: the white key number " + std::to_string(i) +
                                          " from the left has no width; the spans of the white keys must rise");
    }
  }
  return borders;
}

/// Where the positions of a key-aligned strip are seen in the picture: straight lines between the borders of the white
/// keys, then the perspective of the corners, then the lens.
class key_strip_map {
 public:
  /// For pictures of a size. Throws as `validate`, `scaled_to` and `white_borders`.
  key_strip_map(const keyboard& where, index_t width, index_t height)
      : key_strip_map(scaled(where, width, height), radial_lens(where.lens, width, height)) {}

  /// The picture point at strip position (x, y), pixels from the strip's outer corner; positions beyond the strip
  /// continue its outermost keys.
  [[nodiscard]] point operator()(double x, double y) const noexcept {
    const double column = x / static_cast<double>(strip_layout::white_pitch);
    const auto i = static_cast<std::size_t>(std::clamp(column, 0.0, static_cast<double>(borders_.size() - 2)));
    const double u = borders_[i] + (column - static_cast<double>(i)) * (borders_[i + 1] - borders_[i]);
    const double v =
        (y - static_cast<double>(strip_layout::rows_behind)) / static_cast<double>(strip_layout::rows_on_keys);
    return lens_.distort(quad_(u, v));
  }

  /// The inverse of the piecewise linear part: the strip's column, in pixels, at a fraction u of the keyboard's width.
  /// 0 and the strip's width for u = 0 and 1 but where the spans of the outermost keys leave a margin.
  [[nodiscard]] double column_of(double u) const noexcept {
    std::size_t i = 0;
    while (i + 2 < borders_.size() && u > borders_[i + 1]) ++i;
    return static_cast<double>(strip_layout::white_pitch) *
           (static_cast<double>(i) + (u - borders_[i]) / (borders_[i + 1] - borders_[i]));
  }

 private:
  static keyboard scaled(const keyboard& where, index_t width, index_t height) {
    validate(where);
    return scaled_to(where, width, height);
  }
  static std::array<point, 4> undistorted(const keyboard& k, const radial_lens& lens) {
    std::array<point, 4> corners = k.corners;
    for (point& p : corners) p = lens.undistort(p);
    return corners;
  }
  key_strip_map(const keyboard& k, const radial_lens& lens)
      : lens_(lens), quad_(undistorted(k, lens)), borders_(white_borders(k)) {}

  radial_lens lens_;
  square_to_quad quad_;
  std::vector<double> borders_;
};

/// Cuts the keyboard out of a picture as a key-aligned strip (`strip_layout`): 832x96 pixels for 88 keys, lowest key at
/// left, player at the bottom, whichever way the camera looked. How a pixel is computed, and what that costs:
/// `resampler`. A const object may be shared by threads.
///
///     vmt::keyboard::key_strip straight(where, 1280, 720);
///     for (vmt::frame f, strip; video(f);) {
///       straight(f, strip);
///       use(strip);
///     }
class key_strip {
 public:
  /// `width`, `height`: the size of the frames to come, to which the keyboard is scaled. Throws as `validate`,
  /// `scaled_to` and `white_borders`.
  key_strip(const keyboard& where, index_t width, index_t height)
      : layout_{where.lowest_key, where.highest_key},
        map_(where, width, height),
        resample_(width, height, layout_.width(), layout_.height(), 0, static_cast<double>(layout_.width()), map_) {}

  [[nodiscard]] const strip_layout& layout() const noexcept { return layout_; }
  /// Strip position to picture point.
  [[nodiscard]] const key_strip_map& map() const noexcept { return map_; }

  /// Fills `strip` from `picture`; time, number and damage mark go along. The two must be different objects.
  /// Throws `inconsistent` where the picture has not the size that was stated at construction.
  void operator()(const frame& picture, frame& strip) const { resample_(picture, strip); }

 private:
  strip_layout layout_;
  key_strip_map map_;
  resampler resample_;
};

}  // namespace vmt::inline VMT_ABI::keyboard
