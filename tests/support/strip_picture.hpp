// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/keyboard.hpp>
#include <vmt/keyboard/strip_layout.hpp>
#include <vmt/media/frame.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace vmt_test {

/// An empty keyboard in the coordinates of its key-aligned strip, with soft edges as a camera gives them: rear rail,
/// white keys with dark gaps, black keys with a lighter front, and the dark floor before the keys.
class strip_scene {
 public:
  explicit strip_scene(const vmt::keyboard::strip_layout& layout = {}) : layout_(layout), width_(layout.width()) {
    black_.resize(static_cast<std::size_t>(layout.white_keys() + 1), -1e3);
    for (int pitch = layout.lowest_key; pitch < layout.highest_key; ++pitch) {
      if (vmt::keyboard::is_white(pitch)) continue;
      const double centre = layout.centre(pitch);
      black_[static_cast<std::size_t>(std::lround(centre / 16))] = centre;
    }
  }

  [[nodiscard]] double gray(double x, double y) const {
    using vmt::keyboard::strip_layout;
    double gray = 20;
    const double keys = between(4, y, 84) * between(0, x, static_cast<double>(width_));
    if (keys < 1e-4) return gray;
    gray += keys * (185 + 10 * std::sin(x / 97));
    const double crack = std::round(x / 16);
    const double gap = x - 16 * crack;
    gray -= keys * 70 * std::exp(-gap * gap / 1.5);
    if (y > 60) return gray;
    const auto nearest = static_cast<std::size_t>(std::clamp(crack, 0.0, static_cast<double>(black_.size() - 1)));
    const double body = between(black_[nearest] - 4.2, x, black_[nearest] + 4.2);
    gray += body * between(-9, y, 52) * (35 - gray);
    return gray + body * between(47, y, 52) * 45;
  }

  /// A picture; `map` takes a position of the picture to that of the strip which is seen there.
  template <class Map>
  [[nodiscard]] vmt::frame picture(vmt::index_t width, vmt::index_t height, Map&& map) const {
    vmt::frame f;
    f.resize(width, height);
    for (vmt::index_t y = 0; y < f.height; ++y) {
      for (vmt::index_t x = 0; x < f.width; ++x) {
        const vmt::keyboard::point p = map(static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5);
        f.row(y)[x] = static_cast<std::uint8_t>(std::lround(std::clamp(gray(p.x, p.y), 0.0, 255.0)));
      }
    }
    return f;
  }
  /// The strip itself, of a keyboard at rest.
  [[nodiscard]] vmt::frame strip() const {
    return picture(width_, layout_.height(), [](double x, double y) { return vmt::keyboard::point{x, y}; });
  }
  [[nodiscard]] const vmt::keyboard::strip_layout& layout() const noexcept { return layout_; }

 private:
  /// 1 inside, 0 outside, the edges two pixels wide.
  [[nodiscard]] static double between(double low, double v, double high) {
    return 1 / (1 + std::exp(-2.5 * (v - low))) / (1 + std::exp(-2.5 * (high - v)));
  }

  vmt::keyboard::strip_layout layout_;
  vmt::index_t width_;
  std::vector<double> black_;  ///< the centre of the black key at each crack
};

}  // namespace vmt_test
