// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/lanes.hpp>

namespace vmt::inline VMT_ABI::detail {

/// What happens to a sum before it is stored: act(sum + bias + residual).
struct tile_end {
  const float* bias = nullptr;      ///< one group, or null
  const float* residual = nullptr;  ///< as the output, or null
  bool relu = false;
};

/// Sums for P consecutive pixels of one group of output channels (2·N of them):
///   y[p·2N + k] = act(Σ_r Σ_c x[offset[r] + c + p·step] · w[(r·run + c)·2N + k] + bias[k] + residual[p·2N + k]),
/// r < runs, c < run, in this order. A run is what lies side by side in the input for one pixel: the channels of a
/// group for a convolution over a `group_map` (step: group · stride), a row of taps for one over a plain picture (step:
/// stride), a group of a Winograd-transformed tile.
struct pixel_tile_job {
  index_t runs;
  const index_t* offset;
  index_t run;
  index_t step;
  const float* w;
  const float* x;
  float* y;
  tile_end end;
};

/// The inner loop of every fast convolution. P pixels × 2 registers of channels are 2·P sums; a round loads two
/// registers of weights and one broadcast number per pixel, and does 2·P multiply-adds: with P = 14 (AVX-512) 16 loads
/// for 28 of them, where a core can do as many loads as multiply-adds. The weights are one stream that comes from the
/// first or second cache, 8·N bytes in P or more cycles; the input is read from the first cache.
template <int P>
struct pixel_tile {
  static_assert(P >= 1 && P <= 16);
  static constexpr std::size_t pixels = P;

  template <int N>
  static VMT_ALWAYS_INLINE void run(const pixel_tile_job* job) noexcept {
    lanes<N> sum[pixels][2];
    VMT_UNROLL
    for (int p = 0; p < P; ++p) sum[p][0] = sum[p][1] = lanes<N>{};
    // Pixel p lies p·step further: an odd multiple, kept in a register, times a power of two, which is addressing.
    const index_t step = job->step * static_cast<index_t>(sizeof(float));
    const float* w = job->w;
    for (index_t r = 0; r < job->runs; ++r) {
      const char* x = reinterpret_cast<const char*>(job->x + job->offset[r]);
      for (index_t c = 0; c < job->run; ++c, x += sizeof(float), w += 2 * N) {
        lanes<N> w0, w1;
        load<N>(w0, w);
        load<N>(w1, w + N);
        VMT_UNROLL
        for (int p = 0; p < P; ++p) {
          float number;
          std::memcpy(&number, x + p * step, sizeof number);
          sum[p][0] += w0 * number;
          sum[p][1] += w1 * number;
        }
      }
    }
    finish<N>(job->end, sum, job->y);
  }

 private:
  template <int N>
  static VMT_ALWAYS_INLINE void finish(const tile_end& end, lanes<N> (&sum)[pixels][2], float* y) noexcept {
    if (end.bias != nullptr) {
      lanes<N> b0, b1;
      load<N>(b0, end.bias);
      load<N>(b1, end.bias + N);
      VMT_UNROLL
      for (int p = 0; p < P; ++p) {
        sum[p][0] += b0;
        sum[p][1] += b1;
      }
    }
    if (end.residual != nullptr) {
      VMT_UNROLL
      for (int p = 0; p < P; ++p) {
        lanes<N> r0, r1;
        load<N>(r0, end.residual + p * 2 * N);
        load<N>(r1, end.residual + p * 2 * N + N);
        sum[p][0] += r0;
        sum[p][1] += r1;
      }
    }
    if (end.relu) {
      VMT_UNROLL
      for (int p = 0; p < P; ++p) {
        relu_lanes<N>(sum[p][0]);
        relu_lanes<N>(sum[p][1]);
      }
    }
    VMT_UNROLL
    for (int p = 0; p < P; ++p) {
      store<N>(sum[p][0], y + p * 2 * N);
      store<N>(sum[p][1], y + p * 2 * N + N);
    }
  }
};

}  // namespace vmt::inline VMT_ABI::detail
