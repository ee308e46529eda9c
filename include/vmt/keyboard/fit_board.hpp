// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/board_view.hpp>
#include <vmt/keyboard/gray_sampler.hpp>

namespace vmt::inline VMT_ABI::keyboard {

/// A part of a keyboard's outline that can be seen: a point of an edge or of a thin line on the board.
struct board_mark {
  enum class kind { black_left, black_right, black_front, crack, front, rear, left_end, right_end };
  kind what = kind::crack;
  int key = 0;   ///< black key, or the white key to the right of a crack
  double x = 0;  ///< its place on the board; of black keys relative to the middle of their top
  double y = 0;  ///< share of the depth; of black keys share of their length
};

/// A mark that was found in the picture: how far, in pixels, it lies from where the view has it, along `normal`.
struct seen_mark {
  board_mark mark{};
  point normal{};
  double distance = 0;
  double pitch = 0;  ///< the white pitch there, in pixels
  double weight = 0;
};

namespace detail {

/// Where a view has a mark.
inline point place(const board_view& view, const board_mark& m) {
  using kind = board_mark::kind;
  const auto& v = view.values;
  switch (m.what) {
    case kind::black_left: return view(view.black_left(m.key), m.y * v[board_view::black_length]);
    case kind::black_right: return view(view.black_right(m.key), m.y * v[board_view::black_length]);
    case kind::black_front: return view(view.raised(black_centre(m.key)) + m.x, v[board_view::black_length]);
    case kind::crack:
    case kind::front:
    case kind::rear:
    case kind::left_end:
    case kind::right_end: break;
  }
  return view(m.x, m.y);
}

/// Edges across the keyboard are looked for along it, and the other way round.
inline bool runs_along(board_mark::kind k) {
  return k == board_mark::kind::black_front || k == board_mark::kind::front || k == board_mark::kind::rear;
}

/// The unit vector across a mark in the picture, towards growing x or y of the board.
inline point across(const board_view& view, const board_mark& m) {
  using kind = board_mark::kind;
  board_mark a = m;
  board_mark b = m;
  point d{};
  if (runs_along(m.what)) {
    a.x -= 0.2;
    b.x += 0.2;
    const point p = place(view, a);
    const point q = place(view, b);
    d = {-(q.y - p.y), q.x - p.x};
  } else {
    a.y -= 0.1;
    b.y += 0.1;
    const point p = place(view, a);
    const point q = place(view, b);
    d = {q.y - p.y, -(q.x - p.x)};
  }
  board_mark ahead = m;
  point forward{};
  const point here = place(view, m);
  if (runs_along(m.what)) {
    forward = m.what == kind::black_front
                  ? view(view.raised(black_centre(m.key)) + m.x, view.values[board_view::black_length] + 0.05)
                  : view(m.x, m.y + 0.05);
  } else {
    ahead.x += 0.1;
    forward = m.what == kind::black_left || m.what == kind::black_right
                  ? view(view.raised(black_centre(m.key)) + 0.5, m.y * view.values[board_view::black_length])
                  : place(view, ahead);
  }
  const double length = std::hypot(d.x, d.y);
  if (!(length > 1e-9)) return {0, 0};
  const double side = d.x * (forward.x - here.x) + d.y * (forward.y - here.y);
  return {(side < 0 ? -d.x : d.x) / length, (side < 0 ? -d.y : d.y) / length};
}

}  // namespace detail

/// The marks of the keys `first` … `last` (white keys, both counted). `ends`: also the outermost edges.
inline void list_marks(int first, int last, bool ends, std::vector<board_mark>& marks) {
  using kind = board_mark::kind;
  marks.clear();
  for (int black = first_black_from(first + 1); black_crack(black) <= last; ++black) {
    for (const double y : {0.25, 0.5, 0.72, 0.9}) {
      marks.push_back({kind::black_left, black, 0, y});
      marks.push_back({kind::black_right, black, 0, y});
    }
    for (const double x : {-0.1, 0.1}) marks.push_back({kind::black_front, black, x, 1});
    if (black_crack(black + 1) <= last) {
      marks.push_back({kind::rear, black, (black_centre(black) + black_centre(black + 1)) / 2, 0});
    }
  }
  for (int white = first; white <= last; ++white) {
    for (const double y : {0.74, 0.82, 0.9}) {
      if (white > first) marks.push_back({kind::crack, white, static_cast<double>(white), y});
    }
    for (const double x : {0.25, 0.5, 0.75}) marks.push_back({kind::front, white, white + x, 1});
  }
  if (!ends) return;
  for (const double y : {0.2, 0.4, 0.6, 0.74, 0.82, 0.9}) {
    marks.push_back({kind::left_end, first, static_cast<double>(first), y});
    marks.push_back({kind::right_end, last, static_cast<double>(last + 1), y});
  }
}

/// Looks for a mark within `reach` white pitches of where the view has it; false where it is not to be seen. Edges are
/// the steepest place of the right sign, cracks the darkest thin line; nearer ones are preferred. `contrast`: how much
/// brighter white keys are than black ones.
inline bool see_mark(const gray_sampler& picture, const board_view& view, const board_mark& mark, double reach,
                     double contrast, seen_mark& seen) {
  using kind = board_mark::kind;
  const point here = detail::place(view, mark);
  if (!picture.holds(here, 2)) return false;
  const point n = detail::across(view, mark);
  const double pitch =
      view.pitch(mark.what == kind::black_left || mark.what == kind::black_right || mark.what == kind::black_front
                     ? black_centre(mark.key)
                     : mark.x,
                 0.5);
  const double step = 0.5;
  const bool is_crack = mark.what == kind::crack;
  const double half = is_crack ? std::clamp(0.1 * pitch, 1.0, 4.0) : std::clamp(0.07 * pitch, 0.75, 4.0);
  const auto count = static_cast<int>((std::min)(std::ceil(reach * pitch / step), 120.0));
  const double sign =
      mark.what == kind::black_left || mark.what == kind::front || mark.what == kind::right_end ? -1 : 1;
  const auto strength = [&](int i) {
    const double e = i * step;
    const auto at = [&](double d) { return picture({here.x + d * n.x, here.y + d * n.y}); };
    if (is_crack) return (at(e - half) + at(e + half)) / 2 - at(e);
    return sign * (at(e + half) - at(e - half));
  };
  double best = 0;
  int best_at = 0;
  for (int i = -count; i <= count; ++i) {
    const double share = count > 0 ? static_cast<double>(i) / count : 0;
    const double s = strength(i) * (1 - 0.4 * share * share);
    if (s > best) {
      best = s;
      best_at = i;
    }
  }
  if (best < (is_crack ? 0.04 : 0.2) * contrast || best_at == -count || best_at == count) return false;
  const double before = strength(best_at - 1);
  const double middle = strength(best_at);
  const double after = strength(best_at + 1);
  const double bend = before - 2 * middle + after;
  const double offset = bend < -1e-9 ? std::clamp(0.5 * (before - after) / bend, -1.0, 1.0) : 0;
  seen = {mark, n, (best_at + offset) * step, pitch, 0};
  return true;
}

/// What came of a fit.
struct board_fit {
  double spread = 1;  ///< median distance of the marks that were found from the view, in white pitches
  double found = 0;   ///< share of the marks in the picture that were found and agree with the view
};

/// Fits views to pictures: marks are searched in ever smaller neighbourhoods, and the view follows by Gauss–Newton
/// steps with Tukey's weights. Weak priors keep what cannot be seen near its usual value. Memory is reused.
class board_fitter {
 public:
  /// Fits the white keys `first` … `last`. `reach`: in pitches, where the search begins; it shrinks from round to
  /// round. False where the marks do not determine a view.
  bool operator()(const gray_sampler& picture, board_view& view, int first, int last, bool ends, double reach,
                  int rounds, double contrast, board_fit& fit) {
    list_marks(first, last, ends, marks_);
    for (int round = 0; round < rounds; ++round) {
      look(picture, view, reach, contrast);
      if (!follow(view)) return false;
      reach = (std::max)(0.12, reach * 0.7);
    }
    look(picture, view, reach, contrast);
    weigh();
    distances_.clear();
    double agreeing = 0;
    for (const seen_mark& s : seen_) {
      if (s.weight <= 0) continue;
      distances_.push_back(std::abs(s.distance) / s.pitch);
      agreeing += 1;
    }
    if (distances_.size() < 20) return false;
    const auto middle = distances_.begin() + std::ssize(distances_) / 2;
    std::nth_element(distances_.begin(), middle, distances_.end());
    fit = {*middle, agreeing / (std::max)(1.0, visible_)};
    return true;
  }

