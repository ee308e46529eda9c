// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/painter.hpp>
#include <vmt/synth/strokes.hpp>

namespace vmt::inline VMT_ABI::synth {

/// How far down each key is, 0 … 1, by MIDI number.
using key_depths = std::array<float, 128>;

/// Draws the keys from back to front as solid bodies: tops that tilt about a pivot 70 mm behind what is seen of them,
/// side walls, fronts, the gaps' ground, the shadows of black keys and of steps between white ones, reflections.
class key_painter {
 public:
  key_painter(const options& o, const keyboard::layout& keys, std::uint64_t seed) : o_(o), keys_(keys) {
    rng random = stream(seed, part::keys);
    tone_white_ = o.keys.white * light_of(0.96);
    tone_black_ = o.keys.black * light_of(1);
    for (const keyboard::key_shape& k : keys.keys) {
      body b;
      b.shape = k;
      b.tone = 1 + std::clamp(random.normal(), -3.0, 3.0) * o.keys.variation * (k.black ? 4 : 1);
      b.worn = o.keys.wear * random.uniform();
      b.worn_from = random.uniform(0.55, 0.8) * keys.depth;
      b.worn_to = b.worn_from + random.uniform(0.1, 0.3) * keys.depth;
      const index_t spots = random.below(o.keys.blotches + 1);
      for (index_t i = 0; i < 4; ++i) {
        const spot s{random.uniform(-0.35, 0.35), random.uniform(5, 80), random.uniform(0.5, 2), random.uniform(3, 30),
                     random.uniform(-12, 90)};
        if (k.black && i < spots) b.spots.push_back(s);
      }
      bodies_.push_back(b);
    }
    gloss_x_ = random.uniform(-0.3, 0.3);
    gloss_y_ = random.uniform(5, 40);
    gloss_end_ = random.uniform(50, 85);
    slide_ = random.normal() * 4;
    brighten_ = random.uniform(0.4, 1.3);
    make_grain(random);
    const std::size_t n = bodies_.size();
    for (std::size_t i = 0; i < n; ++i) {
      body& b = bodies_[i];
      b.left = b.shape.left, b.right = b.shape.right;
      if (b.shape.black) continue;
      // A white key's tail ends at the feet of its black neighbours.
      const double clear = 0.6 + o.keys.gap / 2;
      if (i > 0 && bodies_[i - 1].shape.black) b.left = bodies_[i - 1].shape.centre() + o.keys.foot / 2 + clear;
      if (i + 1 < n && bodies_[i + 1].shape.black) b.right = bodies_[i + 1].shape.centre() - o.keys.foot / 2 - clear;
      b.left = (std::min)(b.left, b.right);
    }
  }

  /// Places around a key that its motion changes, shadows included.
  [[nodiscard]] area reach(const view& v, std::size_t key) const {
    const keyboard::key_shape& k = keys_.keys[key];
    const double side = k.black ? 26 : 20;
    const double l = k.left - side, r = k.right + side, f = keys_.depth + 14;
    return seen(
        v, {{l, -6, 14}, {r, -6, 14}, {r, f, 14}, {l, f, 14}, {l, -6, -22}, {r, -6, -22}, {r, f, -22}, {l, f, -22}}, 2);
  }

  /// All keys that the painter's part shows.
  void operator()(painter& p, const key_depths& down) const {
    const double w = keys_.width;
    const double bed = o_.keys.bed * light_of(1);
    p.cover({{0, -2, -16}, {w, -2, -16}, {w, keys_.depth, -16}, {0, keys_.depth, -16}}, bed);
    const double eye = p.view().eye().x;
    // What is further from the eye comes first.
    std::size_t from = 0;
    std::size_t to = bodies_.size();
    while (from < to) {
      const bool left = eye - bodies_[from].shape.centre() > bodies_[to - 1].shape.centre() - eye;
      const std::size_t i = left ? from++ : --to;
      if (!bodies_[i].shape.black) paint_white(p, i, down);
    }
    for (std::size_t i = 0; i < bodies_.size(); ++i) {
      if (bodies_[i].shape.black) paint_shadow(p, i, down);
    }
    from = 0, to = bodies_.size();
    while (from < to) {
      const bool left = eye - bodies_[from].shape.centre() > bodies_[to - 1].shape.centre() - eye;
      const std::size_t i = left ? from++ : --to;
      if (bodies_[i].shape.black) paint_black(p, i, down);
    }
  }

