// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/io/number.hpp>

// GCC sees null pointers in its own std::vector when CLI11 uses it.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnull-dereference"
#endif
#include <CLI/CLI.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <string>

namespace tool {

/// A check of an option: a finite number from `low` to `high`. (CLI::Range lets NaN pass.)
inline CLI::Validator number_in(double low, double high) {
  std::string range;
  vmt::io::append_number(range, low);
  range += " to ";
  vmt::io::append_number(range, high);
  return CLI::Validator(
      [=](std::string& text) {
        const auto value = vmt::io::parse_double(text);
        return value && *value >= low && *value <= high
                   ? std::string()
                   : "'" + text + "' is not accepted, a number from " + range + " is expected";
      },
      range);
}

}  // namespace tool
