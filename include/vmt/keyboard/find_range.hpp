// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/fit_board.hpp>

#include <optional>  // what the user knows

namespace vmt::inline VMT_ABI::keyboard {

/// What a picture says about each key of a board whose view is known: from −1, it is not there, to 1, it is.
class key_evidence {
 public:
  static constexpr int reach = 120;  ///< keys are looked for this far to either side of the board's key 0

  key_evidence(const gray_sampler& picture, const board_view& view, int first, int last) {
    double contrast = 0;
    double white = 0;
    reference(picture, view, first, last, white, contrast);
    contrast_ = contrast;
    for (int k = -reach; k <= reach; ++k) {
      black_[index(k)] = black(picture, view, k, white, contrast);
      white_[index(k)] = white_key(picture, view, k, white, contrast, bright_[index(k)]);
    }
    for (int k = -reach; k <= reach; ++k) {
      left_end_[index(k)] = end(picture, view, k, -1);
      right_end_[index(k)] = end(picture, view, k, +1);
    }
    first_ = last_ = (first + last) / 2;
    while (first_ > -reach && in_picture(picture, view, first_ - 1)) --first_;
    while (last_ < reach && in_picture(picture, view, last_ + 1)) ++last_;
  }

  /// The white keys that lie in the picture, whether they exist or not.
  [[nodiscard]] int first_in_picture() const noexcept { return first_; }
  [[nodiscard]] int last_in_picture() const noexcept { return last_; }
  [[nodiscard]] double black(int k) const noexcept { return k < -reach || k > reach ? 0 : black_[index(k)]; }
  [[nodiscard]] double white(int w) const noexcept { return w < -reach || w > reach ? 0 : white_[index(w)]; }
  /// Whether it is as bright there as a white key is.
  [[nodiscard]] double bright(int w) const noexcept { return w < -reach || w > reach ? 0 : bright_[index(w)]; }
  /// Whether the keyboard ends with a white key at its left (step −1) or right (step +1): an edge is seen, and no white
  /// key beyond it. 0 where that place is not in the picture.
  [[nodiscard]] double ends_with(int w, int step) const noexcept {
    return w < -reach || w > reach ? 0 : (step < 0 ? left_end_ : right_end_)[index(w)];
  }
  /// How much brighter white keys are than black ones, in gray levels.
  [[nodiscard]] double contrast() const noexcept { return contrast_; }

 private:
  static std::size_t index(int k) noexcept { return static_cast<std::size_t>(k + reach); }

  static bool in_picture(const gray_sampler& picture, const board_view& view, int w) {
    for (const double x : {0.1, 0.9}) {
      for (const double y : {0.2, 0.8}) {
        if (!view.sees(w + x, y) || !picture.holds(view(w + x, y), 1)) return false;
      }
    }
    return true;
  }

  struct levels {
    bool seen = false;
    double dark = 0;  ///< of the key's top
    double left = 0;  ///< of the white keys beside it
    double right = 0;
  };

  static levels look(const gray_sampler& picture, const board_view& view, int k) {
    levels l;
    const double centre = (view.black_left(k) + view.black_right(k)) / 2;
    const double beside = (view.black_right(k) - view.black_left(k)) / 2 + 0.13;
    std::array<double, 9> top{};
    std::size_t n = 0;
    for (const double y : {0.35, 0.6, 0.85}) {
      const double depth = y * view.values[board_view::black_length];
      if (!view.sees(centre - beside, depth) || !view.sees(centre + beside, depth)) return l;
      const point a = view(centre - beside, depth);
      const point b = view(centre + beside, depth);
      if (!picture.holds(a, 1) || !picture.holds(b, 1)) return l;
      l.left += picture(a) / 3;
      l.right += picture(b) / 3;
      for (const double x : {-0.11, 0.0, 0.11}) top[n++] = picture(view(centre + x, depth));
    }
    std::sort(top.begin(), top.end());
    l.dark = (top[2] + top[3] + top[4]) / 3;  // a reflection may cover half of the top
    l.seen = true;
    return l;
  }