  /// The grain of the keys' surfaces on all of the painter's part; it stays with the picture.
  void grain(painter& p) const {
    if (o_.keys.texture == 0) return;
    const auto strength = static_cast<float>(o_.keys.texture);
    const area part = p.part();
    for (index_t y = part.top; y < part.bottom; ++y) {
      float* out = p.target().row(y);
      const float* row = grain_.data() + (y & 127) * 128;
      for (index_t x = part.left; x < part.right; ++x) out[x] *= 1 + strength * row[(x + 37 * (y >> 7)) & 127];
    }
  }

  [[nodiscard]] double white_tone() const noexcept { return tone_white_; }
  [[nodiscard]] double black_tone() const noexcept { return tone_black_ + o_.keys.black_top; }

 private:
  struct spot {
    double x, y, half, length, tone;
  };
  struct body {
    keyboard::key_shape shape;
    double tone = 1;
    double worn = 0, worn_from = 0, worn_to = 0;
    double left = 0, right = 0;  ///< of a white key's tail
    std::vector<spot> spots;
  };

  /// Strength of the light on something gray; `blue` is how much of the blue it throws back.
  [[nodiscard]] double light_of(double blue) const noexcept {
    return 0.299 * o_.light.red + 0.587 * o_.light.green + 0.114 * o_.light.blue * blue;
  }

  [[nodiscard]] double depth(std::size_t i, const key_depths& down) const noexcept {
    return static_cast<double>(down[static_cast<std::size_t>(bodies_[i].shape.pitch)]);
  }
  [[nodiscard]] double white_z(double d, double y) const noexcept {
    return -o_.keys.white_travel * d * (70 + y) / (70 + keys_.depth);
  }
  [[nodiscard]] double black_z(const body& b, double d, double y) const noexcept {
    return b.shape.height - o_.keys.black_travel * d * (70 + y) / (70 + b.shape.front);
  }
  /// Depth of the white key beside key i on a side, 0 beyond the ends.
  [[nodiscard]] double white_beside(std::size_t i, int side, const key_depths& down) const noexcept {
    const std::size_t n = bodies_.size();
    for (std::size_t step = 1; step <= 2; ++step) {
      if (side < 0 ? i < step : i + step >= n) return 0;
      const std::size_t j = side < 0 ? i - step : i + step;
      if (!bodies_[j].shape.black) return depth(j, down);
    }
    return 0;
  }
  void paint_white(painter& p, std::size_t i, const key_depths& down) const {
    const body& b = bodies_[i];
    const double d = depth(i, down);
    const double half = o_.keys.gap / 2;
    const double l = b.shape.left + half, r = b.shape.right - half;
    const double tl = b.left == b.shape.left ? l : b.left, tr = b.right == b.shape.right ? r : b.right;
    const double front = keys_.depth;
    const double shoulder = o_.keys.sizes.black_length + 2.5;  // where the tail begins
    if ((seen(p.view(), {{l - 12, -2, 0}, {r + 12, -2, 0}, {r + 12, front + 12, 0}, {l - 12, front + 12, 0}}, 3) &
         p.part())
            .empty())
      return;
    const auto z = [&](double y) { return white_z(d, y); };
    const double glare = glare_at(b.shape.centre());
    const double top = tone_white_ * b.tone * (1 - o_.keys.dim * d) * (1 - 0.25 * glare * d);
    for (const bool right : {false, true}) {
      // Above its neighbour's top a wall stands in the light, below it in a crevice that is as dark as the ground.
      const double e = right ? r : l, te = right ? tr : tl;
      const double beside = white_beside(i, right ? 1 : -1, down);
      const auto low = [&](double y) { return (std::min)(z(y), white_z(beside, y)); };
      const double lit = tone_white_ * o_.keys.wall * facing(right ? 1 : -1);
      const double crevice = o_.keys.bed * light_of(1);
      const double from = te == e ? 0 : shoulder;
      p.cover({{e, from, low(from)}, {e, front, low(front)}, {e, front, -14}, {e, from, -14}}, crevice);
      if (beside > d)
        p.cover({{e, from, z(from)}, {e, front, z(front)}, {e, front, low(front)}, {e, from, low(from)}}, lit);
      if (te != e) p.cover({{te, 0, z(0)}, {te, shoulder, z(shoulder)}, {te, shoulder, -12}, {te, 0, -12}}, crevice);
    }
    p.cover({{l, front, z(front)}, {r, front, z(front)}, {r, front, -20}, {l, front, -20}},
            tone_white_ * o_.keys.front * (1 - 0.2 * d));
    p.cover({{tl, 0, z(0)},
             {tr, 0, z(0)},
             {tr, shoulder, z(shoulder)},
             {r, shoulder, z(shoulder)},
             {r, front, z(front)},
             {l, front, z(front)},
             {l, shoulder, z(shoulder)},
             {tl, shoulder, z(shoulder)}},
            top);
    if (b.worn > 0) {
      p.darken({{l, b.worn_from, z(b.worn_from)},
                {r, b.worn_from, z(b.worn_from)},
                {r, b.worn_to, z(b.worn_to)},
                {l, b.worn_to, z(b.worn_to)}},
               0.05 * b.worn);
    }
    step_shadow(p, i, down, d, l, r, {b.left == b.shape.left ? 0 : shoulder, b.right == b.shape.right ? 0 : shoulder});
  }

