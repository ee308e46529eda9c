// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/strokes.hpp>

namespace vmt::inline VMT_ABI::synth {

/// Where the fingers of a right hand rest, from the middle of the hand in millimetres; thumb first. A left hand is its
/// mirror image.
inline constexpr std::array<double, 5> finger_rest{-46, -22, 0, 21, 42};

/// A finger on a key.
struct touch {
  double onset = 0;
  double offset = 0;
  int pitch = 60;
  double x = 0;      ///< middle of the key, mm
  index_t note = 0;  ///< index into the notes
};

/// What one hand plays.
struct hand_part {
  int side = 1;  ///< 1 right, −1 left
  std::array<std::vector<touch>, 5> fingers;
  struct move {
    double arrive = 0;   ///< when the hand is there
    double x = 0;        ///< its middle
    bool black = false;  ///< a black key is played there
  };
  std::vector<move> moves;

  [[nodiscard]] double rest(std::size_t finger, double size) const noexcept {
    return side * size * finger_rest[finger];
  }
};

/// Gives notes to hands and fingers as players do: chords keep the order of the fingers, the hand moves little, thumbs
/// pass under, fingers that hold a key stay where they are. Where no finger can reach, the note is dropped; where a
/// hand has to leave, held notes end early. `notes` are changed to what is played then.
class fingering {
 public:
  /// `hands`: 1 or 2; a single hand is a right one for an even seed. `size` of the hands, relative.
  fingering(std::vector<note>& notes, const keyboard::layout& keys, int hands, double size, std::uint64_t seed)
      : notes_(notes), size_(size), random_(stream(seed, part::fingers)) {
    for (const keyboard::key_shape& k : keys.keys) {
      x_[static_cast<std::size_t>(k.pitch)] = k.centre();
      black_[static_cast<std::size_t>(k.pitch)] = k.black;
    }
    for (int h = 0; h < hands; ++h) {
      hand_part part;
      part.side = hands == 1 ? (seed % 2 == 0 ? 1 : -1) : (h == 0 ? -1 : 1);
      hands_.push_back(part);
    }
    if (hands == 0) return;
    start();
    for (std::size_t i = 0; i < notes.size();) {
      std::size_t j = i + 1;
      while (j < notes.size() && notes[j].onset - notes[i].onset < 0.045) ++j;
      group(i, j);
      i = j;
    }
    finish();
  }

  [[nodiscard]] std::vector<hand_part>& hands() noexcept { return hands_; }

 private:
  static constexpr double widest = 192;  ///< what a hand spans, mm
  static constexpr double stretch = 36;  ///< how far a holding finger may be from its place, mm

  /// The hands begin over the lower and the upper part of what they play.
  void start() {
    std::vector<double> x;
    for (const note& n : notes_) x.push_back(x_[static_cast<std::size_t>(n.pitch)]);
    std::sort(x.begin(), x.end());
    const auto at = [&](double share) {
      return x.empty() ? 600 : x[static_cast<std::size_t>(share * static_cast<double>(x.size() - 1))];
    };
    where_.clear();
    if (hands_.size() == 1) where_ = {at(0.5)};
    if (hands_.size() == 2) where_ = {at(0.2), (std::max)(at(0.8), at(0.2) + 120)};
  }

