// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/motion.hpp>
#include <vmt/synth/paint_effects.hpp>
#include <vmt/synth/paint_hands.hpp>
#include <vmt/synth/paint_room.hpp>
#include <vmt/synth/sensor.hpp>

#include <memory>   // stable addresses
#include <utility>  // move

namespace vmt::inline VMT_ABI::synth {

/// Where a key is seen: the corners of its top in the picture, left rear first, clockwise as the player sees them.
struct key_span {
  int pitch = 60;
  bool black = false;
  std::array<point, 4> top;
};

/// The view of a picture, see `picture_kind`. The errors of a registration come from the seed.
[[nodiscard]] inline view make_view(const options& o, const keyboard::layout& keys, std::uint64_t seed = 0) {
  const auto& p = o.picture;
  if (p.kind == picture_kind::camera) return view(o.camera, p.width, p.height);
  std::array<point, 4> shift{};
  if (o.sensor.registration > 0) {
    rng random = stream(seed, part::sensor, -1);
    for (point& s : shift) {
      s.x = random.normal() * o.sensor.registration;
      s.y = random.normal() * o.sensor.registration;
    }
  }
  const double pitch = o.keys.sizes.white_pitch;
  const bool aligned = p.kind == picture_kind::key_strip;
  const double count = aligned ? p.white_keys : 52;
  const double across = static_cast<double>(p.width) / (count * pitch);
  const double top = aligned ? p.top : 0, bottom = aligned ? p.bottom : 1;
  const double down = static_cast<double>(p.height) / ((bottom - top) * keys.depth);
  const double first = (aligned ? p.first_white : 0) - keyboard::white_keys_below(o.keys.lowest);
  return view(o.camera.eye, first * pitch, top * keys.depth, across, down, p.width, p.height, shift);
}

/// Renders a top-view video of a performance with its complete truth. The same performance, options and seed give the
/// same pictures, in whatever order they are drawn. A frame source; keeps all its memory from frame to frame. One
/// object for each thread.
///
///     vmt::synth::renderer video(notes, vmt::synth::wild(7), 7);
///     for (vmt::frame f; video(f);) …
class renderer {
 public:
  /// Throws as `validate` and `playable`. Notes that no hand can reach are left out: `notes()` is what is played.
  renderer(std::vector<note> performance, const options& o, std::uint64_t seed = 0)
      : o_((validate(o), o)),
        seed_(seed),
        keys_(keyboard::piano_layout(o.keys.lowest, o.keys.highest, o.keys.sizes)),
        notes_(playable(std::move(performance), o.keys.lowest, o.keys.highest)),
        motion_(o, seed),
        base_(make_view(o, keys_, seed)),
        view_(seen_at(0)),
        room_(o, keys_, seed),
        key_painter_(o, keys_, seed),
        hand_painter_(o, seed),
        effects_(o, keys_, seed),
        sensor_(o, seed) {
    fingering plan(notes_, keys_, o.hands.count, o.hands.size, seed);
    action_ = std::make_unique<key_action>(notes_, o.hands.press_ms, o.hands.release_ms, seed, o.hands.release_left);
    int index = 0;
    for (hand_part& h : plan.hands()) hands_.emplace_back(std::move(h), o, keys_, *action_, seed, ++index);
    double end = o.picture.seconds;
    if (end == 0) {
      for (const note& n : notes_) end = (std::max)(end, n.offset + 1);
    }
    all_frames_ = (std::max)(index_t{1}, static_cast<index_t>(std::floor(end * o.picture.fps)));
    effects_.plan(notes_, end);
    const index_t w = view_.width(), h = view_.height();
    for (canvas* c : {&ground_, &board_, &light_, &sum_}) c->resize(w, h);
    reaches_.resize(keys_.keys.size());
    place_ = motion_(0);
    make_light(motion_.still() ? base_ : base_.shifted(lit_at(place_).by, lit_at(place_).turn));
    prepare();
  }
  renderer(const renderer&) = delete;
  renderer& operator=(const renderer&) = delete;
  renderer(renderer&&) = default;

  /// The next frame that was not dropped; false at the end.
  bool operator()(frame& out) {
    while (next_ < all_frames_ && missing(next_)) ++next_;
    if (next_ >= all_frames_) return false;
    draw(next_++, out);
    return true;
  }

