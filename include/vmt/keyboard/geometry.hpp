// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/keyboard.hpp>

#include <vector>  // keys

namespace vmt::inline VMT_ABI::keyboard {

/// One key at rest, in millimetres. x runs from the left edge of the lowest key to the right, y from the rear edge of
/// what can be seen of the keys to the player, z up from the tops of the white keys. The box is the key's top: of a
/// white key its wide front part, of a black one the flat top.
struct key_shape {
  int pitch = 60;      ///< MIDI number
  bool black = false;  ///< raised, and shorter than the others
  double left = 0;
  double right = 0;
  double front = 0;   ///< y of its front edge; every key begins at y = 0
  double height = 0;  ///< z of its top

  [[nodiscard]] constexpr double centre() const noexcept { return (left + right) / 2; }
};

/// A keyboard as a table: whatever has keys side by side. The keys are sorted by pitch, and the white ones meet without
/// a gap from x = 0 to `width`. An instrument that is no piano is another table.
struct layout {
  double width = 0;  ///< of all keys
  double depth = 0;  ///< from the rear edge to the front edge of the white keys
  std::vector<key_shape> keys;
};

/// The sizes of a piano's keys in millimetres.
struct piano_sizes {
  double white_pitch = 23.5;  ///< from white key to white key
  double depth = 148;         ///< what is seen of a white key
  double black_width = 10.5;  ///< of the top; at its foot a black key is 13.7 wide
  double black_length = 94;   ///< of the top, from the rear edge
  double black_height = 12.5;
};

/// How far the middle of a black key lies to the right of the crack between its white neighbours, in white pitches;
/// measured on the tops of a real piano, which are not centred. 0 for white keys.
[[nodiscard]] constexpr double black_offset(int pitch) noexcept {
  switch (pitch % 12) {
    case 1: return -0.093;  // C sharp
    case 3: return 0.095;   // D sharp
    case 6: return -0.132;  // F sharp
    case 10: return 0.149;  // A sharp
    default: return 0;      // G sharp is centred
  }
}

/// The layout of a piano from one white key to another: 21 … 108 has 88 keys, 28 … 103 has 76, 28 … 100 73, 36 … 96 61,
/// 36 … 84 49. Throws `invalid_argument` unless 21 ≤ lowest < highest ≤ 108, both white.
[[nodiscard]] inline layout piano_layout(int lowest_key = 21, int highest_key = 108, const piano_sizes& sizes = {}) {
  if (lowest_key < 21 || highest_key > 108 || lowest_key >= highest_key || !is_white(lowest_key) ||
      !is_white(highest_key)) {
    throw error(errc::invalid_argument, "a piano from key " + std::to_string(lowest_key) + " to " +
                                            std::to_string(highest_key) +
                                            ": both must be white keys of 21 to 108, the first below the second");
  }
  layout piano;
  piano.depth = sizes.depth;
  for (int pitch = lowest_key; pitch <= highest_key; ++pitch) {
    if (is_white(pitch)) {
      piano.keys.push_back({pitch, false, piano.width, piano.width + sizes.white_pitch, sizes.depth, 0});
      piano.width += sizes.white_pitch;
    } else {
      const double middle = piano.width + sizes.white_pitch * black_offset(pitch);
      piano.keys.push_back({pitch, true, middle - sizes.black_width / 2, middle + sizes.black_width / 2,
                            sizes.black_length, sizes.black_height});
    }
  }
  return piano;
}

/// Where a point of height z is seen on the plane of the white keys by a camera at (cx, cy, cz): black keys, which
/// stand higher, move away from the point below the camera.
[[nodiscard]] constexpr point on_white_plane(double x, double y, double z, double cx, double cy, double cz) noexcept {
  const double scale = cz / (cz - z);
  return {cx + (x - cx) * scale, cy + (y - cy) * scale};
}

}  // namespace vmt::inline VMT_ABI::keyboard