  void group(std::size_t begin, std::size_t end) {
    std::vector<std::size_t> order;
    for (std::size_t i = begin; i < end; ++i) order.push_back(i);
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return notes_[a].pitch < notes_[b].pitch; });
    std::size_t cut = hands_.size() == 1 ? order.size() : best_cut(order);
    const std::span<const std::size_t> all(order);
    assign(0, all.first(cut));
    if (hands_.size() == 2) assign(1, all.subspan(cut));
  }

  [[nodiscard]] std::size_t best_cut(const std::vector<std::size_t>& order) const {
    std::size_t best = 0;
    double least = 1e300;
    for (std::size_t cut = 0; cut <= order.size(); ++cut) {
      double cost = 0;
      for (std::size_t i = 0; i < order.size(); ++i) cost += std::abs(x_at(order[i]) - where_[i < cut ? 0 : 1]);
      const auto span_cost = [&](std::size_t a, std::size_t b) {
        if (b - a < 2) return 0.0;
        return 20 * (std::max)(0.0, x_at(order[b - 1]) - x_at(order[a]) - widest * size_) +
               1000.0 * static_cast<double>(b - a > 5 ? b - a - 5 : 0);
      };
      cost += span_cost(0, cut) + span_cost(cut, order.size());
      if (cost < least) least = cost, best = cut;
    }
    return best;
  }

  void assign(std::size_t h, std::span<const std::size_t> order) {
    hand_part& hand = hands_[h];
    std::vector<std::size_t> chord(order.begin(), order.end());
    while (chord.size() > 5 || (chord.size() > 1 && x_at(chord.back()) - x_at(chord.front()) > widest * size_)) {
      // The note that is furthest from the hand cannot be played.
      const bool first = where_[h] - x_at(chord.front()) > x_at(chord.back()) - where_[h];
      drop(first ? chord.front() : chord.back());
      chord.erase(first ? chord.begin() : chord.end() - 1);
    }
    if (chord.empty()) return;
    const double now = notes_[chord.front()].onset;
    std::array<bool, 5> best{};
    double least = 1e300;
    double best_x = where_[h];
    for (unsigned set = 1; set < 32; ++set) {  // which fingers play
      std::array<bool, 5> uses{};
      std::size_t count = 0;
      for (std::size_t f = 0; f < 5; ++f) uses[f] = (set >> f & 1U) != 0, count += uses[f] ? 1U : 0U;
      if (count != chord.size()) continue;
      double cost = 0;
      const double x = cost_of(hand, h, chord, uses, now, cost);
      cost += random_.uniform(0, 0.6);
      if (cost < least) least = cost, best = uses, best_x = x;
    }
    place_fingers(hand, h, chord, best, best_x, now);
  }

  /// The finger that plays the i-th note of a chord, from the left.
  [[nodiscard]] static std::size_t finger_of(const std::array<bool, 5>& uses, std::size_t i, int side) noexcept {
    for (std::size_t k = 0; k < 5; ++k) {
      const std::size_t f = side > 0 ? k : 4 - k;
      if (uses[f] && i-- == 0) return f;
    }
    return 0;
  }

  double cost_of(const hand_part& hand, std::size_t h, std::span<const std::size_t> chord,
                 const std::array<bool, 5>& uses, double now, double& cost) const {
    double x = 0;
    for (std::size_t i = 0; i < chord.size(); ++i)
      x += x_at(chord[i]) - hand.rest(finger_of(uses, i, hand.side), size_);
    x /= static_cast<double>(chord.size());
    const bool begun = !hand.moves.empty();
    // A finger bends sideways before the hand moves.
    const double slack = 14;
    const double stays = begun ? std::clamp(where_[h], x - slack, x + slack) : x;
    for (std::size_t i = 0; i < chord.size(); ++i) {
      const std::size_t f = finger_of(uses, i, hand.side);
      const double off = (x_at(chord[i]) - stays - hand.rest(f, size_)) * hand.side;
      const double loose = f == 0 && off > 0 ? 30 : 14;  // a thumb passes under
      cost += off * off / (loose * loose);
      if (black_[static_cast<std::size_t>(notes_[chord[i]].pitch)] && (f == 0 || f == 4)) cost += 1.2;
      const auto& held = hand.fingers[f];
      if (!held.empty()) {
        const touch& before = held.back();
        const bool same = before.pitch == notes_[chord[i]].pitch;
        if (before.offset > now - 0.02 && !same) cost += 25;
        if (now - before.onset < 0.35 && !same) cost += 2.5;
        if (same && now - before.onset < 0.12) cost += 0.8;  // quick repeats change the finger
      }
    }
    for (std::size_t f = 0; f < 5; ++f) {
      if (uses[f] || hand.fingers[f].empty() || hand.fingers[f].back().offset < now) continue;
      const double away = std::abs(hand.fingers[f].back().x - stays - hand.rest(f, size_)) - stretch * size_;
      if (away > 0) cost += 3 + away / 10;
    }
    if (begun) cost += std::abs(stays - where_[h]) / 16;
    return stays;
  }

  void place_fingers(hand_part& hand, std::size_t h, std::span<const std::size_t> chord,
                     const std::array<bool, 5>& uses, double x, double now) {
    for (std::size_t f = 0; f < 5; ++f) {  // what cannot be held any longer
      if (hand.fingers[f].empty()) continue;
      touch& held = hand.fingers[f].back();
      const bool too_far = std::abs(held.x - x - hand.rest(f, size_)) > stretch * size_;
      // A finger that plays again needs 50 ms; a hand that leaves needs time for its way.
      const double latest = now - (too_far ? 0.14 : 0.05);
      if (held.offset > latest && (uses[f] || too_far)) {
        held.offset = (std::max)(held.onset + 0.04, latest);
        note& n = notes_[static_cast<std::size_t>(held.note)];
        n.offset = (std::min)(n.offset, held.offset);
      }
    }
    for (std::size_t i = 0; i < chord.size(); ++i) {
      const note& n = notes_[chord[i]];
      hand.fingers[finger_of(uses, i, hand.side)].push_back(
          {n.onset, n.offset, n.pitch, x_at(chord[i]), static_cast<index_t>(chord[i])});
    }
    const bool black = std::any_of(chord.begin(), chord.end(),
                                   [&](std::size_t i) { return black_[static_cast<std::size_t>(notes_[i].pitch)]; });
    hand.moves.push_back({now - 0.03, x, black});
    where_[h] = x;
  }

  void drop(std::size_t i) { notes_[i].pitch = -1; }

  void finish() {
    std::vector<index_t> renamed(notes_.size(), -1);
    index_t count = 0;
    for (std::size_t i = 0; i < notes_.size(); ++i) {
      if (notes_[i].pitch >= 0) renamed[i] = count++;
    }
    for (hand_part& hand : hands_) {
      for (auto& finger : hand.fingers) {
        for (touch& t : finger) {
          t.offset = notes_[static_cast<std::size_t>(t.note)].offset;
          t.note = renamed[static_cast<std::size_t>(t.note)];
        }
      }
    }
    std::erase_if(notes_, [](const note& n) { return n.pitch < 0; });
  }

  [[nodiscard]] double x_at(std::size_t i) const noexcept {
    return x_[static_cast<std::size_t>((std::max)(notes_[i].pitch, 0))];
  }

  std::vector<note>& notes_;
  std::array<double, 128> x_{};
  std::array<bool, 128> black_{};
  double size_;
  rng random_;
  std::vector<hand_part> hands_;
  std::vector<double> where_;  ///< of each hand, its middle
};

}  // namespace vmt::inline VMT_ABI::synth
