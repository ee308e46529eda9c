// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/strip_kernel.hpp>
#include <vmt/backend/cpu/winograd_row.hpp>

#include <utility>  // index_sequence

namespace vmt::inline VMT_ABI {

/// The shapes of Winograd tiles, outputs down × across; the last is for convolutions with stride 2.
enum class winograd_shape { f2x2, f2x4, f4x4, f5x5, f5x5_stride2 };
inline constexpr int winograd_shapes = 5;

/// Numbers of a tile of outputs.
struct winograd_sizes {
  index_t height, width;                      ///< outputs
  index_t stride;                             ///< of the convolution
  index_t points, weights;                    ///< products and transformed taps of a channel pair
  index_t (*weight)(index_t point) noexcept;  ///< the transformed tap that a product takes
  index_t rows, row_weights;                  ///< the same of a column: rows of points, and of transformed taps
  index_t (*row_weight)(index_t row) noexcept;
};

namespace detail {

template <class Row, class Column>
[[nodiscard]] constexpr index_t winograd_weight(index_t point) noexcept {
  const auto q = static_cast<std::size_t>(point);
  return static_cast<index_t>(Row::weight(q / Column::points) * Column::weights + Column::weight(q % Column::points));
}
template <class Row>
[[nodiscard]] constexpr index_t winograd_row_weight(index_t row) noexcept {
  return static_cast<index_t>(Row::weight(static_cast<std::size_t>(row)));
}
template <class Row, class Column>
[[nodiscard]] constexpr winograd_sizes winograd_sizes_of() noexcept {
  return {Row::outputs,
          Column::outputs,
          Row::step / Row::outputs,
          Row::points * Column::points,
          Row::weights * Column::weights,
          &winograd_weight<Row, Column>,
          Row::points,
          Row::weights,
          &winograd_row_weight<Row>};
}

/// f of the lines down and across.
template <class F>
constexpr auto with_winograd_lines(winograd_shape s, F&& f) {
  using two = winograd_line<2>;
  using four = winograd_line<4>;
  using five = winograd_line<5>;
  using five_stride2 = winograd_line<5, 2>;
  switch (s) {
    case winograd_shape::f2x2: return f(two{}, two{});
    case winograd_shape::f2x4: return f(two{}, four{});
    case winograd_shape::f4x4: return f(four{}, four{});
    case winograd_shape::f5x5: return f(five{}, five{});
    case winograd_shape::f5x5_stride2: break;
  }
  return f(five_stride2{}, five_stride2{});
}

}  // namespace detail

[[nodiscard]] constexpr winograd_sizes sizes_of(winograd_shape s) noexcept {
  return detail::with_winograd_lines(s, []<class R, class C>(R, C) { return detail::winograd_sizes_of<R, C>(); });
}

/// The kernels that work on `detail::group_map`s, compiled for one instruction set.
struct group_kernels {
  static constexpr int most_pixels = 16;
  static constexpr int most_row_parts = 6;
  static constexpr int most_row_tiles = 6;
  struct winograd_kernels {
    void (*filter)(const detail::winograd_filter_job*);
    void (*input)(const detail::winograd_input_job*);
    void (*output)(const detail::winograd_output_job*);
    // Rows of products with weights that are half transformed; where registers are few, none.
    void (*half_filter)(const detail::winograd_filter_job*) = nullptr;
    int row_parts = 0;
    void (*row[most_row_parts][most_row_tiles + 1])(const detail::winograd_row_job*) = {};  ///< by part and tiles
  };

  cpu_isa isa = cpu_isa::portable;
  index_t group = 0;                                                  ///< channels of a group
  index_t pixels = 0;                                                 ///< the largest tile
  void (*tile[most_pixels + 1])(const detail::pixel_tile_job*) = {};  ///< by pixels, 1 … `pixels`
  winograd_kernels winograd[winograd_shapes] = {};                    ///< by winograd_shape
  void (*aggregate)(const detail::aggregate_job*) = nullptr;
  void (*pool)(const detail::pool_row_job*) = nullptr;
};

namespace detail {

template <class On, std::size_t... P>
void set_tiles(group_kernels& k, std::index_sequence<P...>) noexcept {
  ((k.tile[P + 1] = &On::template call<pixel_tile<static_cast<int>(P) + 1>, const pixel_tile_job*>), ...);
}

template <class On, class Column, std::size_t Part, std::size_t... T>
void set_row_part(group_kernels::winograd_kernels& k, std::index_sequence<T...>) noexcept {
  constexpr auto begins = winograd_row_parts<Column>;
  ((k.row[Part][T + 1] =
        &On::template call<winograd_row<Column, begins[Part], begins[Part + 1], T + 1>, const winograd_row_job*>),
   ...);
}
template <class On, class Row, class Column, std::size_t... Part>
void set_rows(group_kernels::winograd_kernels& k, std::index_sequence<Part...>) noexcept {
  k.half_filter = &On::template call<winograd_half_filter<Row>, const winograd_filter_job*>;
  k.row_parts = sizeof...(Part);
  (set_row_part<On, Column, Part>(k, std::make_index_sequence<group_kernels::most_row_tiles>()), ...);
}
template <class On, class Row, class Column>
[[nodiscard]] group_kernels::winograd_kernels winograd_kernels_on() noexcept {
  group_kernels::winograd_kernels k{&On::template call<winograd_filter<Row, Column>, const winograd_filter_job*>,
                                    &On::template call<winograd_input<Row, Column>, const winograd_input_job*>,
                                    &On::template call<winograd_output<Row, Column>, const winograd_output_job*>};
  if constexpr (On::pixels >= 2 * group_kernels::most_row_tiles && winograd_row_parts<Column>.size() > 0) {
    set_rows<On, Row, Column>(k, std::make_index_sequence<winograd_row_parts<Column>.size() - 1>());
  }
  return k;
}

template <class On>
[[nodiscard]] group_kernels group_kernels_on(cpu_isa isa) noexcept {
  group_kernels k;
  k.isa = isa;
  k.group = 2 * On::width;
  k.pixels = On::pixels;
  set_tiles<On>(k, std::make_index_sequence<On::pixels>());
  for (int shape = 0; shape < winograd_shapes; ++shape)
    k.winograd[shape] = with_winograd_lines(static_cast<winograd_shape>(shape),
                                            []<class R, class C>(R, C) { return winograd_kernels_on<On, R, C>(); });
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
