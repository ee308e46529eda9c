// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/winograd_tile.hpp>

#include <array>

namespace vmt::inline VMT_ABI::detail {

/// Sums of products for one row of the points of T tiles, for one group of output channels:
///   m[s] (+)= Σ_r Σ_c U[s](r, c) · v[s](offset[r] + c),   r < runs, c < run, in this order,
/// where the weights U of a row are still the three columns of taps that `winograd_half_filter` has made, and become
/// those of its points in the registers.
struct winograd_row_job {
  index_t runs;
  const index_t* offset;
  index_t run;
  const float* u;  ///< column s of channel c of run r at u + s·column + (r·run + c)·2N
  index_t column;
  const float* v;  ///< tile t of point s at v + s·v_point + t·2N
  index_t v_point;
  float* m;  ///< likewise
  index_t m_point;
  bool add;
  /// What will be needed later, asked for from byte `later_first` on, so many bytes with each channel: all at once, the
  /// requests would wait for each other, and the products for them.
  const void* later;
  index_t later_first, later_bytes;
};

/// The parts of a row: part i has points begins[i] … begins[i + 1] − 1, no more than fit the registers, pairs together.
template <class Line>
inline constexpr std::array<std::size_t, 0> winograd_row_parts{};
template <>
inline constexpr std::array<std::size_t, 5> winograd_row_parts<winograd_line<5>>{0, 2, 4, 6, 7};
template <>
inline constexpr std::array<std::size_t, 7> winograd_row_parts<winograd_line<5, 2>>{0, 1, 3, 5, 7, 9, 11};

/// Rows of the transform of the weights alone, G g: as `winograd_filter`, but the three columns of row r come to
/// u + (3·r + s)·point.
template <class Row>
struct winograd_half_filter {
  template <int N>
  static VMT_ALWAYS_INLINE void run(const winograd_filter_job* job) noexcept {
    constexpr std::size_t rows = Row::weights;
    constexpr index_t group = 2 * N;
    for (index_t i = job->first; i < job->last; ++i) {
      const float* const g = job->g + i * N;
      float* const u = job->u + i * N;
      VMT_UNROLL
      for (std::size_t s = 0; s < 3; ++s) {
        lanes<N> t[rows];
        filter_column<Row, N>(g + index_t(s) * group * group, t);
        VMT_UNROLL
        for (std::size_t r = 0; r < rows; ++r) store<N>(t[r], u + index_t(3 * r + s) * job->point);
      }
    }
  }
};

/// Points First … Last−1 of the row for T tiles: 2·(Last − First)·T sums, twice as many registers of weights as points
/// and one broadcast number have to fit the registers. For few tiles: a register of weights costs one or two sums here,
/// but five cycles if it is made beforehand and goes through the second cache.
template <class Column, std::size_t First, std::size_t Last, std::size_t T>
struct winograd_row {
  static constexpr std::size_t points = Last - First;

  template <int N>
  static VMT_ALWAYS_INLINE void run(const winograd_row_job* job) noexcept {
    lanes<N> sum[points][T][2];
    float* const m = job->m + index_t{First} * job->m_point;
    VMT_UNROLL
    for (std::size_t q = 0; q < points; ++q) {
      VMT_UNROLL
      for (std::size_t t = 0; t < T; ++t) sum[q][t][0] = sum[q][t][1] = lanes<N>{};
    }
    const float* u = job->u;
    index_t later = job->later_first;
    for (index_t r = 0; r < job->runs; ++r) {
      const float* v[points];
      VMT_UNROLL
      for (std::size_t q = 0; q < points; ++q) v[q] = job->v + job->offset[r] + index_t(First + q) * job->v_point;
      for (index_t c = 0; c < job->run; ++c, u += 2 * N, later += job->later_bytes) {
        prefetch(job->later, later);
        lanes<N> w[2][Column::weights];
        VMT_UNROLL
        for (int half = 0; half < 2; ++half) {
          lanes<N> g[3];
          VMT_UNROLL
          for (std::size_t s = 0; s < 3; ++s) load<N>(g[s], u + index_t(s) * job->column + half * N);
          Column::template filter<N>(g, w[half]);
        }
        VMT_UNROLL
        for (std::size_t q = 0; q < points; ++q) {
          VMT_UNROLL
          for (std::size_t t = 0; t < T; ++t) {
            const float number = v[q][t * 2 * N];
            sum[q][t][0] += w[0][Column::weight(First + q)] * number;
            sum[q][t][1] += w[1][Column::weight(First + q)] * number;
          }
          ++v[q];
          keep_in_register(v[q]);
        }
      }
    }
    VMT_UNROLL
    for (std::size_t q = 0; q < points; ++q) {
      VMT_UNROLL
      for (std::size_t t = 0; t < T; ++t) {
        VMT_UNROLL
        for (int half = 0; half < 2; ++half) {
          float* const to = m + index_t(q) * job->m_point + index_t(t) * 2 * N + half * N;
          if (job->add) {
            lanes<N> before;
            load<N>(before, to);
            sum[q][t][half] += before;
          }
          store<N>(sum[q][t][half], to);
        }
      }
    }
  }
};

}  // namespace vmt::inline VMT_ABI::detail
