// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>

#include <cstdlib>  // getenv
#include <string_view>

#if (defined(__x86_64__) || defined(__i386__)) && (defined(__GNUC__) || defined(__clang__)) && !defined(__CUDACC__)
#define VMT_CPU_X86_DISPATCH 1
#else
#define VMT_CPU_X86_DISPATCH 0
#endif

namespace vmt::inline VMT_ABI {

/// The instruction sets that the CPU kernels are written for. They are chosen at run time, so users need no -march.
enum class cpu_isa {
  portable,  ///< Eigen, with whatever the compiler flags allow
  avx2,      ///< AVX2 and FMA
  avx512,    ///< AVX-512 F
};

[[nodiscard]] constexpr std::string_view name(cpu_isa isa) noexcept {
  switch (isa) {
    case cpu_isa::avx2: return "avx2";
    case cpu_isa::avx512: return "avx512";
    case cpu_isa::portable: break;
  }
  return "portable";
}

/// Whether this machine can run the kernels of `isa`.
[[nodiscard]] inline bool supported(cpu_isa isa) noexcept {
#if VMT_CPU_X86_DISPATCH
  __builtin_cpu_init();
  if (isa == cpu_isa::avx512) return __builtin_cpu_supports("avx512f") != 0;
  if (isa == cpu_isa::avx2) return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#endif
  return isa == cpu_isa::portable;
}

/// The best supported one, or the one that the environment variable VMT_CPU_ISA (portable | avx2 | avx512) asks for.
/// Throws `invalid_argument` for an unknown word, `unsupported` where this machine lacks it.
[[nodiscard]] inline cpu_isa choose_isa() {
  constexpr cpu_isa best_first[] = {cpu_isa::avx512, cpu_isa::avx2, cpu_isa::portable};
  if (const char* wish = std::getenv("VMT_CPU_ISA"); wish != nullptr && *wish != '\0') {
    for (const cpu_isa isa : best_first) {
      if (name(isa) != wish) continue;
      if (supported(isa)) return isa;
      throw error(errc::unsupported, "VMT_CPU_ISA=" + std::string(wish) + ": this processor does not have it");
    }
    throw error(errc::invalid_argument,
                "VMT_CPU_ISA=" + std::string(wish) + " is unknown; expected portable, avx2 or avx512");
  }
  for (const cpu_isa isa : best_first) {
    if (supported(isa)) return isa;
  }
  return cpu_isa::portable;
}

}  // namespace vmt::inline VMT_ABI
