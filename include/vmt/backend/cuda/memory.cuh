// SPDX-License-Identifier: MIT
#pragma once

#if !defined(__CUDACC__)
#error "<vmt/backend/cuda/memory.cuh> is for CUDA compilers"
#endif

#include <vmt/backend/cuda/check.cuh>
#include <vmt/core/index.hpp>

#include <span>
#include <utility>  // exchange, swap

namespace vmt::inline VMT_ABI {

namespace gpu {

/// Owned device memory for n numbers, zeroed, of the current device. It is taken from and given back to the driver's
/// pool in the order of the default stream, with which the stream of a context is in step: nothing waits.
template <class T>
class device_buffer {
 public:
  device_buffer() noexcept = default;
  explicit device_buffer(index_t n) : size_(n) {
    const auto bytes = static_cast<std::size_t>(checked_product(n, static_cast<index_t>(sizeof(T))));
    if (n == 0) return;
    void* there = nullptr;
    VMT_CUDA_CHECK(cudaMallocAsync(&there, bytes, cudaStreamLegacy));
    data_ = static_cast<T*>(there);
    VMT_CUDA_CHECK(cudaMemsetAsync(data_, 0, bytes, cudaStreamLegacy));
  }
  device_buffer(const device_buffer& other) : device_buffer(other.size_) {
    if (size_ == 0) return;
    VMT_CUDA_CHECK(cudaMemcpyAsync(data_, other.data_, static_cast<std::size_t>(size_) * sizeof(T),
                                   cudaMemcpyDeviceToDevice, cudaStreamLegacy));
  }
  device_buffer(device_buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  device_buffer& operator=(device_buffer other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~device_buffer() {
    if (data_ != nullptr) cudaFreeAsync(data_, cudaStreamLegacy);
  }

  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] const T* data() const noexcept { return data_; }
  [[nodiscard]] index_t size() const noexcept { return size_; }

 private:
  T* data_ = nullptr;
  index_t size_ = 0;
};

}  // namespace gpu

/// The backend of a CUDA device's memory.
struct cuda {
  template <class T>
  using buffer = gpu::device_buffer<T>;
  static constexpr bool host_accessible = false;

  /// As in `cpu`: without a context, and waiting.
  template <class T>
  static void write(T* to, const T* from, index_t n) {
    transfer(to, from, n, cudaMemcpyHostToDevice);
  }
  template <class T>
  static void read(const T* from, T* to, index_t n) {
    transfer(to, from, n, cudaMemcpyDeviceToHost);
  }
  template <class T>
  static void copy(const T* from, T* to, index_t n) {
    transfer(to, from, n, cudaMemcpyDeviceToDevice);
  }

 private:
  template <class T>
  static void transfer(T* to, const T* from, index_t n, cudaMemcpyKind kind) {
    if (n > 0) VMT_CUDA_CHECK(cudaMemcpy(to, from, static_cast<std::size_t>(n) * sizeof(T), kind));
  }
};

/// Numbers in pinned host memory, which a device copies from and to by itself while both go on working.
template <class T>
class pinned_buffer {
 public:
  pinned_buffer() noexcept = default;
  explicit pinned_buffer(index_t n) : size_(n) {
    const auto bytes = static_cast<std::size_t>(checked_product(n, static_cast<index_t>(sizeof(T))));
    if (n == 0) return;
    void* there = nullptr;
    VMT_CUDA_CHECK(cudaMallocHost(&there, bytes));
    data_ = static_cast<T*>(there);
    for (index_t i = 0; i < n; ++i) data_[i] = T{};
  }
  pinned_buffer(pinned_buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  pinned_buffer& operator=(pinned_buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~pinned_buffer() {
    if (data_ != nullptr) cudaFreeHost(data_);
  }
  [[nodiscard]] std::span<T> span() const noexcept { return {data_, static_cast<std::size_t>(size_)}; }

 private:
  T* data_ = nullptr;
  index_t size_ = 0;
};

}  // namespace vmt::inline VMT_ABI
