// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/painter.hpp>
#include <vmt/synth/strokes.hpp>

namespace vmt::inline VMT_ABI::synth {

/// What video makers and players add: bars that fall onto the keys, their glow and sparks, writing and pictures laid
/// over, the shadow of a head.
class effect_painter {
 public:
  effect_painter(const options& o, const keyboard::layout& keys, std::uint64_t seed) : o_(o), keys_(keys), seed_(seed) {
    for (const keyboard::key_shape& k : keys.keys) shapes_[static_cast<std::size_t>(k.pitch)] = k;
    rng random = stream(seed, part::effects);
    bar_share_ = random.uniform(0.6, 1);
    sky_ = random.uniform(0, 40);
    sky_top_ = random.uniform(500, 1200);
    title_ = random.uniform(0.05, 0.7);
    inset_ = {random.uniform(0, 0.7), random.uniform(0, 0.7)};
    shadow_ = {random.uniform(0, keys.width), random.uniform(-40, 240)};
    shadow_size_ = {random.uniform(90, 370), random.uniform(90, 300)};
  }

  /// Bars for the notes that are played, or for other ones.
  void plan(const std::vector<note>& notes, double seconds) {
    bars_.clear();
    const auto& e = o_.effects;
    if (e.bars == 0 && e.glow == 0 && e.sparks == 0 && e.smoke == 0 && e.tint == 0) return;
    rng random = stream(seed_, part::effects, 1);
    const double lag = e.lag_ms / 1000;
    for (const note& n : notes) {
      if (random.uniform() < e.unrelated) continue;
      bars_.push_back({n.onset + lag, n.offset + lag, n.pitch});
    }
    const auto count = static_cast<index_t>((std::min)(seconds, 36000.0) * 4 * e.unrelated);
    for (index_t i = 0; i < count; ++i) {
      const double at = random.uniform(0, seconds);
      const auto key = static_cast<std::size_t>(random.below(static_cast<index_t>(keys_.keys.size())));
      bars_.push_back({at, at + random.uniform(0.1, 0.8), keys_.keys[key].pitch});
    }
    std::sort(bars_.begin(), bars_.end());
  }

  /// Light and shadow on the keys, below the hands.
  void light(painter& p, double t) const {
    if (o_.light.big_shadow > 0) big_shadow(p, t);
    if (!o_.effects.over_hands) glow(p, t);
  }

  /// What is laid over everything.
  void overlay(painter& p, double t) const {
    if (o_.effects.bars > 0) bars(p, t);
    if (o_.effects.over_hands) glow(p, t);
    if (o_.effects.line > 0) line(p, t);
    if (o_.effects.smoke > 0) smoke(p, t);
    if (o_.effects.sparks > 0) sparks(p, t);
    const auto w = static_cast<double>(p.target().width), h = static_cast<double>(p.target().height);
    if (o_.effects.title) {
      rng random = stream(seed_, part::effects, 2);
      const double size = h * random.uniform(0.03, 0.07), tone = random.uniform() < 0.7 ? 245 : 12;
      const double left = w * random.uniform(0.05, 0.3), top = h * title_;
      writing(p, left, top, size, w * 0.92, tone, random);
      if (random.uniform() < 0.5) writing(p, left, top + 1.6 * size, size * 0.6, w * 0.8, tone, random);
    }
    if (o_.effects.inset) {
      rng random = stream(seed_, part::effects, 3);
      const double x = w * inset_.x, y = h * inset_.y, iw = w * 0.28, ih = h * 0.26;
      p.cover_flat({{x, y}, {x + iw, y}, {x + iw, y + ih}, {x, y + ih}}, random.uniform(20, 230));
      for (int i = 0; i < 24; ++i) {
        const double a = x + iw * random.uniform(0.02, 0.8), b = y + ih * random.uniform(0.02, 0.8);
        const double c = iw * random.uniform(0.02, 0.2), d = ih * random.uniform(0.02, 0.2);
        p.cover_flat({{a, b}, {a + c, b}, {a + c, b + d}, {a, b + d}}, random.uniform(5, 250));
      }
    }
  }

  /// A line of strokes that looks like writing from afar.
  static void writing(painter& p, double x, double y, double size, double end, double tone, rng& random) {
    while (x < end) {
      const index_t letters = 2 + random.below(8);
      for (index_t i = 0; i < letters && x < end; ++i, x += size * 0.62) {
        const double stroke = size * 0.13;
        const index_t kind = random.below(5);
        const double top = random.uniform() < 0.3 ? y : y + size * 0.3;
        const auto bar = [&](double l, double t, double r, double b) {
          p.cover_flat({{l, t}, {r, t}, {r, b}, {l, b}}, tone);
        };
        bar(x, top, x + stroke, y + size);
        if (kind != 0) bar(x, y + size * 0.3, x + size * 0.45, y + size * 0.3 + stroke);
        if (kind == 1 || kind == 3) bar(x + size * 0.45 - stroke, y + size * 0.3, x + size * 0.45, y + size);
        if (kind > 1) bar(x, y + size - stroke, x + size * 0.45, y + size);
        if (kind == 4) bar(x, y + size * 0.6, x + size * 0.4, y + size * 0.6 + stroke);
      }
      x += size * 0.5;
    }
  }

