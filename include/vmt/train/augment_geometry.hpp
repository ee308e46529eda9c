// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/train/plane_filters.hpp>

namespace vmt::inline VMT_ABI::train {

/// Small errors of the registration, standard deviations.
struct geometry_options {
  double scale_x = 0.012;
  double scale_y = 0.03;
  double shear = 0.02;      ///< columns a row
  double rotation = 0.004;  ///< rows a column
  double shift_x = 1.3;     ///< pixels
  double shift_y = 2.0;
};

/// An affine map from a window's pixels to a larger picture around it, with linear interpolation; beyond the picture
/// its border is repeated. Computed once, used for all frames of a window.
class affine_warp {
 public:
  /// The window of width × height, moved `left` pixels to the right in the picture of in_width × height; `random` null:
  /// the identity. `mirrored` turns the result round.
  affine_warp(index_t width, index_t height, index_t in_width, index_t left, bool mirrored, rng* random,
              const geometry_options& o = {})
      : width_(width), height_(height), in_width_(in_width) {
    const auto normal = [&](double sigma) { return random == nullptr ? 0.0 : sigma * random->normal(); };
    const double across = 1 / (1 + normal(o.scale_x)), down = 1 / (1 + normal(o.scale_y));
    const double shear = normal(o.shear), rotation = normal(o.rotation);
    const double dx = normal(o.shift_x), dy = normal(o.shift_y);
    const double middle_x = static_cast<double>(width - 1) / 2, middle_y = static_cast<double>(height - 1) / 2;
    const auto pixels = static_cast<std::size_t>(width * height);
    corner_.reserve(pixels);
    right_.reserve(pixels);
    below_.reserve(pixels);
    for (index_t y = 0; y < height; ++y) {
      for (index_t i = 0; i < width; ++i) {
        const double u = static_cast<double>(mirrored ? width - 1 - i : i) - middle_x;
        const double v = static_cast<double>(y) - middle_y;
        const double x_in = static_cast<double>(left) + middle_x + across * u + shear * v + dx;
        const double y_in = middle_y + rotation * u + down * v + dy;
        const double px = std::clamp(x_in, 0.0, static_cast<double>(in_width - 1) - 1e-3);
        const double py = std::clamp(y_in, 0.0, static_cast<double>(height - 1) - 1e-3);
        corner_.push_back(static_cast<std::int32_t>(static_cast<index_t>(py) * in_width + static_cast<index_t>(px)));
        right_.push_back(static_cast<float>(px - std::floor(px)));
        below_.push_back(static_cast<float>(py - std::floor(py)));
      }
    }
  }

  void operator()(const plane& in, plane& out) const {
    out.resize(width_, height_);
    const float* const p = in.pixels.data();
    for (std::size_t i = 0; i < corner_.size(); ++i) {
      const float* const at = p + corner_[i];
      const float above = at[0] + right_[i] * (at[1] - at[0]);
      const float under = at[in_width_] + right_[i] * (at[in_width_ + 1] - at[in_width_]);
      out.pixels[i] = above + below_[i] * (under - above);
    }
  }

 private:
  index_t width_, height_, in_width_;
  std::vector<std::int32_t> corner_;  // the upper left of the four pixels
  std::vector<float> right_, below_;  // the shares of the others
};

}  // namespace vmt::inline VMT_ABI::train
