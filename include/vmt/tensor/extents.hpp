// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <array>
#include <string>

namespace vmt::inline VMT_ABI {

/// The sizes of a tensor, outermost first; all of them run-time values. The names are those of `std::extents` (C++23).
template <std::size_t Rank>
class extents {
 public:
  constexpr extents() noexcept = default;
  template <class... I>
    requires(sizeof...(I) == Rank && (std::is_convertible_v<I, index_t> && ...))
  constexpr extents(I... sizes) noexcept  // NOLINT(google-explicit-constructor): {n, c, h, w} reads as sizes
      : sizes_{static_cast<index_t>(sizes)...} {}
  constexpr explicit extents(const std::array<index_t, Rank>& sizes) noexcept : sizes_(sizes) {}

  [[nodiscard]] static constexpr std::size_t rank() noexcept { return Rank; }
  [[nodiscard]] constexpr index_t extent(std::size_t r) const noexcept { return sizes_[r]; }
  [[nodiscard]] constexpr index_t operator[](std::size_t r) const noexcept { return sizes_[r]; }

  /// Number of elements. Sizes that come from outside are checked where they enter.
  [[nodiscard]] constexpr index_t size() const noexcept {
    index_t n = 1;
    for (index_t s : sizes_) n *= s;
    return n;
  }
  friend constexpr bool operator==(const extents&, const extents&) noexcept = default;

 private:
  std::array<index_t, Rank> sizes_{};
};

/// `24×5×145×800`, for messages.
template <std::size_t Rank>
[[nodiscard]] inline std::string to_string(const extents<Rank>& e) {
  std::string text;
  for (std::size_t r = 0; r < Rank; ++r) text += (r == 0 ? "" : "×") + std::to_string(e[r]);
  return Rank == 0 ? "scalar" : text;
}

}  // namespace vmt::inline VMT_ABI
