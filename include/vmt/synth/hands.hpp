// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/fingering.hpp>

namespace vmt::inline VMT_ABI::synth {

/// The joints of a finger from its tip to the knuckle, centres of the bones in millimetres.
using finger_pose = std::array<place, 4>;

/// A hand at one moment.
struct hand_pose {
  int side = 1;
  bool present = false;                ///< false: out of the picture
  std::array<finger_pose, 5> fingers;  ///< thumb first
  place wrist;
  place elbow;
  place shoulder;
};

/// Moves a hand through what it plays. Every moment can be asked for, in any order.
class hand_motion {
 public:
  hand_motion(hand_part part, const options& o, const keyboard::layout& keys, const key_action& action,
              std::uint64_t seed, int index)
      : part_(std::move(part)), o_(o.hands), action_(&action), seed_(seed), index_(static_cast<std::uint32_t>(index)) {
    for (const keyboard::key_shape& k : keys.keys) {
      keys_[static_cast<std::size_t>(k.pitch)] = k;
    }
    travel_ = {o.keys.white_travel, o.keys.black_travel};
    depth_ = keys.depth;
    black_front_ = o.keys.sizes.black_length;
    rng random = stream(seed, synth::part::hands, index);
    reach_ = o_.reach + random.normal() * 5;
    lean_ = random.uniform(-12, 12);
    place_moves(random);
    for (std::size_t f = 0; f < 5; ++f) {
      constexpr std::array<double, 5> forward{22, 4, 0, 4, 14};
      rest_y_[f] = forward[f] * o_.spread * o_.size + random.normal() * 4;
      rest_z_[f] = (std::max)(1.0, o_.lift * random.uniform(0.3, 1.5));
      plan(f, random);
    }
    body_x_ = keys.width / 2;
    if (!part_.moves.empty()) {
      double sum = 0;
      for (const auto& m : part_.moves) sum += m.x;
      body_x_ = body_x_ / 2 + (sum / static_cast<double>(part_.moves.size()) - part_.side * 110) / 2;
    }
  }

  [[nodiscard]] int side() const noexcept { return part_.side; }
  [[nodiscard]] const hand_part& played() const noexcept { return part_; }

  /// The middle of the hand along the keys, and how far it has moved towards the player, negative between the black
  /// keys.
  [[nodiscard]] point middle(double t) const noexcept {
    if (glides_.empty()) return {body_x_ + part_.side * 150, 0};
    auto next = std::partition_point(glides_.begin(), glides_.end(), [&](const glide& g) { return g.begin <= t; });
    if (next == glides_.begin()) return glides_.front().from;
    const glide& g = *--next;
    const double way = smooth_step((t - g.begin) / (g.end - g.begin));
    return {g.from.x + (g.to.x - g.from.x) * way, g.from.y + (g.to.y - g.from.y) * way};
  }

  /// The share of the way from away (0) to the keys (1).
  [[nodiscard]] double presence(double t) const noexcept {
    if (!o_.enter_and_leave) return 1;
    if (part_.moves.empty()) return 0;
    return (std::min)(smooth_step((t - part_.moves.front().arrive + 1.3) / 0.9), smooth_step((last_ + 1.4 - t) / 0.9));
  }

  [[nodiscard]] hand_pose operator()(double t) const {
    hand_pose pose;
    pose.side = part_.side;
    const double here = presence(t);
    pose.present = here > 0;
    const double away = 1 - here;
    const double w = o_.wander;
    const double s = o_.size;
    const double side = part_.side;
    const point at = middle(t);
    const double x = at.x + 2.5 * w * drift(0, 0.9)(t);
    const double y = reach_ + at.y + 5 * w * drift(1, 0.8)(t) + 330 * away;
    const double lift = 50 * away;
    const place elbow{body_x_ + side * 250, depth_ + 300 + 200 * away, 60};
    const double lean = std::clamp((elbow.x - x) * 0.22, -45.0, 45.0) + lean_;
    pose.wrist = {x + lean, y + 150 * s, 42 * s + lift};
    pose.elbow = elbow;
    pose.shoulder = {body_x_ + side * 190, depth_ + 520 + 200 * away, 130};
    for (std::size_t f = 0; f < 5; ++f) {
      const place tip = finger_tip(f, t, x, y, away) + place{0, 0, o_.finger * s * 0.75};
      const double off = part_.rest(f, s);
      place knuckle{x + off * 0.62 + lean * 0.4 + 0.42 * (tip.x - x - off), y + (f == 4 ? 74 : 70) * s,
                    (f == 4 ? 27 : 33) * s + lift};
      place middle_joint, first_joint;
      if (f == 0) {
        knuckle = {x - side * 26 * s + lean * 0.65 + 0.35 * (tip.x - x - off),
                   y + (92 + 0.15 * std::abs(tip.x - x - off)) * s, 30 * s + lift};
        middle_joint = between(tip, knuckle, 0.52) + place{-side * 9 * s, -4 * s, 6 * s};
        first_joint = between(tip, middle_joint, 0.5) + place{-side * 1.5 * s, 0, 2 * s};
      } else {
        // The less the tip is away from the knuckle, the more the finger bends up.
        const double length = 82 * s;
        const double reach =
            std::sqrt((tip.x - knuckle.x) * (tip.x - knuckle.x) + (tip.y - knuckle.y) * (tip.y - knuckle.y));
        const double arch = std::sqrt((std::max)(0.0, length * length - reach * reach)) * 0.35;
        middle_joint = between(tip, knuckle, 0.55) + place{0, 0, arch * 0.8};
        first_joint = between(tip, knuckle, 0.24) + place{0, 0, arch * 0.5 + 2};
      }
      pose.fingers[f] = {tip, first_joint, middle_joint, knuckle};
    }
    return pose;
  }