  /// Any frame of 0 … frames() − 1, dropped ones too. Throws `invalid_argument` for other numbers.
  void draw(index_t number, frame& out) {
    if (number < 0 || number >= all_frames_) {
      throw error(errc::invalid_argument, "synth: frame " + std::to_string(number) + " of a video of " +
                                              std::to_string(all_frames_) + " frames");
    }
    const double time = static_cast<double>(number) / o_.picture.fps;
    const double shown = repeats(number) ? time - 1 / o_.picture.fps : time;
    expose(shown);
    sensor_(sum_, number, brightness(time), out);
    out.time = time;
    out.number = number;
    out.damaged = false;
  }

  /// The number of frames, dropped ones too.
  [[nodiscard]] index_t frames() const noexcept { return all_frames_; }
  [[nodiscard]] bool missing(index_t number) const noexcept { return chance(number, 0, o_.sensor.drop); }
  [[nodiscard]] const options& settings() const noexcept { return o_; }
  [[nodiscard]] const std::vector<note>& notes() const noexcept { return notes_; }
  [[nodiscard]] const keyboard::layout& layout() const noexcept { return keys_; }
  /// How the room is seen at a time; the same at all times where the camera does not move.
  [[nodiscard]] synth::view view(double time = 0) const noexcept { return seen_at(time); }
  [[nodiscard]] std::vector<hand_pose> hands(double time) const {
    std::vector<hand_pose> poses;
    for (const hand_motion& h : hands_) poses.push_back(h(time));
    return poses;
  }
  /// How far a key is down at a time, 0 … 1.
  [[nodiscard]] double depth(int pitch, double time) const noexcept { return action_->depth(pitch, time); }

  /// The exact keyboard of the picture at a time. A mirrored picture's corners run counter-clockwise. For strips: that
  /// of the strip itself.
  [[nodiscard]] keyboard::keyboard keyboard(double time = 0) const {
    const synth::view v = seen_at(time);
    keyboard::keyboard k;
    k.image_width = v.width();
    k.image_height = v.height();
    k.corners = {v({0, 0, 0}), v({keys_.width, 0, 0}), v({keys_.width, keys_.depth, 0}), v({0, keys_.depth, 0})};
    k.lowest_key = o_.keys.lowest;
    k.highest_key = o_.keys.highest;
    k.lens = v.lens();
    return k;
  }

  /// The keyboard that is played first, then the second one where there is one.
  [[nodiscard]] std::vector<keyboard::keyboard> keyboards(double time = 0) const {
    std::vector<keyboard::keyboard> all{keyboard(time)};
    if (o_.room.second_keyboard) {
      const keyboard::layout& keys = room_.second_layout();
      const synth::view v = seen_at(time).moved(room_.second_place());
      keyboard::keyboard k = all[0];
      k.corners = {v({0, 0, 0}), v({keys.width, 0, 0}), v({keys.width, keys.depth, 0}), v({0, keys.depth, 0})};
      k.lowest_key = keys.keys.front().pitch;
      k.highest_key = keys.keys.back().pitch;
      all.push_back(k);
    }
    return all;
  }

  /// Where the keys at rest are seen at a time.
  [[nodiscard]] std::vector<key_span> spans(double time = 0) const {
    const synth::view v = seen_at(time);
    std::vector<key_span> all;
    for (const keyboard::key_shape& k : keys_.keys) {
      all.push_back({k.pitch,
                     k.black,
                     {v({k.left, 0, k.height}), v({k.right, 0, k.height}), v({k.right, k.front, k.height}),
                      v({k.left, k.front, k.height})}});
    }
    return all;
  }

 private:
  static constexpr float steps = 48;  ///< depths are rounded to 1/48 of the travel: invisible, and boards can be kept

  [[nodiscard]] bool chance(index_t number, std::uint32_t what, double probability) const noexcept {
    if (probability == 0) return false;
    rng random = stream(seed_ + what, part::sensor, -2 - number);
    return random.uniform() < probability;
  }
  [[nodiscard]] bool repeats(index_t number) const noexcept {
    return number > 0 && chance(number, 1, o_.sensor.repeat);
  }

  [[nodiscard]] double brightness(double t) const noexcept {
    const double slow = o_.light.drift == 0 ? 0 : o_.light.drift * wander(seed_, 901, 0.2)(t);
    return 1 + slow + o_.light.flicker * std::sin(2 * std::numbers::pi * o_.light.flicker_hz * t);
  }

  [[nodiscard]] synth::view seen_at(double t) const noexcept {
    if (motion_.still()) return base_;
    const picture_shift s = motion_(t);
    return base_.shifted(s.by, s.turn);
  }

