// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <cstddef>      // byte, size_t
#include <cstdint>      // uint32_t
#include <optional>     // sniff_image
#include <span>         // image bytes
#include <string>       // messages
#include <string_view>  // name

namespace vmt::inline VMT_ABI::media {

/// What an image of unknown origin may ask for; beyond it `limit_exceeded` is thrown before anything is allocated.
struct image_limits {
  index_t max_width = 8192;
  index_t max_height = 8192;
  index_t max_area = 16'800'000;                  ///< pixels
  std::size_t max_bytes = std::size_t{64} << 20;  ///< of the file
};

enum class image_kind { png, jpeg, pnm };

struct image_info {
  image_kind kind;
  index_t width;
  index_t height;
};

[[nodiscard]] constexpr std::string_view name(image_kind kind) noexcept {
  switch (kind) {
    case image_kind::png: return "PNG";
    case image_kind::jpeg: return "JPEG";
    case image_kind::pnm: return "PNM";
  }
  return "unknown";
}

/// The kind of an image by its first bytes, whatever its file is called.
[[nodiscard]] inline std::optional<image_kind> sniff_image(std::span<const std::byte> file) noexcept {
  const auto at = [&](std::size_t i) { return i < file.size() ? std::to_integer<unsigned>(file[i]) : 0U; };
  if (at(0) == 0x89 && at(1) == 'P' && at(2) == 'N' && at(3) == 'G') return image_kind::png;
  if (at(0) == 0xFF && at(1) == 0xD8 && at(2) == 0xFF) return image_kind::jpeg;
  if (at(0) == 'P' && at(1) >= '1' && at(1) <= '7') return image_kind::pnm;
  return std::nullopt;
}

namespace detail {

[[noreturn]] inline void damaged_image(image_kind kind, const std::string& what) {
  throw error(errc::bad_format, "the " + std::string(name(kind)) + " image is damaged: " + what);
}

inline void check_image_size(image_kind kind, index_t width, index_t height, const image_limits& limits) {
  if (width <= 0 || height <= 0) damaged_image(kind, "its width or height is 0");
  if (width > limits.max_width || height > limits.max_height || width > limits.max_area / height) {
    throw error(errc::limit_exceeded, "the " + std::string(name(kind)) + " image has " + std::to_string(width) + "x" +
                                          std::to_string(height) + " pixels, at most " +
                                          std::to_string(limits.max_width) + "x" + std::to_string(limits.max_height) +
                                          " and " + std::to_string(limits.max_area) + " in all are allowed");
  }
}

/// Big-endian numbers of 16 and 32 bits; the caller has checked that they are there.
[[nodiscard]] constexpr std::uint32_t big_endian_16(std::span<const std::byte> b, std::size_t i) noexcept {
  return std::to_integer<std::uint32_t>(b[i]) << 8 | std::to_integer<std::uint32_t>(b[i + 1]);
}
[[nodiscard]] constexpr std::uint32_t big_endian_32(std::span<const std::byte> b, std::size_t i) noexcept {
  return big_endian_16(b, i) << 16 | big_endian_16(b, i + 2);
}

}  // namespace detail
}  // namespace vmt::inline VMT_ABI::media
