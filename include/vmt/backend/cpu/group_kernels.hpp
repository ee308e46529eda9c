// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/strip_kernel.hpp>
#include <vmt/backend/cpu/winograd_tile.hpp>

#include <utility>  // index_sequence

namespace vmt::inline VMT_ABI {

/// The shapes of Winograd tiles, outputs down × across.
enum class winograd_shape { f2x2, f2x4, f4x4 };

/// The kernels that work on `detail::group_map`s, compiled for one instruction set.
struct group_kernels {
  static constexpr int most_pixels = 16;
  struct winograd_kernels {
    void (*filter)(const detail::winograd_filter_job*);
    void (*input)(const detail::winograd_input_job*);
    void (*output)(const detail::winograd_output_job*);
  };

  cpu_isa isa = cpu_isa::portable;
  index_t group = 0;                                                  ///< channels of a group
  index_t pixels = 0;                                                 ///< the largest tile
  void (*tile[most_pixels + 1])(const detail::pixel_tile_job*) = {};  ///< by pixels, 1 … `pixels`
  winograd_kernels winograd[3] = {};                                  ///< by winograd_shape
  void (*aggregate)(const detail::aggregate_job*) = nullptr;
  void (*pool)(const detail::pool_row_job*) = nullptr;
};

namespace detail {

template <class On, std::size_t... P>
void set_tiles(group_kernels& k, std::index_sequence<P...>) noexcept {
  ((k.tile[P + 1] = &On::template call<pixel_tile<static_cast<int>(P) + 1>, const pixel_tile_job*>), ...);
}

template <class On, std::size_t R, std::size_t C>
[[nodiscard]] constexpr group_kernels::winograd_kernels winograd_kernels_on() noexcept {
  return {&On::template call<winograd_filter<R, C>, const winograd_filter_job*>,
          &On::template call<winograd_input<R, C>, const winograd_input_job*>,
          &On::template call<winograd_output<R, C>, const winograd_output_job*>};
}

template <class On>
[[nodiscard]] group_kernels group_kernels_on(cpu_isa isa) noexcept {
  group_kernels k;
  k.isa = isa;
  k.group = 2 * On::width;
  k.pixels = On::pixels;
  set_tiles<On>(k, std::make_index_sequence<On::pixels>());
  k.winograd[0] = winograd_kernels_on<On, 2, 2>();
  k.winograd[1] = winograd_kernels_on<On, 2, 4>();
  k.winograd[2] = winograd_kernels_on<On, 4, 4>();
  k.aggregate = &On::template call<aggregate_row, const aggregate_job*>;
  k.pool = &On::template call<pool_row, const pool_row_job*>;
  return k;
}

}  // namespace detail

[[nodiscard]] inline group_kernels make_group_kernels([[maybe_unused]] cpu_isa isa) noexcept {
#if VMT_CPU_X86_DISPATCH
  if (isa == cpu_isa::avx512) return detail::group_kernels_on<detail::on_avx512>(isa);
  if (isa == cpu_isa::avx2) return detail::group_kernels_on<detail::on_avx2>(isa);
#endif
  return detail::group_kernels_on<detail::on_portable>(cpu_isa::portable);
}

}  // namespace vmt::inline VMT_ABI
