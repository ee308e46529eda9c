// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>

#include <cstddef>  // byte
#include <cstdint>  // uint32_t
#include <span>
#include <string>  // messages
#include <string_view>

/// \file
/// Bounded reading of the bytes of a Standard MIDI File; every error names the byte.

namespace vmt::inline VMT_ABI::midi::detail {

[[noreturn]] inline void fail(errc code, std::size_t position, const std::string& what) {
  throw error(code, "MIDI data, byte " + std::to_string(position) + ": " + what);
}

inline std::string hex(unsigned value) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  return {'0', 'x', digits[(value >> 4) & 15U], digits[value & 15U]};
}

/// Reads within [position, end) of the bytes and never past it.
class cursor {
 public:
  cursor(std::span<const std::byte> bytes, std::size_t position, std::size_t end) noexcept
      : bytes_(bytes), position_(position), end_(end) {}

  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] std::size_t left() const noexcept { return end_ - position_; }
  [[nodiscard]] unsigned peek() const noexcept { return std::to_integer<unsigned>(bytes_[position_]); }

  void need(std::size_t count, const char* what) const {
    if (left() < count) {
      fail(errc::bad_format, position_,
           "expected " + std::to_string(count) + " bytes (" + what + "), found " + std::to_string(left()) +
               "; the data are cut short");
    }
  }

  unsigned byte(const char* what) {
    need(1, what);
    const unsigned value = peek();
    ++position_;
    return value;
  }

  std::uint32_t big_endian(int count, const char* what) {
    need(static_cast<std::size_t>(count), what);
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i) value = (value << 8) | byte(what);
    return value;
  }

  /// Seven bits a byte, the highest bit says that another follows; at most four bytes.
  std::uint32_t variable_length(const char* what) {
    const std::size_t start = position_;
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const unsigned b = byte(what);
      value = (value << 7) | (b & 0x7FU);
      if (b < 0x80U) return value;
    }
    fail(errc::bad_format, start, std::string("a variable-length number (") + what + ") of more than four bytes");
  }

  /// A byte of a message's data, below 0x80.
  unsigned data(const char* what) {
    const unsigned value = byte(what);
    if (value >= 0x80U) {
      fail(errc::bad_format, position_ - 1,
           std::string("expected a data byte below 0x80 (") + what + "), found " + hex(value));
    }
    return value;
  }

  void skip(std::size_t count, const char* what) {
    need(count, what);
    position_ += count;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_;
  std::size_t end_;
};

inline bool has_id(std::span<const std::byte> bytes, std::size_t position, std::string_view id) noexcept {
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (std::to_integer<unsigned char>(bytes[position + i]) != static_cast<unsigned char>(id[i])) return false;
  }
  return true;
}

}  // namespace vmt::inline VMT_ABI::midi::detail
