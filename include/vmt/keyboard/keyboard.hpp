// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <algorithm>  // max
#include <array>      // corners
#include <cmath>      // isfinite
#include <string>     // messages
#include <vector>     // spans

namespace vmt::inline VMT_ABI::keyboard {

/// A point in the picture, in pixels. Integers are pixel edges: (0, 0) is the outer corner of the top left pixel, whose
/// centre is (0.5, 0.5); (width, height) is the outer corner of the bottom right pixel.
struct point {
  double x = 0;
  double y = 0;
};

/// What a key takes of the width between the left edge of the lowest and the right edge of the highest key, 0 … 1, in
/// the straightened keyboard. White keys are measured at their front gaps, black ones at their tops.
struct key_span {
  double left = 0;
  double right = 0;

  [[nodiscard]] constexpr double centre() const noexcept { return (left + right) / 2; }
};

/// Where the keyboard lies in the picture of a camera that does not move.
struct keyboard {
  index_t image_width = 0;  ///< size of the picture that `corners` were measured in
  index_t image_height = 0;
  /// The outer corners of the keys, top left, top right, bottom right, bottom left as the player sees it: lowest key at
  /// left, player at the bottom. A camera that looks from the other side has them upside down in the picture.
  std::array<point, 4> corners{};
  int lowest_key = 21;    ///< MIDI number of the leftmost key, a white one; 21 is A0
  int highest_key = 108;  ///< MIDI number of the rightmost key, a white one; 108 is C8
  /// Radial lens distortion k: a point that a perfect lens would show at distance r from the centre of the picture is
  /// seen at distance r (1 + k r²); r is 1 at the corners of the picture. Negative for barrel distortion.
  double lens = 0;
  double score = 1;  ///< how sure the finder is, 0 to 1
  /// The picture is mirrored, as selfie cameras do: the corners, named as the player sees them, then run
  /// counter-clockwise.
  bool mirrored = false;
  /// The spans of the keys lowest_key … highest_key as they are seen, with the parallax of the raised black keys and
  /// what the lens coefficient leaves over; empty: as in the layout of a piano.
  std::vector<key_span> keys{};
};

/// Whether a MIDI key number is a white key.
[[nodiscard]] constexpr bool is_white(int key) noexcept {
  const int in_octave = key % 12;
  return in_octave < 5 ? in_octave % 2 == 0 : in_octave % 2 == 1;
}

/// The number of white keys from A0 (21) up to, not including, a key of 21 … 109: 0 for A0, 51 for C8, 52 for 109.
[[nodiscard]] constexpr int white_keys_below(int key) noexcept {
  int count = 0;
  for (int k = 21; k < key; ++k) count += is_white(k) ? 1 : 0;
  return count;
}

/// The keyboard that fills a picture: for frames that are registered already.
[[nodiscard]] constexpr keyboard whole_picture(index_t width, index_t height) noexcept {
  const auto w = static_cast<double>(width);
  const auto h = static_cast<double>(height);
  keyboard k;
  k.image_width = width;
  k.image_height = height;
  k.corners = {{{0, 0}, {w, 0}, {w, h}, {0, h}}};
  return k;
}

namespace detail {

inline constexpr std::array<const char*, 4> corner_names{"top left", "top right", "bottom right", "bottom left"};

inline std::string text(const point& p) {
  const auto number = [](double v) {
    const std::string s = std::to_string(v);
    return s.substr(0, s.find('.') + 2);
  };
  return "(" + number(p.x) + ", " + number(p.y) + ")";
}

/// The part of `validate` about the spans of the keys.
inline void validate_spans(const keyboard& k) {
  if (k.keys.empty()) return;
  const auto count = static_cast<std::size_t>(k.highest_key - k.lowest_key + 1);
  if (k.keys.size() != count) {
    throw error(errc::inconsistent, "the keyboard: there are spans for " + std::to_string(k.keys.size()) +
                                        " keys, but " + std::to_string(count) + " keys from the lowest to the highest");
  }
  std::array<double, 2> before{-0.1, -0.1};  // where the last black and the last white key began
  for (std::size_t i = 0; i < count; ++i) {
    const key_span s = k.keys[i];
    const int key = k.lowest_key + static_cast<int>(i);
    double& last = before[is_white(key) ? 1 : 0];
    if (!(s.left >= last && s.right > s.left && s.right <= 1.1)) {
      throw error(errc::invalid_argument, "the keyboard: the span of key " + std::to_string(key) +
                                              " is not a part of the width to the right of the keys before it");
    }
    last = s.left;
  }
}

}  // namespace detail

/// Throws `invalid_argument`, `not_finite` or `inconsistent` with a sentence unless all holds: the picture has 1 …
/// 65536 pixels each way; the corners are finite, inside the picture or at most a quarter of its size outside, and make
/// a convex quadrilateral in the stated order (clockwise in the picture, counter-clockwise in a mirrored one) that is
/// at least 8 pixels wide and 2 high; 21 ≤ lowest < highest ≤ 108, both white; |lens| ≤ 0.25; score in 0 … 1; there is
/// no span, or one for each key, of which those of the white and those of the black keys run from left to right, within
/// −0.1 … 1.1.
inline void validate(const keyboard& k) {
  const auto fail = [](errc code, const std::string& what) { throw error(code, "the keyboard: " + what); };
  if (k.image_width < 1 || k.image_height < 1 || k.image_width > 65536 || k.image_height > 65536) {
    fail(errc::invalid_argument, "the image size " + std::to_string(k.image_width) + "x" +
                                     std::to_string(k.image_height) + " is not 1 to 65536 pixels each way");
  }
  const auto w = static_cast<double>(k.image_width);
  const auto h = static_cast<double>(k.image_height);
  for (std::size_t i = 0; i < 4; ++i) {
    const point p = k.corners[i];
    if (!std::isfinite(p.x) || !std::isfinite(p.y)) {
      fail(errc::not_finite, std::string("the ") + detail::corner_names[i] + " corner is not finite");
    }
    if (p.x < -w / 4 || p.x > w * 5 / 4 || p.y < -h / 4 || p.y > h * 5 / 4) {
      fail(errc::invalid_argument, std::string("the ") + detail::corner_names[i] + " corner " + detail::text(p) +
                                       " is far outside the picture of " + std::to_string(k.image_width) + "x" +
                                       std::to_string(k.image_height) + " pixels");
    }
  }
  int turns_right = 0;
  int turns_left = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const point a = k.corners[i];
    const point b = k.corners[(i + 1) % 4];
    const point c = k.corners[(i + 2) % 4];
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    if (length < (i % 2 == 0 ? 8 : 2)) {
      fail(errc::inconsistent, std::string("the ") + detail::corner_names[i] + " and " +
                                   detail::corner_names[(i + 1) % 4] + " corners, " + detail::text(a) + " and " +
                                   detail::text(b) + ", are too close to each other");
    }
    const double cross = (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x);
    const double sine = cross / (length * (std::max)(std::hypot(c.x - b.x, c.y - b.y), 1e-9));
    turns_right += sine > 0.01 ? 1 : 0;
    turns_left += sine < -0.01 ? 1 : 0;
  }
  if ((k.mirrored ? turns_right : turns_left) == 4) {
    fail(errc::inconsistent, k.mirrored
                                 ? "the corners run clockwise, but the picture is said to be mirrored; expected are "
                                   "top left, top right, bottom right, bottom left as the player sees them"
                                 : "the corners run counter-clockwise, as in a mirrored picture; expected are top "
                                   "left, top right, bottom right, bottom left as the player sees them (a picture "
                                   "that is mirrored must be said to be)");
  }
  if ((k.mirrored ? turns_left : turns_right) != 4) {
    fail(errc::inconsistent,
         "the corners do not make a convex quadrilateral; expected are top left, top right, bottom "
         "right, bottom left as the player sees them");
  }
  for (const int key : {k.lowest_key, k.highest_key}) {
    if (key < 21 || key > 108 || !is_white(key)) {
      fail(errc::invalid_argument,
           "the outermost key " + std::to_string(key) + " is not a white key of the piano (MIDI numbers 21 to 108)");
    }
  }
  if (k.lowest_key >= k.highest_key) {
    fail(errc::inconsistent, "the lowest key " + std::to_string(k.lowest_key) + " is not below the highest key " +
                                 std::to_string(k.highest_key));
  }
  if (!(std::abs(k.lens) <= 0.25)) fail(errc::invalid_argument, "the lens coefficient is not within -0.25 to 0.25");
  if (!(k.score >= 0 && k.score <= 1)) fail(errc::invalid_argument, "the score is not within 0 to 1");
  detail::validate_spans(k);
}

/// The same keyboard in pictures of another size, such as a smaller copy of the video. Throws `inconsistent` where the
/// aspect ratios differ by more than rounding (1.5 %): the picture was cropped or squeezed then, and the corners do not
/// hold.
[[nodiscard]] inline keyboard scaled_to(keyboard k, index_t width, index_t height) {
  if (width == k.image_width && height == k.image_height) return k;
  const double across = static_cast<double>(width) / static_cast<double>(k.image_width);
  const double down = static_cast<double>(height) / static_cast<double>(k.image_height);
  if (!(std::abs(across / down - 1) <= 0.015)) {
    throw error(errc::inconsistent, "the keyboard was measured in pictures of " + std::to_string(k.image_width) + "x" +
                                        std::to_string(k.image_height) + " pixels, but the frames have " +
                                        std::to_string(width) + "x" + std::to_string(height) +
                                        ", another aspect ratio; find the keyboard again in these frames");
  }
  for (point& p : k.corners) p = {p.x * across, p.y * down};
  k.image_width = width;
  k.image_height = height;
  return k;
}

}  // namespace vmt::inline VMT_ABI::keyboard
