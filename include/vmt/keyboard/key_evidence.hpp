// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/fit_board.hpp>

namespace vmt::inline VMT_ABI::keyboard {

/// What a picture says about each key of a board whose view is known: from −1, it is not there, to 1, it is; and as
/// odds, the logarithm of how much likelier the picture is where the key is there than where it is not. The odds are
/// rounded counts of 120 rendered cameras (11,000 keys, 3,300 places beside the keyboards).
class key_evidence {
 public:
  static constexpr int reach = 120;  ///< keys are looked for this far to either side of the board's key 0

  key_evidence(const gray_sampler& picture, const board_view& view, int first, int last) {
    double contrast = 0;
    double white = 0;
    reference(picture, view, first, last, white, contrast, lean_);
    contrast_ = contrast;
    for (int k = -reach; k <= reach; ++k) {
      black_[index(k)] = black(picture, view, k, white, contrast, black_odds_[index(k)]);
      white_[index(k)] = white_key(picture, view, k, white, contrast, bright_[index(k)], white_odds_[index(k)]);
    }
    for (int k = -reach; k <= reach; ++k) {
      left_odds_[index(k)] = end(picture, view, k, -1);
      right_odds_[index(k)] = end(picture, view, k, +1);
    }
    first_ = last_ = (first + last) / 2;
    while (first_ > -reach && in_picture(picture, view, first_ - 1, 0.5, 0.5)) --first_;
    while (last_ < reach && in_picture(picture, view, last_ + 1, 0.5, 0.5)) ++last_;
    double least = 1e9;
    for (double x = first_; x <= last_ + 1; x += 0.5) {
      const point p = view(x, 0.5);
      const double off = std::hypot(p.x - view.centre().x, p.y - view.centre().y);
      if (off < least) middle_ = x;
      least = (std::min)(least, off);
    }
  }

  /// The white keys of which the middle lies in the picture, whether they exist or not.
  [[nodiscard]] int first_in_picture() const noexcept { return first_; }
  [[nodiscard]] int last_in_picture() const noexcept { return last_; }
  /// Where on the board, in white pitches, the middle of the picture is.
  [[nodiscard]] double middle() const noexcept { return middle_; }
  [[nodiscard]] double black(int k) const noexcept { return k < -reach || k > reach ? 0 : black_[index(k)]; }
  [[nodiscard]] double white(int w) const noexcept { return w < -reach || w > reach ? 0 : white_[index(w)]; }
  /// Whether it is as bright there as a white key is.
  [[nodiscard]] double bright(int w) const noexcept { return w < -reach || w > reach ? 0 : bright_[index(w)]; }
  /// The odds of a black key; negative where it should be seen and is not, 0 outside the picture.
  [[nodiscard]] double black_odds(int k) const noexcept { return k < -reach || k > reach ? 0 : black_odds_[index(k)]; }
  [[nodiscard]] double white_odds(int w) const noexcept { return w < -reach || w > reach ? 0 : white_odds_[index(w)]; }
  /// The odds of an end of the keyboard at the left (step −1) or right (step +1) of a white key, of no end there; 0
  /// where that place is not in the picture.
  [[nodiscard]] double end_odds(int w, int step) const noexcept {
    return w < -reach || w > reach ? 0 : (step < 0 ? left_odds_ : right_odds_)[index(w)];
  }
  /// Whether between white keys w − 1 and w, where no black key belongs, it is as dark as one, 0 … 1: so it is in an
  /// even row of bars.
  [[nodiscard]] double dark_gap(const gray_sampler& picture, const board_view& view, int w) const {
    const levels l = look(picture, view, w, lean_);
    return l.seen ? std::clamp(((std::min)(l.left, l.right) - l.dark) / contrast_ * 5 - 1.5, 0.0, 1.0) : 0;
  }
  /// How clearly there are cracks between the white keys first … last, even faint ones: of how many places a crack is
  /// darker than the middle of the keys beside it, as a normal deviate; about 0 on wood, √keys where all are seen.
  [[nodiscard]] static double crack_deviate(const gray_sampler& picture, const board_view& view, int first, int last) {
    int darker = 0;
    int count = 0;
    for (int w = first + 1; w <= last; ++w) {
      if (!in_picture(picture, view, w - 1, 0.7, 0.94) || !in_picture(picture, view, w, 0.7, 0.94)) continue;
      const double half = std::clamp(1.5 / view.pitch(w, 0.8), 0.1, 0.22);
      double sum = 0;
      for (double y = 0.7; y < 0.95; y += 0.03) {
        const auto dip = [&](double x) {
          return (picture(view(x - half, y)) + picture(view(x + half, y))) / 2 - picture(view(x, y));
        };
        sum += dip(w) - (dip(w - 0.4) + dip(w + 0.4)) / 2;
      }
      darker += sum > 0 ? 1 : 0;
      ++count;
    }
    return count > 0 ? (2 * darker - count) / std::sqrt(static_cast<double>(count)) : 0;
  }
  /// How much brighter white keys are than black ones, in gray levels.
  [[nodiscard]] double contrast() const noexcept { return contrast_; }

 private:
  static std::size_t index(int k) noexcept { return static_cast<std::size_t>(k + reach); }

