// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/board_view.hpp>
#include <vmt/keyboard/gray_sampler.hpp>

#include <optional>  // a start that may fail

namespace vmt::inline VMT_ABI::keyboard {

/// A straight line through the picture, y = start + slope · x, and the black keys that it crosses.
struct key_row {
  double slope = 0;
  double start = 0;
  comb keys{};
};

/// Lines over the picture, of slopes −0.6 … 0.6 (31°), that cross rows of black keys: the longest comb of each, those
/// of seven teeth and more, best first. `smooth` is the smoothed picture.
inline std::vector<key_row> find_rows(const frame& smooth) {
  std::vector<key_row> rows;
  std::vector<std::uint8_t> profile;
  std::vector<bar> bars;
  std::vector<bar> scratch;
  comb_finder finder;
  const auto width = static_cast<double>(smooth.width);
  const auto height = static_cast<double>(smooth.height);
  const double step = std::clamp(height / 180, 2.0, 6.0);
  for (int tilt = -15; tilt <= 15; ++tilt) {
    const double slope = 0.04 * tilt;
    const double low = (std::min)(0.0, -slope * width);
    const double high = (std::max)(height, height - slope * width);
    for (double start = low + step / 2; start < high; start += step) {
      profile.clear();
      index_t first = -1;
      for (index_t x = 0; x < smooth.width; ++x) {
        const double y = start + slope * (static_cast<double>(x) + 0.5);
        if (y < 0 || y >= height) continue;
        if (first < 0) first = x;
        profile.push_back(smooth.row(static_cast<index_t>(y))[x]);
      }
      find_bars(profile, bars);
      drop_cracks(bars, scratch);
      if (bars.size() < 7) continue;
      for (bar& b : bars) b = {b.left + static_cast<double>(first), b.right + static_cast<double>(first)};
      if (finder(bars) && finder.best().teeth.size() >= 7 && finder.best().score() >= 6) {
        rows.push_back({slope, start, finder.best()});
      }
    }
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const key_row& a, const key_row& b) { return a.keys.score() > b.keys.score(); });
  return rows;
}

/// A black key, followed from where a line crosses it to its two ends.
struct traced_key {
  int black = 0;
  std::array<point, 2> ends{};  ///< above the line (smaller y) and below
  std::array<bool, 2> open{};   ///< beyond the end it is bright, as before the front of a black key
  double dark = 0;              ///< gray of the key
  double bright = 0;            ///< gray of the white keys beside it
};

/// Follows the teeth of a row up and down until they end.
inline std::vector<traced_key> trace_keys(const gray_sampler& picture, const key_row& row) {
  std::vector<traced_key> keys;
  const double norm = std::hypot(1, row.slope);
  const point along{1 / norm, row.slope / norm};
  const auto& teeth = row.keys.teeth;
  for (std::size_t k = 0; k < teeth.size(); ++k) {
    const std::size_t other = k + 1 < teeth.size() ? k + 1 : k - 1;
    const double pitch = norm * std::abs((teeth[k].where.centre() - teeth[other].where.centre()) /
                                         (black_centre(teeth[k].black) - black_centre(teeth[other].black)));
    const double x = teeth[k].where.centre();
    const point middle{x, row.start + row.slope * x};
    const auto at = [&](point p, double s) { return picture({p.x + s * along.x, p.y + s * along.y}); };
    traced_key key;
    key.black = teeth[k].black;
    key.dark = 255;
    for (double s = -0.15; s <= 0.15; s += 0.05) key.dark = (std::min)(key.dark, at(middle, s * pitch));
    key.bright = (at(middle, -0.42 * pitch) + at(middle, 0.42 * pitch)) / 2;
    if (key.bright < key.dark + 8) continue;
    const double level = (key.dark + key.bright) / 2;
    for (const int down : {0, 1}) {
      const point forward{down != 0 ? -along.y : along.y, down != 0 ? along.x : -along.x};
      point p = middle;
      double drift = 0;  // of the key's middle, pixels along the line for each pixel forward
      point last = p;
      for (double gone = 0; gone < 12 * pitch; gone += 1) {
        p = {p.x + forward.x + drift * along.x, p.y + forward.y + drift * along.y};
        if (!picture.holds(p)) break;
        int count = 0;
        int dark = 0;
        double weight = 0;
        double moment = 0;
        const double reach = 0.45 * pitch;
        const double step = reach / 8;
        for (int i = -8; i <= 8; ++i) {
          const double under = level - at(p, i * step);
          ++count;
          if (under <= 0) continue;
          ++dark;
          weight += under;
          moment += under * i * step;
        }
        key.open[static_cast<std::size_t>(down)] = dark < 0.17 * count;
        if (dark < 0.17 * count || dark > 0.85 * count) break;
        const double off = std::clamp(moment / weight, -1.0, 1.0);
        p = {p.x + 0.5 * off * along.x, p.y + 0.5 * off * along.y};
        drift = std::clamp(drift + 0.05 * off, -0.8, 0.8);
        last = p;
      }
      key.ends[static_cast<std::size_t>(down)] = last;
    }
    keys.push_back(key);
  }
  return keys;
}

