// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/paint_effects.hpp>
#include <vmt/synth/sensor.hpp>

namespace vmt::inline VMT_ABI::synth {

/// Pictures that have no keyboard, or none that can be read.
enum class distractor {
  title_card,  ///< writing on an even or shaded ground
  bookshelf,   ///< narrow upright backs, light and dark
  knobs,       ///< a synthesizer's panel
  side_view,   ///< a piano from the player's side, its keys a thin slanting band between other things
  blinds,      ///< stripes of one width, and of two widths in turn
  bar_code,    ///< stripes of random widths
  sheet_music,
  clutter,  ///< polygons of all tones
  fence,    ///< light boards with dark gaps, and posts before them
};
inline constexpr index_t distractor_count = 9;

namespace detail {

class distractor_painter {
 public:
  distractor_painter(std::uint64_t seed, canvas& c)
      : random_(stream(seed, part::distractor)),
        view_(camera{}, c.width, c.height),
        painter_(view_, c, memory_),
        w_(static_cast<double>(c.width)),
        h_(static_cast<double>(c.height)) {
    // A slightly turned ground for all shapes.
    const double turn = random_.normal() * 0.05, zoom = random_.uniform(0.8, 1.3);
    ux_ = {zoom * std::cos(turn), zoom * std::sin(turn)};
    uy_ = {-ux_.y, ux_.x};
    lean_ = random_.normal() * 0.1;
  }

  void operator()(distractor kind) {
    box(-1, -1, 2, 2, random_.uniform(5, 240));
    switch (kind) {
      case distractor::title_card: title_card(); break;
      case distractor::bookshelf: bookshelf(); break;
      case distractor::knobs: knobs(); break;
      case distractor::side_view: side_view(); break;
      case distractor::blinds: blinds(); break;
      case distractor::bar_code: bar_code(); break;
      case distractor::sheet_music: sheet_music(); break;
      case distractor::clutter: clutter(); break;
      case distractor::fence: fence(); break;
    }
  }

 private:
  [[nodiscard]] point at(double u, double v) const noexcept {
    const double x = (u - 0.5) * w_, y = (v - 0.5) * h_ * (1 + lean_ * (u - 0.5));
    return {w_ / 2 + x * ux_.x + y * uy_.x, h_ / 2 + x * ux_.y + y * uy_.y};
  }
  void box(double l, double t, double r, double b, double tone) {
    painter_.cover_flat({at(l, t), at(r, t), at(r, b), at(l, b)}, tone);
  }
  void disc(double u, double v, double r, double tone) {
    std::array<point, 24> round;
    const point c = at(u, v);
    for (std::size_t k = 0; k < round.size(); ++k) {
      const double a = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(round.size());
      round[k] = {c.x + r * h_ * std::cos(a), c.y + r * h_ * std::sin(a)};
    }
    painter_.fill_flat(round,
                       [tone](float& pixel, float share) { pixel += share * (static_cast<float>(tone) - pixel); });
  }

  void title_card() {
    const double ground = random_.uniform(0, 255),
                 ink = ground > 128 ? random_.uniform(0, 60) : random_.uniform(190, 255);
    for (int i = 0; i < 40; ++i) box(-1, i / 40.0, 2, 1, ground + (i - 20) * random_.uniform(0, 1.5));
    double y = h_ * random_.uniform(0.1, 0.4);
    const index_t lines = 1 + random_.below(6);
    for (index_t i = 0; i < lines; ++i) {
      const double size = h_ * random_.uniform(0.04, 0.14);
      effect_painter::writing(painter_, w_ * random_.uniform(0.05, 0.25), y, size, w_ * random_.uniform(0.6, 0.95), ink,
                              random_);
      y += size * 1.7;
    }
  }

