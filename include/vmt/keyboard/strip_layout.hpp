// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/geometry.hpp>

#include <cmath>  // abs

namespace vmt::inline VMT_ABI::keyboard {

/// Where the keys lie in a key-aligned strip: every white key has 16 columns, whatever the piano, the camera and the
/// range of keys, so that one network serves every key. The rows show the keyboard's depth v = −0.05 … 1.15, where 0 is
/// the rear edge of what is seen of the keys and 1 the front edge: 4 rows behind the keys, 80 on them, 12 before them.
struct strip_layout {
  static constexpr index_t white_pitch = 16;  ///< columns of a white key
  static constexpr index_t rows_behind = 4;
  static constexpr index_t rows_on_keys = 80;
  static constexpr index_t rows_before = 12;

  int lowest_key = 21;    ///< MIDI number of the leftmost key, a white one
  int highest_key = 108;  ///< MIDI number of the rightmost key, a white one

  [[nodiscard]] constexpr index_t white_keys() const noexcept {
    return white_keys_below(highest_key + 1) - white_keys_below(lowest_key);
  }
  /// 832 columns for 88 keys.
  [[nodiscard]] constexpr index_t width() const noexcept { return white_pitch * white_keys(); }
  [[nodiscard]] static constexpr index_t height() noexcept { return rows_behind + rows_on_keys + rows_before; }
  [[nodiscard]] constexpr index_t keys() const noexcept { return highest_key - lowest_key + 1; }

  /// The column of a key's middle, in pixels from the left edge: 16 (i + ½) for the white key number i, and
  /// 16 (i + `black_offset`) for a black key with i white ones to its left. Seen from the side a black key, which
  /// stands higher, is elsewhere by up to half its width; this is its place on the keyboard.
  [[nodiscard]] constexpr double centre(int pitch) const noexcept {
    const double before = white_keys_below(pitch) - white_keys_below(lowest_key);
    return static_cast<double>(white_pitch) * (before + (is_white(pitch) ? 0.5 : black_offset(pitch)));
  }

  /// The row of depth v, in pixels from the top edge.
  [[nodiscard]] static constexpr double row_of(double v) noexcept {
    return static_cast<double>(rows_behind) + v * static_cast<double>(rows_on_keys);
  }

  /// Whether a pixel is likely to show a black key: its centre lies within 0.33 white keys of the middle of one, and in
  /// the first 65 % of the depth.
  [[nodiscard]] constexpr bool black_at(index_t x, index_t y) const noexcept {
    const double row = static_cast<double>(y) + 0.5;
    if (row < row_of(0) || row >= row_of(0.65)) return false;
    const double column = static_cast<double>(x) + 0.5;
    // Only the two black keys around this white key can be meant.
    int white = lowest_key;
    for (index_t left = x / white_pitch; left > 0; --left) white += is_white(white + 1) ? 1 : 2;
    for (const int pitch : {white - 1, white + 1}) {
      if (pitch <= lowest_key || pitch >= highest_key || is_white(pitch)) continue;
      const double distance = column - centre(pitch);
      if ((distance < 0 ? -distance : distance) <= 0.33 * static_cast<double>(white_pitch)) return true;
    }
    return false;
  }
};

/// Throws `invalid_argument` unless 21 ≤ lowest < highest ≤ 108, both white.
inline void validate(const strip_layout& layout) {
  if (layout.lowest_key < 21 || layout.highest_key > 108 || layout.lowest_key >= layout.highest_key ||
      !is_white(layout.lowest_key) || !is_white(layout.highest_key)) {
    throw error(errc::invalid_argument, "a strip from key " + std::to_string(layout.lowest_key) + " to " +
                                            std::to_string(layout.highest_key) +
                                            ": both must be white keys of 21 to 108, the first below the second");
  }
}

}  // namespace vmt::inline VMT_ABI::keyboard