  static void reference(const gray_sampler& picture, const board_view& view, int first, int last, double& white,
                        double& contrast) {
    std::vector<double> whites;
    std::vector<double> contrasts;
    for (int k = first_black_from(first + 1); black_crack(k) <= last; ++k) {
      const levels l = look(picture, view, k);
      if (!l.seen) continue;
      whites.push_back((std::max)(l.left, l.right));
      contrasts.push_back((std::max)(l.left, l.right) - l.dark);
    }
    const auto upper = [](std::vector<double>& v) {
      if (v.empty()) return 0.0;
      const auto at = v.begin() + std::ssize(v) * 6 / 10;
      std::nth_element(v.begin(), at, v.end());
      return *at;
    };
    white = upper(whites);
    contrast = (std::max)(upper(contrasts), 4.0);
  }

  static double black(const gray_sampler& picture, const board_view& view, int k, double white, double contrast) {
    if (std::abs(black_crack(k)) > reach) return 0;
    const levels l = look(picture, view, k);
    if (!l.seen) return 0;
    // Glare and shade change from key to key: the contrast counts, and that the sides are alike.
    const double c = (std::min)(l.left, l.right) - l.dark;
    const double even = std::abs(l.left - l.right);
    const double present = std::clamp((c / contrast - 0.2) / 0.2, -1.0, 1.0);
    if (present > 0 && (even > 0.7 * contrast || (std::min)(l.left, l.right) < white - 0.85 * contrast)) return 0;
    if (present > 0) return present;
    // Bright all over: no black key. Else something may cover it.
    const bool plain = l.dark > white - 0.4 * contrast && even < 0.3 * contrast && l.dark < white + 0.4 * contrast;
    return (plain ? 0.7 : 0.04) * present;
  }

  double end(const gray_sampler& picture, const board_view& view, int w, int step) const {
    if (!in_picture(picture, view, w) || !in_picture(picture, view, w + step)) return 0;
    const int border = step < 0 ? w : w + 1;
    double edges = 0;
    for (const double y : {0.15, 0.3, 0.45, 0.6, 0.74, 0.82, 0.9}) {
      const board_mark mark{step < 0 ? board_mark::kind::left_end : board_mark::kind::right_end, w,
                            static_cast<double>(border), y};
      seen_mark s;
      if (see_mark(picture, view, mark, 0.15, contrast_, s)) edges += 1.0 / 7;
    }
    const double seen = std::clamp((edges - 0.5) * 4, -1.0, 1.0);
    if (bright(w) <= 0) return (std::max)(seen, 0.0);  // covered: nothing can be said
    return bright(w + step) > 0 ? (std::min)(seen, 0.0) : seen;
  }

  static double white_key(const gray_sampler& picture, const board_view& view, int w, double white, double contrast,
                          double& bright) {
    bright = 0;
    if (!in_picture(picture, view, w)) return 0;
    double sum = 0;
    for (const double x : {0.25, 0.5, 0.75}) {
      for (const double y : {0.72, 0.8, 0.88}) sum += picture(view(w + x, y)) / 9;
    }
    const double off = (sum - white) / contrast;
    bright = off < -0.55 ? -1 : off < -0.3 ? 0 : 1;
    if (bright < 0) return -1;
    double edges = 0;
    for (const int side : {0, 1}) {
      for (const double y : {0.72, 0.8, 0.88}) {
        const board_mark crack{board_mark::kind::crack, w + side, static_cast<double>(w + side), y};
        seen_mark s;
        if (see_mark(picture, view, crack, 0.12, contrast, s)) edges += 1.0 / 6;
      }
    }
    if (bright == 0) return 0;
    return std::clamp((edges - 0.35) * 3, -0.7, 1.0);
  }

