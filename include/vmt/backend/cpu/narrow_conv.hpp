// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/amx_tile.hpp>
#include <vmt/backend/cpu/group_conv.hpp>

#include <optional>

namespace vmt::inline VMT_ABI {

/// What this processor has for maps of narrow numbers.
template <class Numbers>
struct narrow_kernels {
  static constexpr index_t most_pixels = 14;

  index_t pixels = 0;                                                           ///< the largest tile; 0: there is none
  void (*tile[most_pixels + 1])(const detail::narrow_tile_job<Numbers>*) = {};  ///< by pixels, 1 … `pixels`
  bool amx = false;                                                             ///< on tile registers instead
  index_t group = detail::narrow_group;                                         ///< of the maps

  [[nodiscard]] bool usable() const noexcept { return pixels > 0; }
};

namespace detail {

/// k.tile[p] = Tile<p>::run for all p up to `Pixels`.
template <class Numbers, template <int> class Tile, std::size_t... P>
void set_narrow_tiles(narrow_kernels<Numbers>& k, std::index_sequence<P...>) noexcept {
  k.pixels = sizeof...(P);
  ((k.tile[P + 1] = &Tile<static_cast<int>(P) + 1>::run), ...);
}

/// As `group_conv_job`, for maps of narrow numbers.
template <class Numbers>
struct narrow_conv_job {
  index_t runs;
  const index_t* offset;
  index_t step;
  const typename Numbers::weight* w;
  index_t images;
  const typename Numbers::number* x;
  index_t x_row, x_image;
  index_t row_numbers;
  group_map out;
  typename Numbers::number* y;
  const typename Numbers::number* residual;
  index_t residual_image;
  typename Numbers::end end;
};

/// One row of output, channels 32·part … 32·part + 31.
template <class Numbers>
void narrow_conv_row(const narrow_kernels<Numbers>& k, const narrow_conv_job<Numbers>& c, index_t line,
                     index_t part) noexcept {
  const index_t image = line / c.out.height;
  const index_t i = line % c.out.height;
  const index_t parts = c.out.group / narrow_group;
  const index_t at = c.out.at(part / parts, i, 0) + part % parts * narrow_group;
  const narrow_tile_job<Numbers> job{c.runs,
                                     c.offset,
                                     c.step,
                                     c.w + part * c.runs * k.group * narrow_group,
                                     c.x + image * c.x_image + i * c.x_row,
                                     c.y + image * c.out.size() + at,
                                     c.out.group,
                                     c.residual == nullptr ? nullptr : c.residual + image * c.residual_image + at,
                                     c.end.of_group(part)};
  const index_t width = c.out.width;
#if VMT_CPU_AMX
  if (k.amx) {
    // Tiles of 16 pixels, in pairs; the last one ends with the row.
    const auto begin = [&](index_t t) { return (std::max)((std::min)(16 * t, width - 16), index_t{0}); };
    for (index_t t = 0; t < ceil_div(width, 16); t += 2) {
      const index_t a = begin(t);
      const index_t b = begin(t + 1);  // where there is none: again the last, which then stores nothing
      amx_tile<Numbers>{a, b, 16 * t - a, 16 * (t + 1) - b, width}.run(job);
    }
    return;
  }
#endif
  const index_t pieces = ceil_div(width, k.pixels);
  for (index_t p = 0; p < pieces; ++p) {
    const index_t from = width * p / pieces;
    const index_t to = width * (p + 1) / pieces;
    narrow_tile_job<Numbers> piece = job;
    piece.x += from * c.step;
    piece.y += from * job.y_step;
    if (piece.residual != nullptr) piece.residual += from * job.y_step;
    k.tile[to - from](&piece);
  }
}

/// Threads and cache blocking as `run_group_conv`. For tile registers maps need 64 readable pixels behind their last
/// one.
template <class Numbers>
void run_narrow_conv(cpu_context& ctx, const narrow_kernels<Numbers>& k, const narrow_conv_job<Numbers>& c) {
  constexpr auto per_float = static_cast<index_t>(sizeof(float) / sizeof(typename Numbers::number));
  const index_t lines = c.images * c.out.height;
  const index_t block =
      std::clamp(per_float * row_block_numbers / (std::max)(c.row_numbers, index_t{1}), index_t{1}, lines);
  ctx.threads().run([&](int t) {
#if VMT_CPU_AMX
    std::optional<amx_scope> tiles;
    if (k.amx) tiles.emplace();
#endif
    for_each_row(t, ctx.threads().size(), lines, groups_of(c.out.channels, narrow_group), block,
                 [&](index_t line, index_t part) { narrow_conv_row(k, c, line, part); });
  });
}

}  // namespace detail
}  // namespace vmt::inline VMT_ABI
