// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/config.hpp>

#include <array>    // table
#include <cstddef>  // byte, size_t
#include <cstdint>  // uint32_t
#include <span>     // bytes

namespace vmt::inline VMT_ABI {

/// CRC-32 as in PNG, zip and Ethernet (IEEE 802.3): reflected polynomial 0xEDB88320, start and final inversion.
/// `crc32(b, crc32(a))` is the checksum of a followed by b; that of "123456789" is 0xCBF43926.
[[nodiscard]] constexpr std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

namespace detail {

/// tables[k][b]: the remainder of byte b followed by k zero bytes, so that eight bytes take one step.
inline constexpr auto crc32_tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t r = b;
    for (int bit = 0; bit < 8; ++bit) r = (r >> 1) ^ ((r & 1U) != 0 ? 0xEDB88320U : 0U);
    tables[0][b] = r;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t b = 0; b < 256; ++b) {
      const std::uint32_t r = tables[k - 1][b];
      tables[k][b] = (r >> 8) ^ tables[0][r & 0xFFU];
    }
  }
  return tables;
}();

}  // namespace detail

constexpr std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  const auto& t = detail::crc32_tables;
  const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };
  std::uint32_t r = ~before;
  std::size_t i = 0;
  for (; bytes.size() - i >= 8; i += 8) {
    r ^= at(i) | at(i + 1) << 8 | at(i + 2) << 16 | at(i + 3) << 24;
    r = t[7][r & 0xFFU] ^ t[6][(r >> 8) & 0xFFU] ^ t[5][(r >> 16) & 0xFFU] ^ t[4][r >> 24] ^  //
        t[3][at(i + 4)] ^ t[2][at(i + 5)] ^ t[1][at(i + 6)] ^ t[0][at(i + 7)];
  }
  for (; i < bytes.size(); ++i) r = (r >> 8) ^ t[0][(r ^ at(i)) & 0xFFU];
  return ~r;
}

}  // namespace vmt::inline VMT_ABI
