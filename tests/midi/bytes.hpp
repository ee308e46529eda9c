// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

namespace vmt_test {

using bytes = std::vector<std::byte>;

inline bytes raw(std::initializer_list<int> values) {
  bytes result;
  for (const int v : values) result.push_back(static_cast<std::byte>(v));
  return result;
}

inline bytes operator+(bytes a, const bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline bytes chunk(const std::string& name, const bytes& content) {
  bytes result;
  for (const char c : name) result.push_back(static_cast<std::byte>(c));
  for (int shift = 24; shift >= 0; shift -= 8)
    result.push_back(static_cast<std::byte>((content.size() >> shift) & 0xFF));
  return result + content;
}

inline bytes header(int format, int tracks, int division) {
  return chunk("MThd", raw({format >> 8, format & 0xFF, tracks >> 8, tracks & 0xFF, division >> 8, division & 0xFF}));
}

/// The event that every track ends with, right after the one before.
inline const bytes end_of_track = raw({0, 0xFF, 0x2F, 0});

inline bytes track(const bytes& events) {
  return chunk("MTrk", events);
}

struct failed {
  vmt::errc code{};
  std::string message;
};

/// What a call fails with; the code is `errc{}` where it does not throw.
template <class F>
failed failure(F&& call) {
  try {
    call();
  } catch (const vmt::error& e) {
    return {e.code(), e.what()};
  }
  return {vmt::errc{}, "no error"};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace vmt_test
