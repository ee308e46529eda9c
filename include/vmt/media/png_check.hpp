// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/crc32.hpp>
#include <vmt/media/image_info.hpp>

namespace vmt::inline VMT_ABI::media {

/// Size and integrity of a PNG file without decoding it (W3C PNG, section 5): signature, IHDR, every chunk inside the
/// file with its CRC-32 right, image data present, IEND at the end. Bytes after IEND are allowed, as viewers do.
///
/// Throws `bad_format` (damaged), `unsupported` (Apple's CgBI variant), `limit_exceeded`.
[[nodiscard]] inline image_info check_png(std::span<const std::byte> file, const image_limits& limits = {}) {
  constexpr auto kind = image_kind::png;
  constexpr auto tag = [](const char(&t)[5]) {
    std::uint32_t v = 0;
    for (int i = 0; i < 4; ++i) v = v << 8 | static_cast<unsigned char>(t[i]);
    return v;
  };
  if (file.size() < 8 || detail::big_endian_32(file, 0) != 0x89504E47U ||
      detail::big_endian_32(file, 4) != 0x0D0A1A0AU) {
    detail::damaged_image(kind, "its signature is wrong (a file copied as text, perhaps)");
  }
  image_info info{kind, 0, 0};
  bool has_data = false;
  bool has_palette = false;
  bool needs_palette = false;
  for (std::size_t at = 8;;) {
    if (file.size() - at < 12) detail::damaged_image(kind, "the file ends before the chunk IEND");
    const std::size_t length = detail::big_endian_32(file, at);
    const std::uint32_t type = detail::big_endian_32(file, at + 4);
    if (length > file.size() - at - 12) {
      detail::damaged_image(kind, "the chunk at byte " + std::to_string(at) + " goes beyond the end of the file");
    }
    if (type == tag("CgBI")) {
      throw error(errc::unsupported, "the PNG image is in Apple's CgBI variant, standard PNG was expected; convert it");
    }
    const auto checked = file.subspan(at + 4, length + 4);
    if (crc32(checked) != detail::big_endian_32(file, at + 8 + length)) {
      detail::damaged_image(kind, "the checksum of the chunk at byte " + std::to_string(at) + " is wrong");
    }
    if ((type == tag("IHDR")) != (at == 8)) detail::damaged_image(kind, "IHDR is not its first and only header");
    if (type == tag("IHDR")) {
      if (length != 13) detail::damaged_image(kind, "IHDR has " + std::to_string(length) + " bytes, 13 were expected");
      const std::uint32_t w = detail::big_endian_32(file, at + 8);
      const std::uint32_t h = detail::big_endian_32(file, at + 12);
      const auto depth = std::to_integer<unsigned>(file[at + 16]);
      const auto colour = std::to_integer<unsigned>(file[at + 17]);
      const bool low = depth == 1 || depth == 2 || depth == 4;
      const bool valid = (colour == 0 && (low || depth == 8 || depth == 16)) || (colour == 3 && (low || depth == 8)) ||
                         ((colour == 2 || colour == 4 || colour == 6) && (depth == 8 || depth == 16));
      if (!valid) {
        detail::damaged_image(
            kind, "colour type " + std::to_string(colour) + " with " + std::to_string(depth) + " bits does not exist");
      }
      if (file[at + 18] != std::byte{0} || file[at + 19] != std::byte{0} || file[at + 20] > std::byte{1}) {
        detail::damaged_image(kind, "IHDR names an unknown compression, filter or interlace method");
      }
      detail::check_image_size(kind, static_cast<index_t>(w), static_cast<index_t>(h), limits);
      info.width = static_cast<index_t>(w);
      info.height = static_cast<index_t>(h);
      needs_palette = colour == 3;
    } else if (type == tag("PLTE")) {
      const bool valid = length > 0 && length % 3 == 0 && length <= 768 && !has_palette && !has_data;
      if (needs_palette && !valid) {  // elsewhere it is only a suggestion
        detail::damaged_image(kind, "its palette (chunk PLTE) is malformed or out of place");
      }
      has_palette = true;
    } else if (type == tag("IDAT")) {
      if (needs_palette && !has_palette) detail::damaged_image(kind, "its palette (chunk PLTE) is missing");
      has_data = has_data || length > 0;
    } else if (type == tag("IEND")) {
      if (!has_data) detail::damaged_image(kind, "it holds no image data (chunk IDAT)");
      return info;
    } else if ((type & 0x20000000U) == 0) {  // an upper-case first letter: the image cannot be shown without it
      detail::damaged_image(kind, "the chunk at byte " + std::to_string(at) + " is critical and unknown");
    }
    at += 12 + length;
  }
}

}  // namespace vmt::inline VMT_ABI::media
