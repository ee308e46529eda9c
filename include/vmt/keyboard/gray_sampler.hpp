// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/keyboard.hpp>
#include <vmt/media/frame.hpp>

#include <algorithm>  // clamp

namespace vmt::inline VMT_ABI::keyboard {

/// Reads a picture between its pixels, bilinearly, in the coordinates of `point`. Outside, the border is repeated.
/// Refers to the frame, which must outlive it and have at least one pixel.
class gray_sampler {
 public:
  explicit gray_sampler(const frame& picture) noexcept : picture_(&picture) {}

  [[nodiscard]] index_t width() const noexcept { return picture_->width; }
  [[nodiscard]] index_t height() const noexcept { return picture_->height; }

  /// Whether a point lies in the picture, at least `margin` pixels from its border.
  [[nodiscard]] bool holds(point p, double margin = 0) const noexcept {
    return p.x >= margin && p.y >= margin && p.x <= static_cast<double>(width()) - margin &&
           p.y <= static_cast<double>(height()) - margin;
  }

  [[nodiscard]] double operator()(point p) const noexcept {
    const double x = std::clamp(p.x - 0.5, 0.0, static_cast<double>(width() - 1));
    const double y = std::clamp(p.y - 0.5, 0.0, static_cast<double>(height() - 1));
    const auto left = static_cast<index_t>(x);
    const auto top = static_cast<index_t>(y);
    const index_t right = (std::min)(left + 1, width() - 1);
    const std::uint8_t* const upper = picture_->row(top);
    const std::uint8_t* const lower = picture_->row((std::min)(top + 1, height() - 1));
    const double fx = x - static_cast<double>(left);
    const double fy = y - static_cast<double>(top);
    const double above = upper[left] + fx * (upper[right] - upper[left]);
    const double below = lower[left] + fx * (lower[right] - lower[left]);
    return above + fy * (below - above);
  }

 private:
  const frame* picture_;
};

/// A picture made smaller by a whole number: each pixel is the mean of factor × factor pixels, rounded; what is left
/// over at the right and at the bottom is cut off. Throws `invalid_argument` unless 1 ≤ factor ≤ width and height.
inline void shrink(const frame& picture, index_t factor, frame& out) {
  if (factor < 1 || factor > picture.width || factor > picture.height) {
    throw error(errc::invalid_argument, "shrink: the factor " + std::to_string(factor) + " does not fit a picture of " +
                                            std::to_string(picture.width) + "x" + std::to_string(picture.height));
  }
  out.resize(picture.width / factor, picture.height / factor);
  const index_t area = factor * factor;
  for (index_t y = 0; y < out.height; ++y) {
    for (index_t x = 0; x < out.width; ++x) {
      index_t sum = area / 2;
      for (index_t j = 0; j < factor; ++j) {
        const std::uint8_t* const in = picture.row(y * factor + j) + x * factor;
        for (index_t i = 0; i < factor; ++i) sum += in[i];
      }
      out.row(y)[x] = static_cast<std::uint8_t>(sum / area);
    }
  }
}

/// A picture made ready for the finder: each gray value v becomes 255 √((v + 8) / 263), so that keys in the shade stand
/// out nearly as much as those in the light; then the weights 1 2 1 in both directions, rounded; the border is
/// repeated.
inline void smooth(const frame& picture, frame& out) {
  out.resize(picture.width, picture.height);
  std::array<int, 256> even{};
  for (std::size_t v = 0; v < 256; ++v)
    even[v] = static_cast<int>(std::lround(255 * std::sqrt((static_cast<double>(v) + 8) / 263)));
  std::vector<int> line(static_cast<std::size_t>(picture.width) + 2);
  for (index_t y = 0; y < picture.height; ++y) {
    const std::uint8_t* const above = picture.row((std::max)(y - 1, index_t{0}));
    const std::uint8_t* const here = picture.row(y);
    const std::uint8_t* const below = picture.row((std::min)(y + 1, picture.height - 1));
    for (index_t x = 0; x < picture.width; ++x) {
      line[static_cast<std::size_t>(x) + 1] = even[above[x]] + 2 * even[here[x]] + even[below[x]];
    }
    line.front() = line[1];
    line.back() = line[line.size() - 2];
    std::uint8_t* const to = out.row(y);
    for (std::size_t x = 1; x + 1 < line.size(); ++x) {
      to[x - 1] = static_cast<std::uint8_t>((line[x - 1] + 2 * line[x] + line[x + 1] + 8) / 16);
    }
  }
}

}  // namespace vmt::inline VMT_ABI::keyboard
