// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/strokes.hpp>

#include <string_view>

namespace vmt::inline VMT_ABI::synth {

/// The names that `exercise` knows.
inline constexpr std::array<std::string_view, 8> exercise_names{"hanon",   "scales", "arpeggios", "chords",
                                                                "repeats", "trills", "random",    "mixed"};

namespace detail {

/// Writes an exercise note by note.
class exercise_writer {
 public:
  exercise_writer(std::uint64_t seed, double seconds, int lowest, int highest)
      : random_(stream(seed, part::exercise)), seconds_(seconds), lowest_(lowest), highest_(highest) {}

  [[nodiscard]] bool full() const noexcept { return now_ >= seconds_; }
  void begin() {
    rate_ = random_.uniform(3, 11);
    legato_ = random_.uniform(0.45, 1.02);
    loud_ = random_.uniform(45, 95);
    uneven_ = random_.uniform(0, 0.012);
    tonic_ = static_cast<int>(random_.below(12));
  }

  /// Patterns of five fingers that climb the white keys and come down, both hands an octave or two apart.
  void hanon() {
    std::array<int, 8> pattern{};
    for (std::size_t i = 0; i < 8; ++i) pattern[i] = static_cast<int>(random_.below(6));
    pattern[0] = 0;
    const int apart = 7 * (1 + static_cast<int>(random_.below(2)));
    const int first = white_from(lowest_ + 8 + static_cast<int>(random_.below(12)));
    const int steps = 7 + static_cast<int>(random_.below(8));
    for (int s = 0; s < 2 * steps && !full(); ++s) {
      const int at = s < steps ? s : 2 * steps - s;
      for (std::size_t i = 0; i < 8 && !full(); ++i) {
        const int degree = first + at + (s < steps ? pattern[i] : 5 - pattern[7 - i]);
        add(white(degree), 1);
        add(white(degree + apart), 1);
        step(1);
      }
    }
  }

  void scales(bool broken) {
    constexpr std::array<int, 7> major{0, 2, 4, 5, 7, 9, 11}, minor{0, 2, 3, 5, 7, 8, 11};
    const auto& kind = random_.uniform() < 0.6 ? major : minor;
    const int base = lowest_ + 3 + tonic_ + 12 * static_cast<int>(random_.below(3));
    const int length = (1 + static_cast<int>(random_.below(3))) * (broken ? 3 : 7);
    const bool both = random_.uniform() < 0.6;
    for (int i = 0; i <= 2 * length && !full(); ++i) {
      const int k = i <= length ? i : 2 * length - i;
      constexpr std::array<std::size_t, 3> triad{0, 2, 4};
      const int pitch = broken ? base + 12 * (k / 3) + kind[triad[static_cast<std::size_t>(k % 3)]]
                               : base + 12 * (k / 7) + kind[static_cast<std::size_t>(k % 7)];
      add(pitch, 1);
      if (both) add(pitch + 12, 1);
      step(1);
    }
  }

  void chords() {
    for (int i = 0; i < 12 && !full(); ++i) {
      const int root = centre(10) + tonic_ % 5;
      const int third = root + (random_.uniform() < 0.5 ? 3 : 4), fifth = root + 7;
      const double length = 1 + static_cast<double>(random_.below(4));
      for (const int pitch : {root, third, fifth}) add(pitch, length);
      if (random_.uniform() < 0.4) add(root + 12, length);
      if (random_.uniform() < 0.7) add(root - 12 - 12 * static_cast<int>(random_.below(2)), length);
      step(length);
    }
  }

  void repeats() {
    const int pitch = centre(16);
    const index_t count = 3 + random_.below(10);
    for (index_t i = 0; i < count && !full(); ++i) {
      add(pitch, 0.6);
      if (i % 4 == 0) add(pitch - 12, 2);
      step(1);
    }
  }

  void trills() {
    const int pitch = centre(16), other = pitch + 1 + static_cast<int>(random_.below(2));
    const index_t count = 6 + random_.below(18);
    for (index_t i = 0; i < count && !full(); ++i) {
      add(i % 2 == 0 ? pitch : other, 0.8);
      step(0.6);
    }
  }

