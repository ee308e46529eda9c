// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/key_evidence.hpp>

#include <optional>  // what the user knows

namespace vmt::inline VMT_ABI::keyboard {

/// Which keys of which keyboard a view shows.
struct key_range {
  int first = 0;  ///< white keys of the board, both counted, those that lie in the picture
  int last = 0;
  int lowest_key = 21;  ///< MIDI numbers of the first and last key as the player sees them
  int highest_key = 108;
  bool mirrored = false;
  bool certain = false;      ///< no other octave, no other side explains the picture nearly as well
  bool either_side = false;  ///< whether the picture is mirrored is what cannot be told
  double margin = 0;         ///< logarithm of the odds of this octave and side against the next best
  bool left_cut = false;     ///< the keyboard goes on beyond the picture
  bool right_cut = false;
};

/// What the user may know.
struct range_hints {
  std::optional<int> lowest_key{};  ///< MIDI number of the lowest white key that is wholly in the picture
  std::optional<bool> mirrored{};
};

namespace detail {

/// Evidence summed over ranges of white keys. Keys that a range has and the picture does not show cost most for the
/// first of a run, since what covers one key covers its neighbours as well.
class range_evidence {
 public:
  explicit range_evidence(const key_evidence& seen) : seen_(&seen) {
    for (int w = -reach; w <= reach; ++w) {
      const std::size_t i = at(w);
      black_[i] = black_[i - 1];
      last_missing_[i] = last_missing_[i - 1];
      const int k = first_black_from(w);
      if (black_crack(k) == w) {
        const double odds = seen.black_odds(k);
        black_[i] += odds < 0 && last_missing_[i - 1] ? further(k) : odds;
        last_missing_[i] = odds < 0;
      }
      const double odds = seen.white_odds(w);
      white_[i] = white_[i - 1] + (odds < 0 && last_missing_[i] ? 0.4 : 1) * odds;
    }
  }

  /// Of the keys first … last, both white ones.
  [[nodiscard]] double operator()(int first, int last) const {
    double black = black_[at(last)] - black_[at(first)];
    // A run that begins before the range is paid for in full.
    const int k = first_black_from(first + 1);
    if (black_crack(k) <= last && seen_->black_odds(k) < 0 && last_missing_[at(first)]) {
      black += seen_->black_odds(k) - further(k);
    }
    const double white = white_[at(last)] - white_[at(first - 1)];
    return black + 0.5 * white;
  }

 private:
  static constexpr int reach = key_evidence::reach;
  static std::size_t at(int w) noexcept {
    return static_cast<std::size_t>(std::clamp(w, -reach - 1, reach) + reach + 1);
  }

  /// Odds of each further black key of a run that is not seen: little where something covers it, more where it is as
  /// bright as on white keys.
  [[nodiscard]] double further(int k) const noexcept { return seen_->black(k) < -0.3 ? -1.5 : -0.35; }

