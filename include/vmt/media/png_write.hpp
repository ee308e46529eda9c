// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/crc32.hpp>
#include <vmt/media/frame.hpp>

#include <algorithm>  // min
#include <cstddef>    // byte
#include <string_view>
#include <vector>

namespace vmt::inline VMT_ABI::media {

/// Adler-32 (RFC 1950): the checksum of a zlib stream. That of "Wikipedia" is 0x11E60398.
[[nodiscard]] constexpr std::uint32_t adler32(std::span<const std::byte> bytes) noexcept {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t end = (std::min)(bytes.size(), i + 5552);  // so many sums fit into 32 bits
    for (; i < end; ++i) {
      a += std::to_integer<std::uint32_t>(bytes[i]);
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return b << 16 | a;
}

/// A PNG file of a gray picture: 8 bits, not compressed (stored deflate blocks), so about width × height bytes.
/// Throws `invalid_argument` for a picture without pixels or with another number of them than width × height, and
/// `limit_exceeded` for 1 GiB or more.
[[nodiscard]] inline std::vector<std::byte> write_png(const frame& picture) {
  const index_t size = checked_product(picture.width, picture.height);
  if (size < 1 || static_cast<index_t>(picture.pixels.size()) != size) {
    throw error(errc::invalid_argument, "write_png: a picture of " + std::to_string(picture.width) + "x" +
                                            std::to_string(picture.height) + " with " +
                                            std::to_string(picture.pixels.size()) + " pixels");
  }
  if (size + picture.height >= index_t{1} << 30) {
    throw error(errc::limit_exceeded, "write_png: a picture of 1 GiB or more");
  }
  const auto width = static_cast<std::size_t>(picture.width);
  const auto height = static_cast<std::size_t>(picture.height);

  std::vector<std::byte> file;
  const auto byte = [&file](std::size_t value) { file.push_back(static_cast<std::byte>(value & 0xFFU)); };
  const auto big_endian = [&byte](std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) byte(value >> shift);
  };
  const auto begin = [&](std::size_t length, std::string_view type) {
    big_endian(length);
    for (const char c : type) byte(static_cast<unsigned char>(c));
    return file.size() - 4;
  };
  const auto end = [&](std::size_t type_at) { big_endian(crc32(std::span<const std::byte>(file).subspan(type_at))); };

  // Each row has a filter byte before it, 0: none.
  std::vector<std::byte> rows;
  rows.reserve((width + 1) * height);
  for (std::size_t y = 0; y < height; ++y) {
    rows.push_back(std::byte{0});
    const auto row = std::as_bytes(std::span(picture.pixels).subspan(y * width, width));
    rows.insert(rows.end(), row.begin(), row.end());
  }

  constexpr std::size_t block = 65535;  // the most that a stored block holds
  const std::size_t blocks = (rows.size() + block - 1) / block;
  file.reserve(rows.size() + 5 * blocks + 64);
  for (const unsigned c : {0x89U, 0x50U, 0x4EU, 0x47U, 0x0DU, 0x0AU, 0x1AU, 0x0AU}) byte(c);
  std::size_t type_at = begin(13, "IHDR");
  big_endian(width);
  big_endian(height);
  for (const unsigned c : {8U, 0U, 0U, 0U, 0U}) byte(c);  // 8 bits, gray, deflate, no filter choice, not interlaced
  end(type_at);

  type_at = begin(2 + 5 * blocks + rows.size() + 4, "IDAT");
  byte(0x78);  // zlib: deflate with a window of 32 KiB
  byte(0x01);
  for (std::size_t at = 0; at < rows.size(); at += block) {
    const std::size_t length = (std::min)(block, rows.size() - at);
    byte(at + length == rows.size() ? 1 : 0);
    byte(length);
    byte(length >> 8);
    byte(~length);
    byte(~length >> 8);
    file.insert(file.end(), rows.begin() + static_cast<std::ptrdiff_t>(at),
                rows.begin() + static_cast<std::ptrdiff_t>(at + length));
  }
  big_endian(adler32(rows));
  end(type_at);
  end(begin(0, "IEND"));
  return file;
}

}  // namespace vmt::inline VMT_ABI::media
