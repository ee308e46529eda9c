// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/geometry.hpp>
#include <vmt/keyboard/homography.hpp>
#include <vmt/media/frame.hpp>

#include <algorithm>  // clamp

namespace vmt::inline VMT_ABI::keyboard {

/// The spans of all keys from the lowest to the highest: those of the keyboard, or of the layout of a piano.
[[nodiscard]] inline std::vector<key_span> spans_or_layout(const keyboard& k) {
  if (!k.keys.empty()) return k.keys;
  const layout piano = piano_layout(k.lowest_key, k.highest_key);
  std::vector<key_span> spans;
  for (const key_shape& key : piano.keys) spans.push_back({key.left / piano.width, key.right / piano.width});
  return spans;
}

/// Draws a keyboard into a picture of its size, to be checked by eye: the outline and the borders of the keys in black
/// and white dashes, a dot on every C, a larger one on middle C (60). Throws as `validate`, and `inconsistent` where
/// the picture has another size or the lens does not show the corners.
inline void draw_overlay(const keyboard& k, frame& picture) {
  validate(k);
  if (picture.width != k.image_width || picture.height != k.image_height ||
      std::ssize(picture.pixels) != picture.width * picture.height) {
    throw error(errc::inconsistent, "the keyboard was measured in pictures of " + std::to_string(k.image_width) + "x" +
                                        std::to_string(k.image_height) + " pixels, the picture to draw into has " +
                                        std::to_string(picture.width) + "x" + std::to_string(picture.height));
  }
  const radial_lens lens(k.lens, picture.width, picture.height);
  std::array<point, 4> corners = k.corners;
  for (point& p : corners) p = lens.undistort(p);
  const square_to_quad quad(corners);
  const double size = std::hypot(k.corners[1].x - k.corners[0].x, k.corners[1].y - k.corners[0].y);
  const double pitch = size / (white_keys_below(k.highest_key + 1) - white_keys_below(k.lowest_key));
  const auto thick = static_cast<index_t>(std::clamp(std::lround(pitch / 24), 1L, 8L));

  const auto dot = [&](point p, index_t radius, std::uint8_t gray) {
    const auto cx = static_cast<index_t>(std::floor(p.x));
    const auto cy = static_cast<index_t>(std::floor(p.y));
    for (index_t y = (std::max)(cy - radius, index_t{0}); y <= (std::min)(cy + radius, picture.height - 1); ++y) {
      for (index_t x = (std::max)(cx - radius, index_t{0}); x <= (std::min)(cx + radius, picture.width - 1); ++x) {
        if ((x - cx) * (x - cx) + (y - cy) * (y - cy) <= radius * radius) picture.row(y)[x] = gray;
      }
    }
  };
  const auto line = [&](double u0, double v0, double u1, double v1) {
    const point a = quad(u0, v0);
    const point b = quad(u1, v1);
    const auto steps = static_cast<int>(std::clamp(2 * std::hypot(b.x - a.x, b.y - a.y), 2.0, 1e5));
    for (int i = 0; i <= steps; ++i) {
      const double t = static_cast<double>(i) / steps;
      const point p = lens.distort(quad(u0 + t * (u1 - u0), v0 + t * (v1 - v0)));
      dot(p, thick - 1, (i / 12) % 2 == 0 ? 255 : 0);
    }
  };
  line(0, 0, 1, 0);
  line(1, 0, 1, 1);
  line(1, 1, 0, 1);
  line(0, 1, 0, 0);
  const std::vector<key_span> spans = spans_or_layout(k);
  const double black_length = piano_sizes{}.black_length / piano_sizes{}.depth;
  for (int key = k.lowest_key; key <= k.highest_key; ++key) {
    const key_span s = spans[static_cast<std::size_t>(key - k.lowest_key)];
    if (is_white(key)) {
      if (key > k.lowest_key) line(s.left, black_length, s.left, 1);
    } else {
      line(s.left, 0, s.left, black_length);
      line(s.left, black_length, s.right, black_length);
      line(s.right, black_length, s.right, 0);
    }
    if (key % 12 == 0) {
      const auto radius = static_cast<index_t>(pitch * (key == 60 ? 0.35 : 0.2));
      dot(lens.distort(quad(s.centre(), 0.85)), radius + 1, 255);
      dot(lens.distort(quad(s.centre(), 0.85)), radius, 0);
    }
  }
}

}  // namespace vmt::inline VMT_ABI::keyboard
