// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/buffer.hpp>
#include <vmt/tensor/tensor_view.hpp>

#include <concepts>

namespace vmt::inline VMT_ABI {

/// An owning, zero-initialised, row-major tensor in the memory of `Backend`. Copies are deep; it converts to the views
/// that every operation takes.
template <class T, std::size_t Rank, class Backend>
class tensor {
 public:
  using value_type = T;
  using backend = Backend;

  tensor() = default;
  template <std::same_as<vmt::extents<Rank>> E>
  explicit tensor(const E& e) : buffer_(checked_size(e)), extents_(e) {}
  template <class... I>
    requires(sizeof...(I) == Rank && (std::is_convertible_v<I, index_t> && ...))
  explicit tensor(I... sizes) : tensor(vmt::extents<Rank>{sizes...}) {}

  [[nodiscard]] static constexpr std::size_t rank() noexcept { return Rank; }
  [[nodiscard]] const vmt::extents<Rank>& extents() const noexcept { return extents_; }
  [[nodiscard]] index_t extent(std::size_t r) const noexcept { return extents_[r]; }
  [[nodiscard]] index_t size() const noexcept { return buffer_.size(); }

  [[nodiscard]] tensor_view<T, Rank> view() noexcept { return {buffer_.data(), extents_}; }
  [[nodiscard]] const_view<T, Rank> view() const noexcept { return {buffer_.data(), extents_}; }
  operator tensor_view<T, Rank>() noexcept { return view(); }              // NOLINT(google-explicit-constructor)
  operator tensor_view<const T, Rank>() const noexcept { return view(); }  // NOLINT(google-explicit-constructor)

  [[nodiscard]] T* data_handle() noexcept { return buffer_.data(); }
  [[nodiscard]] const T* data_handle() const noexcept { return buffer_.data(); }
  [[nodiscard]] std::span<T> span() noexcept { return view().span(); }
  [[nodiscard]] std::span<const T> span() const noexcept { return view().span(); }

  template <class... I>
  [[nodiscard]] T& operator()(I... indices) noexcept {
    return view()(indices...);
  }
  template <class... I>
  [[nodiscard]] const T& operator()(I... indices) const noexcept {
    return view()(indices...);
  }
  [[nodiscard]] auto operator[](index_t i) noexcept { return view()[i]; }
  [[nodiscard]] auto operator[](index_t i) const noexcept { return view()[i]; }

  /// Sets the sizes; keeps the memory when the number of elements stays the same, else starts anew with zeros.
  void resize(const vmt::extents<Rank>& e) {
    if (const index_t n = checked_size(e); n != buffer_.size()) {
      buffer_ = typename Backend::template buffer<T>(n);
    }
    extents_ = e;
  }

 private:
  static index_t checked_size(const vmt::extents<Rank>& e) {
    index_t n = 1;
    for (std::size_t r = 0; r < Rank; ++r) n = checked_product(n, e[r]);
    return n;
  }
  typename Backend::template buffer<T> buffer_;
  vmt::extents<Rank> extents_;
};

/// to[i] = f(i), computed on the host, for memory of any backend.
template <class Backend, class T, class F>
void write_each(tensor_view<T, 1> to, F f) {
  if constexpr (Backend::host_accessible) {
    for (index_t i = 0; i < to.size(); ++i) to(i) = f(i);
  } else {
    host_buffer<T> numbers(to.size());
    for (index_t i = 0; i < to.size(); ++i) numbers.data()[i] = f(i);
    Backend::write(to.data_handle(), numbers.data(), to.size());
  }
}

/// A tensor in host memory.
template <class T, std::size_t Rank>
using cpu_tensor = tensor<T, Rank, cpu>;

}  // namespace vmt::inline VMT_ABI