  /// The marks found last, weight 0 for those that do not agree with the rest.
  [[nodiscard]] const std::vector<seen_mark>& seen() const noexcept { return seen_; }

 private:
  void look(const gray_sampler& picture, const board_view& view, double reach, double contrast) {
    seen_.clear();
    visible_ = 0;
    for (const board_mark& m : marks_) {
      const double x =
          m.what == board_mark::kind::black_left || m.what == board_mark::kind::black_right ? black_centre(m.key) : m.x;
      if (m.what != board_mark::kind::black_front && !view.sees(x, m.y)) continue;
      const point p = detail::place(view, m);
      if (!picture.holds(p, 2)) continue;
      visible_ += 1;
      const bool along = detail::runs_along(m.what);
      seen_mark s;
      if (see_mark(picture, view, m, along ? 2 * reach : reach, contrast, s)) seen_.push_back(s);
    }
  }

  /// Tukey's weights, by the median distance of each kind.
  void weigh() {
    for (int kind = 0; kind < 8; ++kind) {
      distances_.clear();
      for (const seen_mark& s : seen_) {
        if (static_cast<int>(s.mark.what) == kind) distances_.push_back(std::abs(s.distance) / s.pitch);
      }
      if (distances_.empty()) continue;
      const auto middle = distances_.begin() + std::ssize(distances_) / 2;
      std::nth_element(distances_.begin(), middle, distances_.end());
      const double limit = std::clamp(6 * *middle, 0.04, 0.6);
      for (seen_mark& s : seen_) {
        if (static_cast<int>(s.mark.what) != kind) continue;
        const double u = s.distance / s.pitch / limit;
        s.weight = std::abs(u) < 1 ? (1 - u * u) * (1 - u * u) : 0;
      }
    }
  }