 private:
  /// A touch with the times of its finger's way there and back.
  struct visit {
    double leave = 0;  ///< begins to move there
    double land = 0;   ///< lies on the key
    double onset = 0;
    double offset = 0;
    double back = 0;  ///< at its rest again
    double x = 0, y = 0;
    double hop = 0;  ///< how high it goes before
    int pitch = 0;   ///< 0: an idle touch
    bool sounding = false;
  };
  struct glide {
    double begin, end;
    point from, to;
  };

  [[nodiscard]] wander drift(std::uint32_t track, double rate) const noexcept {
    return wander(seed_, 1000 * index_ + track, rate);
  }

  void plan(std::size_t f, rng& random) {
    const auto& touches = part_.fingers[f];
    std::vector<visit>& visits = visits_[f];
    for (const touch& t : touches) {
      const keyboard::key_shape& key = keys_[static_cast<std::size_t>(t.pitch)];
      visit v;
      v.sounding = true;
      v.pitch = t.pitch;
      v.onset = t.onset;
      v.offset = t.offset;
      v.land = t.onset - (std::min)(0.08, o_.land_ms / 1000 * random.uniform(0.1, 1.9));
      v.leave = v.land - random.uniform(0.06, 0.22);
      if (!visits.empty()) {  // the same finger lets go of one key before it goes to the next
        const double free = visits.back().offset;
        v.leave = (std::max)(v.leave, free);
        v.land = (std::max)(v.land, free + 0.7 * (t.onset - free));
        v.land = (std::min)(v.land, t.onset);
        v.leave = (std::min)(v.leave, v.land - 1e-3);
      }
      v.back = t.offset + random.uniform(0.08, 0.2);
      v.hop = o_.lift * random.uniform(0.2, 1.4);
      v.x = t.x + random.normal() * (key.black ? 1.5 : 3);
      const double y = reach_ + middle(t.onset).y + rest_y_[f] + random.normal() * 5;
      v.y = key.black ? std::clamp(y, 30.0, key.front - 8) : std::clamp(y, 50.0, depth_ - 1);
      if (!key.black && v.y < 97 && random.uniform() < 0.35) v.y = random.uniform(98, depth_ - 8);
      last_ = (std::max)(last_, t.offset);
      visits.push_back(v);
    }
    const double end = last_;
    const auto fakes = static_cast<index_t>(o_.idle_touches * end + random.uniform());
    for (index_t i = 0; i < fakes && i < 100000; ++i) {
      visit v;
      const double at = random.uniform(0, end);
      const double length = random.uniform(0.1, 0.5);
      v.hop = o_.lift * random.uniform(0.2, 1);
      v.leave = at, v.land = at + 0.07, v.onset = v.land, v.offset = at + length, v.back = v.offset + 0.1;
      v.x = random.normal() * 4;
      v.y = random.normal() * 4;
      const bool free = std::none_of(visits.begin(), visits.end(), [&](const visit& o) {
        return o.leave - 0.05 < v.back && v.leave < o.back + 0.05;
      });
      if (free) visits.push_back(v);
    }
    std::sort(visits.begin(), visits.end(), [](const visit& a, const visit& b) { return a.leave < b.leave; });
  }

