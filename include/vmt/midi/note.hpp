// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/config.hpp>

#include <compare>  // partial_ordering

namespace vmt::inline VMT_ABI {

/// One key pressed and let go. Times in seconds from the start of the recording; `pitch` is the MIDI number (60 =
/// middle C, a piano has 21 … 108); `velocity` is 1 … 127; `confidence` is the detector's own estimate, 1 for a
/// reference.
struct note {
  double onset = 0;
  double offset = 0;
  int pitch = 60;
  int velocity = 80;
  double confidence = 1;

  friend bool operator==(const note&, const note&) = default;

  /// By onset, then pitch, then offset; velocity and confidence only part what is otherwise equal, so that the order
  /// agrees with `==`. Partial because of NaN, which every reader and writer of the library refuses.
  friend constexpr std::partial_ordering operator<=>(const note& a, const note& b) noexcept {
    if (const auto c = a.onset <=> b.onset; c != 0) return c;
    if (const auto c = a.pitch <=> b.pitch; c != 0) return c;
    if (const auto c = a.offset <=> b.offset; c != 0) return c;
    if (const auto c = a.velocity <=> b.velocity; c != 0) return c;
    return a.confidence <=> b.confidence;
  }
};

}  // namespace vmt::inline VMT_ABI
