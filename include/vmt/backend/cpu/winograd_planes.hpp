// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/channel_groups.hpp>
#include <vmt/backend/cpu/winograd_tile.hpp>

namespace vmt::inline VMT_ABI {
namespace detail {

/// A run of tiles of 4×4 outputs in a row of tiles, on a plane of `height` × `width` numbers without a border: tile t
/// has its outputs at rows row … row + 3 and columns 4·(first + t) … 4·(first + t) + 3, and sees one number more
/// around.
struct plane_tiles {
  index_t height, width;
  index_t row, first, count;

  static constexpr index_t most = 64;  ///< in a run
};
/// Plane → transformed numbers, of the input or of the output's gradient: point q of tile t comes to v[q·point + t]. Up
/// to a register's width more is written.
struct plane_input_job {
  plane_tiles tiles;
  const float* x;
  float* v;
  index_t point;
};
/// Sums of point q and tile t at m[q·point + t] → plane, plus a bias. Up to a register's width more is read.
struct plane_output_job {
  plane_tiles tiles;
  const float* m;
  index_t point;
  float bias;
  float* y;
};

// Registers hold tiles, so channels need not come in groups: first the columns of a row of tiles are sorted by their
// remainder, column[r][s][t] = x(row − 1 + r, 4·(first + t) − 1 + s), then a register's tiles are transformed at once.

struct winograd_plane_input {
  static constexpr index_t pitch = plane_tiles::most + 20;

  template <int N>
  static VMT_ALWAYS_INLINE void run(const plane_input_job* job) noexcept {
    const plane_tiles& tiles = job->tiles;
    float column[6][4][pitch];
    for (index_t r = 0; r < 6; ++r) {
      const index_t h = tiles.row - 1 + r;
      if (h < 0 || h >= tiles.height) {
        std::memset(column[r], 0, sizeof column[r]);
      } else {
        sort(job->x + h * tiles.width, tiles, column[r]);
      }
    }
    using line = winograd_line<4>;
    for (index_t t = 0; t < tiles.count; t += N) {
      lanes<N> square[6][6];
      VMT_UNROLL
      for (std::size_t s = 0; s < 6; ++s) {
        lanes<N> d[6], u[6];
        VMT_UNROLL
        for (std::size_t r = 0; r < 6; ++r) load<N>(d[r], column[r][s % 4] + t + index_t(s / 4));
        line::input<N>(d, u);
        VMT_UNROLL
        for (std::size_t r = 0; r < 6; ++r) square[r][s] = u[r];
      }
      VMT_UNROLL
      for (std::size_t r = 0; r < 6; ++r) {
        lanes<N> u[6];
        line::input<N>(square[r], u);
        VMT_UNROLL
        for (std::size_t s = 0; s < 6; ++s) store<N>(u[s], job->v + index_t(6 * r + s) * job->point + t);
      }
    }
  }

 private:
  static VMT_ALWAYS_INLINE void sort(const float* x, const plane_tiles& tiles, float (&column)[4][pitch]) noexcept {
    const auto slow = [&](index_t t) {
      for (index_t s = 0; s < 4; ++s) {
        const index_t w = 4 * (tiles.first + t) - 1 + s;
        column[s][t] = w >= 0 && w < tiles.width ? x[w] : 0.0F;
      }
    };
    index_t t = 0;
    if (tiles.first == 0) slow(t++);
    // The last tile's two columns to the right are the next tile's first.
    for (; t + 4 <= tiles.count + 1 && 4 * (tiles.first + t + 4) - 2 < tiles.width; t += 4) {
      transpose_4x4(x + 4 * (tiles.first + t) - 1, 4, &column[0][t], pitch);
    }
    for (; t <= tiles.count; ++t) slow(t);
  }
};

/// A dy Aᵀ of the tiles of an output's gradient.
struct winograd_plane_gradient {
  static constexpr index_t pitch = plane_tiles::most + 20;

  template <int N>
  static VMT_ALWAYS_INLINE void run(const plane_input_job* job) noexcept {
    const plane_tiles& tiles = job->tiles;
    float column[4][4][pitch];
    for (index_t r = 0; r < 4; ++r) {
      const index_t h = tiles.row + r;
      if (h >= tiles.height) {
        std::memset(column[r], 0, sizeof column[r]);
      } else {
        sort(job->x + h * tiles.width, tiles, column[r]);
      }
    }
    using line = winograd_line<4>;
    for (index_t t = 0; t < tiles.count; t += N) {
      lanes<N> square[6][4];
      VMT_UNROLL
      for (std::size_t s = 0; s < 4; ++s) {
        lanes<N> d[4], u[6];
        VMT_UNROLL
        for (std::size_t r = 0; r < 4; ++r) load<N>(d[r], column[r][s] + t);
        line::output_gradient<N>(d, u);
        VMT_UNROLL
        for (std::size_t r = 0; r < 6; ++r) square[r][s] = u[r];
      }
      VMT_UNROLL
      for (std::size_t r = 0; r < 6; ++r) {
        lanes<N> u[6];
        line::output_gradient<N>(square[r], u);
        VMT_UNROLL
        for (std::size_t s = 0; s < 6; ++s) store<N>(u[s], job->v + index_t(6 * r + s) * job->point + t);
      }
    }
  }

