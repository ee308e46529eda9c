// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/media/frame.hpp>

#include <algorithm>  // min, max
#include <span>       // pictures
#include <utility>    // swap

namespace vmt::inline VMT_ABI::keyboard {

/// The median of pictures of one size, pixel by pixel: what stands still in most of them stays, hands go. Of an even
/// number the lower middle one counts. Time and number are those of the first. Throws `invalid_argument` without
/// pictures, `inconsistent` where the sizes differ.
inline void median_picture(std::span<const frame> pictures, frame& out) {
  if (pictures.empty()) throw error(errc::invalid_argument, "the median of no pictures");
  const frame& first = pictures.front();
  for (const frame& f : pictures) {
    if (f.width != first.width || f.height != first.height || f.pixels.size() != first.pixels.size()) {
      throw error(errc::inconsistent, "the pictures have " + std::to_string(first.width) + "x" +
                                          std::to_string(first.height) + " and " + std::to_string(f.width) + "x" +
                                          std::to_string(f.height) +
                                          " pixels; all frames of a video must have one size");
    }
  }
  out.resize(first.width, first.height);
  out.time = first.time;
  out.number = first.number;
  out.damaged = false;
  // Selection by compare and exchange over blocks of pixels: no branches, so that compilers use vector instructions.
  constexpr std::size_t block = 256;
  const std::size_t n = pictures.size();
  const std::size_t middle = (n - 1) / 2;
  std::vector<std::uint8_t> sorted(n * block);
  const std::size_t size = first.pixels.size();
  for (std::size_t begin = 0; begin < size; begin += block) {
    const std::size_t count = (std::min)(block, size - begin);
    for (std::size_t i = 0; i < n; ++i) {
      std::copy_n(pictures[i].pixels.data() + begin, count, sorted.data() + i * block);
    }
    for (std::size_t i = 0; i <= middle; ++i) {  // the smallest of what is left comes to place i
      std::uint8_t* const low = sorted.data() + i * block;
      for (std::size_t j = i + 1; j < n; ++j) {
        std::uint8_t* const high = sorted.data() + j * block;
        for (std::size_t x = 0; x < block; ++x) {
          const std::uint8_t a = low[x];
          const std::uint8_t b = high[x];
          low[x] = a < b ? a : b;
          high[x] = a < b ? b : a;
        }
      }
    }
    std::copy_n(sorted.data() + middle * block, count, out.pixels.data() + begin);
  }
}

}  // namespace vmt::inline VMT_ABI::keyboard
