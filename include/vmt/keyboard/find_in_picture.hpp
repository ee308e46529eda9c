// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/find_range.hpp>
#include <vmt/keyboard/find_row.hpp>

namespace vmt::inline VMT_ABI::keyboard {

/// A keyboard that was found in a picture.
struct found_keyboard {
  keyboard where;        ///< with spans of the keys and a score
  key_range range;       ///< how sure the octave is, and whether the keyboard goes on beyond the picture
  double spread = 0;     ///< median distance of the outline that was seen from the one that is stated, in white pitches
  double agreeing = 0;   ///< share of the black keys not covered that were seen, less those seen not to be there
  double covered = 0;    ///< share of the black keys of which nothing can be said
  double dark_gaps = 0;  ///< share of the cracks without a black key where it is as dark as on one
  double whites = 0;     ///< share of the white keys that are bright, less those that are dark: −1 … 1
  double cracks = 0;     ///< the same of the cracks between them
  double crack_deviate = 0;  ///< how clearly there are cracks, as a normal deviate
  int black_keys = 0;        ///< that were seen
  int views = 1;             ///< that were tried of it
  double pitch = 0;          ///< width of a white key in pixels, in the middle
  double depth = 0;          ///< of the white keys, in widths of a white key as seen; 6.3 from straight above
};

struct picture_options {
  std::optional<int>
      lowest_key{};  ///< MIDI number of the lowest white key that can be seen whole, where the user knows it
  std::optional<bool> mirrored{};  ///< where the user knows it
  index_t working_size = 1600;     ///< larger pictures are searched in a smaller copy
  int most = 3;                    ///< keyboards to look for
};

namespace detail {

/// Spans of the keys between the ends: the view, plus what neighbouring marks were seen to be off by in common.
inline std::vector<key_span> spans_of(const board_view& view, const std::vector<seen_mark>& seen,
                                      const key_range& range) {
  const auto smoothed = [&](bool black, double x) {
    double sum = 0;
    double weight = 6;  // of the view itself
    for (const seen_mark& s : seen) {
      using kind = board_mark::kind;
      const bool is_black = s.mark.what == kind::black_left || s.mark.what == kind::black_right;
      const bool is_crack =
          s.mark.what == kind::crack || s.mark.what == kind::left_end || s.mark.what == kind::right_end;
      if (s.weight <= 0 || (black ? !is_black : !is_crack)) continue;
      const double at = black ? black_centre(s.mark.key) : s.mark.x;
      const double w = s.weight * std::exp(-0.5 * (at - x) * (at - x) / 4);
      sum += w * s.distance / s.pitch;
      weight += w;
    }
    return sum / weight;
  };
  const double width = range.last + 1 - range.first;
  const auto share = [&](double x) { return (x - range.first) / width; };
  std::vector<key_span> spans;
  std::vector<double> borders;
  for (int w = range.first; w <= range.last + 1; ++w) borders.push_back(share(w + smoothed(false, w)));
  const auto black_span = [&](int crack) {
    const int k = first_black_from(crack);
    // As wide as its foot, at three quarters of its height: between its top and the middle of all that is seen of it.
    const double x = black_centre(k);
    const double centre = x + 0.75 * (view.raised(x) - x) + smoothed(true, x);
    const double half = view.values[board_view::foot];
    return key_span{share(centre - half), share(centre + half)};
  };
  for (int w = range.first; w <= range.last; ++w) {
    const auto i = static_cast<std::size_t>(w - range.first);
    spans.push_back({borders[i], borders[i + 1]});
    if (w < range.last && black_crack(first_black_from(w + 1)) == w + 1) spans.push_back(black_span(w + 1));
  }
  if (range.mirrored) {
    std::reverse(spans.begin(), spans.end());
    for (key_span& s : spans) s = {1 - s.right, 1 - s.left};
  }
  return spans;
}

/// The corners, as the player sees them, of the keys of a range.
inline std::array<point, 4> corners_of(const board_view& view, const key_range& range) {
  const double left = range.mirrored ? range.last + 1 : range.first;
  const double right = range.mirrored ? range.first : range.last + 1;
  return {view(left, 0), view(right, 0), view(right, 1), view(left, 1)};
}

/// How sure it is, 0 … 1, that a keyboard is there and its keys are in their places: a logistic function of what was
/// seen. Rows of hammers have dark gaps everywhere; stripes and lids have no cracks.
inline double score_of(const found_keyboard& f) {
  const double evidence = -1.2 + 18 * (f.agreeing - 0.75) - 4 * f.covered - 10 * f.dark_gaps + (f.whites - 0.8) +
                          0.6 * ((std::min)(f.black_keys, 14) - 9) - 4 * (f.spread * f.pitch - 0.4) +
                          1.6 * (std::clamp(f.crack_deviate, -2.0, 4.0) - 3);
  return 1 / (1 + std::exp(-evidence));
}

/// How many keys a find explains: of two in one place the larger is right. Behind the keys there may be a bright board,
/// and what is taken for the front then is in truth the rear; but there are no cracks, and the picture would be
/// mirrored.
inline double explained(const found_keyboard& f) {
  const int whites = white_keys_below(f.where.highest_key + 1) - white_keys_below(f.where.lowest_key);
  return f.agreeing * f.black_keys + 0.5 * (f.whites + f.cracks) * whites + 4 * f.crack_deviate -
         (f.where.mirrored ? 3 : 0);
}

/// Finds one keyboard from a row of its black keys.
class keyboard_fitter {
 public:
  explicit keyboard_fitter(const frame& smooth) : picture_(smooth) {}

