// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/paint_keys.hpp>

namespace vmt::inline VMT_ABI::synth {

/// What is around the keys: floor, player, the instrument's wood, its panel or open action, music on the stand.
class room_painter {
 public:
  room_painter(const options& o, const keyboard::layout& keys, std::uint64_t seed)
      : o_(o),
        keys_(keys),
        second_keys_(
            keyboard::piano_layout((std::max)(36, o.keys.lowest), (std::min)(84, o.keys.highest), o.keys.sizes)),
        second_(o, second_keys_, seed + 1),
        seed_(seed) {
    gray_ = 0.299 * o.light.red + 0.587 * o.light.green + 0.114 * o.light.blue;
    warm_ = 0.42 * o.light.red + 0.52 * o.light.green + 0.06 * o.light.blue;  // wood and cloth
  }

  /// All that keys and hands may hide.
  void below(painter& p) const {
    rng random = stream(seed_, part::room);
    p.fill_flat(std::array<point, 4>{{{0, 0},
                                      {static_cast<double>(p.target().width), 0},
                                      {static_cast<double>(p.target().width), static_cast<double>(p.target().height)},
                                      {0, static_cast<double>(p.target().height)}}},
                [tone = static_cast<float>(o_.room.floor * 0.5 * warm_)](float& pixel, float) { pixel = tone; });
    floor(p, random);
    const double w = keys_.width, d = keys_.depth;
    if (o_.room.player) player(p, random);
    const double rail = o_.room.rail * gray_, block = o_.room.block * gray_;
    p.cover({{-70, d + 2, -8}, {w + 70, d + 2, -8}, {w + 70, d + 2, -150}, {-70, d + 2, -150}}, rail * 0.5);
    p.cover({{-70, d + 26, -8}, {w + 70, d + 26, -8}, {w + 70, d + 26, -160}, {-70, d + 26, -160}}, rail * 0.6);
    p.cover({{-70, -2, -18}, {w + 70, -2, -18}, {w + 70, d + 3, -18}, {-70, d + 3, -18}}, o_.keys.bed * gray_);
    const double height = 6 + random.uniform(0, 25);
    const auto inner = [&](bool right) { return right ? w + 1.5 : -1.5; };
    for (const bool right : {false, true}) {
      const double a = inner(right);
      p.cover({{a, -3, height}, {a, d + 26, height}, {a, d + 26, -18}, {a, -3, -18}}, block * 0.7);
    }
    p.cover({{-70, d + 2.5, -8}, {w + 70, d + 2.5, -8}, {w + 70, d + 26, -8}, {-70, d + 26, -8}}, rail);
    for (const bool right : {false, true}) {
      const double a = inner(right), b = right ? w + 75 : -75;
      p.cover({{a, d + 26, height}, {b, d + 26, height}, {b, d + 26, -160}, {a, d + 26, -160}}, block * 0.6);
      p.cover({{a, d + 2.5, height}, {a, d + 26, height}, {a, d + 26, -8}, {a, d + 2.5, -8}}, block * 0.7);
      p.cover({{a, -3, height}, {b, -3, height}, {b, d + 26, height}, {a, d + 26, height}}, block);
    }
  }

  /// What stands behind the keys and may hide their rear ends; hammers move with the keys.
  void above(painter& p, const key_depths& down) const {
    rng random = stream(seed_, part::room, 1);
    const double w = keys_.width, h = o_.room.fallboard_height;
    const double board = o_.room.fallboard * gray_, body = o_.room.body * gray_;
    const double back = -320;
    p.cover({{-75, -2, -14}, {w + 75, -2, -14}, {w + 75, -4, h}, {-75, -4, h}}, board);
    if (o_.room.hammers) {
      p.cover({{-75, -4, h * 0.3}, {w + 75, -4, h * 0.3}, {w + 75, -190, h * 0.3}, {-75, -190, h * 0.3}}, 14 * gray_);
      hammers(p, down, h * 0.3);
      p.cover({{-75, -185, h}, {w + 75, -185, h}, {w + 75, back, h}, {-75, back, h}}, body);
    } else {
      p.cover({{-75, -4, h}, {w + 75, -4, h}, {w + 75, back, h}, {-75, back, h}}, body);
      p.cover({{-75, -4, h}, {w + 75, -4, h}, {w + 75, -9, h}, {-75, -9, h}}, (std::min)(255.0, board * 1.4 + 6));
    }
    if (o_.room.second_keyboard) second_keyboard(p, body);
    if (o_.room.panel && !o_.room.second_keyboard) panel(p, random, h);
    if (o_.room.music) music(p, random, h);
  }

