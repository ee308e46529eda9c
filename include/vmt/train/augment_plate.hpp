// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/train/plane_filters.hpp>

namespace vmt::inline VMT_ABI::train {

/// What an estimated plate has of errors. Shares are of windows; "σ" are standard deviations.
struct plate_error_options {
  double residue_share = 0.45;  ///< a hand of another frame, 10 … 90 %, where that frame is not like the plate
  double shift_share = 0.4;     ///< moved by σ 0.25 pixels each way
  double blur_share = 0.4;      ///< blurred by σ 0.3 … 0.8 pixels
  double field_share = 0.5;     ///< a smooth error, σ 2.5 gray levels, and an offset, σ 2
};

/// Makes a plate imperfect. `other`: any frame of the same video and place.
inline void spoil_plate(plane& plate, const plane& other, rng random, const plate_error_options& o = {}) {
  const index_t w = plate.width, h = plate.height;
  const bool residue = random.uniform() < o.residue_share, moved = random.uniform() < o.shift_share;
  const bool blurred = random.uniform() < o.blur_share, field = random.uniform() < o.field_share;
  const auto share = static_cast<float>(random.uniform(0.1, 0.9));
  const double dx = 0.25 * random.normal(), dy = 0.25 * random.normal(), sigma = random.uniform(0.3, 0.8);
  plane between, a, b;
  const auto blur = [&](const plane& in, double by, plane& out) {
    filter(in, detail::gaussian_filter(w, by), detail::gaussian_filter(h, by), between, out);
  };
  if (residue) {
    a.resize(w, h);
    for (std::size_t i = 0; i < a.pixels.size(); ++i) a.pixels[i] = std::abs(other.pixels[i] - plate.pixels[i]);
    blur(a, 2, b);
    for (float& v : b.pixels) v = v > 18 ? 1.0F : 0.0F;
    blur(b, 1.5, a);  // where the hand is, with a soft edge
    for (std::size_t i = 0; i < a.pixels.size(); ++i) {
      plate.pixels[i] += (other.pixels[i] - plate.pixels[i]) * a.pixels[i] * share;
    }
  }
  if (moved) {
    const auto at = [](index_t n, double by) {
      return detail::sampled(n, n, 2, [by](double x) { return (std::max)(0.0, 1 - std::abs(x - by)); });
    };
    filter(plate, at(w, std::clamp(dx, -1.0, 1.0)), at(h, std::clamp(dy, -1.0, 1.0)), between, a);
    std::swap(plate, a);
  }
  if (blurred) {
    blur(plate, sigma, a);
    std::swap(plate, a);
  }
  if (field) {
    const auto offset = static_cast<float>(2 * random.normal());
    a.resize(9, 3);
    for (float& v : a.pixels) v = static_cast<float>(2.5 * random.normal());
    filter(a, detail::cubic_filter(9, w), detail::cubic_filter(3, h), between, b);
    for (std::size_t i = 0; i < b.pixels.size(); ++i) plate.pixels[i] += b.pixels[i] + offset;
  }
}

}  // namespace vmt::inline VMT_ABI::train
