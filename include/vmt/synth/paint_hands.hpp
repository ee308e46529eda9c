// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/hands.hpp>
#include <vmt/synth/painter.hpp>

namespace vmt::inline VMT_ABI::synth {

/// Draws hands as round bones that melt into each other: a height for each pixel, shaded by its slope, so that fingers
/// hide each other and have no seams. Their soft shadows fall on what lies below.
class hand_painter {
 public:
  hand_painter(const options& o, std::uint64_t seed) : o_(o) {
    rng random = stream(seed, part::hands, 100);
    for (auto& hand : finger_tone_) {
      for (double& tone : hand) tone = 1 + 0.05 * std::clamp(random.normal(), -2.0, 2.0);
    }
    // Skin throws back red light well and blue light badly.
    skin_ = o.hands.skin * (0.36 * o.light.red + 0.55 * o.light.green + 0.09 * o.light.blue);
    sleeve_ = o.hands.sleeve * (0.299 * o.light.red + 0.587 * o.light.green + 0.114 * o.light.blue);
    const double size = std::sqrt(o.light.slope_x * o.light.slope_x + o.light.slope_y * o.light.slope_y + 1);
    sun_ = {-o.light.slope_x / size, -o.light.slope_y / size, 1 / size};
    make_grain(random);
  }

  /// Darkens the canvas by the shadows of a hand.
  void shadow(painter& p, const hand_pose& pose) {
    if (!pose.present || (o_.hands.shadow == 0 && o_.hands.reflection == 0)) return;
    for (const bool main : {true, false}) {
      const double strength = o_.hands.shadow * (main ? 1 - 0.5 * o_.light.second : 0.8 * o_.light.second);
      if (strength == 0 && !(main && o_.hands.reflection > 0)) continue;
      const double sx = main ? o_.light.slope_x : -o_.light.slope_x,
                   sy = main ? o_.light.slope_y : o_.light.slope_y * 0.4;
      begin(p);
      bones(pose, [&](const bone& b) { cast(p, b, sx, sy); });
      for (index_t y = used_.top; y < used_.bottom; ++y) {
        float* const out = p.target().row(y);
        const float* const mask = cover_.row(y);
        const auto s = static_cast<float>(strength);
        for (index_t x = used_.left; x < used_.right; ++x) out[x] *= 1 - s * mask[x];
      }
      if (main) reflect(p, pose);
    }
  }

  /// The hand itself. Returns the pixels that it may have changed.
  area operator()(painter& p, const hand_pose& pose) {
    if (!pose.present) return {};
    begin(p);
    const std::size_t which = pose.side > 0 ? 1 : 0;
    bones(pose, [&](const bone& b) { raise(p, b, which); });
    const point knuckle = p.view()(pose.fingers[2][3]);  // the grain of the skin moves with the hand
    shade(p, static_cast<index_t>(std::clamp(knuckle.x, -1e6, 1e6)),
          static_cast<index_t>(std::clamp(knuckle.y, -1e6, 1e6)));
    return used_;
  }

 private:
  struct bone {
    place a, b;
    double ra, rb;
    int finger;        ///< 0 … 4; 5: palm and arm, 6: sleeve
    bool tip = false;  ///< a at the end of a finger
  };

  template <class F>
  void bones(const hand_pose& pose, F&& each) const {
    const double s = o_.hands.size;
    const double r = o_.hands.finger * s;
    if (o_.hands.sleeve >= 0) each(bone{between(pose.wrist, pose.elbow, 0.16), pose.elbow, 34 * s, 48 * s, 6});
    each(bone{pose.wrist, pose.elbow, 21 * s, 38 * s, 5});
    each(bone{pose.elbow, pose.shoulder, (o_.hands.sleeve >= 0 ? 48 : 40) * s, 60 * s, o_.hands.sleeve >= 0 ? 6 : 5});
    const place across = (pose.fingers[4][3] - pose.fingers[1][3]) * 0.2;
    for (std::size_t f = 0; f < 5; ++f) {
      const auto& joints = pose.fingers[f];
      const double thick = r * (f == 0 ? 1.15 : f == 4 ? 0.85 : 1);
      const int finger = static_cast<int>(f);
      // The bones of the back of the hand run together at the wrist.
      const place root = pose.wrist + across * (f == 0 ? -1.6 : static_cast<double>(f) - 2.5);
      each(bone{joints[3], root, thick * (f == 0 ? 1.5 : 1.35), (f == 0 ? 13 : 15) * s, 5});
      if (f > 0 && f < 4) each(bone{between(joints[3], pose.fingers[f + 1][3], 0.5), root, r * 1.2, 15 * s, 5});
      if (f == 1)
        each(
            bone{between(joints[3], root, 0.35), between(pose.fingers[0][3], pose.fingers[0][2], 0.25), r * 1.2, r, 5});
      each(bone{joints[2], joints[3], thick * 1.08, thick * 1.25, finger});
      each(bone{joints[1], joints[2], thick * 0.97, thick * 1.1, finger});
      each(bone{joints[0], joints[1], thick * 0.86, thick * 0.98, finger, true});
    }
  }