  /// Where the light on the pixels, which is smooth, is taken from: moved in steps.
  [[nodiscard]] static picture_shift lit_at(const picture_shift& s) noexcept {
    return {{std::round(s.by.x / 8) * 8, std::round(s.by.y / 8) * 8}, std::round(s.turn * 100) / 100};
  }

  /// Follows the camera; what stands still is drawn again where it moved.
  void look(double t) {
    if (motion_.still()) return;
    const picture_shift now = motion_(t);
    if (now == place_) return;
    const picture_shift lit = lit_at(now);
    if (!(lit == lit_at(place_))) make_light(base_.shifted(lit.by, lit.turn));
    place_ = now;
    view_ = base_.shifted(now.by, now.turn);
    prepare();
  }

  /// What does not change while the camera stands still: the room, and how far keys reach.
  void prepare() {
    painter p(view_, ground_, memory_);
    room_.below(p);
    for (std::size_t i = 0; i < keys_.keys.size(); ++i) reaches_[i] = key_painter_.reach(view_, i);
    down_.fill(-1);
  }

  /// The light on every pixel.
  void make_light(const synth::view& seen) {
    const index_t w = seen.width(), h = seen.height();
    const point spot = seen({o_.light.glare_x, o_.light.glare_y, 0});
    const point edge_x = seen({o_.light.glare_x + o_.light.glare_width, o_.light.glare_y, 0});
    const point edge_y = seen({o_.light.glare_x, o_.light.glare_y + o_.light.glare_depth, 0});
    // Far outside the picture a lens may show all of the spot in one point.
    const double rx = (std::max)(std::hypot(edge_x.x - spot.x, edge_x.y - spot.y), 1e-3);
    const double ry = (std::max)(std::hypot(edge_y.x - spot.x, edge_y.y - spot.y), 1e-3);
    const double ux = (edge_x.x - spot.x) / rx, uy = (edge_x.y - spot.y) / rx;
    for (index_t y = 0; y < h; ++y) {
      const double v = 2 * (static_cast<double>(y) + 0.5) / static_cast<double>(h) - 1;
      for (index_t x = 0; x < w; ++x) {
        const double u = 2 * (static_cast<double>(x) + 0.5) / static_cast<double>(w) - 1;
        double light = 1 + o_.light.gradient_x * u + o_.light.gradient_y * v;
        light *= 1 - o_.sensor.vignette * 0.5 * (u * u + v * v);
        if (o_.light.glare > 0) {
          const double dx = static_cast<double>(x) + 0.5 - spot.x, dy = static_cast<double>(y) + 0.5 - spot.y;
          const double a = (dx * ux + dy * uy) / rx, b = (dy * ux - dx * uy) / ry;
          light += o_.light.glare * std::exp(-a * a - b * b);
        }
        light_.row(y)[x] = static_cast<float>((std::max)(light, 0.0));
      }
    }
    // The keyboard's place in a strip that is wider than it: nothing is seen there, as after straightening.
    if (!seen.registered()) return;
    const double l = seen({0, 0, 0}).x, r = seen({keys_.width, 0, 0}).x;
    for (index_t y = 0; y < h; ++y) {
      for (index_t x = 0; x < w; ++x) {
        const double at = static_cast<double>(x) + 0.5;
        if (at < l - 0.5 || at > r + 0.5) light_.row(y)[x] = 0;
      }
    }
  }

  /// Brings the board to the depths of a moment: draws anew what the keys that moved may have changed.
  void move_keys(double t) {
    key_depths now{};
    const bool first = down_[0] < 0;
    dirty_.clear();
    for (std::size_t i = 0; i < keys_.keys.size(); ++i) {
      const auto pitch = static_cast<std::size_t>(keys_.keys[i].pitch);
      now[pitch] = std::round(static_cast<float>(action_->depth(keys_.keys[i].pitch, t)) * steps) / steps;
      if (first || now[pitch] == down_[pitch]) continue;
      // Parts that meet are drawn in one go.
      const area part = (o_.room.hammers ? reaches_[i] | hammer_area(i) : reaches_[i]) & board_.all();
      if (!dirty_.empty() && !(dirty_.back() & part).empty()) {
        dirty_.back() = dirty_.back() | part;
      } else if (!part.empty()) {
        dirty_.push_back(part);
      }
    }
    if (first) dirty_.push_back(board_.all());
    down_ = now;
    for (const area& part : dirty_) {
      for (index_t y = part.top; y < part.bottom; ++y) {
        std::copy(ground_.row(y) + part.left, ground_.row(y) + part.right, board_.row(y) + part.left);
      }
      painter p(view_, board_, memory_);
      p.only(part);
      key_painter_(p, down_);
      key_painter_.grain(p);
      room_.above(p, down_);
    }
  }
  [[nodiscard]] area hammer_area(std::size_t i) const {
    const double x = keys_.width * (static_cast<double>(i) + 0.5) / static_cast<double>(keys_.keys.size());
    const double z = o_.room.fallboard_height;
    return seen(
        view_,
        {{x - 12, -20, 0}, {x + 12, -20, z}, {x + 12, -190, z}, {x - 12, -190, 0}, {x - 12, -20, z}, {x - 12, -190, z}},
        2);
  }

