// SPDX-License-Identifier: MIT
#pragma once

// Pictures of keyboards that are made from others by a second camera, with the truth that goes along; and how far a
// found keyboard is from the truth.

#include <vmt/core/rng.hpp>
#include <vmt/keyboard/find.hpp>

#include <map>
#include <numbers>

namespace vmt_test {

using vmt::frame;
using vmt::index_t;
using vmt::keyboard::point;

/// Where the borders of each key are in a picture: white keys at their front gaps, black ones on their tops.
using key_borders = std::map<int, std::array<point, 2>>;

struct keyboard_picture {
  frame picture;
  key_borders truth;
  bool mirrored = false;
};

/// The borders that a keyboard states.
inline key_borders borders_of(const vmt::keyboard::keyboard& k) {
  const vmt::keyboard::radial_lens lens(k.lens, k.image_width, k.image_height);
  auto corners = k.corners;
  for (point& p : corners) p = lens.undistort(p);
  const vmt::keyboard::square_to_quad quad(corners);
  key_borders all;
  for (std::size_t i = 0; i < k.keys.size(); ++i) {
    const int key = k.lowest_key + static_cast<int>(i);
    const double v = vmt::keyboard::is_white(key) ? 0.85 : 0.32;
    all[key] = {lens.distort(quad(k.keys[i].left, v)), lens.distort(quad(k.keys[i].right, v))};
  }
  return all;
}

/// A keyboard drawn flat: white 215, black 25, cracks 110, the room 70. Nine samples a pixel.
inline keyboard_picture draw(vmt::keyboard::keyboard k) {
  const auto piano = vmt::keyboard::piano_layout(k.lowest_key, k.highest_key);
  k.keys.clear();
  for (const auto& key : piano.keys) k.keys.push_back({key.left / piano.width, key.right / piano.width});
  const vmt::keyboard::radial_lens lens(k.lens, k.image_width, k.image_height);
  auto corners = k.corners;
  for (point& p : corners) p = lens.undistort(p);
  const vmt::keyboard::square_to_quad quad(corners);
  const auto gray = [&](point p) {
    const point s = quad.inverse(lens.undistort(p));
    const double x = s.x * piano.width;
    const double y = s.y * piano.depth;
    if (!(x >= 0 && y >= 0 && x <= piano.width && y <= piano.depth)) return 70.0;
    for (const auto& key : piano.keys) {
      if (key.black && x >= key.left && x <= key.right && y <= key.front) return 25.0;
    }
    const double in_key = std::fmod(x, 23.5);
    return in_key < 0.5 || in_key > 23 ? 110.0 : 215.0;
  };
  keyboard_picture out;
  out.picture.resize(k.image_width, k.image_height);
  for (index_t y = 0; y < k.image_height; ++y) {
    for (index_t x = 0; x < k.image_width; ++x) {
      double sum = 4.5;
      for (int i = 0; i < 9; ++i) {
        sum += gray({static_cast<double>(x) + (i % 3 + 0.5) / 3, static_cast<double>(y) + (i / 3 + 0.5) / 3});
      }
      out.picture.row(y)[x] = static_cast<std::uint8_t>(sum / 9);
    }
  }
  out.truth = borders_of(k);
  out.mirrored = k.mirrored;
  return out;
}

struct keyboard_error {
  std::vector<double> borders;  ///< in pixels of a strip in which 52 white keys take 800
  int missing = 0;              ///< keys that lie wholly in the picture and were not found
  int extra = 0;                ///< keys that were found and are none
  [[nodiscard]] double quantile(double q) const {
    if (borders.empty()) return 1e9;
    std::vector<double> sorted = borders;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
  }
  /// The right keys: those at the border of the picture may be missing.
  [[nodiscard]] bool right() const { return quantile(0.5) <= 4 && missing <= 2 && extra <= 2; }
};

/// Compares by key number, so that a wrong octave is a large error.
inline keyboard_error compare(const vmt::keyboard::keyboard& found, const keyboard_picture& p) {
  keyboard_error e;
  const vmt::keyboard::radial_lens lens(found.lens, found.image_width, found.image_height);
  auto corners = found.corners;
  for (point& c : corners) c = lens.undistort(c);
  const vmt::keyboard::square_to_quad quad(corners);
  const int whites =
      vmt::keyboard::white_keys_below(found.highest_key + 1) - vmt::keyboard::white_keys_below(found.lowest_key);
  const vmt::keyboard::gray_sampler picture(p.picture);
  for (const auto& [key, ends] : p.truth) {
    if (!picture.holds(ends[0], 2) || !picture.holds(ends[1], 2)) continue;
    if (key < found.lowest_key || key > found.highest_key) {
      const double margin = 0.04 * static_cast<double>(p.picture.width);  // a key may be cut elsewhere
      if (picture.holds(ends[0], margin) && picture.holds(ends[1], margin)) ++e.missing;
      continue;
    }
    const auto span = found.keys[static_cast<std::size_t>(key - found.lowest_key)];
    for (const int side : {0, 1}) {
      try {
        const double u = quad.inverse(lens.undistort(ends[static_cast<std::size_t>(side)])).x;
        e.borders.push_back(std::abs(u - (side == 0 ? span.left : span.right)) * whites * 800 / 52);
      } catch (const vmt::error&) {
        e.borders.push_back(1000);
      }
    }
  }
  for (int key = found.lowest_key; key <= found.highest_key; ++key) e.extra += p.truth.contains(key) ? 0 : 1;
  return e;
}

/// What is done to a picture; each value is the most of a random range.
struct camera_wildness {
  double off_vertical = 45;  ///< degrees
  double roll = 20;          ///< degrees, beside half turns
  double upside_down = 0.3;  ///< shares of the pictures
  double mirrored = 0.15;
  double cut = 0.15;  ///< a part of the keyboard lies out of the picture
  double occluded = 0.5;
  double noise = 8;
  double blur = 1.5;     ///< pixels
  double dim = 0.75;     ///< the light is less by at most this share
  double barrel = 0.08;  ///< lens coefficient
};

/// Takes a picture of a flat picture with a random camera. Deterministic by seed.
inline keyboard_picture photograph(const keyboard_picture& from, std::uint64_t seed, const camera_wildness& wild = {}) {
  vmt::rng random(seed);
  constexpr std::array<std::array<index_t, 2>, 6> sizes{
      {{640, 360}, {854, 480}, {1280, 720}, {1280, 720}, {1920, 1080}, {640, 480}}};
  const auto size = sizes[static_cast<std::size_t>(random.below(6))];
  keyboard_picture out;
  out.picture.resize(size[0], size[1]);
  out.mirrored = random.uniform() < wild.mirrored;
  const double w = static_cast<double>(size[0]);
  const double h = static_cast<double>(size[1]);

  // The keyboard's frame on the flat picture.
  point low{1e9, 1e9}, high{-1e9, -1e9};
  for (const auto& [key, ends] : from.truth) {
    for (const point& p : ends) {
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
  }
  const point middle{(low.x + high.x) / 2, (low.y + high.y) / 2};
  const double span = high.x - low.x;

  const double degree = std::numbers::pi / 180;
  const double off = degree * wild.off_vertical * random.uniform();
  const double azimuth = 2 * std::numbers::pi * random.uniform();
  const double roll =
      degree * (wild.roll * (2 * random.uniform() - 1) + (random.uniform() < wild.upside_down ? 180 : 0));
  const double distance = random.uniform(1.0, 2.5);  // in widths of the keyboard
  const double lens = wild.barrel * -random.uniform();
  // The camera stands above the middle, leans by `off` towards `azimuth`, and is rolled about its axis.
  const auto seen_flat = [&](point p) {
    const double x = (p.x - middle.x) / span;
    const double y = (p.y - middle.y) / span;
    const double c = std::cos(azimuth), s = std::sin(azimuth);
    const double a = c * x + s * y;
    const double b = -s * x + c * y;
    const double depth = distance + a * std::sin(off);
    const double u = a * std::cos(off) / depth;
    const double v = b / depth;
    const double x1 = c * u - s * v;
    const double y1 = s * u + c * v;
    const double cr = std::cos(roll), sr = std::sin(roll);
    return point{(out.mirrored ? -1 : 1) * (cr * x1 - sr * y1), sr * x1 + cr * y1};
  };
  point lo{1e9, 1e9}, hi{-1e9, -1e9};
  for (const auto& [key, ends] : from.truth) {
    for (const point& p : ends) {
      const point q = seen_flat(p);
      lo = {std::min(lo.x, q.x), std::min(lo.y, q.y)};
      hi = {std::max(hi.x, q.x), std::max(hi.y, q.y)};
    }
  }
  const bool cut = random.uniform() < wild.cut;
  const double fill = cut ? random.uniform(1.0, 1.5) : random.uniform(0.6, 0.97);
  const double zoom = std::min(fill * w / (hi.x - lo.x), (cut ? 1.0 : 0.9) * h / (hi.y - lo.y));
  const auto place = [&](double lo1, double hi1, double room) {
    const double extent = zoom * (hi1 - lo1);
    const double slack = room - extent;
    const double at = slack > 0 ? slack * random.uniform() : slack * random.uniform();
    return at - zoom * lo1;
  };
  const point shift{place(lo.x, hi.x, w), place(lo.y, hi.y, h)};
  const vmt::keyboard::radial_lens radial(lens, size[0], size[1]);
  const auto straight = [&](point p) {
    const point q = seen_flat(p);
    return point{zoom * q.x + shift.x, zoom * q.y + shift.y};
  };
  for (const auto& [key, ends] : from.truth) {
    out.truth[key] = {radial.distort(straight(ends[0])), radial.distort(straight(ends[1]))};
  }
  // The map back, from four points of the plane.
  const double iw = static_cast<double>(from.picture.width), ih = static_cast<double>(from.picture.height);
  const vmt::keyboard::square_to_quad quad(
      {straight({0, 0}), straight({iw, 0}), straight({iw, ih}), straight({0, ih})});
  frame soft = from.picture;
  const vmt::keyboard::gray_sampler source(soft);
  const double gain = 1 - wild.dim * random.uniform();
  const double gamma = random.uniform(0.8, 1.3);
  const double slope_x = random.uniform(-0.3, 0.3), slope_y = random.uniform(-0.3, 0.3);
  const double noise = wild.noise * random.uniform();
  const double room = random.uniform(20, 200);
  const double blur = wild.blur * random.uniform();
  // Arms and hands: broad strokes of an even gray from the front onto the keys.
  struct arm {
    point from, to;
    double radius, gray;
  };
  std::vector<arm> arms;
  if (random.uniform() < wild.occluded) {
    const auto count = 1 + random.below(2);
    for (index_t i = 0; i < count; ++i) {
      const double x = low.x + span * random.uniform(0.1, 0.9);
      const double y = low.y + (high.y - low.y) * random.uniform(0.2, 1.0);
      arms.push_back({{x, y},
                      {x + span * random.uniform(-0.15, 0.15), high.y + 0.5 * span},
                      span * random.uniform(0.02, 0.045),
                      random.uniform(60, 200)});
    }
  }
  // One pass backwards without blur; the blur, at least that of a sensor, after it.
  const double unit = std::hypot(w, h) / 2;
  const auto undistort = [&](double x, double y) {
    const double px = (x - w / 2) / unit, py = (y - h / 2) / unit;
    const double seen = std::hypot(px, py);
    double r = seen;
    for (int i = 0; i < 4; ++i) r -= (r * (1 + lens * r * r) - seen) / (1 + 3 * lens * r * r);
    const double f = seen > 0 ? r / seen : 1;
    return point{w / 2 + f * px * unit, h / 2 + f * py * unit};
  };
  // Two samples a pixel each way, so that fine structure does not alias.
  const index_t fine_w = 2 * size[0], fine_h = 2 * size[1];
  std::vector<float> fine(static_cast<std::size_t>(fine_w * fine_h));
  for (index_t y = 0; y < fine_h; ++y) {
    for (index_t x = 0; x < fine_w; ++x) {
      const point s = quad.inverse(undistort((static_cast<double>(x) + 0.5) / 2, (static_cast<double>(y) + 0.5) / 2));
      const point q{s.x * iw, s.y * ih};
      double v = source.holds(q) ? source(q) : room;
      for (const arm& a : arms) {
        const double dx = a.to.x - a.from.x, dy = a.to.y - a.from.y;
        const double t = std::clamp(((q.x - a.from.x) * dx + (q.y - a.from.y) * dy) / (dx * dx + dy * dy), 0.0, 1.0);
        const double r = std::hypot(q.x - a.from.x - t * dx, q.y - a.from.y - t * dy) / a.radius;
        if (r < 1) v = a.gray * (1 - 0.3 * r * r);
      }
      fine[static_cast<std::size_t>(y * fine_w + x)] = static_cast<float>(v);
    }
  }
  // A box of 2 or more samples, in both directions.
  const auto box = [](std::vector<float>& values, index_t count, index_t step, index_t lines, index_t line_step,
                      index_t reach) {
    std::vector<float> line(static_cast<std::size_t>(count));
    for (index_t l = 0; l < lines; ++l) {
      const auto at = [&](index_t i) -> float& { return values[static_cast<std::size_t>(l * line_step + i * step)]; };
      for (index_t i = 0; i < count; ++i) {
        float sum = 0;
        for (index_t j = -reach; j <= reach; ++j) sum += at(std::clamp(i + j, index_t{0}, count - 1));
        line[static_cast<std::size_t>(i)] = sum / static_cast<float>(2 * reach + 1);
      }
      for (index_t i = 0; i < count; ++i) at(i) = line[static_cast<std::size_t>(i)];
    }
  };
  const auto reach = static_cast<index_t>(1 + std::lround(blur));
  box(fine, fine_w, 1, fine_h, fine_w, reach);
  box(fine, fine_h, fine_w, fine_w, 1, reach);
  for (index_t y = 0; y < size[1]; ++y) {
    for (index_t x = 0; x < size[0]; ++x) {
      const auto at = static_cast<std::size_t>(2 * y * fine_w + 2 * x);
      const auto below = at + static_cast<std::size_t>(fine_w);
      const double mean = static_cast<double>(fine[at] + fine[at + 1] + fine[below] + fine[below + 1]) / 4;
      const double u = static_cast<double>(x) / w - 0.5, t = static_cast<double>(y) / h - 0.5;
      const double v =
          255 * gain * (1 + slope_x * u + slope_y * t) * std::pow(mean / 255, gamma) + noise * random.normal();
      out.picture.row(y)[x] = static_cast<std::uint8_t>(std::clamp(v + 0.5, 0.0, 255.0));
    }
  }
  return out;
}

}  // namespace vmt_test