  /// Black keys mirror the hand in front of them: their dark pixels get its shape from further to the player.
  void reflect(painter& p, const hand_pose& pose) {
    if (o_.hands.reflection == 0) return;
    const place at = pose.fingers[2][1];
    const point here = p.view()({at.x, at.y, 0}), behind = p.view()({at.x, at.y - 22, 0});
    const auto dx = static_cast<index_t>(std::lround(behind.x - here.x)),
               dy = static_cast<index_t>(std::lround(behind.y - here.y));
    const auto add = static_cast<float>(o_.hands.reflection);
    const auto dark = static_cast<float>((o_.keys.black + o_.keys.black_top) * 1.5 + 15);
    const area part = area{used_.left + dx, used_.top + dy, used_.right + dx, used_.bottom + dy} & p.part();
    for (index_t y = part.top; y < part.bottom; ++y) {
      float* const out = p.target().row(y);
      const float* const mask = cover_.row(y - dy) - dx;
      for (index_t x = part.left; x < part.right; ++x) {
        if (out[x] < dark) out[x] += add * mask[x];
      }
    }
  }

  void begin(painter& p) {
    const canvas& target = p.target();
    if (height_.width != target.width || height_.height != target.height) {
      for (canvas* c : {&height_, &cover_, &tone_}) {
        c->resize(target.width, target.height);
        std::fill(c->pixels.begin(), c->pixels.end(), 0.0F);
      }
      used_ = {};
    }
    for (index_t y = used_.top; y < used_.bottom; ++y) {
      std::fill(cover_.row(y) + used_.left, cover_.row(y) + used_.right, 0.0F);
    }
    used_ = {};
  }

  /// A bone as the picture shows it: a line with a radius, all in pixels across; `squeeze` makes rows as high as
  /// columns are wide.
  struct line {
    double ax, ay, dx, dy, length2, ra, rb, wa, wb, squeeze;
    area bounds;
  };
  [[nodiscard]] static line seen_line(const painter& p, place a, place b, double ra, double rb, double margin) {
    const view& v = p.view();
    const point pa = v(a), pb = v(b);
    line l{};
    l.squeeze = v.aspect();
    l.wa = v.distance(a), l.wb = v.distance(b);
    if (l.wa < view::near * 2 || l.wb < view::near * 2) return l;
    l.ax = pa.x, l.ay = pa.y * l.squeeze;
    l.dx = pb.x - pa.x, l.dy = pb.y * l.squeeze - l.ay;
    l.length2 = (std::max)(l.dx * l.dx + l.dy * l.dy, 1e-9);
    l.ra = ra * v.scale(l.wa), l.rb = rb * v.scale(l.wb);
    const double widest = (std::max)(l.ra, l.rb) + margin;
    const std::array<point, 4> ends{{{pa.x - widest, pa.y - widest / l.squeeze},
                                     {pa.x + widest, pa.y + widest / l.squeeze},
                                     {pb.x - widest, pb.y - widest / l.squeeze},
                                     {pb.x + widest, pb.y + widest / l.squeeze}}};
    l.bounds = around(ends) & p.part();
    return l;
  }

  /// `each(row, x, t, distance from the line, radius)` for the pixels about a line.
  template <class F>
  static void near_line(const line& l, double margin, F&& each) {
    for (index_t y = l.bounds.top; y < l.bounds.bottom; ++y) {
      const double py = (static_cast<double>(y) + 0.5) * l.squeeze - l.ay;
      for (index_t x = l.bounds.left; x < l.bounds.right; ++x) {
        const double px = static_cast<double>(x) + 0.5 - l.ax;
        const double t = std::clamp((px * l.dx + py * l.dy) / l.length2, 0.0, 1.0);
        const double ex = px - t * l.dx, ey = py - t * l.dy;
        const double r = l.ra + t * (l.rb - l.ra);
        const double d2 = ex * ex + ey * ey;
        if (d2 >= (r + margin) * (r + margin)) continue;
        each(x, y, t, std::sqrt(d2), r);
      }
    }
  }

  void cast(painter& p, const bone& b, double sx, double sy) {
    const auto fall = [&](place at) {
      const double z = (std::max)(at.z, 0.0);
      return place{at.x + sx * z, at.y + sy * z, 0};
    };
    const double soft = o_.hands.shadow_blur * (0.5 + 0.02 * (b.a.z + b.b.z) / 2);
    const line l = seen_line(p, fall(b.a), fall(b.b), b.ra, b.rb, soft * p.view().scale(p.view().distance(fall(b.a))));
    if (l.bounds.empty()) return;
    used_ = used_ | l.bounds;
    const double edge = (std::max)(soft * p.view().scale(l.wa), 0.7);
    near_line(l, edge, [&](index_t x, index_t y, double, double d, double r) {
      const auto share = static_cast<float>(smooth_step((r + edge - d) / (2 * edge)));
      float& mask = cover_.row(y)[x];
      mask = (std::max)(mask, share);
    });
  }

