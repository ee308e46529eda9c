// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/geometry.hpp>
#include <vmt/keyboard/least_squares.hpp>

#include <cstdint>  // uint8_t
#include <span>     // profile
#include <vector>   // bars

namespace vmt::inline VMT_ABI::keyboard {

// The finder counts keys before it knows their octave: white key w spans [w, w + 1] in white pitches, and w is a C
// where w mod 7 is 0; black key b is the one of its octave b / 5 that comes at b mod 5: C sharp, D sharp, F sharp, G
// sharp, A sharp.

/// Rounds towards minus infinity, unlike /; and what is left, 0 … n−1.
[[nodiscard]] constexpr int floor_div(int a, int n) noexcept {
  return a >= 0 ? a / n : -((-a + n - 1) / n);
}
[[nodiscard]] constexpr int floor_mod(int a, int n) noexcept {
  return a - floor_div(a, n) * n;
}

/// The crack between white keys that a black key covers: it lies between white keys crack − 1 and crack.
[[nodiscard]] constexpr int black_crack(int black) noexcept {
  constexpr std::array<int, 5> cracks{1, 2, 4, 5, 6};
  return 7 * floor_div(black, 5) + cracks[static_cast<std::size_t>(floor_mod(black, 5))];
}

/// The middle of a black key in white pitches.
[[nodiscard]] constexpr double black_centre(int black) noexcept {
  constexpr std::array<int, 5> pitches{1, 3, 6, 8, 10};
  return black_crack(black) + black_offset(pitches[static_cast<std::size_t>(floor_mod(black, 5))]);
}

/// Steps above a C of a white key: 0 2 4 5 7 9 11, 12 for the next C.
[[nodiscard]] constexpr int white_steps(int white) noexcept {
  constexpr std::array<int, 7> steps{0, 2, 4, 5, 7, 9, 11};
  return 12 * floor_div(white, 7) + steps[static_cast<std::size_t>(floor_mod(white, 7))];
}

/// The first black key whose crack is not left of `crack`.
[[nodiscard]] constexpr int first_black_from(int crack) noexcept {
  int black = 5 * floor_div(crack, 7);
  while (black_crack(black) < crack) ++black;
  return black;
}

/// A dark run of a line through the picture.
struct bar {
  double left = 0;
  double right = 0;

  [[nodiscard]] constexpr double centre() const noexcept { return (left + right) / 2; }
  [[nodiscard]] constexpr double width() const noexcept { return right - left; }
};

/// The dark bars of a profile of gray values, in order: each lies between two maxima that are higher than its minimum
/// by a quarter of the profile's range (5th to 95th percentile) and 10 gray levels at least, and ends halfway up.
/// Position i + 0.5 is the middle of sample i. `bars` is refilled.
inline void find_bars(std::span<const std::uint8_t> profile, std::vector<bar>& bars) {
  bars.clear();
  const auto n = static_cast<index_t>(profile.size());
  if (n < 8) return;
  std::array<index_t, 256> count{};
  for (const std::uint8_t v : profile) ++count[v];
  int low = 0;
  int high = 255;
  for (index_t sum = count[0]; sum * 20 < n; sum += count[static_cast<std::size_t>(low)]) ++low;
  for (index_t sum = count[255]; sum * 20 < n; sum += count[static_cast<std::size_t>(high)]) --high;
  const int rise = (std::max)(10, (high - low) / 4);

  const auto at = [&](index_t i) { return static_cast<double>(profile[static_cast<std::size_t>(i)]); };
  // A walk that turns round whenever the profile has gone back by `rise` from its last extreme.
  bool falling = false;
  index_t extreme = 0;      // where the walk is lowest (falling) or highest so far
  index_t top_before = -1;  // the last maximum
  index_t bottom = -1;      // the minimum since
  const auto close = [&](index_t top_after) {
    if (top_before < 0 || bottom < 0) return;
    const double left_level = (at(top_before) + at(bottom)) / 2;
    const double right_level = (at(top_after) + at(bottom)) / 2;
    index_t l = bottom;
    while (l > top_before && at(l) <= left_level) --l;
    index_t r = bottom;
    while (r < top_after && at(r) <= right_level) ++r;
    const double left = static_cast<double>(l) + 0.5 + (at(l) - left_level) / (std::max)(at(l) - at(l + 1), 1e-9);
    const double right = static_cast<double>(r) + 0.5 - (at(r) - right_level) / (std::max)(at(r) - at(r - 1), 1e-9);
    if (right > left) bars.push_back({left, right});
  };
  for (index_t i = 1; i < n; ++i) {
    const int v = profile[static_cast<std::size_t>(i)];
    const int e = profile[static_cast<std::size_t>(extreme)];
    if (falling) {
      if (v < e) {
        extreme = i;
      } else if (v >= e + rise) {
        bottom = extreme;
        extreme = i;
        falling = false;
      }
    } else {
      if (v > e) {
        extreme = i;
      } else if (v <= e - rise) {
        close(extreme);
        top_before = extreme;
        extreme = i;
        falling = true;
      }
    }
  }
  if (!falling) close(extreme);
}

/// Takes away the bars that are much narrower than those about them: the cracks between white keys. `before` is
/// scratch.
inline void drop_cracks(std::vector<bar>& bars, std::vector<bar>& before) {
  before = bars;
  bars.clear();
  for (std::size_t i = 0; i < before.size(); ++i) {
    double first = 0;  // the two widest of the four neighbours; one may be a dark room beside the keyboard
    double second = 0;
    for (std::size_t j = i < 2 ? 0 : i - 2; j <= i + 2 && j < before.size(); ++j) {
      const double w = j == i ? 0 : before[j].width();
      second = (std::max)(second, (std::min)(w, first));
      first = (std::max)(first, w);
    }
    if (before[i].width() >= 0.35 * second) bars.push_back(before[i]);
  }
}

/// Bars of a line that were recognised as black keys.
struct comb {
  struct tooth {
    int black = 0;
    bar where{};
  };
  std::vector<tooth> teeth{};  ///< from left to right
  int missing = 0;             ///< black keys between the first and the last tooth that were not seen
  [[nodiscard]] double score() const noexcept { return static_cast<double>(teeth.size()) - 0.4 * missing; }
};

/// Looks in a row of bars for the twos and threes of black keys. Memory is reused from call to call.
class comb_finder {
 public:
  /// The longest comb among the bars, in `best()`; false where there are not five in a row.
  bool operator()(std::span<const bar> bars) {
    best_.teeth.clear();
    best_.missing = 0;
    index_t begin = 0;
    const auto n = static_cast<index_t>(bars.size());
    while (begin + 5 <= n) {
      index_t used_up_to = begin;
      for (int phase = 0; phase < 5; ++phase) {
        if (!seed(bars, begin, phase)) continue;
        grow(bars, +1);
        std::reverse(chain_.teeth.begin(), chain_.teeth.end());
        grow(bars, -1);
        std::reverse(chain_.teeth.begin(), chain_.teeth.end());
        if (best_.teeth.empty() || chain_.score() > best_.score()) std::swap(best_, chain_);
        used_up_to = (std::max)(used_up_to, begin + 3);
      }
      begin = used_up_to + 1;
    }
    return !best_.teeth.empty();
  }
  [[nodiscard]] const comb& best() const noexcept { return best_; }

