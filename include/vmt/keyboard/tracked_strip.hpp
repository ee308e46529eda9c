// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/key_strip.hpp>
#include <vmt/keyboard/plate.hpp>
#include <vmt/keyboard/tracker.hpp>

#include <limits>  // no further reference

namespace vmt::inline VMT_ABI::keyboard {

/// Key-aligned strips of a camera that may drift or be bumped, and the plate of the empty keyboard along with them:
///
///     vmt::keyboard::tracked_strip straight(where, 1280, 720);
///     for (vmt::frame f, strip; video(f);) {
///       straight(f, strip);
///       use(strip, straight.plate());
///     }
///
/// The plate is a `running_plate` of the strips under a registration that holds. The tracker compares with the
/// median of the same strips after 25, 100 and 400 frames; no later, so that what the tolerance leaves does not add up.
/// Memory is taken at the beginning and when the registration changes, which also costs as much as the making of a
/// `key_strip`.
class tracked_strip {
 public:
  /// Throws as `tracker`.
  tracked_strip(const keyboard& where, index_t width, index_t height, const tracker_options& options = {},
                const plate_options& memory = plate_options::live())
      : width_(width),
        height_(height),
        straight_(where, width, height),
        tracker_(where, width, height, options),
        plate_(straight_.layout(), memory) {}

  /// Fills `strip` from `picture`, by the registration that holds after this frame. Throws as `key_strip`.
  void operator()(const frame& picture, frame& strip) {
    straight_(picture, strip);
    if (tracker_.push(strip)) {
      straight_ = key_strip(tracker_.where(), width_, height_);
      straight_(picture, strip);
    }
    if (tracker_.now() == tracker::state::still || !plate_.ready()) plate_.push(strip);
    ++frames_;
    if (frames_ < next_reference_ || tracker_.now() != tracker::state::still) return;
    plate_.samples().estimate(reference_, 0.5);
    tracker_.refer_to(reference_);
    next_reference_ = next_reference_ < last_reference ? next_reference_ * 4 : (std::numeric_limits<index_t>::max)();
  }

  /// The empty keyboard as seen so far; a whole strip from the first frame on.
  [[nodiscard]] const frame& plate() const noexcept { return plate_.current(); }
  [[nodiscard]] const strip_layout& layout() const noexcept { return straight_.layout(); }
  [[nodiscard]] const tracker& tracking() const noexcept { return tracker_; }

 private:
  static constexpr index_t first_reference = 25;
  static constexpr index_t last_reference = 400;

  index_t width_;
  index_t height_;
  key_strip straight_;
  tracker tracker_;
  running_plate plate_;
  frame reference_;
  index_t frames_ = 0;
  index_t next_reference_ = first_reference;
};

}  // namespace vmt::inline VMT_ABI::keyboard
