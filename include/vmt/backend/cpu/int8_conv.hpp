// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/int8_tile.hpp>
#include <vmt/backend/cpu/narrow_conv.hpp>

#if VMT_CPU_X86_DISPATCH
#include <cpuid.h>
#endif

namespace vmt::inline VMT_ABI {

/// What this processor has for maps of u8 and weights of s8.
struct int8_kernels : narrow_kernels<detail::int8_numbers> {
  const char* name = "";
  /// y[y_step·p + c] = x[group·p + c] · per_step + zero, rounded and cut off, for c < group; a group for AVX-512 has
  /// 32.
  void (*quantise)(const float* x, index_t pixels, index_t group, float per_step, float zero, std::uint8_t* y,
                   index_t y_step) = nullptr;
};

namespace detail {

/// Whether the processor has the dot products of bytes in the encoding of AVX2.
[[nodiscard]] inline bool has_avx_vnni() noexcept {
#if VMT_CPU_X86_DISPATCH
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & (1U << 4)) != 0;
#else
  return false;
#endif
}

}  // namespace detail

/// Tile registers or AVX512-VNNI for avx512, AVX-VNNI for avx2, none where the processor lacks them: others than these
/// are slower than float. For `portable` plain loops, to compare with.
[[nodiscard]] inline int8_kernels make_int8_kernels(cpu_isa isa, [[maybe_unused]] bool tiles = true) noexcept {
  using detail::int8_numbers;
  int8_kernels k;
  k.quantise = &detail::quantise_plain;
  if (isa == cpu_isa::portable) {
    detail::set_narrow_tiles<int8_numbers, detail::int8_tile_plain>(k, std::make_index_sequence<4>());
    k.name = "int8 plain";
    return k;
  }
#if VMT_CPU_X86_DISPATCH
  __builtin_cpu_init();
  if (isa == cpu_isa::avx512 && __builtin_cpu_supports("avx512vnni") != 0) {
    detail::set_narrow_tiles<int8_numbers, detail::int8_tile_avx512>(k, std::make_index_sequence<14>());
    k.quantise = &detail::quantise_avx512;
    k.name = "int8 vnni";
    if (tiles && detail::request_amx(detail::amx_int8)) {
      k.amx = true;
      k.group = 2 * detail::narrow_group;
      k.name = "int8 tiles";
    }
  } else if (isa == cpu_isa::avx2 && detail::has_avx_vnni()) {
    detail::set_narrow_tiles<int8_numbers, detail::int8_tile_avx2>(k, std::make_index_sequence<3>());
    k.name = "int8 vnni";
  }
#endif
  return k;
}

}  // namespace vmt::inline VMT_ABI
