// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/train/plane_filters.hpp>

namespace vmt::inline VMT_ABI::train {

/// Puts the hands of a video, and what they do to the keys, onto another keyboard.
class plate_swap {
 public:
  /// \param own        the plate of the video
  /// \param other      the other keyboard's, of the same size, the same keys at the same places
  /// \param threshold  gray levels from the own plate from which on a pixel is taken as a hand's
  plate_swap(const plane& own, const plane& other, double threshold)
      : own_(own),
        other_(other),
        threshold_(static_cast<float>(threshold)),
        across_(detail::gaussian_filter(own.width, 1)),
        down_(detail::gaussian_filter(own.height, 1)) {
    ratio_.resize(own.width, own.height);
    for (std::size_t i = 0; i < ratio_.pixels.size(); ++i) {
      ratio_.pixels[i] = (other.pixels[i] + dark) / (own.pixels[i] + dark);
    }
  }

  /// m p + (1 − m) clamp((p + 8)(other + 8)/(own + 8) − 8), where m is the blurred mask of the pixels that, blurred,
  /// are further than the threshold from the own plate: hands stay, everything else, presses too, changes its keyboard.
  void operator()(plane& p) {
    mask_.resize(p.width, p.height);
    for (std::size_t i = 0; i < p.pixels.size(); ++i) mask_.pixels[i] = std::abs(p.pixels[i] - own_.pixels[i]);
    filter(mask_, across_, down_, between_, soft_);
    for (float& v : soft_.pixels) v = v > threshold_ ? 1.0F : 0.0F;
    filter(soft_, across_, down_, between_, mask_);
    for (std::size_t i = 0; i < p.pixels.size(); ++i) {
      const float moved = std::clamp((p.pixels[i] + dark) * ratio_.pixels[i] - dark, 0.0F, 255.0F);
      p.pixels[i] = moved + mask_.pixels[i] * (p.pixels[i] - moved);
    }
  }

  /// What the plate has become.
  [[nodiscard]] const plane& plate() const noexcept { return other_; }

 private:
  static constexpr float dark = 8;  ///< gray levels that keep the ratio of dark pixels in bounds

  plane own_, other_, ratio_;
  float threshold_;
  axis_filter across_, down_;
  plane mask_, soft_, between_;
};

}  // namespace vmt::inline VMT_ABI::train
