// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/extents.hpp>

#include <span>
#include <type_traits>

namespace vmt::inline VMT_ABI {

/// A tensor that somebody else owns: a pointer and sizes, row-major without gaps (`std::mdspan` with `layout_right`;
/// same member names). Cheap to copy. Elements of a `tensor_view<const T, Rank>` cannot be changed. The memory may be a
/// device's: then the host must not use `operator()` or `span()`.
template <class T, std::size_t Rank>
class tensor_view {
 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;

  constexpr tensor_view() noexcept = default;
  constexpr tensor_view(T* data, const extents<Rank>& e) noexcept : data_(data), extents_(e) {}
  /// A view of mutable elements also is a view of constant ones.
  template <class U>
    requires(std::is_same_v<const U, T>)
  constexpr tensor_view(tensor_view<U, Rank> other) noexcept  // NOLINT(google-explicit-constructor)
      : data_(other.data_handle()), extents_(other.extents()) {}

  [[nodiscard]] static constexpr std::size_t rank() noexcept { return Rank; }
  [[nodiscard]] constexpr T* data_handle() const noexcept { return data_; }
  [[nodiscard]] constexpr const vmt::extents<Rank>& extents() const noexcept { return extents_; }
  [[nodiscard]] constexpr index_t extent(std::size_t r) const noexcept { return extents_[r]; }
  [[nodiscard]] constexpr index_t size() const noexcept { return data_ == nullptr ? 0 : extents_.size(); }
  [[nodiscard]] constexpr bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] constexpr index_t stride(std::size_t r) const noexcept {
    index_t s = 1;
    for (std::size_t i = r + 1; i < Rank; ++i) s *= extents_[i];
    return s;
  }

  /// The element at (i, j, …).
  template <class... I>
    requires(sizeof...(I) == Rank)
  constexpr T& operator()(I... indices) const noexcept {
    index_t offset = 0;
    std::size_t r = 0;
    ((VMT_ASSERT(indices >= 0 && indices < extents_[r]), offset = offset * extents_[r] + indices, ++r), ...);
    return data_[offset];
  }

  /// Sample i: the view of one rank less at index i of the outermost dimension.
  [[nodiscard]] constexpr tensor_view<T, Rank - 1> operator[](index_t i) const noexcept requires(Rank > 1) {
    std::array<index_t, Rank - 1> inner{};
    for (std::size_t r = 1; r < Rank; ++r) inner[r - 1] = extents_[r];
    const vmt::extents<Rank - 1> e(inner);
    VMT_ASSERT(i >= 0 && i < extents_[0]);
    return {data_ + i * e.size(), e};
  }

  /// Samples first … first+count−1.
  [[nodiscard]] constexpr tensor_view slice(index_t first, index_t count) const noexcept {
    std::array<index_t, Rank> sizes{};
    for (std::size_t r = 0; r < Rank; ++r) sizes[r] = extents_[r];
    sizes[0] = count;
    VMT_ASSERT(first >= 0 && count >= 0 && first + count <= extents_[0]);
    return {data_ + first * stride(0), vmt::extents<Rank>(sizes)};
  }

  /// The same elements with other sizes. Throws `shape_mismatch` if their number differs.
  template <std::size_t R>
  [[nodiscard]] constexpr tensor_view<T, R> reshaped(const vmt::extents<R>& e) const {
    if (e.size() != extents_.size()) {
      throw error(errc::shape_mismatch, "cannot view a tensor of sizes " + to_string(extents_) + " as " + to_string(e));
    }
    return {data_, e};
  }
  /// All elements in memory order.
  [[nodiscard]] constexpr tensor_view<T, 1> flat() const noexcept { return {data_, vmt::extents<1>{size()}}; }
  [[nodiscard]] constexpr std::span<T> span() const noexcept { return {data_, static_cast<std::size_t>(size())}; }

 private:
  T* data_ = nullptr;
  vmt::extents<Rank> extents_;
};

/// A view of constant elements.
template <class T, std::size_t Rank>
using const_view = tensor_view<const T, Rank>;

}  // namespace vmt::inline VMT_ABI
