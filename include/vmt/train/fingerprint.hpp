// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/config.hpp>

#include <cstdint>      // uint64_t
#include <string_view>  // text

namespace vmt::inline VMT_ABI::train {

/// 64-bit FNV-1a: tells descriptions apart, protects against nothing.
[[nodiscard]] constexpr std::uint64_t fingerprint_of(std::string_view text,
                                                     std::uint64_t before = 0xCBF29CE484222325ULL) noexcept {
  for (const char c : text) before = (before ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return before;
}

}  // namespace vmt::inline VMT_ABI::train