  /// How light a wall is that looks to the left (side −1) or the right (1), of what even light makes it: 1 where
  /// shadows are faint, since the light then comes from everywhere.
  [[nodiscard]] double facing(int side) const noexcept {
    const double towards = std::clamp(-side * o_.light.slope_x / 0.3, -1.0, 1.0) * (1 - o_.light.second);
    return 1 + o_.light.step_shadow * towards * (towards > 0 ? 0.4 : 1.2);
  }

  /// The shadow of a neighbour that stands higher, on the side that the light comes from, softer further from it. It
  /// begins at `from` on the left and on the right: behind that a black key stands between the two.
  void step_shadow(painter& p, std::size_t i, const key_depths& down, double d, double l, double r,
                   const std::array<double, 2>& from) const {
    for (const bool main : {true, false}) {
      const double strength = o_.light.step_shadow * (main ? 1 : o_.light.second);
      const double slope = main ? o_.light.slope_x : -o_.light.slope_x;
      const double step = o_.keys.white_travel * (d - white_beside(i, slope > 0 ? -1 : 1, down));
      const double width = std::clamp(slope * step, l - r, r - l);
      if (step < 0.3 || strength == 0 || std::abs(width) < 0.2) continue;
      const double e = slope > 0 ? l : r;
      const double f = keys_.depth, y = from[slope > 0 ? 0 : 1];
      const double narrow = (70 + y) / (70 + f);  // the step is lower there
      for (const double share : {1.0, 0.6}) {
        p.darken({{e, y, white_z(d, y)},
                  {e + share * width * narrow, y, white_z(d, y)},
                  {e + share * width, f, white_z(d, f)},
                  {e, f, white_z(d, f)}},
                 0.6 * strength);
      }
    }
  }

  void paint_shadow(painter& p, std::size_t i, const key_depths& down) const {
    const body& b = bodies_[i];
    const double d = depth(i, down);
    for (const bool main : {true, false}) {
      const double strength = o_.light.key_shadow * (main ? 1 : o_.light.second);
      if (strength == 0) continue;
      const double sx = main ? o_.light.slope_x : -o_.light.slope_x;
      const double sy = main ? o_.light.slope_y : o_.light.slope_y * 0.5;
      // A neighbour that is down lies deeper: the shadow reaches further.
      const double ground = white_z(white_beside(i, sx > 0 ? 1 : -1, down), 60);
      const double z0 = black_z(b, d, 0) - ground, z1 = black_z(b, d, b.shape.front) - ground;
      const double half = o_.keys.foot / 2;
      const double c = b.shape.centre();
      const double front = (std::max)(5.0, b.shape.front + (std::max)(sy * z1, 0.0));
      p.darken({{c - half + (std::min)(sx * z0, 0.0), 0, ground},
                {c + half + (std::max)(sx * z0, 0.0), 0, ground},
                {c + half + (std::max)(sx * z1, 0.0), front, ground},
                {c - half + (std::min)(sx * z1, 0.0), front, ground}},
               strength);
    }
  }