  /// Whether a white key is in the picture between two depths.
  static bool in_picture(const gray_sampler& picture, const board_view& view, int w, double rear, double front) {
    for (const double x : {0.1, 0.9}) {
      for (const double y : {rear, front}) {
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

  /// What is seen at a black key and beside it. `lean`: how much brighter it is left of black keys than right of them,
  /// where these throw a shadow; the darker side is taken for that much brighter.
  static levels look(const gray_sampler& picture, const board_view& view, double x_of_key, double lean) {
    levels l;
    const double centre = (view.dark_left(x_of_key) + view.dark_right(x_of_key)) / 2;
    const double beside = (view.dark_right(x_of_key) - view.dark_left(x_of_key)) / 2 + 0.13;
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
    l.left += (std::max)(-lean, 0.0);
    l.right += (std::max)(lean, 0.0);
    l.seen = true;
    return l;
  }

  static void reference(const gray_sampler& picture, const board_view& view, int first, int last, double& white,
                        double& contrast, double& lean) {
    std::vector<double> whites;
    std::vector<double> contrasts;
    std::vector<double> leans;
    for (int k = first_black_from(first + 1); black_crack(k) <= last; ++k) {
      const levels l = look(picture, view, black_centre(k), 0);
      if (!l.seen) continue;
      whites.push_back((std::max)(l.left, l.right));
      contrasts.push_back((std::max)(l.left, l.right) - l.dark);
      leans.push_back(l.left - l.right);
    }
    const auto quantile = [](std::vector<double>& v, int tenths) {
      if (v.empty()) return 0.0;
      const auto at = v.begin() + std::ssize(v) * tenths / 10;
      std::nth_element(v.begin(), at, v.end());
      return *at;
    };
    white = quantile(whites, 6);
    contrast = (std::max)(quantile(contrasts, 6), 4.0);
    lean = quantile(leans, 5);
  }

  double black(const gray_sampler& picture, const board_view& view, int k, double white, double contrast,
               double& odds) const {
    odds = 0;
    if (std::abs(black_crack(k)) > reach) return 0;
    const levels l = look(picture, view, black_centre(k), lean_);
    if (!l.seen) return 0;
    // Glare and shade change from key to key: the contrast counts, and that the sides are alike.
    const double c = (std::min)(l.left, l.right) - l.dark;
    const double even = std::abs(l.left - l.right);
    const double present = std::clamp((c / contrast - 0.2) / 0.2, -1.0, 1.0);
    if (c > 0.75 * contrast) {
      odds = 5;
    } else if (c > 0.5 * contrast) {
      odds = 4;
    } else {
      odds = c > 0.3 * contrast ? 3 : -3.5;
    }
    if (present > 0 && (even > 0.7 * contrast || (std::min)(l.left, l.right) < white - 0.85 * contrast)) {
      odds = (std::min)(odds, 1.0);
      return 0;
    }
    if (present > 0) return present;
    // Bright all over: no black key. Else something may cover it.
    const bool plain = l.dark > white - 0.25 * contrast && even < 0.3 * contrast && l.dark < white + 0.4 * contrast;
    return (plain ? 0.7 : 0.04) * present;
  }

  double end(const gray_sampler& picture, const board_view& view, int w, int step) const {
    if (!in_picture(picture, view, w, 0.2, 0.8)) return 0;
    const double border = step < 0 ? w : w + 1;
    int edges = 0;
    for (const double y : {0.15, 0.3, 0.45, 0.6, 0.74, 0.82, 0.9}) {
      const double beyond = border + 0.35 * step;  // a third of a key is enough to see an edge
      if (!view.sees(beyond, y) || !picture.holds(view(beyond, y), 1)) return 0;
      const board_mark mark{step < 0 ? board_mark::kind::left_end : board_mark::kind::right_end, w, border, y};
      seen_mark s;
      if (see_mark(picture, view, mark, 0.15, contrast_, s)) ++edges;
    }
    const bool small = view.pitch(border, 0.5) < 13;  // many an edge is lost there
    const double odds = edges == 7 ? 5 : edges > 4 ? 1 : edges > 2 ? -2 : small ? -1.5 : -3;
    return bright(w) > 0 ? odds : (std::max)(odds, -1.0);  // covered: little can be said
  }

  static double white_key(const gray_sampler& picture, const board_view& view, int w, double white, double contrast,
                          double& bright, double& odds) {
    bright = 0;
    odds = 0;
    if (!in_picture(picture, view, w, 0.7, 0.88)) return 0;
    double sum = 0;
    for (const double x : {0.25, 0.5, 0.75}) {
      for (const double y : {0.72, 0.8, 0.88}) sum += picture(view(w + x, y)) / 9;
    }
    const double off = (sum - white) / contrast;
    bright = off < -0.55 ? -1 : off < -0.3 ? 0 : 1;
    if (bright < 0) {
      odds = -1;
      return -1;
    }
    double edges = 0;
    for (const int side : {0, 1}) {
      for (const double y : {0.72, 0.8, 0.88}) {
        const board_mark crack{board_mark::kind::crack, w + side, static_cast<double>(w + side), y};
        seen_mark s;
        if (see_mark(picture, view, crack, 0.12, contrast, s)) edges += 1.0 / 6;
      }
    }
    // The wood beside the keys is often as bright, but has no cracks.
    odds = bright == 0 ? -0.5 : edges > 0 ? 2 : off > -0.2 ? 0.8 : -0.2;
    if (bright == 0) return 0;
    return std::clamp((edges - 0.35) * 3, -0.7, 1.0);
  }

  std::array<double, 2 * reach + 1> black_{};
  std::array<double, 2 * reach + 1> white_{};
  std::array<double, 2 * reach + 1> bright_{};
  std::array<double, 2 * reach + 1> black_odds_{};
  std::array<double, 2 * reach + 1> white_odds_{};
  std::array<double, 2 * reach + 1> left_odds_{};
  std::array<double, 2 * reach + 1> right_odds_{};
  int first_ = 0;
  int last_ = 0;
  double middle_ = 0;
  double contrast_ = 0;
  double lean_ = 0;
};

}  // namespace vmt::inline VMT_ABI::keyboard
