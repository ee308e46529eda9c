// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

namespace vmt::inline VMT_ABI::gpu {

/// Sees what a kernel body reads and writes when it runs on the host. On a device nobody looks.
class access_log {
 public:
  virtual ~access_log() = default;
  virtual void read(const void* address, index_t i, index_t size) = 0;
  virtual void write(const void* address, index_t i, index_t size) = 0;
  /// What runs from now on is the given thread of the given block.
  virtual void enter(index_t block, int thread) = 0;
};

/// Numbers in device memory as a kernel body sees them: a pointer that knows its length. Bodies read by `operator[]`
/// and write by `set`, so that the host can check every access; on a device both are the bare access. `log` is null
/// but in checks. Indices are `int`, which devices compute with fastest; longer spans are refused where they are made.
template <class T>
struct device_span {
  T* data = nullptr;
  index_t size = 0;
  access_log* log = nullptr;

  [[nodiscard]] VMT_HOST_DEVICE bool present() const noexcept { return data != nullptr; }
  [[nodiscard]] VMT_HOST_DEVICE T operator[](int i) const {
#if !defined(__CUDA_ARCH__)
    if (log != nullptr) log->read(data + i, i, size);
#endif
    return data[i];
  }
  VMT_HOST_DEVICE void set(int i, T value) const {
#if !defined(__CUDA_ARCH__)
    if (log != nullptr) log->write(data + i, i, size);
#endif
    data[i] = value;
  }
};

/// The same for reading only.
template <class T>
struct input_span {
  const T* data = nullptr;
  index_t size = 0;
  access_log* log = nullptr;

  [[nodiscard]] VMT_HOST_DEVICE bool present() const noexcept { return data != nullptr; }
  [[nodiscard]] VMT_HOST_DEVICE T operator[](int i) const {
#if !defined(__CUDA_ARCH__)
    if (log != nullptr) log->read(data + i, i, size);
#endif
    return data[i];
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