  void raise(painter& p, const bone& b, std::size_t which) {
    const line l = seen_line(p, b.a, b.b, b.ra, b.rb, 1);
    if (l.bounds.empty()) return;
    used_ = used_ | l.bounds;
    const double per_mm = p.view().scale((l.wa + l.wb) / 2);
    const double base =
        b.finger == 6 ? sleeve_ : skin_ * (b.finger == 5 ? 1 : finger_tone_[which][static_cast<std::size_t>(b.finger)]);
    const double melt = b.finger == 6 ? 0.01 : b.finger == 5 ? 9 : 3;
    const double flat = (b.finger < 5 ? 1 : 0.55) / per_mm;  // hands and arms are not round
    const double length = std::sqrt(l.length2) / per_mm;
    near_line(l, 0.5, [&](index_t x, index_t y, double t, double d, double r) {
      const auto share = static_cast<float>((std::min)(r + 0.5 - d, 1.0));
      const auto h = static_cast<float>(-(l.wa + t * (l.wb - l.wa)) + std::sqrt((std::max)(r * r - d * d, 0.0)) * flat);
      float& covered = cover_.row(y)[x];
      float& height = height_.row(y)[x];
      float& tone = tone_.row(y)[x];
      double colour = base;
      if (b.tip) {
        const double along = t * length;
        if (along > -1 && along < 9 && d < 0.55 * r) colour *= 1 + o_.hands.nails * (along < 8 ? 1 : 0.4);
      }
      if (covered == 0) {
        height = h, tone = static_cast<float>(colour);
      } else {
        const float over = h - height;
        const auto k = static_cast<float>(melt);
        if (over > 0) tone = static_cast<float>(colour);
        height = (std::max)(height, h);
        if (std::abs(over) < k) height += (k - std::abs(over)) * (k - std::abs(over)) / (4 * k);
      }
      covered = (std::max)(covered, share);
    });
  }

  void shade(painter& p, index_t grain_x, index_t grain_y) {
    canvas& out = p.target();
    const double per_mm = p.view().scale(p.view().eye().z);
    const double slope_unit = (std::max)(per_mm, 1e-3);
    const auto sx = static_cast<float>(sun_.x * slope_unit),
               sy = static_cast<float>(sun_.y * slope_unit / p.view().aspect());
    const auto unit_x = static_cast<float>(slope_unit), unit_y = static_cast<float>(slope_unit / p.view().aspect());
    const auto up = static_cast<float>(sun_.z);
    const auto dark = static_cast<float>(o_.hands.shading);
    const auto grain = static_cast<float>(o_.hands.texture);
    for (index_t y = used_.top; y < used_.bottom; ++y) {
      const index_t ya = (std::max)(y - 1, used_.top), yb = (std::min)(y + 1, used_.bottom - 1);
      for (index_t x = used_.left; x < used_.right; ++x) {
        const float share = cover_.row(y)[x];
        if (share <= 0) continue;
        const float here = height_.row(y)[x];
        const auto at = [&](index_t qx, index_t qy) { return cover_.row(qy)[qx] > 0 ? height_.row(qy)[qx] : here - 4; };
        const float gx = std::clamp(
            (at((std::min)(x + 1, used_.right - 1), y) - at((std::max)(x - 1, used_.left), y)) / 2, -9.0F, 9.0F);
        const float gy = std::clamp((at(x, yb) - at(x, ya)) / 2, -9.0F, 9.0F);
        const float steep = gx * gx * unit_x * unit_x + gy * gy * unit_y * unit_y + 1;
        const float light = (std::max)(0.0F, (up - gx * sx - gy * sy) / std::sqrt(steep));
        const float facing = 1 / std::sqrt(steep);
        const float shape = 1 - dark * (1 - (0.55F * light / (std::max)(up, 0.3F) + 0.45F * facing));
        const float tone =
            tone_.row(y)[x] * shape *
            (1 + grain * grain_[static_cast<std::size_t>(((y - grain_y) & 63) * 64 + ((x - grain_x) & 63))]);
        float& pixel = out.row(y)[x];
        pixel += share * (tone - pixel);
      }
    }
  }

  /// A smooth random tile of 64 × 64 with variance 1, for the skin.
  void make_grain(rng& random) {
    grain_.resize(64 * 64);
    std::vector<float> rough(64 * 64);
    for (float& v : rough) v = static_cast<float>(random.normal());
    for (std::size_t y = 0; y < 64; ++y) {
      for (std::size_t x = 0; x < 64; ++x) {
        float sum = 0;
        for (std::size_t j = 0; j < 6; ++j) {
          for (std::size_t i = 0; i < 6; ++i) sum += rough[((y + j) % 64) * 64 + (x + i) % 64];
        }
        grain_[y * 64 + x] = sum / 6;
      }
    }
  }

  options o_;
  double skin_ = 0;
  double sleeve_ = 0;
  place sun_;
  std::array<std::array<double, 5>, 2> finger_tone_{};
  std::vector<float> grain_;
  canvas height_;
  canvas cover_;
  canvas tone_;
  area used_;
};

}  // namespace vmt::inline VMT_ABI::synth
