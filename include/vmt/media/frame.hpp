// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <concepts>     // same_as
#include <cstdint>      // uint8_t, int64_t
#include <span>         // image bytes
#include <type_traits>  // is_invocable_r_v
#include <vector>       // pixels

namespace vmt::inline VMT_ABI {

/// One gray picture of a video and its place in time. Hand the same object to a source again and again: its memory is
/// reused, so that a running source does not allocate.
struct frame {
  index_t width = 0;
  index_t height = 0;
  std::vector<std::uint8_t> pixels;  ///< width × height gray values, row by row from the top, without padding
  double time = 0;                   ///< seconds from the start of the video
  std::int64_t number = 0;           ///< the number in the file name, or the count of frames before this one
  bool damaged = false;              ///< the picture stands in for one that could not be read

  /// Sets the size; `pixels` then holds width × height values of any content.
  void resize(index_t new_width, index_t new_height) {
    pixels.resize(static_cast<std::size_t>(checked_product(new_width, new_height)));
    width = new_width;
    height = new_height;
  }
  [[nodiscard]] const std::uint8_t* row(index_t y) const noexcept { return pixels.data() + y * width; }
  [[nodiscard]] std::uint8_t* row(index_t y) noexcept { return pixels.data() + y * width; }
};

/// A frame source is any callable `bool(frame&)`: it fills in the next frame and returns true, or returns false at the
/// end of the video. A video that breaks off is an exception, never an end.
template <class S>
concept frame_source = std::is_invocable_r_v<bool, S&, frame&>;

namespace media {

/// An image decoder is any callable `void(std::span<const std::byte> file, frame&)`: it sets the size and the pixels of
/// the frame and nothing else. It throws `bad_format` for a damaged image and then leaves the frame as it was.
template <class D>
concept image_decoder = std::is_invocable_v<D&, std::span<const std::byte>, frame&>;

/// Gray of a colour: ITU-R BT.601 luma, (19595 R + 38470 G + 7471 B + 32768) >> 16. Integers only: the same on every
/// machine, and equal to Pillow's `convert("L")`.
[[nodiscard]] constexpr std::uint8_t gray_of(std::uint32_t r, std::uint32_t g, std::uint32_t b) noexcept {
  return static_cast<std::uint8_t>((19595U * r + 38470U * g + 7471U * b + 32768U) >> 16);
}

}  // namespace media
}  // namespace vmt::inline VMT_ABI
