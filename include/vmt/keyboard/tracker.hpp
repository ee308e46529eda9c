// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/key_strip.hpp>
#include <vmt/keyboard/strip_align.hpp>

#include <algorithm>  // nth_element
#include <array>      // looks
#include <utility>    // move

namespace vmt::inline VMT_ABI::keyboard {

struct tracker_options {
  /// Pixels of the strip (a white key has 16) that the keyboard's corners may be off; less is not followed, so that the
  /// strip is at rest. 0.05 … 8.
  double tolerance = 0.3;
  /// The share of the plate's edges that must be found for a look to count, 0.3 … 0.95. Two hands hide a tenth, a
  /// camera that moved by two pixels more than a half.
  double least_agreement = 0.65;
  index_t every = 3;  ///< frames from look to look while nothing moves, 1 … 100
};

/// Follows the keyboard in the picture of a camera that drifts or is bumped, from key-aligned strips alone.
///
/// Every few frames the strip is aligned to the plate. Three rules make a new registration of it, so that vibration,
/// hands and single pictures do not: drift is followed when the median of 15 looks (two seconds) is beyond the
/// tolerance and twice their scatter; after a bump, when five looks in a row, frame by frame, are more than a pixel
/// off and agree within half a pixel; and a look that finds too few of the plate's edges does not count. A bump of up
/// to 5 white keys along the keyboard or 0.3 of its depth is found again; for more, or when the camera shows something
/// else, the state is `lost` until the keyboard comes back.
///
/// A look costs about 0.2 ms, less than 0.1 ms a frame; up to 3 ms in every eighth frame while lost. The result depends
/// on nothing but the strips.
class tracker {
 public:
  enum class state {
    still,   ///< the registration holds
    moving,  ///< the keyboard is elsewhere, or seems to be; the registration is the last that held
    lost,    ///< the keyboard has not been seen where it could be for 30 looks
  };

  /// \param where   the keyboard at the beginning
  /// \param width, height  the size of the frames that the strips are cut from
  /// Throws as `validate`, `scaled_to` and `white_borders`, and `invalid_argument` for options out of range.
  tracker(const keyboard& where, index_t width, index_t height, const tracker_options& options = {})
      : options_(options),
        width_(width),
        height_(height),
        where_(checked(where, width, height)),
        map_(where_, width, height),
        layout_{where.lowest_key, where.highest_key},
        aligner_(layout_) {
    if (!(options.tolerance >= 0.05 && options.tolerance <= 8 && options.least_agreement >= 0.3 &&
          options.least_agreement <= 0.95 && options.every >= 1 && options.every <= 100)) {
      throw error(errc::invalid_argument,
                  "tracker: a tolerance of 0.05 to 8 pixels, an agreement of 0.3 to 0.95 and looks every 1 to 100 "
                  "frames are expected");
    }
  }

  /// Takes the empty keyboard to compare with, as it looks under the present registration: `plate` or, for a start, the
  /// first strip. Throws `shape_mismatch` where it is no strip of this keyboard.
  void refer_to(const frame& plate) {
    // A later plate keeps the place of the first one: what it is off is taken off every look.
    if (aligner_.ready()) bias_ = sum(aligner_.refine(plate, minus(bias_)).motion, bias_);
    aligner_.refer_to(plate);
  }

  /// Looks at the next frame's strip, which was cut by `where()`. True when `where()` has changed: then cut by the new
  /// one. Does nothing before `refer_to`. Throws `shape_mismatch`.
  bool push(const frame& strip) {
    if (!aligner_.ready() || strip.damaged) return false;
    ++frames_;
    // Once something moves a whole series of frames is looked at, whatever they show: chosen ones would be biased.
    if (state_ != state::still || last_ > options_.tolerance) restless_ = looks;
    if (restless_ == 0 && frames_ % options_.every != 0) return false;
    restless_ -= restless_ > 0 ? 1 : 0;
    alignment seen = aligner_.refine(strip, sum(guess_, minus(bias_)));
    if (seen.agreement < options_.least_agreement) {
      if (frames_ - searched_ < 8) return miss();
      searched_ = frames_;
      seen = aligner_.search(strip);
      if (seen.agreement < options_.least_agreement) return miss();
    }
    seen.motion = sum(seen.motion, bias_);
    missed_ = 0;
    guess_ = seen.motion;
    last_ = aligner_.largest(seen.motion);
    remember(seen.motion);
    state_ = last_ > bump ? state::moving : state::still;
    return follow_bump() || follow_drift();
  }

