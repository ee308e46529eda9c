// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Version, ABI tag and the few macros of the library. Every other header includes this one.
///
/// User switches (set before the first include, equal in every translation unit):
///   VMT_ENABLE_ASSERTS  1: check programming errors in inner loops; default: on unless NDEBUG.

#define VMT_VERSION_MAJOR 0
#define VMT_VERSION_MINOR 1
#define VMT_VERSION_PATCH 0
#define VMT_VERSION_STRING "0.1.0"

#if defined(__cplusplus) && __cplusplus < 202002L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 202002L)
#error "vmt needs C++20: compile with -std=c++20 (MSVC: /std:c++20)"
#endif

#if !defined(VMT_ENABLE_ASSERTS)
#if defined(NDEBUG)
#define VMT_ENABLE_ASSERTS 0
#else
#define VMT_ENABLE_ASSERTS 1
#endif
#endif

// The inline namespace carries what changes the code of inline functions: version, instruction set flags and asserts.
// Two objects that were compiled differently then keep their own functions instead of silently sharing one copy.
#if defined(__AVX512F__)
#define VMT_DETAIL_ISA avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define VMT_DETAIL_ISA avx2fma
#elif defined(__AVX__)
#define VMT_DETAIL_ISA avx
#else
#define VMT_DETAIL_ISA base
#endif
#if VMT_ENABLE_ASSERTS
#define VMT_DETAIL_CHECKS checked
#else
#define VMT_DETAIL_CHECKS fast
#endif
#define VMT_DETAIL_PASTE4(a, b, c, d) a##b##_##c##_##d
#define VMT_DETAIL_TAG(a, b, c, d) VMT_DETAIL_PASTE4(a, b, c, d)
/// The inline namespace of everything: `namespace vmt::inline VMT_ABI::midi { … }`.
#define VMT_ABI VMT_DETAIL_TAG(v0_, VMT_VERSION_MINOR, VMT_DETAIL_ISA, VMT_DETAIL_CHECKS)

#if defined(__CUDACC__)
#define VMT_HOST_DEVICE __host__ __device__
#else
#define VMT_HOST_DEVICE
#endif

#if VMT_ENABLE_ASSERTS
#include <cstdlib>  // abort
/// A programming error in a hot loop; input data is never asserted, it throws `vmt::error`.
#define VMT_ASSERT(condition) ((condition) ? static_cast<void>(0) : std::abort())
#else
#define VMT_ASSERT(condition) static_cast<void>(0)
#endif