  std::optional<found_keyboard> operator()(const key_row& row, const range_hints& hints) {
    const std::vector<traced_key> keys = trace_keys(picture_, row);
    int up = 0;
    int down = 0;
    for (const traced_key& k : keys) {
      up += k.open[0] ? 1 : 0;
      down += k.open[1] ? 1 : 0;
    }
    // The front ends of black keys meet white ones. Where both ends do, as below a bright lid, both sides are tried.
    std::optional<found_keyboard> best;
    // Each black key that is there counts, so that a part of a keyboard is not better than the whole.
    for (const bool upside_down : {false, true}) {
      if (upside_down ? 2 * up < down : 2 * down < up) continue;
      const auto start = start_view(picture_, keys, upside_down);
      if (!start) continue;
      auto found = fit(*start, hints);
      if (found && (!best || explained(*found) > explained(*best))) best = std::move(found);
    }
    return best;
  }

 private:
  std::optional<found_keyboard> fit(const board_start& start, const range_hints& hints) {
    board_view view = start.view;
    board_fit quality;
    int first = start.first;
    int last = start.last;
    if (!fitter_(picture_, view, first, last, false, 0.35, 5, start.contrast, quality)) return std::nullopt;
    // Grow to both sides while black keys appear where they are expected.
    for (int step = 0; step < 12; ++step) {
      const key_evidence seen(picture_, view, first, last);
      const int more_left = grown(seen, first, -1);
      const int more_right = grown(seen, last, +1);
      if (step > 0 && more_left == first && more_right == last) break;
      first = more_left;
      last = more_right;
      if (!fitter_(picture_, view, first, last, false, 0.25, 3, seen.contrast(), quality)) return std::nullopt;
    }
    found_keyboard found;
    for (int round = 0; round < 2; ++round) {
      const key_evidence seen(picture_, view, first, last);
      const auto range = choose_range(seen, hints);
      if (!range || range->last - range->first < 6) return std::nullopt;
      found.range = *range;
      first = range->first;
      last = range->last;
      view = with_cracks_met(view, first, last);
      if (!fitter_(picture_, view, first, last, true, 0.2, 4, seen.contrast(), quality)) return std::nullopt;
    }
    const key_evidence seen(picture_, view, first, last);
    double agreeing = 0;
    double gaps = 0;
    int bare = 0;
    int judged = 0;
    int covered = 0;
    for (int crack = first + 1; crack <= last; ++crack) {
      const int k = first_black_from(crack);
      if (black_crack(k) != crack) {
        gaps += seen.dark_gap(picture_, view, crack);
        ++bare;
        continue;
      }
      const double there = seen.black(k);
      ++(there <= 0 && there > -0.3 ? covered : judged);
      agreeing += there;
      if (there > 0.5) ++found.black_keys;
    }
    found.agreeing = agreeing / (std::max)(judged, 1);
    found.dark_gaps = gaps / (std::max)(bare, 1);
    found.covered = static_cast<double>(covered) / (std::max)(judged + covered, 1);
    for (int w = first; w <= last; ++w) {
      found.whites += seen.bright(w) / (last - first + 1);
      found.cracks += seen.white(w) / (last - first + 1);
    }
    found.spread = quality.spread;
    found.crack_deviate = key_evidence::crack_deviate(picture_, view, first, last);
    const double middle = (first + last + 1) / 2.0;
    found.pitch = view.pitch(middle, 0.5);
    const point rear = view(middle, 0);
    const point front = view(middle, 1);
    found.depth = std::hypot(front.x - rear.x, front.y - rear.y) / found.pitch;
    keyboard& k = found.where;
    k.image_width = picture_.width();
    k.image_height = picture_.height();
    k.corners = corners_of(view, found.range);
    k.lens = view.values[board_view::lens];
    k.lowest_key = found.range.lowest_key;
    k.highest_key = found.range.highest_key;
    k.mirrored = found.range.mirrored;
    k.keys = spans_of(view, fitter_.seen(), found.range);
    k.score = score_of(found);
    // A camera 60° off the vertical still sees half the depth; a reflection in a lid is flatter.
    if (found.depth < 2.6 || found.depth > 11) return std::nullopt;
    const point left = view(middle - 1, 0.5);
    const point right = view(middle + 1, 0.5);
    const double cosine =
        ((right.x - left.x) * (front.x - rear.x) + (right.y - left.y) * (front.y - rear.y)) /
        (std::hypot(right.x - left.x, right.y - left.y) * std::hypot(front.x - rear.x, front.y - rear.y));
    if (std::abs(cosine) > 0.55 || found.whites < 0 || found.black_keys < 6) return std::nullopt;
    try {
      validate(k);
    } catch (const error&) {
      return std::nullopt;  // a view that no camera has
    }
    return found;
  }

