// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/amx_tile.hpp>
#include <vmt/backend/cpu/group_conv.hpp>

#include <optional>

namespace vmt::inline VMT_ABI {

/// What this processor has for maps of bf16.
struct bf16_kernels {
  static constexpr index_t pixels = 14;

  bool amx = false;                                             ///< tile registers
  void (*tile[pixels + 1])(const detail::bf16_tile_job*) = {};  ///< by pixels, 1 … `pixels`; none: no bf16 here

  void (*round)(const float* x, index_t n, bfloat16* y) = nullptr;  ///< n a multiple of 32

  [[nodiscard]] bool usable() const noexcept { return tile[1] != nullptr; }
};

[[nodiscard]] inline bf16_kernels make_bf16_kernels([[maybe_unused]] cpu_isa isa) noexcept {
  bf16_kernels k;
#if VMT_CPU_X86_DISPATCH
  __builtin_cpu_init();
  if (isa != cpu_isa::avx512 || __builtin_cpu_supports("avx512bf16") == 0) return k;
  [&]<std::size_t... P>(std::index_sequence<P...>) {
    ((k.tile[P + 1] = &detail::bf16_tile<static_cast<int>(P) + 1>::run), ...);
  }
  (std::make_index_sequence<bf16_kernels::pixels>());
  k.round = &detail::round_bf16;
  k.amx = detail::request_amx();
#endif
  return k;
}

namespace detail {

/// As `group_conv_job`, for maps of bf16.
struct bf16_conv_job {
  index_t runs;
  const index_t* offset;
  index_t step;
  const bfloat16* w;
  index_t images;
  const bfloat16* x;
  index_t x_row, x_image;
  index_t row_numbers;
  group_map out;
  bfloat16* y;
  const float* bias;
  const bfloat16* residual;
  index_t residual_image;
  bool relu;
};

inline void bf16_conv_row(const bf16_kernels& k, const bf16_conv_job& c, index_t line, index_t g) noexcept {
  const index_t image = line / c.out.height;
  const index_t i = line % c.out.height;
  const index_t at = c.out.at(g, i, 0);
  bf16_tile_job job{c.runs,
                    c.offset,
                    c.step,
                    c.w + g * c.runs * bf16_group * bf16_group,
                    c.x + image * c.x_image + i * c.x_row,
                    c.y + image * c.out.size() + at,
                    c.bias + g * bf16_group,
                    c.residual == nullptr ? nullptr : c.residual + image * c.residual_image + at,
                    c.relu};
  const index_t width = c.out.width;
#if VMT_CPU_AMX
  if (k.amx) {
    // Tiles of 16 pixels, in pairs; the last one ends with the row.
    const auto begin = [&](index_t t) { return (std::max)((std::min)(16 * t, width - 16), index_t{0}); };
    for (index_t t = 0; t < ceil_div(width, 16); t += 2) {
      const index_t a = begin(t);
      const index_t b = begin(t + 1);  // where there is none: again the last, which then stores nothing
      amx_tile{a, b, 16 * t - a, 16 * (t + 1) - b, width}.run(job);
    }
    return;
  }
#endif
  const index_t pieces = ceil_div(width, bf16_kernels::pixels);
  for (index_t p = 0; p < pieces; ++p) {
    const index_t from = width * p / pieces;
    const index_t to = width * (p + 1) / pieces;
    bf16_tile_job piece = job;
    piece.x += from * c.step;
    piece.y += from * bf16_group;
    if (piece.residual != nullptr) piece.residual += from * bf16_group;
    k.tile[to - from](&piece);
  }
}

/// Threads and cache blocking as `run_group_conv`. Maps need 16 readable pixels behind their last one.
inline void run_bf16_conv(cpu_context& ctx, const bf16_kernels& k, const bf16_conv_job& c) {
  const index_t groups = c.out.groups();
  const index_t lines = c.images * c.out.height;
  const index_t block = std::clamp(2 * row_block_numbers / (std::max)(c.row_numbers, index_t{1}), index_t{1}, lines);
  const index_t threads = ctx.threads().size();
  ctx.threads().run([&](int t) {
#if VMT_CPU_AMX
    std::optional<amx_scope> tiles;
    if (k.amx) tiles.emplace();
#endif
    const index_t jobs = lines * groups;
    for (index_t job = jobs * t / threads; job < jobs * (t + 1) / threads; ++job) {
      const index_t b = job / (block * groups);
      const index_t in_block = (std::min)(block, lines - b * block);
      const index_t at = job - b * block * groups;
      bf16_conv_row(k, c, b * block + at % in_block, at / in_block);
    }
  });
}

}  // namespace detail
}  // namespace vmt::inline VMT_ABI