  void place_moves(rng& random) {
    auto& moves = part_.moves;
    // Hands go in where they play black keys, and stay there until they play white ones alone.
    std::vector<double> inward(moves.size());
    for (std::size_t i = 0; i < moves.size(); ++i) {
      const bool same = i > 0 && moves[i].black == moves[i - 1].black;
      const double deep = (std::min)(0.0, black_front_ - random.uniform(8, 40) - reach_);
      inward[i] = same && random.uniform() < 0.9 ? inward[i - 1] : moves[i].black ? deep : random.uniform(-12, 6);
    }
    for (std::size_t i = 0; i + 1 < moves.size(); ++i) {
      const double arrive = moves[i + 1].arrive;
      const double time = (std::min)(arrive - moves[i].arrive, random.uniform(0.15, 0.4));
      // The hand does not set out while fingers hold keys that it moves away from.
      double begin = arrive - time;
      for (std::size_t f = 0; f < 5; ++f) {
        const auto& touches = part_.fingers[f];
        auto next =
            std::partition_point(touches.begin(), touches.end(), [&](const touch& t) { return t.onset < arrive; });
        if (next == touches.begin()) continue;
        const touch& held = *--next;
        if (std::abs(held.x - moves[i + 1].x - part_.rest(f, o_.size)) > 30)
          begin = (std::max)(begin, held.offset - 0.03);
      }
      begin = (std::min)(begin, arrive - 0.02);
      if (time > 0.09) begin = (std::min)(begin, arrive - 0.09);
      glides_.push_back({begin, arrive, {moves[i].x, inward[i]}, {moves[i + 1].x, inward[i + 1]}});
    }
    if (glides_.empty() && !moves.empty()) {
      const point at{moves[0].x, inward[0]};
      glides_.push_back({0, 1, at, at});
    }
  }

  /// The top of a key under a finger.
  [[nodiscard]] double surface(int pitch, double y, double t) const noexcept {
    const keyboard::key_shape& key = keys_[static_cast<std::size_t>(pitch)];
    return key.height - travel_[key.black ? 1 : 0] * action_->depth(pitch, t) * (70 + y) / (70 + key.front);
  }

  [[nodiscard]] place finger_tip(std::size_t f, double t, double x, double y, double away) const noexcept {
    const auto base = static_cast<std::uint32_t>(10 + 4 * f);
    const double w = o_.wander;
    place tip{x + part_.rest(f, o_.size) + 2.5 * w * drift(base, 2)(t),
              y + rest_y_[f] + 3 * w * drift(base + 1, 1.7)(t),
              rest_z_[f] + (std::min)(20.0, 3 * w * std::abs(drift(base + 2, 3)(t))) + 50 * away};
    const double resting = rest_z_[f];
    const auto& visits = visits_[f];
    auto next = std::partition_point(visits.begin(), visits.end(), [&](const visit& v) { return v.leave <= t; });
    const auto first = next - visits.begin() < 3 ? visits.begin() : next - 3;
    for (auto v = first; v != next; ++v) {
      if (t >= v->back) continue;
      const double weight = (std::min)(smooth_step((t - v->leave) / (v->land - v->leave)),
                                       smooth_step((v->back - t) / (v->back - v->offset)));
      const place there = v->sounding ? place{v->x, v->y, 0} : tip + place{v->x, v->y, 0};
      const double ground = v->sounding ? surface(v->pitch, v->y, t) : 1;
      tip.x += (there.x - tip.x) * weight;
      tip.y += (there.y - tip.y) * weight;
      if (t < v->land) {  // up, then down onto the key
        const double half = v->leave + (v->land - v->leave) * 0.6;
        tip.z = t < half ? tip.z + ((std::max)(v->hop, ground) + ground - tip.z) *
                                       smooth_step((t - v->leave) / (half - v->leave))
                         : ground + (std::max)(v->hop, ground) * (v->land - t) / (v->land - half);
      } else if (t <= v->offset) {
        tip.z = ground;
      } else {
        tip.z = ground + (resting + 50 * away - ground) * smooth_step((t - v->offset) / (v->back - v->offset));
      }
    }
    return tip;
  }

  hand_part part_;
  options::hand_options o_;
  const key_action* action_;
  std::uint64_t seed_;
  std::uint32_t index_;
  std::array<keyboard::key_shape, 128> keys_{};
  std::array<double, 2> travel_{};
  double depth_ = 148;
  double black_front_ = 94;
  double reach_ = 100;
  double lean_ = 0;
  double body_x_ = 600;
  double last_ = 0;
  std::array<double, 5> rest_y_{};
  std::array<double, 5> rest_z_{};
  std::array<std::vector<visit>, 5> visits_;
  std::vector<glide> glides_;
};

}  // namespace vmt::inline VMT_ABI::synth
