// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/config.hpp>

#include <array>     // buffer
#include <charconv>  // from_chars, to_chars
#include <optional>
#include <string>
#include <string_view>
#include <version>  // __cpp_lib_to_chars
#if !defined(__cpp_lib_to_chars)
#include <locale>   // classic
#include <sstream>  // istringstream
#endif

namespace vmt::inline VMT_ABI::io {

/// A decimal number that fills the whole text ("0.25", "-1e-3"), whatever the locale; nullopt where it does not, or is
/// beyond the range of double. "inf" and "nan" are numbers here: check with std::isfinite.
[[nodiscard]] inline std::optional<double> parse_double(std::string_view text) {
  double value = 0;
#if defined(__cpp_lib_to_chars)
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
#else  // a standard library whose from_chars knows integers only
  if (text.find_first_not_of("+-.0123456789eE") != std::string_view::npos || text.front() == '+') return std::nullopt;
  std::istringstream in{std::string(text)};
  in.imbue(std::locale::classic());
  if (!(in >> value) || in.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
#endif
  return value;
}

/// A decimal whole number that fills the whole text; nullopt where it does not, or does not fit.
template <class Integer>
[[nodiscard]] std::optional<Integer> parse_integer(std::string_view text) {
  Integer value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Appends the shortest text that reads back as the same value: 0.1 is "0.1".
inline void append_number(std::string& out, double value) {
  std::array<char, 32> text;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

/// Appends the value rounded to so many decimals, 0 … 17: 0.125 with 2 is "0.12".
inline void append_number(std::string& out, double value, int decimals) {
  std::array<char, 352> text;  // 1 sign, 309 digits, 1 point, up to 17 decimals
  const int shown = decimals < 0 ? 0 : decimals > 17 ? 17 : decimals;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, shown).ptr;
  out.append(text.data(), end);
}

}  // namespace vmt::inline VMT_ABI::io
