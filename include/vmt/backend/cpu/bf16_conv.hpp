// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/narrow_conv.hpp>

namespace vmt::inline VMT_ABI {

/// What this processor has for maps of bf16.
struct bf16_kernels : narrow_kernels<detail::bf16_numbers> {
  void (*round)(const float* x, index_t n, bfloat16* y) = nullptr;  ///< n a multiple of 32
};

[[nodiscard]] inline bf16_kernels make_bf16_kernels([[maybe_unused]] cpu_isa isa) noexcept {
  bf16_kernels k;
#if VMT_CPU_X86_DISPATCH
  __builtin_cpu_init();
  if (isa != cpu_isa::avx512 || __builtin_cpu_supports("avx512bf16") == 0) return k;
  detail::set_narrow_tiles<detail::bf16_numbers, detail::bf16_tile>(k, std::make_index_sequence<14>());
  k.round = &detail::round_bf16;
  k.amx = detail::request_amx(detail::amx_bf16);
#endif
  return k;
}

}  // namespace vmt::inline VMT_ABI