/// The keyboard as a row of black keys shows it, roughly.
struct board_start {
  board_view view;
  int first = 0;  ///< white keys between which the view is known
  int last = 0;
  double contrast = 0;  ///< how much brighter white keys are than black ones
};

/// A first view from traced keys: the projective map that takes the rear and front ends of black keys to where they are
/// seen, by robust least squares. `upside_down`: the player sits at the top of the picture, where the front ends are
/// then. Nothing where the ends do not determine it.
inline std::optional<board_start> start_view(const gray_sampler& picture, std::vector<traced_key> keys,
                                             bool upside_down) {
  if (keys.size() < 6) return std::nullopt;
  // Black keys are counted from the left, as the player sees them.
  if (upside_down) {
    // From the other side the order is reversed, and the pattern is its own mirror image about D.
    for (traced_key& k : keys) {
      k.black = 1 - k.black;
      std::swap(k.ends[0], k.ends[1]);
    }
    std::reverse(keys.begin(), keys.end());
  }
  const double middle = (black_centre(keys.front().black) + black_centre(keys.back().black)) / 2;
  board_start start{board_view(picture.width(), picture.height(), middle)};
  board_view& view = start.view;
  const double length = view.values[board_view::black_length];
  std::vector<double> weights(2 * keys.size(), 1.0);
  for (int round = 0; round < 8; ++round) {
    least_squares<8> equations;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const traced_key& k = keys[i / 2];
      const point seen = k.ends[i % 2];
      const double u = (seen.x - view.centre().x) / view.unit();
      const double v = (seen.y - view.centre().y) / view.unit();
      const double x = (black_centre(k.black) - middle) / 26;
      const double y = i % 2 == 0 ? 0 : length;
      equations.add({x, y, 1, 0, 0, 0, -x * u, -y * u}, u, weights[i]);
      equations.add({0, 0, 0, x, y, 1, -x * v, -y * v}, v, weights[i]);
    }
    equations.add_prior(6, 0, 1e-4);
    equations.add_prior(7, 0, 1e-3);
    std::array<double, 8> h{};
    if (!equations.solve(h)) return std::nullopt;
    std::copy(h.begin(), h.end(), view.values.begin());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const traced_key& k = keys[i / 2];
      const double x = black_centre(k.black);
      const double y = i % 2 == 0 ? 0 : length;
      if (!view.sees(x, y)) return std::nullopt;
      const point p = view(x, y);
      const double off = std::hypot(p.x - k.ends[i % 2].x, p.y - k.ends[i % 2].y) / view.pitch(x, y);
      weights[i] = 1 / (1 + 16 * off * off);
    }
  }
  std::vector<double> contrasts;
  for (const traced_key& k : keys) contrasts.push_back(k.bright - k.dark);
  std::nth_element(contrasts.begin(), contrasts.begin() + std::ssize(contrasts) / 2, contrasts.end());
  start.contrast = contrasts[contrasts.size() / 2];
  start.first = black_crack(keys.front().black) - 1;
  start.last = black_crack(keys.back().black);
  return start;
}

}  // namespace vmt::inline VMT_ABI::keyboard