  /// The upper keyboard of two, and where it begins.
  [[nodiscard]] const keyboard::layout& second_layout() const noexcept { return second_keys_; }
  [[nodiscard]] place second_place() const noexcept {
    return {(keys_.width - second_keys_.width) / 2, -second_keys_.depth - 34, o_.room.fallboard_height + 22};
  }

  /// The middle of the player.
  [[nodiscard]] double player_x() const noexcept { return keys_.width / 2; }

 private:
  void floor(painter& p, rng& random) const {
    const double z = -720, tone = o_.room.floor * warm_, contrast = o_.room.floor_pattern;
    p.cover({{-4000, -3500, z}, {5200, -3500, z}, {5200, 4000, z}, {-4000, 4000, z}}, tone);
    if (contrast == 0) return;
    if (random.uniform() < 0.5) {  // boards
      const bool along = random.uniform() < 0.5;
      const double width = random.uniform(70, 160);
      for (double at = -2600; at < 3600; at += width) {
        const double t = tone + contrast * 0.5 * (random.uniform() - 0.5);
        const double e = at + width - 3;
        if (along) {
          p.cover({{at, -2600, z}, {e, -2600, z}, {e, 3000, z}, {at, 3000, z}}, t);
        } else {
          p.cover({{-2600, at, z}, {3800, at, z}, {3800, e, z}, {-2600, e, z}}, t);
        }
      }
    } else {  // a carpet of blobs
      std::array<place, 7> blob;
      for (int i = 0; i < 420; ++i) {
        const double x = random.uniform(-1200, 2500), y = random.uniform(-1200, 1500), r = random.uniform(12, 90);
        const double t =
            std::clamp(tone + contrast * (random.uniform() < 0.5 ? 1 : -1) * random.uniform(0.3, 1.2), 2.0, 250.0);
        for (std::size_t k = 0; k < blob.size(); ++k) {
          const double angle = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(blob.size());
          const double q = r * random.uniform(0.6, 1.1);
          blob[k] = {x + q * std::cos(angle), y + q * std::sin(angle), z};
        }
        p.cover(blob, t);
      }
    }
  }

  void ellipse(painter& p, place c, double rx, double ry, double tone) const {
    std::array<place, 20> round;
    for (std::size_t k = 0; k < round.size(); ++k) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(round.size());
      round[k] = {c.x + rx * std::cos(angle), c.y + ry * std::sin(angle), c.z};
    }
    p.cover(round, tone);
  }

  void player(painter& p, rng& random) const {
    const double x = player_x() + random.uniform(-60, 60), y = keys_.depth;
    const double cloth = random.uniform(15, 120) * warm_, shirt = random.uniform(20, 220) * gray_;
    p.cover({{x - 260, y + 320, -300}, {x + 260, y + 320, -300}, {x + 280, y + 640, -300}, {x - 280, y + 640, -300}},
            20 * gray_);
    for (const double side : {-1.0, 1.0}) {
      p.cover({{x + side * 40, y + 60, -170},
               {x + side * 190, y + 60, -170},
               {x + side * 200, y + 520, -150},
               {x + side * 20, y + 520, -150}},
              cloth);
    }
    ellipse(p, {x, y + 430, 60}, 230, 130, shirt * 0.8);
    ellipse(p, {x, y + 450, 160}, 210, 110, shirt);
  }

  void hammers(painter& p, const key_depths& down, double z) const {
    for (const keyboard::key_shape& k : keys_.keys) {
      const double x = keys_.width * (static_cast<double>(k.pitch - keys_.keys.front().pitch) + 0.5) /
                       static_cast<double>(keys_.keys.size());
      const double move = 42 * static_cast<double>(down[static_cast<std::size_t>(k.pitch)]);
      p.cover({{x - 1.5, -25, z}, {x + 1.5, -25, z}, {x + 1.5, -110 - move, z + 4}, {x - 1.5, -110 - move, z + 4}},
              120 * warm_);
      p.cover({{x - 4.5, -100 - move, z + 6},
               {x + 4.5, -100 - move, z + 6},
               {x + 4, -128 - move, z + 6},
               {x - 4, -128 - move, z + 6}},
              190 * warm_);
    }
  }