  /// The keyboard in frames of the stated size.
  [[nodiscard]] const keyboard& where() const noexcept { return where_; }
  [[nodiscard]] state now() const noexcept { return state_; }
  /// How far the corner that is off most was off at the last look, in pixels of the strip.
  [[nodiscard]] double off() const noexcept { return last_; }
  /// How often the registration has changed.
  [[nodiscard]] index_t changes() const noexcept { return changes_; }

 private:
  static constexpr double bump = 1;  ///< pixels of the strip
  static constexpr index_t calm = 5;
  static constexpr index_t looks = 15;
  static constexpr index_t patience = 30;

  static keyboard checked(const keyboard& where, index_t width, index_t height) {
    validate(where);
    return scaled_to(where, width, height);
  }

  bool miss() noexcept {
    guess_ = {};
    filled_ = 0;
    if (state_ == state::still) state_ = state::moving;
    if (++missed_ >= patience) state_ = state::lost;
    return false;
  }

  void remember(const strip_motion& m) noexcept {
    if (filled_ == looks) {
      std::move(ring_.begin() + 1, ring_.end(), ring_.begin());
      --filled_;
    }
    ring_[static_cast<std::size_t>(filled_++)] = m;
  }

  bool follow_bump() {
    if (filled_ < calm || last_ <= bump) return false;
    const strip_motion& latest = ring_[static_cast<std::size_t>(filled_ - 1)];
    strip_motion total;
    for (index_t i = filled_ - calm; i < filled_; ++i) {
      const strip_motion& m = ring_[static_cast<std::size_t>(i)];
      if (aligner_.largest(sum(m, minus(latest))) > bump / 2) return false;
      total = sum(total, m);
    }
    for (double& c : total.c) c /= static_cast<double>(calm);
    if (!change(total)) return false;
    filled_ = 0;
    return true;
  }

  bool follow_drift() {
    if (filled_ < looks) return false;
    strip_motion centre;
    std::array<double, static_cast<std::size_t>(looks)> values{};
    for (std::size_t j = 0; j < strip_motion::size; ++j) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = ring_[i].c[j];
      centre.c[j] = median(values);
    }
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = aligner_.largest(sum(ring_[i], minus(centre)));
    if (aligner_.largest(centre) <= (std::max)(options_.tolerance, 2 * median(values)) || !change(centre)) return false;
    for (strip_motion& m : ring_) m = sum(m, minus(centre));
    return true;
  }

  template <std::size_t N>
  static double median(std::array<double, N> values) noexcept {
    std::nth_element(values.begin(), values.begin() + N / 2, values.end());
    return values[N / 2];
  }
  static strip_motion sum(const strip_motion& a, const strip_motion& b) noexcept {
    strip_motion result;
    for (std::size_t i = 0; i < strip_motion::size; ++i) result.c[i] = a.c[i] + b.c[i];
    return result;
  }
  static strip_motion minus(const strip_motion& a) noexcept {
    strip_motion result;
    for (std::size_t i = 0; i < strip_motion::size; ++i) result.c[i] = -a.c[i];
    return result;
  }

  /// Moves the corners; false where the keyboard would lie out of the picture.
  bool change(const strip_motion& m) {
    const double left = map_.column_of(0);
    const double right = map_.column_of(1);
    const std::array<point, 4> corners{{{left, strip_layout::row_of(0)},
                                        {right, strip_layout::row_of(0)},
                                        {right, strip_layout::row_of(1)},
                                        {left, strip_layout::row_of(1)}}};
    keyboard next = where_;
    for (std::size_t i = 0; i < 4; ++i) {
      const point p = aligner_.moved(m, corners[i].x, corners[i].y);
      next.corners[i] = map_(p.x, p.y);
    }
    try {
      map_ = key_strip_map(next, width_, height_);
    } catch (const error&) {
      return miss();
    }
    where_ = std::move(next);
    state_ = state::still;
    guess_ = {};
    last_ = 0;
    ++changes_;
    return true;
  }

  tracker_options options_;
  index_t width_;
  index_t height_;
  keyboard where_;
  key_strip_map map_;
  strip_layout layout_;
  strip_aligner aligner_;
  std::array<strip_motion, static_cast<std::size_t>(looks)> ring_{};
  index_t filled_ = 0;
  strip_motion guess_{};
  strip_motion bias_{};  ///< of the plate now referred to, against the first one
  double last_ = 0;
  state state_ = state::still;
  index_t frames_ = 0;
  index_t restless_ = 0;  ///< frames still to be looked at one by one
  index_t searched_ = -8;
  index_t missed_ = 0;
  index_t changes_ = 0;
};

}  // namespace vmt::inline VMT_ABI::keyboard