  /// Where a shadow makes black keys look wider to one side, the white keys lie aside of where the view has them: moves
  /// them to where there are cracks, if these are faint but clearly not where the view has them.
  [[nodiscard]] board_view with_cracks_met(const board_view& view, int first, int last) const {
    double best = key_evidence::crack_deviate(picture_, view, first, last);
    if (best > 3) return view;
    best += 2;
    board_view met = view;
    for (int i = 2; i < 16; ++i) {
      const double by = (i % 2 == 0 ? 0.06 : -0.06) * (i / 2);
      const board_view moved = view.with_whites_moved(by);
      const double seen = key_evidence::crack_deviate(picture_, moved, first, last);
      if (seen <= (std::max)(best, 3.0)) continue;
      best = seen;
      met = moved;
    }
    return met;
  }

  /// The outermost white key that the evidence reaches from `from`: the next black key, or beyond keys that are covered
  /// two in a row, farther than ten keys on three.
  static int grown(const key_evidence& seen, int from, int step) {
    int to = from;
    int run = 2;
    for (int w = from + step; std::abs(w - from) <= 26; w += step) {
      if (w < seen.first_in_picture() || w > seen.last_in_picture()) break;
      const int crack = step > 0 ? w : w + 1;
      const int k = first_black_from(crack);
      if (black_crack(k) != crack) continue;
      run = seen.black(k) > 0.3 ? run + 1 : 0;
      if (run >= (std::abs(w - from) <= 10 ? 2 : 3)) to = w;
    }
    return to;
  }

