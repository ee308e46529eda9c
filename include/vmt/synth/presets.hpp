// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/strokes.hpp>

namespace vmt::inline VMT_ABI::synth {

/// A quiet picture: even light, sharp, no noise, nothing on the keys. The camera looks straight down.
[[nodiscard]] inline options clean() {
  options o;
  o.keys.texture = 0;
  o.sensor.noise = 0;
  o.sensor.focus = 0;
  o.sensor.exposure_ms = 0;
  o.room.floor_pattern = 0;
  return o;
}

namespace detail {

/// Materials and light of one recording. Real rooms are bright and their light is soft: where a range begins with what
/// is usual, `mostly_low` keeps most draws there.
inline void random_looks(options& o, rng& r) {
  const auto maybe = [&](double probability) { return r.uniform() < probability; };
  const auto mostly_low = [&](double low, double high) {
    const double u = r.uniform();
    return low + (high - low) * u * u;
  };
  const auto nearly_low = [&](double low, double high) {
    const double u = r.uniform();
    return low + (high - low) * u * u * u;
  };
  auto& k = o.keys;
  k.white = 252 - mostly_low(0, 100);
  k.black = 6 + mostly_low(0, 54);
  k.black_top = r.uniform(0, 35);
  k.black_slope = r.uniform(5, 80);
  k.bed = r.uniform(0.08, 0.65) * k.white;
  k.wall = 0.95 - nearly_low(0, 0.8);
  k.front = r.uniform(0.35, 1);
  k.gap = mostly_low(0.15, 1.4);
  k.sizes.black_width = r.uniform(9.3, 11.2);
  k.sizes.black_length = r.uniform(88, 98);
  k.sizes.black_height = r.uniform(10.5, 13.5);
  k.sizes.depth = r.uniform(144, 152);
  k.foot = (std::min)(k.sizes.black_width + r.uniform(1.5, 3.2), 14.2);
  k.white_travel = r.uniform(8.5, 11);
  k.black_travel = r.uniform(6.5, 9);
  k.variation = mostly_low(0, 0.02);
  k.wear = maybe(0.25) ? r.uniform(0.2, 1) : 0;
  k.texture = mostly_low(0, 0.012);
  k.dim = nearly_low(0, 0.1);
  k.gloss = maybe(0.4) ? r.uniform(20, 150) : 0;
  k.blotches = maybe(0.6) ? static_cast<int>(r.below(4)) : 0;
  auto& l = o.light;
  l.slope_x = std::clamp(r.normal() * 0.35, -1.5, 1.5);
  l.slope_y = std::clamp(0.1 + r.normal() * 0.5, -1.5, 1.5);
  l.second = maybe(0.35) ? r.uniform(0.2, 0.9) : 0;
  l.key_shadow = mostly_low(0.02, 0.5);
  l.step_shadow = mostly_low(0.04, 0.7);
  l.gradient_x = std::clamp(r.normal() * 0.08, -0.3, 0.3);
  l.gradient_y = std::clamp(r.normal() * 0.06, -0.3, 0.3);
  if (maybe(0.35)) {
    l.glare = r.uniform(0.05, 0.6);
    l.glare_x = r.uniform(0, 1222), l.glare_y = r.uniform(-20, 160);
    l.glare_width = r.uniform(25, 220), l.glare_depth = r.uniform(25, 160);
  }
  if (maybe(0.3)) l.flicker = mostly_low(0.002, 0.02), l.flicker_hz = r.uniform(0.5, 12);
  if (maybe(0.4)) l.drift = r.uniform(0.005, 0.05);
  if (maybe(0.2)) l.big_shadow = r.uniform(0.05, 0.4);
  if (maybe(0.35)) {  // coloured lamps
    l.red = r.uniform(0.6, 1.25), l.green = r.uniform(0.7, 1.1), l.blue = r.uniform(0.3, 1.3);
  }
  auto& h = o.hands;
  h.skin = maybe(0.8) ? k.white * r.uniform(0.25, 0.85) : r.uniform(40, 220);
  h.size = r.uniform(0.85, 1.12);
  h.finger = r.uniform(7.2, 10.2);
  h.reach = r.uniform(62, 124);
  h.spread = r.uniform(0.6, 2.2);
  h.lift = r.uniform(3, 24);
  h.wander = r.uniform(0.4, 1.8);
  h.idle_touches = r.uniform(0, 1.2);
  h.land_ms = r.uniform(10, 60);
  h.sleeve = maybe(0.45) ? r.uniform(8, 225) : -1;
  h.shadow = mostly_low(0.04, 0.5);
  h.shadow_blur = r.uniform(3, 14);
  h.nails = r.uniform(-0.05, 0.25);
  h.shading = r.uniform(0.2, 0.65);
  h.texture = r.uniform(0, 0.035);
  h.reflection = maybe(0.4) ? r.uniform(5, 40) : 0;
  h.press_ms = r.uniform(32, 50);
  h.release_ms = r.uniform(50, 150);
  h.count = maybe(0.2) ? 1 : 2;
  h.enter_and_leave = maybe(0.6);
  auto& m = o.room;
  m.fallboard = maybe(0.75) ? r.uniform(4, 70) : r.uniform(70, 200);
  m.fallboard_height = r.uniform(5, 120);
  m.rail = maybe(0.75) ? r.uniform(5, 90) : r.uniform(90, 220);
  m.block = maybe(0.75) ? r.uniform(5, 90) : r.uniform(90, 220);
  m.body = maybe(0.75) ? r.uniform(5, 80) : r.uniform(80, 230);
  m.floor = r.uniform(10, 200);
  m.floor_pattern = r.uniform(0, 80);
  m.panel = maybe(0.3);
  m.music = maybe(0.3);
  m.player = maybe(0.8);
  m.hammers = !m.panel && maybe(0.12);
}

/// How keys look and move while they are pressed; from a stream of its own, so that the rest of a seed's look stays.
inline void random_presses(options& o, rng r) {
  o.keys.black_body = r.uniform() < 0.4 ? r.uniform(0, 0.6) * o.keys.white : r.uniform(0, 20);
  o.hands.release_left = r.uniform(0.6, 0.9);  // instruments end a note early on a key's way up
}

/// How the picture was taken and kept.
inline void random_sensor(options& o, rng& r) {
  const auto maybe = [&](double probability) { return r.uniform() < probability; };
  auto& s = o.sensor;
  s.exposure_ms = r.uniform(2, 30);
  s.sub_frames = maybe(0.6) ? 2 : 1;
  s.rolling_ms = maybe(0.3) ? r.uniform(5, 25) : 0;
  s.focus = r.uniform(0.2, 1.1);
  // Video coders smooth noise and keep it where nothing moves; straightening averages it.
  const double loud = r.uniform();
  s.noise = 0.15 + 4 * loud * loud * loud;
  s.noise_size = maybe(0.65) ? r.uniform(1, 4) : 1;
  s.noise_hold = maybe(0.7) ? 2 + static_cast<int>(r.below(60)) : 1;
  s.vignette = maybe(0.4) ? r.uniform(0.05, 0.35) : 0;
  s.gamma = std::clamp(std::exp(-0.1 + r.normal() * 0.2), 0.5, 1.7);
  s.veil = maybe(0.3) ? r.uniform(0, 20) : 0;
  // Cameras expose so that the keys are light but seldom lost in white.
  const double u = r.uniform();
  const double level = maybe(0.08) ? 254 : 252 - 75 * u * u;
  const double light = 0.299 * o.light.red + 0.587 * o.light.green + 0.114 * o.light.blue;
  s.gain = std::clamp((255 * std::pow(level / 255, 1 / s.gamma) - s.veil) / (o.keys.white * light), 0.1, 3.0);
  s.detail = maybe(0.3) ? r.uniform(0.45, 0.95) : 1;
  s.blocks = maybe(0.45) ? r.uniform(2, 14) : 0;
  s.interlace = maybe(0.07) ? r.uniform(0.2, 1) : 0;
  s.drop = maybe(0.1) ? r.uniform(0.002, 0.03) : 0;
  s.repeat = maybe(0.1) ? r.uniform(0.002, 0.03) : 0;
  constexpr std::array<double, 7> rates{24, 25, 25, 29.97, 30, 30, 60};
  o.picture.fps = rates[static_cast<std::size_t>(r.below(7))];
}

/// What falling-note videos and strips of lamps add. Half of them show what is played, more or less in time; the others
/// light up keys that nobody touches.
inline void random_effects(options& o, rng& r, double probability) {
  if (r.uniform() >= probability) return;
  const auto maybe = [&](double p) { return r.uniform() < p; };
  auto& e = o.effects;
  e.bars = r.uniform(40, 240);
  e.bar_speed = r.uniform(100, 450);
  e.edge = maybe(0.5) ? 0 : std::clamp(r.normal() * 4, -6.0, 14.0);
  e.glow = maybe(0.75) ? r.uniform(10, 160) : 0;
  e.glow_width = r.uniform(6, 16) * (maybe(0.25) ? 2.5 : 1);
  e.glow_depth = r.uniform(10, 65);
  e.glow_fade = std::exp(r.uniform(std::log(0.04), std::log(1.0)));
  e.shimmer = maybe(0.5) ? r.uniform(0.05, 0.5) : 0;
  e.tint = maybe(0.15) ? r.uniform(0.1, 0.7) : 0;
  e.sparks = maybe(0.4) ? r.uniform(30, 200) : 0;
  e.smoke = maybe(0.3) ? r.uniform(8, 70) : 0;
  e.line = maybe(0.25) ? r.uniform(20, 160) : 0;
  e.over_hands = maybe(0.6);
  e.lag_ms = maybe(0.75) ? std::clamp(r.normal() * 40, -150.0, 150.0) : r.uniform(-500, 250);
  e.unrelated = maybe(0.5) ? 0 : maybe(0.5) ? 1 : r.uniform(0.1, 0.9);
}

/// A small picture that was enlarged to a strip: `pixels` a white key, as 360p and 480p have 7 … 15. Noise and blocks
/// are the small picture's.
inline void low_resolution(options& o, rng& r, double pixels) {
  auto& s = o.sensor;
  const double across = o.keys.sizes.white_pitch / static_cast<double>(o.picture.width) * o.picture.white_keys;
  const double down = o.keys.sizes.depth * (o.picture.bottom - o.picture.top) / static_cast<double>(o.picture.height);
  s.detail = std::clamp(pixels * across / o.keys.sizes.white_pitch, 0.2, 1.0);
  s.rows = std::clamp(down / across * r.uniform(0.7, 1.0), 0.4, 2.0);  // seen from the side, keys are shorter
  s.focus = r.uniform(0.2, 0.6) / s.detail;
  s.noise_size = r.uniform() < 0.5 ? 1 : r.uniform(1, 2);
  if (r.uniform() < 0.7) s.blocks = r.uniform(2, 10);
}

}  // namespace detail

/// What a strip of a data set such as PianoYT looks like after registration: 145×800, ordinary rooms and cameras.
[[nodiscard]] inline options paper(std::uint64_t seed) {
  rng r = stream(seed, part::preset, 1);
  options o;
  detail::random_looks(o, r);
  detail::random_presses(o, stream(seed, part::preset, 4));
  detail::random_sensor(o, r);
  o.picture.kind = picture_kind::paper_strip;
  o.picture.width = 800;
  o.picture.height = 145;
  o.picture.fps = 25;
  o.sensor.interlace = o.sensor.drop = o.sensor.repeat = 0;
  o.sensor.registration = r.uniform(0, 1.5);
  o.camera.eye = {611 + r.normal() * 80, r.uniform(0, 300), r.uniform(850, 1900)};
  return o;
}

/// The key-aligned strip, 832×96, with everything that can go wrong.
[[nodiscard]] inline options wild(std::uint64_t seed) {
  rng r = stream(seed, part::preset, 2);
  options o;
  detail::random_looks(o, r);
  detail::random_presses(o, stream(seed, part::preset, 4));
  detail::random_sensor(o, r);
  detail::random_effects(o, r, 0.4);
  o.picture.kind = picture_kind::key_strip;
  o.picture.width = 832;
  o.picture.height = 96;
  o.sensor.registration = r.uniform() < 0.7 ? r.uniform(0, 2.5) : 0;
  o.camera.eye = {r.uniform() < 0.85 ? 611 + r.normal() * 120 : r.uniform(100, 1100), r.uniform(-120, 520),
                  r.uniform(600, 1900)};
  o.sensor.detail = 1;
  if (r.uniform() < 0.45) detail::low_resolution(o, r, 16 * std::exp(r.uniform(std::log(0.4), std::log(0.95))));
  if (r.uniform() < 0.1) o.motion.shake = r.uniform(0.1, 0.8), o.motion.shake_hz = r.uniform(1, 12);
  return o;
}

/// A camera anywhere that still shows a keyboard: 360p to 4K, tilted up to 20° in the picture, up to 45° off the
/// vertical, upside down (25 %), mirrored (8 %), 49 to 88 keys, sometimes with the ends out of the picture, hands,
/// music, glare, dark and coloured light, falling bars, an open upright, a second keyboard, writing and pictures laid
/// over, barrel distortion. Sizes other than 0 × 0 are kept.
[[nodiscard]] inline options wild_camera(std::uint64_t seed, index_t width = 0, index_t height = 0) {
  rng r = stream(seed, part::preset, 3);
  options o;
  detail::random_looks(o, r);
  detail::random_presses(o, stream(seed, part::preset, 4));
  detail::random_sensor(o, r);
  detail::random_effects(o, r, 0.15);
  const auto maybe = [&](double probability) { return r.uniform() < probability; };
  constexpr std::array<std::array<index_t, 2>, 8> sizes{
      {{640, 360}, {854, 480}, {1280, 720}, {1280, 720}, {1280, 720}, {1920, 1080}, {1920, 1080}, {3840, 2160}}};
  const auto size = sizes[static_cast<std::size_t>(r.below(8))];
  o.picture.width = width > 0 ? width : size[0];
  o.picture.height = height > 0 ? height : size[1];
  constexpr std::array<std::array<int, 2>, 8> ranges{
      {{21, 108}, {21, 108}, {21, 108}, {21, 108}, {28, 103}, {28, 100}, {36, 96}, {36, 84}}};
  const auto range = ranges[static_cast<std::size_t>(r.below(8))];
  o.keys.lowest = range[0];
  o.keys.highest = range[1];
  const double wide = keyboard::piano_layout(o.keys.lowest, o.keys.highest).width, deep = o.keys.sizes.depth;
  o.light.glare_x = r.uniform(0, wide);
  auto& c = o.camera;
  c.focal = r.uniform(0.62, 1.3);
  c.lens = maybe(0.5) ? -std::abs(r.normal()) * 0.06 : r.normal() * 0.01;
  c.lens = std::clamp(c.lens, -0.15, 0.05);
  // How far off the vertical, and to which side: mostly from the player's, seldom far beyond the keys.
  const double off = maybe(0.6) ? r.uniform(0, 15) : r.uniform(0, 45);
  const double side = maybe(0.75) ? std::clamp(r.normal() * 0.6, -1.4, 1.4) : r.uniform(-1.5, 1.5);
  const double angle = off * std::numbers::pi / 180;
  const double share =
      maybe(0.85) ? r.uniform(0.62, 0.97) : r.uniform(0.97, 1.12);  // of the picture that the keys fill
  const double distance = c.focal * wide / share * (1 + 0.25 * std::sin(angle));
  c.target = {wide / 2 + r.normal() * 0.02 * wide, deep / 2 + r.normal() * 0.05 * distance, 0};
  const bool behind = off < 12 && maybe(0.3);
  c.eye = {c.target.x + distance * std::sin(angle) * std::sin(side),
           c.target.y + distance * std::sin(angle) * std::cos(side) * (behind ? -1 : 1), distance * std::cos(angle)};
  c.roll = maybe(0.6) ? r.normal() * 2 : r.uniform(-20, 20);
  c.roll = std::clamp(c.roll, -20.0, 20.0) + (maybe(0.25) ? 180 : 0);
  c.mirrored = maybe(0.08);
  if (c.eye.y < 0) o.room.fallboard_height = (std::min)(o.room.fallboard_height, 12.0);
  if (maybe(0.15)) o.sensor.gain *= r.uniform(0.25, 0.6);  // a dark room
  o.room.second_keyboard = maybe(0.06);
  o.effects.title = maybe(0.12);
  o.effects.inset = maybe(0.06);
  o.sensor.sub_frames = 1;
  return o;
}

}  // namespace vmt::inline VMT_ABI::synth