  const key_evidence* seen_;
  std::array<double, 2 * reach + 3> black_{};  ///< of the black keys whose crack is at most w
  std::array<double, 2 * reach + 3> white_{};
  std::array<bool, 2 * reach + 3> last_missing_{};
};

}  // namespace detail

/// The range that explains the evidence best. Candidates are the usual instruments wherever their pattern fits, in both
/// senses, and any other part of the row. The logarithms of what speaks for each are added up: the keys that it has and
/// the picture shows or does not show, the edges at its ends, and how usual it is: 88 keys 0; 76 (E–G), 73 (E–E), 61
/// and 49 (C–C) −1.5; 85, 54, 37, 32, 25 −4; other ranges −10; mirrored −2.5; each end out of the picture −0.5, each
/// white key out of it −0.15; the middle of the keyboard at a share d of the picture's width from the middle of the
/// picture −1.5 log(1 + (d / 0.04)²). The octave is certain where all others, in either sense, are 25 times (e^3.2)
/// less likely. Nothing where the hint's lowest key does not fit the pattern.
inline std::optional<key_range> choose_range(const key_evidence& seen, const range_hints& hints) {
  struct instrument {
    int low, high;
    double bonus;
  };
  constexpr std::array<instrument, 10> instruments{{{21, 108, 0},
                                                    {28, 103, -1.5},
                                                    {28, 100, -1.5},
                                                    {36, 96, -1.5},
                                                    {36, 84, -1.5},
                                                    {21, 105, -4},
                                                    {36, 89, -4},
                                                    {48, 84, -4},
                                                    {41, 72, -4},
                                                    {48, 72, -4}}};
  constexpr double sure = 3.2, mirrored_penalty = 2.5;
  const detail::range_evidence evidence(seen);
  const int lo = seen.first_in_picture();
  const int hi = seen.last_in_picture();
  const auto explains = [&](int first, int last) {
    const int out = (std::max)(lo - first, 0) + (std::max)(last - hi, 0);
    const double off = ((first + last + 1) / 2.0 - seen.middle()) / (hi - lo + 1);
    return evidence((std::max)(first, lo), (std::min)(last, hi)) + seen.end_odds(first, -1) + seen.end_odds(last, +1) -
           (first < lo ? 0.5 : 0) - (last > hi ? 0.5 : 0) - 0.15 * out - 1.5 * std::log1p(off * off / (0.04 * 0.04));
  };

  struct choice {
    double value = -1e9;
    int first = 0, last = 0;
    int base = 0;  ///< MIDI number of the board's C 0, or of what its mirror image has there
    bool mirrored = false;
    bool known = false;
  };
  std::vector<choice> choices;
  const auto pitch_of = [](const choice& c, int w) { return c.base + white_steps(c.mirrored ? 2 - w : w); };
  for (const bool mirrored : {false, true}) {
    if (hints.mirrored && *hints.mirrored != mirrored) continue;
    const double penalty = mirrored && !hints.mirrored ? mirrored_penalty : 0;
    for (const instrument& i : instruments) {
      const int whites = white_keys_below(i.high + 1) - white_keys_below(i.low);
      for (int first = lo - 52; first <= hi; ++first) {
        const int last = first + whites - 1;
        if (last < lo) continue;
        const int low_at = mirrored ? 2 - last : first;
        const int base = i.low - white_steps(low_at);
        if (base % 12 != 0) continue;
        choices.push_back({explains(first, last) + i.bonus - penalty, first, last, base, mirrored, true});
      }
    }
    for (int first = lo; first <= hi; ++first) {
      for (int last = first + 6; last <= (std::min)(hi, first + 51); ++last) {
        const int middle = mirrored ? 2 - (first + last) / 2 : (first + last) / 2;
        int base = 60 - 12 * floor_div(white_steps(middle) + 6, 12);
        while (base + white_steps(mirrored ? 2 - last : first) < 21) base += 12;
        while (base + white_steps(mirrored ? 2 - first : last) > 108) base -= 12;
        if (base + white_steps(mirrored ? 2 - last : first) < 21) continue;  // no piano has these
        choices.push_back({explains(first, last) - 10 - penalty, first, last, base, mirrored, false});
      }
    }
  }
  if (hints.lowest_key) {
    // The lowest key that is seen has this number: choices say otherwise or are put right.
    std::vector<choice> kept;
    for (choice c : choices) {
      const int visible = c.mirrored ? (std::min)(c.last, hi) : (std::max)(c.first, lo);
      const int shift = *hints.lowest_key - pitch_of(c, visible);
      if (shift % 12 != 0 || (c.known && shift != 0)) continue;
      c.base += shift;
      if (!c.known) c.value += 5;
      c.known = true;
      kept.push_back(c);
    }
    if (kept.empty()) return std::nullopt;
    double best_kept = -1e9, best_all = -1e9;
    for (const choice& c : kept) best_kept = (std::max)(best_kept, c.value);
    for (const choice& c : choices) best_all = (std::max)(best_all, c.value);
    if (best_kept < best_all - 16) return std::nullopt;
    choices = std::move(kept);
  }
  if (choices.empty()) return std::nullopt;
  const auto best = std::max_element(choices.begin(), choices.end(),
                                     [](const choice& a, const choice& b) { return a.value < b.value; });
  key_range range;
  range.margin = 100;
  double elsewhere = 100;  // of the same octave, but other keys
  for (const choice& c : choices) {
    const bool same = c.base == best->base && c.mirrored == best->mirrored && c.known;
    const bool shown =
        (std::max)(c.first, lo) == (std::max)(best->first, lo) && (std::min)(c.last, hi) == (std::min)(best->last, hi);
    if (same && shown) continue;
    const double off = best->value - c.value;
    double& margin = same ? elsewhere : range.margin;
    margin = (std::min)(margin, off);
    if (c.known && c.mirrored != best->mirrored && off < sure) range.either_side = true;
  }
  range.certain = best->known && range.margin >= sure && elsewhere >= 1;
  range.mirrored = best->mirrored;
  range.left_cut = best->first < lo;
  range.right_cut = best->last > hi;
  range.first = (std::max)(best->first, lo);
  range.last = (std::min)(best->last, hi);
  const int a = pitch_of(*best, range.first);
  const int b = pitch_of(*best, range.last);
  range.lowest_key = (std::min)(a, b);
  range.highest_key = (std::max)(a, b);
  return range;
}

}  // namespace vmt::inline VMT_ABI::keyboard