  gray_sampler picture_;
  board_fitter fitter_;
};

/// Whether a point lies in the quadrilateral of a keyboard.
inline bool covers(const keyboard& k, point p) {
  int inside = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const point a = k.corners[i];
    const point b = k.corners[(i + 1) % 4];
    inside += (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x) > 0 ? 1 : -1;
  }
  return std::abs(inside) == 4;
}

/// Whether two keyboards share a fifth of the middle line of one of them.
inline bool overlap(const keyboard& a, const keyboard& b) {
  const auto share = [](const keyboard& of, const keyboard& in) {
    const auto between = [&](std::size_t i, std::size_t j) {
      return point{(of.corners[i].x + of.corners[j].x) / 2, (of.corners[i].y + of.corners[j].y) / 2};
    };
    const point left = between(0, 3);
    const point right = between(1, 2);
    int inside = 0;
    for (int i = 0; i <= 20; ++i) {
      const double t = i / 20.0;
      inside += covers(in, {left.x + t * (right.x - left.x), left.y + t * (right.y - left.y)}) ? 1 : 0;
    }
    return inside;
  };
  return share(a, b) > 4 || share(b, a) > 4;
}

}  // namespace detail

/// The keyboards of one picture, those first that are surest. Their scores say how sure: a caller that wants no guesses
/// takes none below a threshold. Pictures smaller than 64×32 show none.
inline std::vector<found_keyboard> find_in_picture(const frame& picture, const picture_options& options = {}) {
  std::vector<found_keyboard> all;
  if (picture.width < 64 || picture.height < 32) return all;
  const index_t factor = ((std::max)(picture.width, picture.height) + options.working_size - 1) / options.working_size;
  frame small;
  frame smoothed;
  shrink(picture, factor, small);
  smooth(small, smoothed);
  const std::vector<key_row> rows = find_rows(smoothed);
  detail::keyboard_fitter fit(smoothed);
  int failures = 0;
  std::vector<const key_row*> tried;
  // Of a view that is not sure other rows may give a better one; of one that is, other keyboards have its side.
  const auto sure = [](const found_keyboard& f) {
    return f.spread < 0.015 && f.crack_deviate > 3 && f.agreeing > 0.9 && f.range.certain;
  };
  for (const key_row& row : rows) {
    if (static_cast<int>(all.size()) >= options.most || failures >= 12) break;
    const auto& teeth = row.keys.teeth;
    const auto known = std::find_if(all.begin(), all.end(), [&](const found_keyboard& f) {
      int in = 0;
      for (const auto& t : teeth) {
        in += detail::covers(f.where, {t.where.centre(), row.start + row.slope * t.where.centre()}) ? 1 : 0;
      }
      return 3 * in > std::ssize(teeth);
    });
    if (known != all.end() && (known->views >= 4 || sure(*known))) continue;
    const bool again = std::any_of(tried.begin(), tried.end(), [&](const key_row* other) {
      return std::abs(other->slope - row.slope) < 0.05 && std::abs(other->start - row.start) < 8;
    });
    if (again) continue;
    tried.push_back(&row);
    if (known != all.end()) ++known->views;
    range_hints hints{options.lowest_key, options.mirrored};
    if (known == all.end() && !all.empty() && sure(all.front())) hints.mirrored = all.front().where.mirrored;
    auto found = fit(row, hints);
    if (known == all.end() && (!found || found->where.score < 0.05)) ++failures;
    if (!found) continue;
    // Rows that go astray may lead to the same keys: the surer view stays.
    const auto same = std::find_if(all.begin(), all.end(),
                                   [&](const found_keyboard& f) { return detail::overlap(f.where, found->where); });
    if (same == all.end()) {
      all.push_back(std::move(*found));
    } else if (detail::explained(*found) > detail::explained(*same)) {
      found->views = same->views;
      *same = std::move(*found);
    }
  }
  for (found_keyboard& f : all) {
    const auto scale = static_cast<double>(factor);
    for (point& p : f.where.corners) p = {p.x * scale, p.y * scale};
    f.where.image_width = picture.width;
    f.where.image_height = picture.height;
    f.pitch *= scale;
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const found_keyboard& a, const found_keyboard& b) { return a.where.score > b.where.score; });
  return all;
}

}  // namespace vmt::inline VMT_ABI::keyboard
