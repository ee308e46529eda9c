// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/keyboard.hpp>

namespace vmt::inline VMT_ABI::keyboard {

/// The projective map that takes the unit square's corners (0,0), (1,0), (1,1), (0,1) to four points:
/// x = (a u + b v + c) / (g u + h v + 1), y alike (Heckbert, "Fundamentals of texture mapping", 1989, section 2.2.3).
class square_to_quad {
 public:
  explicit square_to_quad(const std::array<point, 4>& q) noexcept {
    const double sx = q[0].x - q[1].x + q[2].x - q[3].x;
    const double sy = q[0].y - q[1].y + q[2].y - q[3].y;
    const double dx1 = q[1].x - q[2].x;
    const double dy1 = q[1].y - q[2].y;
    const double dx2 = q[3].x - q[2].x;
    const double dy2 = q[3].y - q[2].y;
    const double denominator = dx1 * dy2 - dx2 * dy1;
    g_ = (sx * dy2 - dx2 * sy) / denominator;
    h_ = (dx1 * sy - sx * dy1) / denominator;
    a_ = q[1].x - q[0].x + g_ * q[1].x;
    b_ = q[3].x - q[0].x + h_ * q[3].x;
    c_ = q[0].x;
    d_ = q[1].y - q[0].y + g_ * q[1].y;
    e_ = q[3].y - q[0].y + h_ * q[3].y;
    f_ = q[0].y;
  }

  [[nodiscard]] point operator()(double u, double v) const noexcept {
    const double w = g_ * u + h_ * v + 1;
    return {(a_ * u + b_ * v + c_) / w, (d_ * u + e_ * v + f_) / w};
  }

  /// Where on the square a point comes from: the inverse map, by the adjugate matrix.
  [[nodiscard]] point inverse(point p) const noexcept {
    const double u = (e_ - f_ * h_) * p.x + (c_ * h_ - b_) * p.y + (b_ * f_ - c_ * e_);
    const double v = (f_ * g_ - d_) * p.x + (a_ - c_ * g_) * p.y + (c_ * d_ - a_ * f_);
    const double w = (d_ * h_ - e_ * g_) * p.x + (b_ * g_ - a_ * h_) * p.y + (a_ * e_ - b_ * d_);
    return {u / w, v / w};
  }

 private:
  double a_, b_, c_, d_, e_, f_, g_, h_;
};

/// The radial distortion of `keyboard::lens` for pictures of a size.
class radial_lens {
 public:
  radial_lens(double k, index_t width, index_t height) noexcept
      : k_(k),
        centre_{static_cast<double>(width) / 2, static_cast<double>(height) / 2},
        unit_(std::hypot(centre_.x, centre_.y)) {}

  /// Where a point of the perfect picture is seen.
  [[nodiscard]] point distort(point p) const noexcept {
    const double x = (p.x - centre_.x) / unit_;
    const double y = (p.y - centre_.y) / unit_;
    const double s = unit_ * (1 + k_ * (x * x + y * y));
    return {centre_.x + s * x, centre_.y + s * y};
  }

  /// The inverse of `distort`, by Newton's method on r (1 + k r²) = seen. Throws `inconsistent` where nothing maps
  /// there.
  [[nodiscard]] point undistort(point p) const {
    const double x = (p.x - centre_.x) / unit_;
    const double y = (p.y - centre_.y) / unit_;
    const double seen = std::hypot(x, y);
    double r = seen;
    for (int i = 0; i < 50 && seen > 0; ++i) {
      const double slope = 1 + 3 * k_ * r * r;
      if (slope < 0.05) break;
      const double step = (r * (1 + k_ * r * r) - seen) / slope;
      r -= step;
      if (step == 0) break;
    }
    if (!(std::abs(r * (1 + k_ * r * r) - seen) < 1e-9) || 1 + 3 * k_ * r * r < 0.05) {
      throw error(errc::inconsistent, "the keyboard: with the lens coefficient " + std::to_string(k_) +
                                          " nothing can be seen at the corner " + detail::text(p));
    }
    const double s = seen > 0 ? r / seen : 1;
    return {centre_.x + s * x * unit_, centre_.y + s * y * unit_};
  }

 private:
  double k_;
  point centre_;
  double unit_;
};

}  // namespace vmt::inline VMT_ABI::keyboard
