// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/keyboard.hpp>

#include <algorithm>  // clamp
#include <cmath>      // floor
#include <span>       // polygon
#include <vector>     // pixels

namespace vmt::inline VMT_ABI::synth {

using keyboard::point;

/// Pixels [left, right) × [top, bottom).
struct area {
  index_t left = 0;
  index_t top = 0;
  index_t right = 0;
  index_t bottom = 0;

  [[nodiscard]] constexpr bool empty() const noexcept { return left >= right || top >= bottom; }
  [[nodiscard]] constexpr area operator&(const area& o) const noexcept {
    return {(std::max)(left, o.left), (std::max)(top, o.top), (std::min)(right, o.right), (std::min)(bottom, o.bottom)};
  }
  /// The smallest area that holds both.
  [[nodiscard]] constexpr area operator|(const area& o) const noexcept {
    if (empty()) return o;
    if (o.empty()) return *this;
    return {(std::min)(left, o.left), (std::min)(top, o.top), (std::max)(right, o.right), (std::max)(bottom, o.bottom)};
  }
};

/// The pixels that a cloud of points touches, with a margin.
[[nodiscard]] inline area around(std::span<const point> points, double margin = 0) noexcept {
  double l = 1e9, t = 1e9, r = -1e9, b = -1e9;
  for (const point& p : points) {
    l = (std::min)(l, p.x), r = (std::max)(r, p.x), t = (std::min)(t, p.y), b = (std::max)(b, p.y);
  }
  const auto whole = [](double v) { return static_cast<index_t>(std::clamp(v, -1e9, 1e9)); };
  return {whole(std::floor(l - margin)), whole(std::floor(t - margin)), whole(std::ceil(r + margin)),
          whole(std::ceil(b + margin))};
}

/// A gray picture of real numbers, 0 black and 255 white, that may go beyond.
struct canvas {
  index_t width = 0;
  index_t height = 0;
  std::vector<float> pixels;

  void resize(index_t w, index_t h) {
    width = w;
    height = h;
    pixels.resize(static_cast<std::size_t>(checked_product(w, h)));
  }
  [[nodiscard]] float* row(index_t y) noexcept { return pixels.data() + y * width; }
  [[nodiscard]] const float* row(index_t y) const noexcept { return pixels.data() + y * width; }
  [[nodiscard]] area all() const noexcept { return {0, 0, width, height}; }
};

/// Fills polygons with the exact share of each pixel that they cover. A polygon that runs round once counts once; edges
/// may leave the picture. What a pixel gets depends on the polygon and the picture only, not on the part that is drawn.
class polygon_filler {
 public:
  /// Calls `blend(x, y, coverage)` for the pixels of `part` that the polygon covers, row by row; coverage in (0, 1].
  template <class Blend>
  void operator()(std::span<const point> polygon, const area& picture, const area& part, Blend&& blend) {
    if (polygon.size() < 3) return;
    const area bounds = around(polygon) & picture;
    const area drawn = bounds & part;
    if (drawn.empty()) return;
    sums_.resize(static_cast<std::size_t>(bounds.right - bounds.left) + 2);
    for (index_t y = drawn.top; y < drawn.bottom; ++y) {
      std::fill(sums_.begin(), sums_.end(), 0.0F);
      for (std::size_t i = 0; i < polygon.size(); ++i) {
        add_edge(polygon[i], polygon[(i + 1) % polygon.size()], static_cast<double>(y), bounds);
      }
      float covered = 0;
      const float* sum = sums_.data();
      for (index_t x = bounds.left; x < drawn.right; ++x) {
        covered += *sum++;
        const float share = (std::min)(std::abs(covered), 1.0F);
        if (share > 1e-4F && x >= drawn.left) blend(x, y, share);
      }
    }
  }

 private:
  /// Adds, for the part of an edge in row y, the change from pixel to pixel of the area to the right of it.
  void add_edge(point a, point b, double y, const area& bounds) noexcept {
    if (a.y == b.y) return;
    double sign = 1;
    if (a.y > b.y) {
      std::swap(a, b);
      sign = -1;
    }
    const double from = (std::max)(a.y, y);
    const double to = (std::min)(b.y, y + 1);
    if (from >= to) return;
    const double slope = (b.x - a.x) / (b.y - a.y);
    const double left = static_cast<double>(bounds.left);
    const double width = static_cast<double>(bounds.right - bounds.left);
    double x0 = a.x + slope * (from - a.y) - left;
    double x1 = a.x + slope * (to - a.y) - left;
    if (x0 > x1) std::swap(x0, x1);
    const double height = sign * (to - from);
    if (x0 >= 0 && x1 <= width) return add_piece(x0, x1, height);
    // Where the edge leaves the picture it counts as running along the border.
    const double per_pixel = x1 > x0 ? height / (x1 - x0) : 0;
    const double c0 = std::clamp(x0, 0.0, width), c1 = std::clamp(x1, 0.0, width);
    const double before = x1 <= 0 ? height : x0 < 0 ? per_pixel * -x0 : 0;
    const double after = x0 >= width ? height : x1 > width ? per_pixel * (x1 - width) : 0;
    if (before != 0) add_piece(0, 0, before);
    if (c1 > c0) add_piece(c0, c1, height - before - after);
    if (after != 0) add_piece(width, width, after);
  }

  /// An edge from column x0 to x1 ≥ x0 that passes a share of the row's height, negative upwards.
  void add_piece(double x0, double x1, double height) noexcept {
    auto i = static_cast<std::size_t>(x0);
    const auto last = static_cast<std::size_t>(x1);
    if (i == last) {
      const double share = height * (1 - ((x0 + x1) / 2 - static_cast<double>(i)));
      sums_[i] += static_cast<float>(share);
      sums_[i + 1] += static_cast<float>(height - share);
      return;
    }
    // Through several pixels: what is covered of pixel i to the right of the edge, and what that adds to pixel i − 1's.
    const double per_pixel = height / (x1 - x0);
    double passed = 0;
    double shown = 0;
    for (; i <= last; ++i) {
      const double left = (std::max)(x0, static_cast<double>(i));
      const double right = (std::min)(x1, static_cast<double>(i) + 1);
      const double rise = per_pixel * (right - left);
      const double share = passed + rise * (static_cast<double>(i) + 1 - (left + right) / 2);
      sums_[i] += static_cast<float>(share - shown);
      shown = share;
      passed += rise;
    }
    sums_[last + 1] += static_cast<float>(height - shown);
  }

  std::vector<float> sums_;
};

}  // namespace vmt::inline VMT_ABI::synth
