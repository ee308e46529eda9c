// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/isa.hpp>
#include <vmt/core/index.hpp>

#include <cstdint>  // uintptr_t
#include <cstring>  // memcpy

// GCC at -O2 leaves short loops over register arrays rolled, with the registers in memory.
#if !defined(VMT_UNROLL)
#if defined(__clang__)
#define VMT_UNROLL _Pragma("unroll")
#elif defined(__GNUC__) && !defined(__CUDACC__)
#define VMT_UNROLL _Pragma("GCC unroll 16")
#else
#define VMT_UNROLL
#endif
#endif

#if defined(__GNUC__)
#define VMT_ALWAYS_INLINE __attribute__((always_inline)) inline
#else
#define VMT_ALWAYS_INLINE inline
#endif

namespace vmt::inline VMT_ABI::detail {

// A kernel is written once, on runs of N floats that the compiler keeps in one register, and compiled for each
// instruction set: `on_avx512::call<Kernel>` is Kernel::run<16> inlined into a function that may use AVX-512. So a
// plain build without flags holds all of them, and NEON is the portable one compiled for another machine. Kernels and
// all that they call must be VMT_ALWAYS_INLINE, and must not pass or return `lanes` by value (the calling convention of
// wide vectors depends on the instruction set).

#if defined(__GNUC__) && !defined(__CUDACC__)
template <int N>
struct lanes_of {
  typedef float type __attribute__((vector_size(N * sizeof(float))));
};
/// N floats: + − · with each other and with a float, comparison, `mask ? a : b`.
template <int N>
using lanes = typename lanes_of<N>::type;

/// v = max(v, 0), and NaN stays NaN.
template <int N>
VMT_ALWAYS_INLINE void relu_lanes(lanes<N>& v) noexcept {
  v = v < lanes<N>{} ? lanes<N>{} : v;
}
/// v = max(v, w).
template <int N>
VMT_ALWAYS_INLINE void raise_lanes(lanes<N>& v, const lanes<N>& w) noexcept {
  v = v < w ? w : v;
}
#else
template <int N>
struct lanes {
  float v[N];

  friend lanes operator+(lanes a, const lanes& b) noexcept {
    for (int i = 0; i < N; ++i) a.v[i] += b.v[i];
    return a;
  }
  friend lanes operator-(lanes a, const lanes& b) noexcept {
    for (int i = 0; i < N; ++i) a.v[i] -= b.v[i];
    return a;
  }
  friend lanes operator*(lanes a, const lanes& b) noexcept {
    for (int i = 0; i < N; ++i) a.v[i] *= b.v[i];
    return a;
  }
  friend lanes operator*(lanes a, float b) noexcept {
    for (int i = 0; i < N; ++i) a.v[i] *= b;
    return a;
  }
  friend lanes operator*(float b, const lanes& a) noexcept { return a * b; }
  lanes& operator+=(const lanes& b) noexcept { return *this = *this + b; }
};
template <int N>
VMT_ALWAYS_INLINE void relu_lanes(lanes<N>& v) noexcept {
  for (int i = 0; i < N; ++i) v.v[i] = v.v[i] < 0.0F ? 0.0F : v.v[i];
}
template <int N>
VMT_ALWAYS_INLINE void raise_lanes(lanes<N>& v, const lanes<N>& w) noexcept {
  for (int i = 0; i < N; ++i) v.v[i] = v.v[i] < w.v[i] ? w.v[i] : v.v[i];
}
#endif

template <int N>
VMT_ALWAYS_INLINE void load(lanes<N>& v, const float* p) noexcept {
  std::memcpy(&v, p, sizeof v);
}
template <int N>
VMT_ALWAYS_INLINE void store(const lanes<N>& v, float* p) noexcept {
  std::memcpy(p, &v, sizeof v);
}

inline constexpr index_t cache_line = 64;  ///< bytes

/// Asks for the cache line that lies so many bytes behind p, into the first cache (`Near`) or the second. There need be
/// nothing.
template <bool Near = false>
VMT_ALWAYS_INLINE void prefetch([[maybe_unused]] const void* p, [[maybe_unused]] index_t bytes) noexcept {
#if defined(__GNUC__)
  const auto address = reinterpret_cast<std::uintptr_t>(p) + static_cast<std::uintptr_t>(bytes);
  __builtin_prefetch(reinterpret_cast<const void*>(address), 0, Near ? 3 : 2);
#endif
}

/// Keeps the compiler from computing p anew from others: that takes registers, where a constant distance takes none.
VMT_ALWAYS_INLINE void keep_in_register([[maybe_unused]] const float*& p) noexcept {
#if defined(__GNUC__) && !defined(__CUDACC__)
  __asm__("" : "+r"(p));
#endif
}

/// The instruction sets as places to compile a kernel for: `width` floats in a register, `pixels` the largest tile of
/// `pixel_tile` whose 2·pixels sums, two weights and one number of the input fit the registers.
struct on_portable {
  static constexpr int width = 4;
  static constexpr int pixels = 6;  // of 16 registers, one for the product where there is no multiply-add
  template <class Kernel, class... Arguments>
  static void call(Arguments... arguments) {
    Kernel::template run<width>(arguments...);
  }
};

#if VMT_CPU_X86_DISPATCH
struct on_avx2 {
  static constexpr int width = 8;
  static constexpr int pixels = 6;
  template <class Kernel, class... Arguments>
  __attribute__((target("avx2,fma"))) static void call(Arguments... arguments) {
    Kernel::template run<width>(arguments...);
  }
};
struct on_avx512 {
  static constexpr int width = 16;
  static constexpr int pixels = 14;
  template <class Kernel, class... Arguments>
  __attribute__((target("avx512f"))) static void call(Arguments... arguments) {
    Kernel::template run<width>(arguments...);
  }
};
#endif

}  // namespace vmt::inline VMT_ABI::detail