 private:
  /// Five neighbouring bars with the right distances and possible widths.
  bool seed(std::span<const bar> bars, index_t begin, int phase) {
    const auto bar_at = [&](index_t i) { return bars[static_cast<std::size_t>(begin + i)]; };
    const double pitch = (bar_at(4).centre() - bar_at(0).centre()) / (black_centre(phase + 4) - black_centre(phase));
    if (pitch < 4) return false;
    for (int i = 0; i < 5; ++i) {
      const bar b = bar_at(i);
      if (b.width() < 0.2 * pitch || b.width() > 0.85 * pitch) return false;
      if (i == 0) continue;
      const double distance = b.centre() - bar_at(i - 1).centre();
      if (std::abs(distance / pitch - (black_centre(phase + i) - black_centre(phase + i - 1))) > 0.2) return false;
    }
    chain_.teeth.clear();
    chain_.missing = 0;
    for (int i = 0; i < 5; ++i) chain_.teeth.push_back({phase + i, bar_at(i)});
    return true;
  }

  /// Adds teeth at the chain's end, in the direction of `step`, each where a parabola through the last eight expects
  /// it.
  void grow(std::span<const bar> bars, int step) {
    auto& teeth = chain_.teeth;
    int missed = 0;
    for (int black = teeth.back().black + step; missed <= 7; black += step) {
      least_squares<3> parabola;
      const double t0 = black_centre(teeth.back().black);
      const double scale = std::abs((teeth.back().where.centre() - teeth[teeth.size() - 5].where.centre()) /
                                    (t0 - black_centre(teeth[teeth.size() - 5].black)));
      for (std::size_t i = teeth.size() - (std::min)(teeth.size(), std::size_t{8}); i < teeth.size(); ++i) {
        const double t = black_centre(teeth[i].black) - t0;
        parabola.add({1, t, t * t}, teeth[i].where.centre() / scale);
      }
      parabola.add_prior(2, 0, 60);  // the pitch changes by a hundredth from key to key at most
      std::array<double, 3> c{};
      if (!parabola.solve(c)) return;
      const double t = black_centre(black) - t0;
      const double pitch = scale * (c[1] + 2 * c[2] * t);
      const double expected = scale * (c[0] + t * (c[1] + t * c[2]));
      if (pitch < 3 || expected < bars.front().left - 2 * pitch || expected > bars.back().right + 2 * pitch) return;
      auto next =
          std::lower_bound(bars.begin(), bars.end(), expected, [](const bar& b, double x) { return b.centre() < x; });
      if (next == bars.end() ||
          (next != bars.begin() && expected - std::prev(next)->centre() < next->centre() - expected)) {
        --next;
      }
      const bool fits = std::abs(next->centre() - expected) < 0.22 * pitch && next->width() > 0.2 * pitch &&
                        next->width() < 0.85 * pitch;
      if (!fits) {
        ++missed;
        continue;
      }
      chain_.missing += missed;
      missed = 0;
      teeth.push_back({black, *next});
    }
  }

  comb chain_;
  comb best_;
};

}  // namespace vmt::inline VMT_ABI::keyboard