  bool follow(board_view& view) {
    weigh();
    least_squares<board_view::size> equations;
    for (const seen_mark& s : seen_) {
      if (s.weight <= 0) continue;
      board_view::vector row{};
      const point at = detail::place(view, s.mark);
      board_view moved = view;
      for (std::size_t i = 0; i < board_view::size; ++i) {
        const double h = 1e-5;
        moved.values[i] = view.values[i] + h;
        const point p = detail::place(moved, s.mark);
        moved.values[i] = view.values[i];
        row[i] = ((p.x - at.x) * s.normal.x + (p.y - at.y) * s.normal.y) / h;
      }
      const double sigma = 0.3 + 0.02 * s.pitch;
      equations.add(row, s.distance, s.weight / (sigma * sigma));
    }
    // What is to be expected, and how sure that is.
    const auto prior = [&](std::size_t i, double value, double deviation) {
      equations.add_prior(i, value - view.values[i], 1 / (deviation * deviation));
    };
    for (std::size_t i = 0; i < 8; ++i) prior(i, view.values[i], 0.5);
    prior(board_view::lens, 0, 0.04);
    prior(board_view::raise, 0.0125, 0.006);
    prior(board_view::shift, 0, 0.012);
    prior(board_view::black_length, 0.635, 0.03);
    prior(board_view::foot, 0.285, 0.02);
    board_view::vector change{};
    if (!equations.solve(change)) return false;
    for (std::size_t i = 0; i < board_view::size; ++i) view.values[i] += change[i];
    view.values[board_view::lens] = std::clamp(view.values[board_view::lens], -0.24, 0.24);
    return true;
  }

  std::vector<board_mark> marks_;
  std::vector<seen_mark> seen_;
  std::vector<double> distances_;
  double visible_ = 0;
};

}  // namespace vmt::inline VMT_ABI::keyboard