  void bookshelf() {
    const index_t shelves = 1 + random_.below(4);
    for (index_t s = 0; s < shelves; ++s) {
      const double top = static_cast<double>(s) / static_cast<double>(shelves),
                   bottom = top + 0.93 / static_cast<double>(shelves);
      double x = -0.2;
      while (x < 1.2) {
        const double width = random_.uniform(0.008, 0.035),
                     high = random_.uniform(0, 0.3) / static_cast<double>(shelves), tone = random_.uniform(10, 245);
        box(x, top + high, x + width, bottom, tone);
        box(x, top + high, x + 0.0015, bottom, tone * 0.5);
        if (random_.uniform() < 0.6)
          box(x + width * 0.2, top + high + 0.1 * (bottom - top), x + width * 0.8, top + high + 0.5 * (bottom - top),
              tone > 128 ? 20 : 220);
        x += width;
      }
      box(-1, bottom, 2, top + 1 / static_cast<double>(shelves), random_.uniform(20, 120));
    }
  }

  void knobs() {
    const double tone = random_.uniform(10, 90), step = random_.uniform(0.045, 0.09);
    box(-1, -1, 2, 2, tone);
    for (double v = step; v < 1; v += step * 1.8) {
      const bool buttons = random_.uniform() < 0.4;
      for (double u = step / 2; u < 1; u += step) {
        if (random_.uniform() < 0.12) continue;
        if (buttons) {
          box(u - step * 0.3, v - step * 0.2, u + step * 0.3, v + step * 0.5,
              random_.uniform() < 0.5 ? tone + 120 : tone * 0.4);
        } else {
          disc(u, v, step * 0.45, tone * 0.3);
          disc(u, v, step * 0.33, tone + 50);
          box(u - 0.002, v - step * 0.5, u + 0.002, v, 230);
        }
      }
    }
  }

  void side_view() {
    const bool split = random_.uniform() < 0.5;
    for (int half = 0; half < (split ? 2 : 1); ++half) {
      const double l = half * 0.5, r = split ? l + 0.5 : 1;
      box(l, 0, r, 1, random_.uniform(30, 170));
      box(l, random_.uniform(0.5, 0.6), r, 1, random_.uniform(10, 60));
      // A person at the side of an instrument.
      const double c = l + (r - l) * random_.uniform(0.3, 0.6);
      disc(c, 0.22, 0.09, random_.uniform(90, 200));
      painter_.cover_flat({at(c - 0.08, 0.3), at(c + 0.08, 0.3), at(c + 0.12, 0.8), at(c - 0.12, 0.8)},
                          random_.uniform(10, 220));
      const double y = random_.uniform(0.52, 0.6), x = c + 0.06;
      painter_.cover_flat({at(x, y), at(r, y - 0.04), at(r, y - 0.02), at(x, y + 0.012)}, 225);
      painter_.cover_flat({at(x, y + 0.012), at(r, y - 0.02), at(r, y + 0.2), at(x, y + 0.25)}, 25);
    }
    if (split) box(0.498, 0, 0.502, 1, 0);
  }

  void blinds() {
    const bool turned = random_.uniform() < 0.5, pairs = random_.uniform() < 0.4;
    const double step = random_.uniform(0.012, 0.05), a = random_.uniform(150, 250), b = random_.uniform(5, 90),
                 share = random_.uniform(0.3, 0.7);
    int i = 0;
    for (double x = -0.3; x < 1.3; x += step, ++i) {
      const double wide = step * (pairs && i % 2 == 0 ? share * 0.5 : share);
      if (turned) {
        box(-0.3, x, 1.3, x + step, a), box(-0.3, x, 1.3, x + wide, b);
      } else {
        box(x, -0.3, x + step, 1.3, a), box(x, -0.3, x + wide, 1.3, b);
      }
    }
  }

