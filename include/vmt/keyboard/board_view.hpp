// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/black_keys.hpp>
#include <vmt/keyboard/homography.hpp>

namespace vmt::inline VMT_ABI::keyboard {

/// How a camera sees a keyboard: board to picture. On the board x counts white pitches (0 at the left edge of white key
/// 0), y runs from 0 at the rear edge of the keys to 1 at the front edge of the white ones.
///
/// A point goes through a projective map, x' = (h0 X + h1 y + h2) / (h6 X + h7 y + 1), y' alike with h3 h4 h5, where
/// X = (x − middle) / 26 and pictures reach from the centre (0, 0) to the corners at distance 1; then through the
/// radial lens of `keyboard::lens`. The tops of the black keys, which stand nearer to the camera, are seen at x (1 +
/// raise) − shift (in units of X); `foot` is half the width of a black key where it leaves the white ones, in pitches.
/// Seen from aside, one edge of the dark shape is that of the top, the other that of the foot.
class board_view {
 public:
  static constexpr std::size_t size = 13;
  enum parameter : std::size_t { lens = 8, raise = 9, shift = 10, black_length = 11, foot = 12 };
  using vector = std::array<double, size>;

  /// The view before it is known, for pictures of a size; `middle`: about where the middle of the keys is.
  board_view(index_t width, index_t height, double middle) noexcept
      : centre_{static_cast<double>(width) / 2, static_cast<double>(height) / 2},
        unit_(std::hypot(centre_.x, centre_.y)),
        middle_(middle) {}

  vector values{1, 0, 0, 0, 1, 0, 0, 0, 0, 0.0125, 0, 0.635, 0.285};

  [[nodiscard]] double middle() const noexcept { return middle_; }
  [[nodiscard]] double unit() const noexcept { return unit_; }
  [[nodiscard]] point centre() const noexcept { return centre_; }

  /// Where a point of the white keys' plane is seen by a camera without a lens error.
  [[nodiscard]] point straight(double x, double y) const noexcept {
    const vector& h = values;
    const double across = (x - middle_) / 26;
    const double w = h[6] * across + h[7] * y + 1;
    return {(h[0] * across + h[1] * y + h[2]) / w, (h[3] * across + h[4] * y + h[5]) / w};
  }

  /// Where a point of the white keys' plane is seen, in pixels.
  [[nodiscard]] point operator()(double x, double y) const noexcept {
    const point p = straight(x, y);
    const double s = unit_ * (1 + values[lens] * (p.x * p.x + p.y * p.y));
    return {centre_.x + s * p.x, centre_.y + s * p.y};
  }

  /// Whether the point lies before the camera, and the lens is sound there.
  [[nodiscard]] bool sees(double x, double y) const noexcept {
    if (!(values[6] * (x - middle_) / 26 + values[7] * y + 1 > 0.1)) return false;
    const point p = straight(x, y);
    return 1 + 3 * values[lens] * (p.x * p.x + p.y * p.y) > 0.2;
  }

  /// Where the top of a black key at x seems to be on the plane of the white keys.
  [[nodiscard]] double raised(double x) const noexcept {
    return middle_ + (x - middle_) * (1 + values[raise]) - 26 * values[shift];
  }
  /// The edges of what is seen of a black key, on the plane of the white keys: x in pitches; `x` is its middle.
  [[nodiscard]] double dark_left(double x) const noexcept {
    return (std::min)(raised(x) - values[foot] + flank, x - values[foot]);
  }
  [[nodiscard]] double dark_right(double x) const noexcept {
    return (std::max)(raised(x) + values[foot] - flank, x + values[foot]);
  }
  [[nodiscard]] double black_left(int black) const noexcept { return dark_left(black_centre(black)); }
  [[nodiscard]] double black_right(int black) const noexcept { return dark_right(black_centre(black)); }
  /// How much narrower a black key is at its top than at its foot, on each side: 1.6 mm.
  static constexpr double flank = 0.068;

  /// The view in which the white keys lie `by` pitches further right and the tops of black keys where they were.
  [[nodiscard]] board_view with_whites_moved(double by) const noexcept {
    board_view moved = *this;
    vector& h = moved.values;
    const double s = by / 26;
    const double w = 1 + h[6] * s;
    h[2] = (h[2] + h[0] * s) / w;
    h[5] = (h[5] + h[3] * s) / w;
    for (const std::size_t i : {0U, 1U, 3U, 4U, 6U, 7U}) h[i] /= w;
    h[shift] += s;
    return moved;
  }

  /// The size of a white pitch in pixels about a point of the board, along the keyboard.
  [[nodiscard]] double pitch(double x, double y) const noexcept {
    const point a = (*this)(x - 0.5, y);
    const point b = (*this)(x + 0.5, y);
    return std::hypot(b.x - a.x, b.y - a.y);
  }

 private:
  point centre_;
  double unit_;
  double middle_;
};

}  // namespace vmt::inline VMT_ABI::keyboard