 private:
  template <class F>
  void for_bars(double t, double before, F&& each) const {
    auto next = std::partition_point(bars_.begin(), bars_.end(), [&](const note& n) { return n.onset < t + before; });
    for (int back = 0; back < 64 && next != bars_.begin(); ++back) {
      const note& n = *--next;
      if (n.offset + 1 > t) each(n, shapes_[static_cast<std::size_t>(n.pitch)]);
    }
  }

  void bars(painter& p, double t) const {
    const double w = keys_.width, speed = o_.effects.bar_speed, edge = o_.effects.edge;
    p.cover({{0, edge, 0}, {w, edge, 0}, {w, -sky_top_, 0}, {0, -sky_top_, 0}}, sky_);
    for_bars(t, sky_top_ / speed, [&](const note& n, const keyboard::key_shape& k) {
      const double low = (std::min)(edge, edge - (n.onset - t) * speed),
                   high = (std::max)(-sky_top_, edge - (n.offset - t) * speed);
      if (high >= low) return;
      const double half = (k.black ? 5.5 : 10.5) * bar_share_, c = k.centre();
      p.cover({{c - half, high, 0}, {c + half, high, 0}, {c + half, low, 0}, {c - half, low, 0}},
              o_.effects.bars * (k.black ? 0.75 : 1));
    });
  }

  /// What a bar does to its key: light at the rear end, colour over the top.
  void glow(painter& p, double t) const {
    const auto& e = o_.effects;
    if (e.glow == 0 && e.tint == 0) return;
    for_bars(t, 0, [&](const note& n, const keyboard::key_shape& k) {
      const double age = t - n.onset;
      if (age < 0) return;
      if (e.tint > 0 && t < n.offset) tint(p, k);
      if (e.glow == 0) return;
      // After the note it dies down, and does not stop from one frame to the next.
      const double held = t < n.offset ? 0.35 : 0.35 * std::exp(-(t - n.offset) / 0.08);
      double strength = e.glow * (0.65 * std::exp(-age / e.glow_fade) + held);
      if (e.shimmer > 0) {
        strength *= (std::max)(0.0, 1 + e.shimmer * wander(seed_, 910 + static_cast<std::uint32_t>(n.pitch), 14)(t));
      }
      if (strength > 1.5) spot(p, {k.centre(), e.edge, 0}, e.glow_width, e.glow_depth, strength);
    });
  }

  /// The bar's tone over a key; what lies between the black keys is left to them.
  void tint(painter& p, const keyboard::key_shape& k) const {
    const auto tone = static_cast<float>(o_.effects.bars > 0 ? o_.effects.bars : 150);
    const auto share = static_cast<float>(o_.effects.tint);
    const double front = k.black ? k.front : keys_.depth, inset = k.black ? 0.5 : 1.5;
    const std::array<place, 4> top{{{k.left + inset, 0, k.height},
                                    {k.right - inset, 0, k.height},
                                    {k.right - inset, front, k.height},
                                    {k.left + inset, front, k.height}}};
    p.fill(top, [&](float& pixel, float covered) {
      // Dark parts stay dark: colour is multiplied as much as laid over.
      pixel += share * covered * (0.35F + 0.65F * (std::min)(pixel / 200, 1.0F)) * (tone - pixel);
    });
  }

  /// A line of light that breathes with what is played.
  void line(painter& p, double t) const {
    const double w = keys_.width, edge = o_.effects.edge;
    const double tone = o_.effects.line * (1 + 0.15 * wander(seed_, 905, 2)(t));
    p.lighten({{0, edge - 1.2, 0}, {w, edge - 1.2, 0}, {w, edge + 1.2, 0}, {0, edge + 1.2, 0}}, tone);
    p.lighten({{0, edge - 4, 0}, {w, edge - 4, 0}, {w, edge + 4, 0}, {0, edge + 4, 0}}, tone * 0.3);
  }