 private:
  // column[s][t] = x[4·(first + t) + s], zeros to the right.
  static VMT_ALWAYS_INLINE void sort(const float* x, const plane_tiles& tiles, float (&column)[4][pitch]) noexcept {
    index_t t = 0;
    for (; t + 4 <= tiles.count && 4 * (tiles.first + t + 4) <= tiles.width; t += 4) {
      transpose_4x4(x + 4 * (tiles.first + t), 4, &column[0][t], pitch);
    }
    for (; t < tiles.count; ++t)
      for (index_t s = 0; s < 4; ++s) {
        const index_t w = 4 * (tiles.first + t) + s;
        column[s][t] = w < tiles.width ? x[w] : 0.0F;
      }
  }
};

/// Gᵀ dU G of a register of kernels: point q at du + q·point, tap t comes to dg + t·tap.
struct filter_gradient_job {
  const float* du;
  index_t point;
  float* dg;
  index_t tap;
};
struct winograd_filter_gradient {
  template <int N>
  static VMT_ALWAYS_INLINE void run(const filter_gradient_job* job) noexcept {
    using line = winograd_line<4>;
    lanes<N> half[3][6];
    VMT_UNROLL
    for (std::size_t r = 0; r < 6; ++r) {
      lanes<N> across[6], g[3];
      VMT_UNROLL
      for (std::size_t s = 0; s < 6; ++s) load<N>(across[s], job->du + index_t(6 * r + s) * job->point);
      line::filter_gradient<N>(across, g);
      VMT_UNROLL
      for (std::size_t s = 0; s < 3; ++s) half[s][r] = g[s];
    }
    VMT_UNROLL
    for (std::size_t s = 0; s < 3; ++s) {
      lanes<N> g[3];
      line::filter_gradient<N>(half[s], g);
      VMT_UNROLL
      for (std::size_t r = 0; r < 3; ++r) store<N>(g[r], job->dg + index_t(3 * r + s) * job->tap);
    }
  }
};

struct winograd_plane_output {
  template <int N>
  static VMT_ALWAYS_INLINE void run(const plane_output_job* job) noexcept {
    const plane_tiles& tiles = job->tiles;
    using line = winograd_line<4>;
    for (index_t t = 0; t < tiles.count; t += N) {
      lanes<N> square[4][6];
      VMT_UNROLL
      for (std::size_t s = 0; s < 6; ++s) {
        lanes<N> d[6], y[4];
        VMT_UNROLL
        for (std::size_t r = 0; r < 6; ++r) load<N>(d[r], job->m + index_t(6 * r + s) * job->point + t);
        line::output<N>(d, y);
        VMT_UNROLL
        for (std::size_t r = 0; r < 4; ++r) square[r][s] = y[r];
      }
      const index_t rows = tiles.height - tiles.row < 4 ? tiles.height - tiles.row : 4;
      const index_t count = tiles.count - t < N ? tiles.count - t : N;
      for (std::size_t r = 0; index_t(r) < rows; ++r) {
        lanes<N> y[4];
        line::output<N>(square[r], y);
        float sorted[4][widest];
        VMT_UNROLL
        for (std::size_t s = 0; s < 4; ++s) {
          y[s] = y[s] + job->bias;
          store<N>(y[s], sorted[s]);
        }
        write(sorted, count, 4 * (tiles.first + t), tiles.width, job->y + (tiles.row + index_t(r)) * tiles.width);
      }
    }
  }

 private:
  static constexpr index_t widest = 16;  // register

  static VMT_ALWAYS_INLINE void write(const float (&sorted)[4][widest], index_t count, index_t first, index_t width,
                                      float* row) noexcept {
    index_t t = 0;
    for (; t + 4 <= count && first + 4 * t + 16 <= width; t += 4) {
      transpose_4x4(&sorted[0][t], widest, row + first + 4 * t, 4);
    }
    for (; t < count; ++t)
      for (index_t s = 0; s < 4; ++s)
        if (first + 4 * t + s < width) row[first + 4 * t + s] = sorted[s][t];
  }
};

}  // namespace detail

/// The transforms of Winograd's F(4×4, 3×3) on planes, compiled for one instruction set.
struct plane_winograd_kernels {
  void (*input)(const detail::plane_input_job*) = nullptr;
  void (*output)(const detail::plane_output_job*) = nullptr;
  void (*gradient)(const detail::plane_input_job*) = nullptr;
  void (*filter_gradient)(const detail::filter_gradient_job*) = nullptr;
};

namespace detail {
template <class On>
[[nodiscard]] plane_winograd_kernels plane_winograd_on() noexcept {
  return {&On::template call<winograd_plane_input, const plane_input_job*>,
          &On::template call<winograd_plane_output, const plane_output_job*>,
          &On::template call<winograd_plane_gradient, const plane_input_job*>,
          &On::template call<winograd_filter_gradient, const filter_gradient_job*>};
}
}  // namespace detail

/// Those for `isa`; null for the portable path, which has direct convolutions only.
[[nodiscard]] inline plane_winograd_kernels make_plane_winograd([[maybe_unused]] cpu_isa isa) noexcept {
#if VMT_CPU_X86_DISPATCH
  if (isa == cpu_isa::avx512) return detail::plane_winograd_on<detail::on_avx512>();
  if (isa == cpu_isa::avx2) return detail::plane_winograd_on<detail::on_avx2>();
#endif
  return {};
}

}  // namespace vmt::inline VMT_ABI
