// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/homography.hpp>
#include <vmt/keyboard/resample.hpp>

namespace vmt::inline VMT_ABI::keyboard {

/// Cuts the keyboard out of a picture and makes it an upright strip: lowest key at left, player at the bottom, white
/// keys evenly spread (up to parallax). All 88 keys fill the strip; a shorter keyboard takes the place of its keys, and
/// the rest is black.
///
/// How a pixel is computed, and what that costs: `resampler`. A const object may be shared by threads.
class straightener {
 public:
  /// `width`, `height`: the size of the frames to come, to which the keyboard is scaled. Throws as `validate` and
  /// `scaled_to`, and `invalid_argument` for a strip that is not 1 … 8192 pixels each way.
  straightener(const keyboard& where, index_t width, index_t height, index_t strip_width = 800,
               index_t strip_height = 145)
      : resample_(plan(where, width, height, strip_width, strip_height)) {}

  [[nodiscard]] index_t strip_width() const noexcept { return resample_.strip_width(); }
  [[nodiscard]] index_t strip_height() const noexcept { return resample_.strip_height(); }

  /// Fills `strip` from `picture`; time, number and damage mark go along. The two must be different objects.
  /// Throws `inconsistent` where the picture has not the size that was stated at construction.
  void operator()(const frame& picture, frame& strip) const { resample_(picture, strip); }

 private:
  static resampler plan(const keyboard& where, index_t width, index_t height, index_t strip_width,
                        index_t strip_height) {
    resampler::check_sizes(width, height, strip_width, strip_height);
    validate(where);
    const keyboard k = scaled_to(where, width, height);
    const radial_lens lens(k.lens, width, height);
    std::array<point, 4> corners = k.corners;
    for (point& p : corners) p = lens.undistort(p);
    const square_to_quad quad(corners);
    // In the strip the keyboard takes the columns of its white keys, of 52 in all.
    const double white = static_cast<double>(strip_width) / 52;
    const double left = white * white_keys_below(k.lowest_key);
    const double right = white * white_keys_below(k.highest_key + 1);
    return {width, height, strip_width, strip_height, left, right, [&](double x, double y) {
              return lens.distort(quad((x - left) / (right - left), y / static_cast<double>(strip_height)));
            }};
  }

  resampler resample_;
};

}  // namespace vmt::inline VMT_ABI::keyboard
