// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bf16.hpp>
#include <vmt/core/index.hpp>

#include <cstddef>  // size_t

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
/// Where T only keeps numbers, bodies see the numbers, and `kept` gives what is there.
template <class T>
struct device_span {
  T* data = nullptr;
  index_t size = 0;
  access_log* log = nullptr;

  [[nodiscard]] VMT_HOST_DEVICE bool present() const noexcept { return data != nullptr; }
  [[nodiscard]] VMT_HOST_DEVICE number_of<T> operator[](int i) const {
#if !defined(__CUDA_ARCH__)
    if (log != nullptr) log->read(data + i, i, size);
#endif
    return from_kept(data[i]);
  }
  VMT_HOST_DEVICE void set(int i, number_of<T> value) const {
#if !defined(__CUDA_ARCH__)
    if (log != nullptr) log->write(data + i, i, size);
#endif
    data[i] = to_kept<T>(value);
  }
};

/// Four numbers that one instruction moves.
template <class T>
struct alignas(4 * sizeof(T)) four {
  T at[4];
};
/// \param p  aligned as `four` is
template <class T>
[[nodiscard]] VMT_HOST_DEVICE four<T> load_four(const T* p) noexcept {
#if defined(__CUDA_ARCH__)
  return *reinterpret_cast<const four<T>*>(p);
#else
  return {{p[0], p[1], p[2], p[3]}};
#endif
}
template <class T>
VMT_HOST_DEVICE void store_four(T* p, const four<T>& v) noexcept {
#if defined(__CUDA_ARCH__)
  *reinterpret_cast<four<T>*>(p) = v;
#else
  for (int i = 0; i < 4; ++i) p[i] = v.at[i];
#endif
}

/// The same for reading only.
template <class T>
struct input_span {
  const T* data = nullptr;
  index_t size = 0;
  access_log* log = nullptr;

  [[nodiscard]] VMT_HOST_DEVICE bool present() const noexcept { return data != nullptr; }
  [[nodiscard]] VMT_HOST_DEVICE number_of<T> operator[](int i) const { return from_kept(kept(i)); }
  [[nodiscard]] VMT_HOST_DEVICE T kept(int i) const {
#if !defined(__CUDA_ARCH__)
    if (log != nullptr) log->read(data + i, i, size);
#endif
    return data[i];
  }
  /// Number first + j·distance, j ≥ 0, as it is kept; written so that `first` is turned into an address once for
  /// many j.
  [[nodiscard]] VMT_HOST_DEVICE T strided(int first, int distance, int j) const {
#if !defined(__CUDA_ARCH__)
    return kept(first + distance * j);
#else
    const char* const begin = reinterpret_cast<const char*>(data + first);
    const unsigned bytes = static_cast<unsigned>(distance) * static_cast<unsigned>(sizeof(T));  // of < 2³⁰ numbers
    return *reinterpret_cast<const T*>(begin + static_cast<unsigned long long>(bytes) * static_cast<unsigned>(j));
#endif
  }
  /// Numbers i … i + 3; i is a multiple of 4, the data aligned.
  [[nodiscard]] VMT_HOST_DEVICE four<T> four_at(int i) const {
#if !defined(__CUDA_ARCH__)
    for (int k = 0; log != nullptr && k < 4; ++k) log->read(data + i + k, i + k, size);
#endif
    return load_four(data + i);
  }
  /// Numbers i … i + 7 of 16 bits each as four words, the first one lowest; i is a multiple of 8, the data aligned.
  [[nodiscard]] VMT_HOST_DEVICE four<std::uint32_t> words_at(int i) const {
    static_assert(sizeof(T) == 2);
#if !defined(__CUDA_ARCH__)
    for (int k = 0; log != nullptr && k < 8; ++k) log->read(data + i + k, i + k, size);
    four<std::uint32_t> words;
    std::memcpy(&words, data + i, sizeof words);
    return words;
#else
    return load_four(reinterpret_cast<const std::uint32_t*>(data + i));
#endif
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
