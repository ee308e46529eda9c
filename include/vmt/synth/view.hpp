// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/geometry.hpp>
#include <vmt/keyboard/homography.hpp>
#include <vmt/synth/canvas.hpp>

#include <numbers>  // pi

namespace vmt::inline VMT_ABI::synth {

/// A place in millimetres: x to the right along the keys, y from their rear edge to the player, z up from the white
/// tops.
struct place {
  double x = 0;
  double y = 0;
  double z = 0;

  friend constexpr place operator+(place a, place b) noexcept { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
  friend constexpr place operator-(place a, place b) noexcept { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
  friend constexpr place operator*(place a, double s) noexcept { return {a.x * s, a.y * s, a.z * s}; }
};

[[nodiscard]] constexpr double dot(place a, place b) noexcept {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
[[nodiscard]] constexpr place cross(place a, place b) noexcept {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
[[nodiscard]] inline place unit(place a) noexcept {
  return a * (1 / std::sqrt(dot(a, a)));
}
[[nodiscard]] constexpr place between(place a, place b, double t) noexcept {
  return a + (b - a) * t;
}

/// A pinhole camera in front of a radial lens.
struct camera {
  place eye{611, 74, 1350};
  place target{611, 74, 0};  ///< what is seen in the middle of the picture
  double roll = 0;           ///< degrees that the picture is turned; 180: the player at the top
  double focal = 1;          ///< focal length in widths of the picture
  double lens = 0;           ///< k of `keyboard::keyboard::lens`
  bool mirrored = false;     ///< left and right exchanged, as selfie cameras do
};

/// How places are seen in a picture: (x, y, w) = M · (X, Y, Z, 1), pixel (x/w, y/w), then the lens. w is the distance
/// in millimetres along the line of sight; what has w ≤ `near` is behind the eye.
class view {
 public:
  static constexpr double near = 20;

  /// Throws `invalid_argument` where the eye is at the target.
  view(const camera& c, index_t width, index_t height)
      : eye_(c.eye), width_(width), height_(height), lens_(c.lens), mirrored_(c.mirrored) {
    const place to = c.target - c.eye;
    if (!(dot(to, to) > 1)) throw error(errc::invalid_argument, "synth: the camera is where it looks");
    const place forward = unit(to);
    place right = place{1, 0, 0} - forward * forward.x;
    if (dot(right, right) < 1e-6) right = place{0, 1, 0} - forward * forward.y;
    right = unit(right);
    const place down = cross(right, forward);  // x right, y to the player, z up is a left-handed system
    const double turn = c.roll * std::numbers::pi / 180;
    const place across = right * std::cos(turn) - down * std::sin(turn);
    const place along = right * std::sin(turn) + down * std::cos(turn);
    const double f = c.focal * static_cast<double>(width);
    const double side = c.mirrored ? -1 : 1;
    set_row(0, across * (f * side) + forward * (static_cast<double>(width) / 2));
    set_row(1, along * f + forward * (static_cast<double>(height) / 2));
    set_row(2, forward);
    focal_across_ = focal_down_ = f;
  }

  /// A registered strip: places of the white plane (z = 0) from (x0, y0) fill the picture with `across` and `down`
  /// pixels a millimetre, whatever the eye, which only displaces what is higher or lower. `shift` are the errors of the
  /// registration at the four corners of the picture, in pixels.
  view(place eye, double x0, double y0, double across, double down, index_t width, index_t height,
       const std::array<point, 4>& shift = {})
      : eye_(eye), width_(width), height_(height) {
    // on_white_plane, multiplied by w = eye.z − z.
    std::array<std::array<double, 4>, 3> m{{{across * eye.z, 0, -across * (eye.x - x0), -across * x0 * eye.z},
                                            {0, down * eye.z, -down * (eye.y - y0), -down * y0 * eye.z},
                                            {0, 0, -1, eye.z}}};
    bool moved = false;
    for (const point& p : shift) moved = moved || p.x != 0 || p.y != 0;
    if (moved) {
      const auto w = static_cast<double>(width);
      const auto h = static_cast<double>(height);
      const std::array<point, 4> corners{{{shift[0].x, shift[0].y},
                                          {w + shift[1].x, shift[1].y},
                                          {w + shift[2].x, h + shift[2].y},
                                          {shift[3].x, h + shift[3].y}}};
      const std::array<double, 9> q = picture_to_quad(corners, w, h);
      const auto before = m;
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 4; ++j) {
          m[i][j] = q[3 * i] * before[0][j] + q[3 * i + 1] * before[1][j] + q[3 * i + 2] * before[2][j];
        }
      }
    }
    m_ = m;
    focal_across_ = across * eye.z;
    focal_down_ = down * eye.z;
    registered_ = true;
  }

  /// The view of things that stand `by` away from where they say.
  [[nodiscard]] view moved(place by) const noexcept {
    view v = *this;
    for (std::size_t i = 0; i < 3; ++i) v.m_[i][3] += m_[i][0] * by.x + m_[i][1] * by.y + m_[i][2] * by.z;
    v.eye_ = eye_ - by;
    return v;
  }

  /// The view whose picture is turned by `turn` radians about its middle, clockwise, and then shifted by so many
  /// pixels; the lens bends what comes out.
  [[nodiscard]] view shifted(point by, double turn) const noexcept {
    view v = *this;
    const double c = std::cos(turn), s = std::sin(turn);
    const double x = static_cast<double>(width_) / 2, y = static_cast<double>(height_) / 2;
    const double tx = x - c * x + s * y + by.x, ty = y - s * x - c * y + by.y;
    for (std::size_t i = 0; i < 4; ++i) {
      v.m_[0][i] = c * m_[0][i] - s * m_[1][i] + tx * m_[2][i];
      v.m_[1][i] = s * m_[0][i] + c * m_[1][i] + ty * m_[2][i];
    }
    return v;
  }

  [[nodiscard]] const place& eye() const noexcept { return eye_; }
  [[nodiscard]] index_t width() const noexcept { return width_; }
  [[nodiscard]] index_t height() const noexcept { return height_; }
  [[nodiscard]] double lens() const noexcept { return lens_; }
  [[nodiscard]] bool mirrored() const noexcept { return mirrored_; }
  [[nodiscard]] bool registered() const noexcept { return registered_; }

  /// Distance along the line of sight.
  [[nodiscard]] double distance(place p) const noexcept { return row(2, p); }
  /// Where a place in front of the eye is seen.
  [[nodiscard]] point operator()(place p) const noexcept {
    const double w = (std::max)(row(2, p), 1e-3);
    return bent({row(0, p) / w, row(1, p) / w});
  }
  /// Pixels per millimetre, across and down, for what is `distance` away.
  [[nodiscard]] double scale(double distance) const noexcept { return focal_across_ / distance; }
  [[nodiscard]] double aspect() const noexcept { return focal_across_ / focal_down_; }

  /// The outline of a flat polygon: clipped in front of the eye, long edges divided where the lens bends them.
  void outline(std::span<const place> polygon, std::vector<point>& out) const {
    out.clear();
    if (polygon.empty()) return;
    homogeneous previous = at(polygon.back());
    for (const place& p : polygon) {
      const homogeneous now = at(p);
      if ((now.w > near) != (previous.w > near)) {
        const double t = (near - previous.w) / (now.w - previous.w);
        add({previous.x + t * (now.x - previous.x), previous.y + t * (now.y - previous.y), near}, out);
      }
      if (now.w > near) add(now, out);
      previous = now;
    }
    if (lens_ == 0 || out.empty()) return;
    close_and_bend(out);
  }

 private:
  struct homogeneous {
    double x, y, w;
  };
  [[nodiscard]] double row(std::size_t i, place p) const noexcept {
    return m_[i][0] * p.x + m_[i][1] * p.y + m_[i][2] * p.z + m_[i][3];
  }
  [[nodiscard]] homogeneous at(place p) const noexcept { return {row(0, p), row(1, p), row(2, p)}; }
  void set_row(std::size_t i, place direction) noexcept {
    m_[i] = {direction.x, direction.y, direction.z, -dot(direction, eye_)};
  }
  /// The homography that takes the corners of a picture to four points, row by row, the last number 1.
  [[nodiscard]] static std::array<double, 9> picture_to_quad(const std::array<point, 4>& to, double w,
                                                             double h) noexcept {
    const auto [o, a, c, b] = to;
    const double dx1 = a.x - c.x, dy1 = a.y - c.y, dx2 = b.x - c.x, dy2 = b.y - c.y;
    const double sx = o.x - a.x + c.x - b.x, sy = o.y - a.y + c.y - b.y;
    const double det = dx1 * dy2 - dx2 * dy1;
    const double g = (sx * dy2 - dx2 * sy) / det, k = (dx1 * sy - sx * dy1) / det;
    return {(a.x - o.x + g * a.x) / w,
            (b.x - o.x + k * b.x) / h,
            o.x,
            (a.y - o.y + g * a.y) / w,
            (b.y - o.y + k * b.y) / h,
            o.y,
            g / w,
            k / h,
            1};
  }
  void add(homogeneous p, std::vector<point>& out) const { out.push_back({p.x / p.w, p.y / p.w}); }
  [[nodiscard]] point bent(point p) const noexcept {
    if (lens_ == 0) return p;
    // Far outside, where a barrel lens folds back on itself, points stay where they are seen last.
    const double cx = static_cast<double>(width_) / 2, cy = static_cast<double>(height_) / 2;
    const double reach = std::hypot(cx, cy);
    double x = (p.x - cx) / reach, y = (p.y - cy) / reach;
    const double r = std::hypot(x, y);
    const double limit = lens_ < 0 ? 0.999 / std::sqrt(-3 * lens_) : 4.0;
    if (r > limit) x *= limit / r, y *= limit / r;
    const double s = reach * (1 + lens_ * (x * x + y * y));
    return {cx + s * x, cy + s * y};
  }
  void close_and_bend(std::vector<point>& out) const {
    const std::size_t n = out.size();
    const double step = static_cast<double>(width_) / 24;
    for (std::size_t i = 0; i < n; ++i) {
      const point a = out[i], b = out[(i + 1) % n];
      const int parts = static_cast<int>(std::clamp(std::hypot(b.x - a.x, b.y - a.y) / step, 1.0, 96.0));
      for (int k = 0; k < parts; ++k) {
        const double t = static_cast<double>(k) / parts;
        out.push_back(bent({a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)}));
      }
    }
    out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
  }

  std::array<std::array<double, 4>, 3> m_{};
  place eye_;
  index_t width_;
  index_t height_;
  double lens_ = 0;
  bool mirrored_ = false;
  bool registered_ = false;
  double focal_across_ = 1;
  double focal_down_ = 1;
};

}  // namespace vmt::inline VMT_ABI::synth