  void moment(double t, canvas& out) {
    look(t);
    move_keys(t);
    std::copy(board_.pixels.begin(), board_.pixels.end(), out.pixels.begin());
    painter p(view_, out, memory_);
    for (const hand_motion& h : hands_) hand_painter_.shadow(p, h(t));
    effects_.light(p, t);
    for (const hand_motion& h : hands_) hand_painter_(p, h(t));
    for (std::size_t i = 0; i < out.pixels.size(); ++i) out.pixels[i] *= light_.pixels[i];
    effects_.overlay(p, t);
  }

  /// The mean of the moments for which the shutter is open, row by row.
  void expose(double t) {
    const double open = o_.sensor.exposure_ms / 1000, rolling = o_.sensor.rolling_ms / 1000;
    const double field = o_.sensor.interlace > 0 ? 0.5 / o_.picture.fps : 0;
    const bool still = open == 0 && rolling == 0;
    const int n = still ? 1 : o_.sensor.sub_frames;
    if (n == 1 && field == 0) return moment(t, sum_);
    moment_.resize(sum_.width, sum_.height);
    std::fill(sum_.pixels.begin(), sum_.pixels.end(), 0.0F);
    const double span = open + rolling;
    for (int k = 0; k < n + (field > 0 ? 1 : 0); ++k) {
      const bool other = k == n;  // the other field, half a frame earlier
      // Centres of n equal parts of the span.
      const double at = (static_cast<double>(k) + 0.5) / n - 0.5;
      moment(other ? t - field : t + at * span, moment_);
      for (index_t y = 0; y < sum_.height; ++y) {
        const double share =
            field > 0 && y % 2 == 1 ? (other ? o_.sensor.interlace : 1 - o_.sensor.interlace) : (other ? 0 : 1);
        const double line = ((static_cast<double>(y) + 0.5) / static_cast<double>(sum_.height) - 0.5) * rolling;
        const double weight = share * (other ? 1 : row_weight(k, n, span, line, open));
        if (weight == 0) continue;
        const auto f = static_cast<float>(weight);
        float* out = sum_.row(y);
        const float* in = moment_.row(y);
        for (index_t x = 0; x < sum_.width; ++x) out[x] += f * in[x];
      }
    }
  }
  /// The share of part k of n of the span in the time that a row is exposed, from line − open/2 to line + open/2.
  [[nodiscard]] static double row_weight(int k, int n, double span, double line, double open) noexcept {
    if (span == 0) return 1;
    const double width = span / n;
    const double least = (std::max)(open, width);
    const double low = std::clamp(line - least / 2, -span / 2, span / 2 - least), high = low + least;
    const double from = -span / 2 + width * k, to = from + width;
    return (std::max)(0.0, (std::min)(to, high) - (std::max)(from, low)) / least;
  }

  options o_;
  std::uint64_t seed_;
  keyboard::layout keys_;
  std::vector<note> notes_;
  camera_motion motion_;
  synth::view base_;
  synth::view view_;
  picture_shift place_;
  room_painter room_;
  key_painter key_painter_;
  hand_painter hand_painter_;
  effect_painter effects_;
  sensor sensor_;
  std::unique_ptr<key_action> action_;
  std::vector<hand_motion> hands_;
  std::vector<area> reaches_;
  std::vector<area> dirty_;
  key_depths down_{};
  paint_memory memory_;
  canvas ground_, board_, light_, sum_, moment_;
  index_t all_frames_ = 0;
  index_t next_ = 0;
};

}  // namespace vmt::inline VMT_ABI::synth