  void random_walk() {
    double at = centre(20);
    for (int i = 0; i < 24 && !full(); ++i) {
      at = std::clamp(at + random_.normal() * 4, lowest_ + 3.0, highest_ - 3.0);
      const index_t together = random_.uniform() < 0.7 ? 1 : 2 + random_.below(3);
      for (index_t k = 0; k < together; ++k) {
        const int near = static_cast<int>(std::lround(at + (k == 0 ? 0 : random_.normal() * 6)));
        const int pitch = random_.uniform() < 0.7 && !keyboard::is_white(std::clamp(near, 0, 120)) ? near + 1 : near;
        add(pitch, random_.uniform(0.5, 3));
      }
      constexpr std::array<double, 5> lengths{0.5, 1, 1, 1, 2};
      step(lengths[static_cast<std::size_t>(random_.below(5))]);
    }
  }

  void rest() { now_ += random_.uniform(0.2, 1); }
  [[nodiscard]] index_t below(index_t n) noexcept { return random_.below(n); }
  [[nodiscard]] std::vector<note> take() && {
    std::erase_if(notes_, [&](const note& n) { return n.onset >= seconds_; });
    return playable(std::move(notes_), lowest_, highest_);
  }

 private:
  /// The n-th white key of the piano, 0: A0.
  [[nodiscard]] static int white(int n) noexcept {
    constexpr std::array<int, 7> steps{0, 2, 3, 5, 7, 8, 10};
    return 21 + 12 * (n / 7) + steps[static_cast<std::size_t>(n % 7)];
  }
  [[nodiscard]] static int white_from(int pitch) noexcept {
    return keyboard::white_keys_below(std::clamp(pitch, 21, 108));
  }
  [[nodiscard]] int centre(double spread) noexcept {
    const double middle = (lowest_ + highest_) / 2.0;
    return static_cast<int>(
        std::lround(std::clamp(middle + random_.normal() * spread * 0.7, lowest_ + 4.0, highest_ - 4.0)));
  }
  void add(int pitch, double length) {
    const double at = (std::max)(0.0, now_ + uneven_ * random_.normal());
    note n{at, at + (std::max)(0.05, length * legato_ / rate_), pitch};
    n.velocity = std::clamp(static_cast<int>(std::lround(loud_ + 9 * random_.normal())), 15, 120);
    notes_.push_back(n);
  }
  void step(double length) noexcept { now_ += length / rate_; }

  rng random_;
  double seconds_;
  int lowest_, highest_;
  double now_ = 0.6;
  double rate_ = 5, legato_ = 0.9, loud_ = 70, uneven_ = 0;
  int tonic_ = 0;
  std::vector<note> notes_;
};

}  // namespace detail

/// Made-up music to practise on, free of anybody's rights: "hanon" (five-finger patterns through the white keys, hands
/// in parallel), "scales", "arpeggios", "chords", "repeats", "trills", "random" (a walk over the keys) or "mixed" (all
/// in turn), for about so many seconds. Speed, articulation and loudness vary with the seed. Throws `invalid_argument`
/// for another name, for seconds outside 0 … 36000, and where fewer than 25 keys are given.
[[nodiscard]] inline std::vector<note> exercise(std::string_view name, std::uint64_t seed, double seconds,
                                                int lowest = 21, int highest = 108) {
  const auto known = std::find(exercise_names.begin(), exercise_names.end(), name);
  if (known == exercise_names.end()) {
    std::string list;
    for (const std::string_view n : exercise_names) list += (list.empty() ? "" : ", ") + std::string(n);
    throw error(errc::invalid_argument, "there is no exercise '" + std::string(name) + "'; there are " + list);
  }
  if (!(seconds >= 0 && seconds <= 36000)) {
    throw error(errc::invalid_argument, "an exercise lasts 0 to 36000 seconds, not " + std::to_string(seconds));
  }
  if (lowest < 21 || highest > 108 || highest - lowest < 24) {
    throw error(errc::invalid_argument, "an exercise needs at least 25 keys of 21 to 108");
  }
  detail::exercise_writer writer(seed, seconds, lowest, highest);
  while (!writer.full()) {
    writer.begin();
    const std::string_view kind = name == "mixed" ? exercise_names[static_cast<std::size_t>(writer.below(7))] : name;
    if (kind == "hanon") writer.hanon();
    if (kind == "scales") writer.scales(false);
    if (kind == "arpeggios") writer.scales(true);
    if (kind == "chords") writer.chords();
    if (kind == "repeats") writer.repeats();
    if (kind == "trills") writer.trills();
    if (kind == "random") writer.random_walk();
    writer.rest();
  }
  return std::move(writer).take();
}

}  // namespace vmt::inline VMT_ABI::synth
