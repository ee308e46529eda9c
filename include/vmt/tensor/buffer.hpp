// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <algorithm>  // fill_n, copy_n
#include <memory>     // unique_ptr
#include <new>        // aligned operator new
#include <type_traits>
#include <utility>  // exchange

#ifdef __linux__
#include <sys/mman.h>  // madvise
#endif

namespace vmt::inline VMT_ABI {

/// Owned host memory for n numbers, zeroed, aligned to 64 bytes (a cache line, an AVX-512 register). From two megabytes
/// on it begins with a large page and asks Linux for such pages: networks walk through more memory than the processor
/// has translations for small ones.
template <class T>
class host_buffer {
  static_assert(std::is_trivially_copyable_v<T>, "a buffer holds plain numbers");

 public:
  static constexpr std::size_t alignment = 64;

  host_buffer() noexcept = default;
  /// Allocates for n = 0, too: a null pointer that only empty buffers have would cost each user a warning of GCC's
  /// -Wnull-dereference where it loses sight of the size.
  explicit host_buffer(index_t n) : size_(n) {
    const index_t bytes = checked_product(n, static_cast<index_t>(sizeof(T)));
    data_ = allocate(static_cast<std::size_t>(bytes));
    std::fill_n(data_.get(), n, T{});
  }
  host_buffer(const host_buffer& other) : host_buffer(other.size_) { std::copy_n(other.data(), size_, data()); }
  host_buffer(host_buffer&& other) noexcept : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  host_buffer& operator=(host_buffer other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ~host_buffer() = default;

  [[nodiscard]] T* data() noexcept { return data_.get(); }
  [[nodiscard]] const T* data() const noexcept { return data_.get(); }
  [[nodiscard]] index_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t large_page = std::size_t{1} << 21;

  struct release {
    std::align_val_t aligned{alignment};
    void operator()(T* p) const noexcept { ::operator delete (p, aligned); }
  };
  using owner = std::unique_ptr<T[], release>;

  [[nodiscard]] static owner allocate(std::size_t bytes) {
    const std::align_val_t aligned{bytes < large_page ? alignment : large_page};
    void* const p = ::operator new (bytes, aligned);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    // A wish: where it is not granted, all is as without it.
    if (bytes >= large_page) static_cast<void>(::madvise(p, bytes / large_page * large_page, MADV_HUGEPAGE));
#endif
    return owner(static_cast<T*>(p), release{aligned});
  }

  owner data_;
  index_t size_ = 0;
};

/// The backend whose memory the host reads and writes. A backend is a tag that names its memory; its context type
/// (`cpu_context`) does the work.
struct cpu {
  template <class T>
  using buffer = host_buffer<T>;
  static constexpr bool host_accessible = true;

  /// n numbers of the host into memory of the backend, back, and within it. Without a context: for what is made or
  /// saved, not for each step. They wait until the numbers are there.
  template <class T>
  static void write(T* to, const T* from, index_t n) {
    std::copy_n(from, n, to);
  }
  template <class T>
  static void read(const T* from, T* to, index_t n) {
    std::copy_n(from, n, to);
  }
  template <class T>
  static void copy(const T* from, T* to, index_t n) {
    std::copy_n(from, n, to);
  }
};

}  // namespace vmt::inline VMT_ABI