  std::array<double, 2 * reach + 1> black_{};
  std::array<double, 2 * reach + 1> white_{};
  std::array<double, 2 * reach + 1> bright_{};
  std::array<double, 2 * reach + 1> left_end_{};
  std::array<double, 2 * reach + 1> right_end_{};
  int first_ = 0;
  int last_ = 0;
  double contrast_ = 0;
};

/// Which keys of which keyboard a view shows.
struct key_range {
  int first = 0;  ///< white keys of the board, both counted, those that lie in the picture
  int last = 0;
  int lowest_key = 21;  ///< MIDI numbers of the first and last key as the player sees them
  int highest_key = 108;
  bool mirrored = false;
  bool certain = false;   ///< no other octave, no other side explains the picture nearly as well
  double margin = 0;      ///< by how many keys this explains the picture better than the next one
  bool left_cut = false;  ///< the keyboard goes on beyond the picture
  bool right_cut = false;
};

/// What the user may know.
struct range_hints {
  std::optional<int> lowest_key{};  ///< MIDI number of the lowest white key that is wholly in the picture
  std::optional<bool> mirrored{};
};

/// The range that explains the evidence best: each black key that is there and covered by the range counts, each that
/// is not there counts against it, and so do the ends, seen or not; known instruments (88, 76, 73, 61, 49 keys; less
/// likely 85, 54, 37, 32, 25) count above others. Nothing where the hint's lowest key does not fit the pattern.
inline std::optional<key_range> choose_range(const key_evidence& seen, const range_hints& hints) {
  struct instrument {
    int low, high;
    double bonus;
  };
  constexpr std::array<instrument, 10> instruments{{{21, 108, 0},
                                                    {28, 103, -0.5},
                                                    {28, 100, -0.5},
                                                    {36, 96, -0.5},
                                                    {36, 84, -0.5},
                                                    {21, 105, -3},
                                                    {36, 89, -3},
                                                    {48, 84, -3},
                                                    {41, 72, -3},
                                                    {48, 72, -3}}};
  constexpr int reach = key_evidence::reach;
  std::array<double, 2 * reach + 3> sum{};  // of the black keys whose crack is at most w
  for (int w = -reach; w <= reach; ++w) {
    const auto i = static_cast<std::size_t>(w + reach + 1);
    sum[i] = sum[i - 1];
    const int k = first_black_from(w);
    if (black_crack(k) == w) sum[i] += seen.black(k);
  }
  const auto up_to = [&](int w) { return sum[static_cast<std::size_t>(std::clamp(w, -reach - 1, reach) + reach + 1)]; };
  const int lo = seen.first_in_picture();
  const int hi = seen.last_in_picture();
  const auto explains = [&](int first, int last) {
    return 2 * (up_to(last) - up_to(first)) + seen.white((std::max)(first, lo)) + seen.white((std::min)(last, hi)) -
           seen.white(first - 1) - seen.white(last + 1) + 3 * (seen.ends_with(first, -1) + seen.ends_with(last, +1));
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
    const double penalty = mirrored && !hints.mirrored ? 2.5 : 0;
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
      for (int last = first + 6; last <= hi; ++last) {
        const int middle = mirrored ? 2 - (first + last) / 2 : (first + last) / 2;
        int base = 60 - 12 * floor_div(white_steps(middle) + 6, 12);
        while (base + white_steps(mirrored ? 2 - last : first) < 21) base += 12;
        choices.push_back({explains(first, last) - 6 - penalty, first, last, base, mirrored, false});
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
      if (!c.known) c.value += 3;
      c.known = true;
      kept.push_back(c);
    }
    if (kept.empty()) return std::nullopt;
    double best_kept = -1e9, best_all = -1e9;
    for (const choice& c : kept) best_kept = (std::max)(best_kept, c.value);
    for (const choice& c : choices) best_all = (std::max)(best_all, c.value);
    if (best_kept < best_all - 8) return std::nullopt;
    choices = std::move(kept);
  }
  if (choices.empty()) return std::nullopt;
  const auto best = std::max_element(choices.begin(), choices.end(),
                                     [](const choice& a, const choice& b) { return a.value < b.value; });
  key_range range;
  range.margin = 100;
  for (const choice& c : choices) {
    if (c.base == best->base && c.mirrored == best->mirrored && c.known) continue;
    if (&c != &*best) range.margin = (std::min)(range.margin, best->value - c.value);
  }
  // An end that is in the picture but covered may lie elsewhere.
  const bool ends_seen = (best->first < lo || seen.ends_with(best->first, -1) > 0.2) &&
                         (best->last > hi || seen.ends_with(best->last, +1) > 0.2);
  range.certain = best->known && range.margin >= (ends_seen ? 1.5 : 3.0);
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