  void second_keyboard(painter& p, double body) const {
    const view above = p.view().moved(second_place());
    painter q = p.with(above);
    const double w = second_keys_.width, d = second_keys_.depth;
    q.cover({{-60, -40, 6}, {w + 60, -40, 6}, {w + 60, d + 14, -8}, {-60, d + 14, -8}}, body);
    second_(q, key_depths{});
    second_.grain(q);
    q.cover({{-60, -40, 8}, {w + 60, -40, 8}, {w + 60, -2, 8}, {-60, -2, 8}}, body * 0.8);
  }

  void panel(painter& p, rng& random, double z) const {
    const double w = keys_.width, tone = o_.room.body * gray_;
    z += 0.5;
    const double x = w * random.uniform(0.35, 0.55);
    p.cover({{x - 130, -45, z}, {x + 130, -45, z}, {x + 130, -100, z}, {x - 130, -100, z}}, tone * 0.5);
    p.cover({{x - 105, -55, z}, {x + 105, -55, z}, {x + 105, -90, z}, {x - 105, -90, z}}, random.uniform(60, 220));
    const index_t knobs = 2 + random.below(7);
    for (index_t i = 0; i < knobs; ++i) {
      const double kx = w * 0.06 + 48 * static_cast<double>(i);
      ellipse(p, {kx, -70, z}, 15, 15, tone * 0.4);
      ellipse(p, {kx - 1, -71, z + 8}, 11, 11, tone * 0.4 + random.uniform(20, 120));
    }
    const index_t rows = 1 + random.below(4), columns = 3 + random.below(9);
    const double light = random.uniform(-20, 120), left = w * random.uniform(0.62, 0.7);
    for (index_t r = 0; r < rows; ++r) {
      for (index_t c = 0; c < columns; ++c) {
        const double bx = left + 34 * static_cast<double>(c), by = -40 - 20 * static_cast<double>(r);
        if (bx > w + 40) continue;
        p.cover({{bx, by, z + 2}, {bx + 22, by, z + 2}, {bx + 22, by - 9, z + 2}, {bx, by - 9, z + 2}},
                std::clamp(tone + light, 4.0, 240.0));
      }
    }
  }

  void music(painter& p, rng& random, double z) const {
    const double x = keys_.width * random.uniform(0.4, 0.6), half = random.uniform(210, 330),
                 paper = random.uniform(190, 245) * gray_;
    const double y0 = -random.uniform(70, 130), y1 = y0 - 130, z1 = z + 250;
    const auto on = [&](double u, double v) { return place{x + half * u, y0 + (y1 - y0) * v, z + (z1 - z) * v}; };
    p.cover({on(-1.15, 0), on(1.15, 0), on(1.15, 1.02), on(-1.15, 1.02)}, o_.room.body * gray_ * 0.6);
    p.cover({on(-1, 0.01), on(1, 0.01), on(1, 1), on(-1, 1)}, paper);
    p.darken({on(-0.03, 0.01), on(0.03, 0.01), on(0.03, 1), on(-0.03, 1)}, 0.35);
    for (int side = -1; side <= 1; side += 2) {
      for (int stave = 0; stave < 9; ++stave) {
        const double v = 0.08 + 0.1 * stave;
        for (int line = 0; line < 5; ++line) {
          const double l = v + 0.009 * line;
          p.darken({on(side * 0.08, l), on(side * 0.93, l), on(side * 0.93, l + 0.0022), on(side * 0.08, l + 0.0022)},
                   0.6);
        }
        for (int k = 0; k < 14; ++k) {
          const double u = side * random.uniform(0.1, 0.9), l = v + random.uniform(-0.01, 0.045);
          p.darken({on(u, l), on(u + 0.017, l), on(u + 0.017, l + 0.013), on(u, l + 0.013)}, 0.8);
          p.darken({on(u, l - 0.03), on(u + 0.004, l - 0.03), on(u + 0.004, l), on(u, l)}, 0.7);
        }
      }
    }
  }

  options o_;
  keyboard::layout keys_;
  keyboard::layout second_keys_;
  key_painter second_;
  std::uint64_t seed_;
  double gray_ = 1;
  double warm_ = 1;
};

}  // namespace vmt::inline VMT_ABI::synth