  void bar_code() {
    const double t = random_.uniform(0, 0.4), b = random_.uniform(0.5, 1), a = random_.uniform(150, 250),
                 ink = random_.uniform(5, 80);
    box(0, t, 1, b, a);
    for (double x = 0.03; x < 0.97;) {
      const double wide = random_.uniform(0.003, 0.02);
      box(x, t, x + wide, b, ink);
      x += wide + random_.uniform(0.003, 0.025);
    }
  }

  void sheet_music() {
    box(-1, -1, 2, 2, random_.uniform(180, 250));
    const double line = random_.uniform(0.006, 0.014);
    for (double v = 0.06; v < 1; v += 11 * line) {
      for (int i = 0; i < 5; ++i) box(0.03, v + i * line, 0.97, v + i * line + 0.0022, 60);
      for (double u = 0.06; u < 0.96; u += random_.uniform(0.012, 0.06)) {
        const double y = v + line * random_.uniform(-1, 5);
        disc(u, y, line * 0.55, 20);
        box(u + line * 0.28, y - 4 * line, u + line * 0.36, y, 20);
        if (random_.uniform() < 0.1) box(u + 0.01, v, u + 0.012, v + 4 * line, 30);
      }
    }
  }

  void clutter() {
    const index_t count = 30 + random_.below(200);
    for (index_t i = 0; i < count; ++i) {
      const double u = random_.uniform(-0.1, 1.1), v = random_.uniform(-0.1, 1.1), s = random_.uniform(0.01, 0.3),
                   tone = random_.uniform(0, 255);
      const double a = random_.uniform(0, 3), q = random_.uniform(0.1, 1);
      const auto corner = [&](double p, double r) {
        return at(u + s * (p * std::cos(a) - q * r * std::sin(a)), v + s * (p * std::sin(a) + q * r * std::cos(a)));
      };
      if (random_.uniform() < 0.3) {
        disc(u, v, s * 0.5, tone);
      } else {
        painter_.cover_flat({corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)}, tone);
      }
    }
  }

  void fence() {
    const double step = random_.uniform(0.018, 0.06), top = random_.uniform(0.05, 0.4),
                 bottom = random_.uniform(0.6, 1);
    const double board = random_.uniform(140, 245), post = random_.uniform(10, 80);
    for (double x = -0.3; x < 1.3; x += step) box(x, top, x + step * 0.93, bottom, board * random_.uniform(0.9, 1.05));
    // Posts at even places, where a keyboard has groups of two and three.
    const index_t every = 1 + random_.below(4);
    for (double x = -0.3; x < 1.3; x += step * static_cast<double>(every))
      box(x - step * 0.25, top, x + step * 0.25, top + (bottom - top) * 0.62, post);
  }

  rng random_;
  view view_;
  paint_memory memory_;
  painter painter_;
  double w_, h_;
  point ux_, uy_;
  double lean_ = 0;
};

}  // namespace detail

/// A picture without a keyboard, as seen by a camera of `wild` quality. The kind comes from the seed, or is given.
/// Throws `invalid_argument` for sizes outside 16 … 8192.
inline void draw_without_keyboard(std::uint64_t seed, index_t width, index_t height, frame& out,
                                  const distractor* kind = nullptr) {
  if (width < 16 || height < 16 || width > 8192 || height > 8192) {
    throw error(errc::invalid_argument, "synth: a picture has 16 to 8192 pixels each way");
  }
  canvas c;
  c.resize(width, height);
  detail::distractor_painter paint(seed, c);
  paint(kind != nullptr ? *kind : static_cast<distractor>(seed % static_cast<std::uint64_t>(distractor_count)));
  rng r = stream(seed, part::distractor, 1);
  options o;
  o.sensor.focus = r.uniform(0.3, 1.5);
  o.sensor.noise = r.uniform(0.3, 5);
  o.sensor.gain = r.uniform(0.5, 1.1);
  sensor take(o, seed);
  take(c, 0, 1, out);
  out.time = 0;
  out.number = 0;
  out.damaged = false;
}

}  // namespace vmt::inline VMT_ABI::synth
