// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>
#include <vmt/core/index.hpp>
#include <vmt/midi/note.hpp>

#include <algorithm>  // sort, lower_bound
#include <cmath>      // nearbyint, isfinite
#include <cstddef>    // size_t
#include <optional>   // offset rule
#include <span>
#include <string>
#include <utility>  // pair
#include <vector>

namespace vmt::inline VMT_ABI::eval {

/// When an estimated note counts as a reference note: the pitch is equal, the onsets differ by at most
/// `onset_tolerance`, and, where `offset_ratio` is set, the offsets by at most
/// max(offset_ratio · reference duration, offset_min_tolerance). Seconds.
struct note_options {
  double onset_tolerance = 0.05;
  std::optional<double> offset_ratio;  ///< none: offsets do not matter; the field's usual value is 0.2
  double offset_min_tolerance = 0.05;
};

/// Indices of a reference note and of the estimated note that it is matched with.
using match = std::pair<index_t, index_t>;

namespace detail {

inline void check_notes(std::span<const note> notes, const char* which) {
  for (std::size_t i = 0; i < notes.size(); ++i) {
    const note& n = notes[i];
    const char* wrong = nullptr;
    errc code = errc::invalid_argument;
    if (!std::isfinite(n.onset) || !std::isfinite(n.offset)) {
      wrong = "onset and offset must be finite";
      code = errc::not_finite;
    } else if (n.offset < n.onset) {
      wrong = "offset must not lie before onset";
    } else if (n.pitch < 0 || n.pitch > 127) {
      wrong = "pitch must be in 0 … 127";
    }
    if (wrong != nullptr) throw error(code, std::string(which) + " note " + std::to_string(i) + ": " + wrong);
  }
}

inline void check_options(const note_options& o) {
  if (!(o.onset_tolerance >= 0) || !(o.offset_min_tolerance >= 0) || (o.offset_ratio && !(*o.offset_ratio >= 0))) {
    throw error(errc::invalid_argument, "note_options: tolerances must not be negative");
  }
}

/// A time difference as mir_eval sees it: to 0.1 ms, so that a written difference of exactly 50 ms is one.
inline double distance(double a, double b) noexcept {
  return std::nearbyint(std::abs(a - b) * 1e4) / 1e4;
}

inline bool agrees(const note& reference, const note& estimate, const note_options& o) noexcept {
  if (reference.pitch != estimate.pitch) return false;
  if (!(distance(reference.onset, estimate.onset) <= o.onset_tolerance)) return false;
  if (!o.offset_ratio) return true;
  const double allowed = (std::max)(*o.offset_ratio * (reference.offset - reference.onset), o.offset_min_tolerance);
  return distance(reference.offset, estimate.offset) <= allowed;
}

/// Indices sorted by pitch, then onset.
inline std::vector<index_t> by_pitch(std::span<const note> notes) {
  std::vector<index_t> order(notes.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<index_t>(i);
  std::sort(order.begin(), order.end(), [&](index_t a, index_t b) {
    const note& x = notes[static_cast<std::size_t>(a)];
    const note& y = notes[static_cast<std::size_t>(b)];
    if (x.pitch != y.pitch) return x.pitch < y.pitch;
    if (x.onset != y.onset) return x.onset < y.onset;
    return a < b;
  });
  return order;
}

/// Hopcroft and Karp, "An n^5/2 algorithm for maximum matchings in bipartite graphs", SIAM J. Comput. 2 (1973): layers
/// by breadth first, then disjoint shortest augmenting paths by depth first, until there are none. Edges are not
/// stored: a reference's candidates are a run of the sorted estimates. No recursion: a path may be as long as the
/// piece.
class matcher {
 public:
  matcher(std::span<const note> reference, std::span<const note> estimate, const note_options& options)
      : options_(options) {
    for (const index_t i : reference_order_ = by_pitch(reference))
      left_.push_back(reference[static_cast<std::size_t>(i)]);
    for (const index_t j : estimate_order_ = by_pitch(estimate))
      right_.push_back(estimate[static_cast<std::size_t>(j)]);
    const double reach = options.onset_tolerance + 1e-4;  // beyond the rounding of `distance`
    const auto before = [](const note& n, const std::pair<int, double>& key) {
      return n.pitch != key.first ? n.pitch < key.first : n.onset < key.second;
    };
    for (const note& n : left_) {
      const auto first = std::lower_bound(right_.begin(), right_.end(), std::pair(n.pitch, n.onset - reach), before);
      auto last = std::lower_bound(first, right_.end(), std::pair(n.pitch, n.onset + reach), before);
      runs_.push_back(
          {static_cast<std::size_t>(first - right_.begin()), static_cast<std::size_t>(last - right_.begin())});
    }
    mate_of_left_.assign(left_.size(), none);
    mate_of_right_.assign(right_.size(), none);
  }

  std::vector<match> run() {
    while (layer()) {
      for (std::size_t i = 0; i < left_.size(); ++i) next_.push_back(runs_[i].first);
      for (std::size_t i = 0; i < left_.size(); ++i) {
        if (mate_of_left_[i] == none) augment(i);
      }
      next_.clear();
    }
    std::vector<match> matches;
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (mate_of_left_[i] != none) matches.emplace_back(reference_order_[i], estimate_order_[mate_of_left_[i]]);
    }
    std::sort(matches.begin(), matches.end());
    return matches;
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// Numbers the layers; true where some free estimate can be reached.
  bool layer() {
    depth_.assign(left_.size(), none);
    queue_.clear();
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (mate_of_left_[i] == none) {
        depth_[i] = 0;
        queue_.push_back(i);
      }
    }
    bool found = false;
    std::size_t last = 0;  // the layer of the shortest paths
    for (std::size_t head = 0; head < queue_.size(); ++head) {
      const std::size_t i = queue_[head];
      if (found && depth_[i] > last) break;
      for (std::size_t j = runs_[i].first; j < runs_[i].second; ++j) {
        if (!agrees(left_[i], right_[j], options_)) continue;
        const std::size_t mate = mate_of_right_[j];
        if (mate == none) {
          found = true;
          last = depth_[i];
        } else if (depth_[mate] == none) {
          depth_[mate] = depth_[i] + 1;
          queue_.push_back(mate);
        }
      }
    }
    return found;
  }

  void augment(std::size_t root) {
    path_.assign(1, root);
    while (!path_.empty()) {
      const std::size_t i = path_.back();
      bool deeper = false;
      for (std::size_t& j = next_[i]; j < runs_[i].second && !deeper;) {
        if (!agrees(left_[i], right_[j], options_)) {
          ++j;
          continue;
        }
        const std::size_t mate = mate_of_right_[j];
        if (mate == none) {
          flip();
          return;
        }
        if (depth_[mate] == depth_[i] + 1) {
          path_.push_back(mate);
          deeper = true;
        } else {
          ++j;
        }
      }
      if (!deeper) {
        depth_[i] = none;  // leads nowhere in this round
        path_.pop_back();
        if (!path_.empty()) ++next_[path_.back()];
      }
    }
  }

  /// Matches each reference of the path with the estimate that its search stands at.
  void flip() {
    for (const std::size_t i : path_) {
      mate_of_left_[i] = next_[i];
      mate_of_right_[next_[i]] = i;
      ++next_[i];
    }
  }

  note_options options_;
  std::vector<index_t> reference_order_, estimate_order_;
  std::vector<note> left_, right_;
  std::vector<std::pair<std::size_t, std::size_t>> runs_;
  std::vector<std::size_t> mate_of_left_, mate_of_right_, depth_, queue_, next_, path_;
};

}  // namespace detail

/// A largest set of pairs that agree by `options`, each note in one pair at most; sorted by reference index. As
/// mir_eval.transcription.match_notes with pitch tolerance 50 cents (any two different MIDI numbers are further apart)
/// and strict = False: differences of times are rounded to 0.1 ms, then compared with ≤. Which of several largest sets
/// is not said, only its size is a score.
///
/// mir_eval refuses notes without length and before time 0; here they are notes like others (a key struck for less than
/// a frame; a shift for lag). Throws `not_finite`, and `invalid_argument` for an offset before its onset or a pitch
/// outside 0 … 127.
[[nodiscard]] inline std::vector<match> match_notes(std::span<const note> reference, std::span<const note> estimate,
                                                    const note_options& options = {}) {
  detail::check_notes(reference, "reference");
  detail::check_notes(estimate, "estimated");
  detail::check_options(options);
  return detail::matcher(reference, estimate, options).run();
}

}  // namespace vmt::inline VMT_ABI::eval