  void paint_black(painter& p, std::size_t i, const key_depths& down) const {
    const body& b = bodies_[i];
    const double d = depth(i, down);
    const double c = b.shape.centre(), top = (b.shape.right - b.shape.left) / 2,
                 foot = (std::max)(o_.keys.foot / 2, top);
    const double front = b.shape.front, slope_at = front - o_.keys.slope;
    if ((seen(p.view(),
              {{c - 12, -2, 14},
               {c + 12, -2, 14},
               {c + 12, front + 8, 14},
               {c - 12, front + 8, 14},
               {c - 12, -2, -12},
               {c + 12, -2, -12},
               {c + 12, front + 8, -12},
               {c - 12, front + 8, -12}},
              3) &
         p.part())
            .empty())
      return;
    const double tone = tone_black_ * b.tone;
    const auto z = [&](double y) { return black_z(b, d, y); };
    const double low[2] = {white_z(white_beside(i, -1, down), front), white_z(white_beside(i, 1, down), front)};
    const double low_back[2] = {white_z(white_beside(i, -1, down), 0), white_z(white_beside(i, 1, down), 0)};
    for (int s = 0; s < 2; ++s) {
      const double side = s == 0 ? -1 : 1;
      // What white keys beside it uncover when they go down.
      if (low[s] < -0.3) {
        p.cover({{c + side * foot, 0, 0},
                 {c + side * foot, front, (std::min)(z(front), 0.0)},
                 {c + side * foot, front, low[s]},
                 {c + side * foot, 0, low_back[s]}},
                tone + o_.keys.black_body * light_of(1) * facing(s == 0 ? -1 : 1));
      }
      p.cover({{c + side * top, 0, z(0)},
               {c + side * top, slope_at, z(slope_at)},
               {c + side * foot, front, (std::min)(z(front), 0.0)},
               {c + side * foot, 0, 0}},
              tone);
      // The front is as wide as the foot; it stands on the white key of its side.
      p.cover({{c, slope_at, z(slope_at)},
               {c + side * top, slope_at, z(slope_at)},
               {c + side * foot, front, low[s]},
               {c, front, low[s]}},
              tone + o_.keys.black_slope * light_of(1));
    }
    const double flat = tone + o_.keys.black_top * light_of(1);
    p.cover(
        {{c - top, 0, z(0)}, {c + top, 0, z(0)}, {c + top, slope_at, z(slope_at)}, {c - top, slope_at, z(slope_at)}},
        flat);
    if (o_.keys.gloss > 0) {
      const double x = c + gloss_x_ * 2 * top, from = gloss_y_ + slide_ * d,
                   to = (std::min)(gloss_end_ + slide_ * d, slope_at);
      p.lighten({{x - 1.2, from, z(from)}, {x + 1.2, from, z(from)}, {x + 1.2, to, z(to)}, {x - 1.2, to, z(to)}},
                o_.keys.gloss * (1 - 0.3 * d));
    }
    for (const spot& s : b.spots) {
      const double x = c + s.x * 2 * top, from = std::clamp(s.y + slide_ * d, 1.0, slope_at - 3),
                   to = (std::min)(from + s.length, slope_at - 1);
      p.lighten(
          {{x - s.half, from, z(from)}, {x + s.half, from, z(from)}, {x + s.half, to, z(to)}, {x - s.half, to, z(to)}},
          s.tone * (1 + (brighten_ - 1) * d));
    }
  }

  /// Strength of the glare beside a place on the white keys.
  [[nodiscard]] double glare_at(double x) const noexcept {
    const double u = (x - o_.light.glare_x) / o_.light.glare_width;
    return o_.light.glare * std::exp(-u * u);
  }

  void make_grain(rng& random) {
    std::vector<float> rough(128 * 128);
    for (float& v : rough) v = static_cast<float>(std::clamp(random.normal(), -3.0, 3.0));
    grain_.resize(rough.size());
    const std::size_t reach = 1 + static_cast<std::size_t>(random.below(5));
    for (std::size_t y = 0; y < 128; ++y) {
      for (std::size_t x = 0; x < 128; ++x) {
        float sum = 0;
        for (std::size_t j = 0; j < reach; ++j) {
          for (std::size_t i = 0; i < reach; ++i) sum += rough[((y + j) & 127) * 128 + ((x + i) & 127)];
        }
        grain_[y * 128 + x] = sum / static_cast<float>(reach);
      }
    }
  }

  options o_;
  keyboard::layout keys_;
  std::vector<float> grain_;
  std::vector<body> bodies_;
  double tone_white_ = 0;
  double tone_black_ = 0;
  double gloss_x_ = 0, gloss_y_ = 0, gloss_end_ = 0, slide_ = 0, brighten_ = 1;
};

}  // namespace vmt::inline VMT_ABI::synth
