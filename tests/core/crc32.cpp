// SPDX-License-Identifier: MIT
#include <vmt/core/crc32.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string_view>
#include <vector>

namespace {

std::uint32_t crc(std::string_view text) {
  return vmt::crc32(std::as_bytes(std::span(text)));
}

/// The definition, bit by bit.
std::uint32_t slow(std::span<const std::byte> bytes) {
  std::uint32_t r = 0xFFFFFFFFU;
  for (const std::byte b : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      const bool in = ((std::to_integer<unsigned>(b) >> bit) & 1U) != (r & 1U);
      r = (r >> 1) ^ (in ? 0xEDB88320U : 0U);
    }
  }
  return ~r;
}

}  // namespace

TEST_CASE("the checksums of known texts are the published ones") {
  CHECK(crc("") == 0);
  CHECK(crc("123456789") == 0xCBF43926U);
  CHECK(crc("IEND") == 0xAE426082U);  // the last four bytes of every PNG file
  CHECK(crc("The quick brown fox jumps over the lazy dog") == 0x414FA339U);
}

TEST_CASE("the checksum is usable at compile time") {
  constexpr std::array<std::byte, 4> iend{std::byte{'I'}, std::byte{'E'}, std::byte{'N'}, std::byte{'D'}};
  static_assert(vmt::crc32(iend) == 0xAE426082U);
  CHECK(vmt::crc32(iend) == 0xAE426082U);
}

TEST_CASE("for every length and every split the checksum is that of the bit-by-bit definition") {
  std::vector<std::byte> bytes;
  for (unsigned n = 0; n < 70; ++n) {
    const std::uint32_t expected = slow(bytes);
    CHECK(vmt::crc32(bytes) == expected);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      const std::span all(bytes);
      CHECK(vmt::crc32(all.subspan(cut), vmt::crc32(all.first(cut))) == expected);
    }
    bytes.push_back(static_cast<std::byte>((n * 151 + 7) & 0xFFU));
  }
}
