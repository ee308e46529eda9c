// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/train/plane_filters.hpp>

#include <array>
#include <numbers>  // pi

namespace vmt::inline VMT_ABI::train {

/// What coding with loss leaves of a picture, as in JPEG: blocks of 8 × 8 pixels, the orthonormal cosine transform, and
/// every coefficient rounded to a multiple of a step that grows with its frequency, (12 + 7 (u + v)) s. s follows
/// JPEG's quality: 50 / quality below 50, 2 − quality / 50 above. A block that reaches over the border repeats it.
class block_coder {
 public:
  block_coder() {
    for (std::size_t u = 0; u < 8; ++u) {
      for (std::size_t x = 0; x < 8; ++x) {
        const double angle = std::numbers::pi * (2 * static_cast<double>(x) + 1) * static_cast<double>(u) / 16;
        cosines_[u][x] = static_cast<float>((u == 0 ? std::sqrt(0.125) : 0.5) * std::cos(angle));
      }
    }
  }

  /// Throws `invalid_argument` unless the quality is 1 … 99.
  void operator()(plane& p, double quality) const {
    if (!(quality >= 1 && quality <= 99)) {
      throw error(errc::invalid_argument, "block_coder: a quality of " + std::to_string(quality) + " is not 1 to 99");
    }
    const double s = quality < 50 ? 50 / quality : 2 - quality / 50;
    block steps;
    for (std::size_t u = 0; u < 8; ++u) {
      for (std::size_t v = 0; v < 8; ++v) steps[u][v] = static_cast<float>((12 + 7 * static_cast<double>(u + v)) * s);
    }
    for (index_t y = 0; y < p.height; y += 8) {
      for (index_t x = 0; x < p.width; x += 8) code(p, x, y, steps);
    }
  }

 private:
  using block = std::array<std::array<float, 8>, 8>;

  /// a · b, or aᵀ · b.
  template <bool Transposed>
  static block product(const block& a, const block& b) noexcept {
    block c{};
    for (std::size_t i = 0; i < 8; ++i) {
      for (std::size_t k = 0; k < 8; ++k) {
        const float f = Transposed ? a[k][i] : a[i][k];
        for (std::size_t j = 0; j < 8; ++j) c[i][j] += f * b[k][j];
      }
    }
    return c;
  }
  static block turned(const block& a) noexcept {
    block b;
    for (std::size_t i = 0; i < 8; ++i) {
      for (std::size_t j = 0; j < 8; ++j) b[j][i] = a[i][j];
    }
    return b;
  }

  void code(plane& p, index_t left, index_t top, const block& steps) const noexcept {
    block b;
    for (std::size_t y = 0; y < 8; ++y) {
      const float* const row = p.row((std::min)(top + static_cast<index_t>(y), p.height - 1));
      for (std::size_t x = 0; x < 8; ++x) b[y][x] = row[(std::min)(left + static_cast<index_t>(x), p.width - 1)];
    }
    // The transform of rows, then of columns: C b Cᵀ, as (C (C b)ᵀ)ᵀ; the steps are symmetric.
    b = product<false>(cosines_, turned(product<false>(cosines_, b)));
    for (std::size_t u = 0; u < 8; ++u) {
      for (std::size_t v = 0; v < 8; ++v) {
        const float n = b[u][v] / steps[u][v];
        b[u][v] = steps[u][v] * static_cast<float>(static_cast<int>(n + (n < 0 ? -0.5F : 0.5F)));
      }
    }
    b = product<true>(cosines_, turned(product<true>(cosines_, b)));
    for (index_t y = 0; y < 8 && top + y < p.height; ++y) {
      float* const row = p.row(top + y);
      for (index_t x = 0; x < 8 && left + x < p.width; ++x) {
        row[left + x] = b[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)];
      }
    }
  }

  block cosines_{};
};

}  // namespace vmt::inline VMT_ABI::train