  /// Clouds: one leaves a held key every 0.12 s, grows, drifts and fades within a second.
  void smoke(painter& p, double t) const {
    for_bars(t, 0, [&](const note& n, const keyboard::key_shape& k) {
      for_emitted(n, t, 0.12, 1, [&](double age, rng& random) {
        const double x = k.centre() + (14 * random.normal() + 40 * random.normal() * age);
        const double y = o_.effects.edge + 6 * random.normal() - age * random.uniform(-15, 90);
        const double size = random.uniform(8, 18) + 35 * age;
        const double tone = o_.effects.smoke * random.uniform(0.3, 1) * (1 - age) * (std::min)(1.0, age * 8);
        if (tone > 1) spot(p, {x, y, 0}, size, size, tone);
      });
    });
  }

  /// Sparks: a burst at the onset, then a few as long as the key is held.
  void sparks(painter& p, double t) const {
    for_bars(t, 0, [&](const note& n, const keyboard::key_shape& k) {
      for_emitted(n, t, 0.1, 0.4, [&](double age, rng& random) {
        const int count = 2 + static_cast<int>(random.below(5));
        for (int i = 0; i < count; ++i) {
          const double vx = random.normal() * 60, vy = -random.uniform(-30, 220), r = random.uniform(0.8, 2.5);
          const double x = k.centre() + vx * age, y = o_.effects.edge + vy * age;
          const double tone = o_.effects.sparks * random.uniform(0.3, 1) * (1 - age / 0.4);
          p.lighten({{x - r, y, 0}, {x, y - r, 0}, {x + r, y, 0}, {x, y + r, 0}}, tone);
        }
      });
    });
  }

  /// `each(age, random)` for what a note sends out every `step` seconds while it sounds and that is younger than
  /// `life`.
  template <class F>
  void for_emitted(const note& n, double t, double step, double life, F&& each) const {
    const auto first = static_cast<index_t>((std::max)(0.0, std::ceil((t - life - n.onset) / step)));
    const auto last = static_cast<index_t>(std::floor(((std::min)(t, n.offset) - n.onset) / step));
    for (index_t i = first; i <= last; ++i) {
      const double age = t - n.onset - static_cast<double>(i) * step;
      if (age < 0 || age > life) continue;
      rng random = stream(seed_, part::effects, 16 + (static_cast<index_t>(n.onset * 1000) + 37 * i) * 128 + n.pitch);
      each(age, random);
    }
  }

  /// A round soft light.
  void spot(painter& p, place at, double rx, double ry, double tone) const {
    const point c = p.view()(at);
    const point ex = p.view()({at.x + rx, at.y, at.z}), ey = p.view()({at.x, at.y + ry, at.z});
    blend_spot(p, c, ex, ey, [tone](float& pixel, double share) { pixel += static_cast<float>(tone * share); });
  }

  void big_shadow(painter& p, double t) const {
    const double x = shadow_.x + 160 * wander(seed_, 903, 0.35)(t), y = shadow_.y + 60 * wander(seed_, 904, 0.35)(t);
    const point c = p.view()({x, y, 0}), ex = p.view()({x + shadow_size_.x, y, 0}),
                ey = p.view()({x, y + shadow_size_.y, 0});
    blend_spot(p, c, ex, ey, [dark = o_.light.big_shadow](float& pixel, double share) {
      pixel *= static_cast<float>(1 - dark * share);
    });
  }

  template <class Blend>
  static void blend_spot(painter& p, point c, point ex, point ey, Blend&& blend) {
    const double ax = ex.x - c.x, ay = ex.y - c.y, bx = ey.x - c.x, by = ey.y - c.y;
    const double det = ax * by - ay * bx;
    if (std::abs(det) < 1e-6) return;
    const double wide = 2.2 * (std::abs(ax) + std::abs(bx)), tall = 2.2 * (std::abs(ay) + std::abs(by));
    const std::array<point, 2> ends{{{c.x - wide, c.y - tall}, {c.x + wide, c.y + tall}}};
    const area box = around(ends) & p.part();
    for (index_t y = box.top; y < box.bottom; ++y) {
      float* out = p.target().row(y);
      for (index_t x = box.left; x < box.right; ++x) {
        const double dx = static_cast<double>(x) + 0.5 - c.x, dy = static_cast<double>(y) + 0.5 - c.y;
        const double u = (dx * by - dy * bx) / det, v = (dy * ax - dx * ay) / det;
        const double d = u * u + v * v;
        if (d < 4.5) blend(out[x], std::exp(-d));
      }
    }
  }

  options o_;
  keyboard::layout keys_;
  std::uint64_t seed_;
  std::array<keyboard::key_shape, 128> shapes_{};
  std::vector<note> bars_;
  double bar_share_ = 1, sky_ = 0, sky_top_ = 800, title_ = 0;
  point inset_, shadow_, shadow_size_;
};

}  // namespace vmt::inline VMT_ABI::synth
