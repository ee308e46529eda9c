// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/bf16_tile.hpp>
#include <vmt/backend/cpu/int8_tile.hpp>

#if VMT_CPU_X86_DISPATCH && defined(__x86_64__) && defined(__linux__)
#define VMT_CPU_AMX 1
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#define VMT_CPU_AMX 0
#endif

namespace vmt::inline VMT_ABI::detail {

/// The products that tile registers may have: bits of CPUID.
inline constexpr unsigned amx_bf16 = 1U << 22, amx_int8 = 1U << 25;

/// Whether this processor has the tile registers with these products and Linux lets this process use them (it asks).
/// The environment variable VMT_CPU_AMX=0 says no.
[[nodiscard]] inline bool request_amx([[maybe_unused]] unsigned products) noexcept {
#if VMT_CPU_AMX
  if (const char* wish = std::getenv("VMT_CPU_AMX"); wish != nullptr && *wish == '0') return false;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  const unsigned both = products | (1U << 24);  // AMX-TILE
  if ((d & both) != both) return false;
  constexpr long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

#if VMT_CPU_AMX

/// What is set in a thread before it uses tiles: all eight of 16 rows of 64 bytes.
class amx_scope {
 public:
  __attribute__((target("amx-tile"))) amx_scope() noexcept {
    struct alignas(64) {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } config;
    // GCC's macro tells the compiler of the first eight bytes only; the others would not be written.
    __asm__ volatile("" : : "r"(&config) : "memory");
    _tile_loadconfig(&config);
  }
  amx_scope(const amx_scope&) = delete;
  amx_scope& operator=(const amx_scope&) = delete;
  __attribute__((target("amx-tile"))) ~amx_scope() { _tile_release(); }
};

/// 32 pixels × 32 channels: four tiles of sums, two of input (16 pixels, a pixel's group of 64 bytes is a row), two of
/// weights (16 × 32 bits of a group, 16 channels). A run loads four tiles for four products, 32 cycles of loads for 64
/// of products. The two halves begin at pixels `first` and `second` of the row, and store from their pixels
/// `skip_first`, `skip_second` on: halves may overlap so that a row needs no narrow tiles, but each pixel is stored
/// once.
template <class Numbers>
struct amx_tile {
  static constexpr bool whole = std::is_same_v<Numbers, int8_numbers>;
  using number = typename Numbers::number;
  using weight = typename Numbers::weight;
  using sum = std::conditional_t<whole, std::int32_t, float>;

  index_t first, second;
  index_t skip_first, skip_second;
  index_t pixels;  ///< stored up to this one of the row

  // NOLINTNEXTLINE: the tile numbers are literals for the compiler's macros
  __attribute__((target("amx-tile,amx-bf16,amx-int8,avx512f,avx512bf16"))) void run(
      const narrow_tile_job<Numbers>& job) const noexcept {
    alignas(64) sum sums[4][16][16];
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    const auto row = static_cast<std::size_t>(job.step) * sizeof(number);
    constexpr std::size_t weight_row = Numbers::packed * narrow_group * sizeof(weight);
    const number* const a = job.x + first * job.step;
    const number* const b = job.x + second * job.step;
    const weight* w = job.w;
    for (index_t r = 0; r < job.runs; ++r, w += 16 * Numbers::packed * narrow_group) {
      _tile_loadd(4, a + job.offset[r], row);
      _tile_loadd(6, w, weight_row);
      _tile_loadd(7, w + 16 * Numbers::packed, weight_row);
      _tile_loadd(5, b + job.offset[r], row);
      if constexpr (whole) {
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
      } else {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
    }
    _tile_stored(0, sums[0], 64);
    _tile_stored(1, sums[1], 64);
    _tile_stored(2, sums[2], 64);
    _tile_stored(3, sums[3], 64);
    for (index_t p = skip_first; p < 16 && first + p < pixels; ++p) finish(job, sums[0][p], sums[1][p], first + p);
    for (index_t p = skip_second; p < 16 && second + p < pixels; ++p) finish(job, sums[2][p], sums[3][p], second + p);
  }

 private:
  __attribute__((target("avx512f,avx512bf16"), always_inline)) static void finish(const narrow_tile_job<Numbers>& job,
                                                                                  const sum* s0, const sum* s1,
                                                                                  index_t pixel) noexcept {
    if constexpr (whole) {
      finish_int8(job, _mm512_load_si512(s0), pixel, 0);
      finish_int8(job, _mm512_load_si512(s1), pixel, 16);
    } else {
      finish_bf16(job, _mm512_load_ps(s0), _mm512_load_ps(s1), pixel);
    }
  }
};

#endif  // VMT_CPU_AMX

}  // namespace vmt::inline VMT_ABI::detail
