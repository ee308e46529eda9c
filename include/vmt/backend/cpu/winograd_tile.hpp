// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/pixel_tile.hpp>

namespace vmt::inline VMT_ABI::detail {

/// Winograd's minimal filtering F(M, 3): M outputs of a correlation with 3 taps by M + 2 products instead of 3·M,
///   y = Aᵀ ((G g) ⊙ (Bᵀ d)),   d: M + 2 inputs,
/// by evaluating polynomials at M + 1 points and at infinity (Lavin and Gray 2016, "Fast algorithms for convolutional
/// neural networks"). Row of point p: Bᵀ has the coefficients of Π_{q≠p} (x − q), G has (1, p, p²) / Π_{q≠p} (p − q),
/// Aᵀ the powers of p.
template <std::size_t M>
struct winograd_line;

/// Points 0, ±1: sums and differences only.
template <>
struct winograd_line<2> {
  static constexpr std::size_t points = 4;

  template <int N>
  static VMT_ALWAYS_INLINE void input(const lanes<N> (&d)[4], lanes<N> (&t)[4]) noexcept {
    t[0] = d[2] - d[0];
    t[1] = d[2] + d[1];
    t[2] = d[2] - d[1];
    t[3] = d[3] - d[1];
  }
  template <int N>
  static VMT_ALWAYS_INLINE void output(const lanes<N> (&m)[4], lanes<N> (&y)[2]) noexcept {
    y[0] = m[0] + (m[1] + m[2]);
    y[1] = m[3] + (m[1] - m[2]);
  }
  template <int N>
  static VMT_ALWAYS_INLINE void filter(const lanes<N> (&g)[3], lanes<N> (&u)[4]) noexcept {
    const lanes<N> even = (g[0] + g[2]) * 0.5F;
    const lanes<N> odd = g[1] * 0.5F;
    u[0] = g[0] * -1.0F;
    u[1] = even + odd;
    u[2] = even - odd;
    u[3] = g[2];
  }
};

/// Points 0, ±√½, ±√2: their products are 1, so the transforms neither blow up nor wipe out digits; the error of a
/// layer is about half of that with the usual 0, ±1, ±2.
template <>
struct winograd_line<4> {
  static constexpr std::size_t points = 6;
  static constexpr double a = 0.70710678118654752440;
  static constexpr double b = 1.41421356237309504880;

  template <int N>
  static VMT_ALWAYS_INLINE void input(const lanes<N> (&d)[6], lanes<N> (&t)[6]) noexcept {
    constexpr float fa = static_cast<float>(a);
    constexpr float fb = static_cast<float>(b);
    t[0] = (d[0] + d[4]) - d[2] * 2.5F;
    t[5] = (d[1] + d[5]) - d[3] * 2.5F;
    const lanes<N> even_a = d[4] - d[2] * 2.0F;
    const lanes<N> odd_a = d[3] * fa - d[1] * fb;
    t[1] = even_a + odd_a;
    t[2] = even_a - odd_a;
    const lanes<N> even_b = d[4] - d[2] * 0.5F;
    const lanes<N> odd_b = d[3] * fb - d[1] * fa;
    t[3] = even_b + odd_b;
    t[4] = even_b - odd_b;
  }
  template <int N>
  static VMT_ALWAYS_INLINE void output(const lanes<N> (&m)[6], lanes<N> (&y)[4]) noexcept {
    constexpr float fa = static_cast<float>(a);
    constexpr float fb = static_cast<float>(b);
    const lanes<N> even_a = m[1] + m[2];
    const lanes<N> odd_a = (m[1] - m[2]) * fa;
    const lanes<N> even_b = m[3] + m[4];
    const lanes<N> odd_b = (m[3] - m[4]) * fb;
    y[0] = m[0] + (even_a + even_b);
    y[1] = odd_a + odd_b;
    y[2] = even_a * 0.5F + even_b * 2.0F;
    y[3] = m[5] + (odd_a * 0.5F + odd_b * 2.0F);
  }
  template <int N>
  static VMT_ALWAYS_INLINE void filter(const lanes<N> (&g)[3], lanes<N> (&u)[6]) noexcept {
    constexpr float third = static_cast<float>(1.0 / 3.0);
    const lanes<N> even_a = g[0] * (-2.0F * third) - g[2] * third;
    const lanes<N> odd_a = g[1] * static_cast<float>(-a / 1.5);
    const lanes<N> even_b = g[0] * (0.5F * third) + g[2] * third;
    const lanes<N> odd_b = g[1] * static_cast<float>(b / 6.0);
    u[0] = g[0];
    u[1] = even_a + odd_a;
    u[2] = even_a - odd_a;
    u[3] = even_b + odd_b;
    u[4] = even_b - odd_b;
    u[5] = g[2];
  }
};

/// A row of tiles of one group of channels, from a map into the transformed numbers: those of tile t and point q come
/// to v + q·point + t·2N.
struct winograd_input_job {
  const float* x;  ///< the first tile's first input pixel
  index_t row;     ///< numbers from an input row to the next
  float* v;
  index_t point;
  index_t tiles;
};

/// The way back: sums over channels of tile t, point q at m + q·point + t·2N → pixels. Only `height` rows and `width`
/// columns of outputs, counted from the first tile, are written.
struct winograd_output_job {
  const float* m;
  index_t point;
  float* y;
  index_t row;  ///< numbers from an output row to the next, and of the residual
  index_t tiles;
  index_t height, width;
  tile_end end;
};

/// Weights of one group of output channels for one group of input channels: tap t of input channel c at
/// g + (t·2N + c)·2N → U = G g Gᵀ, point q at u + q·point + c·2N.
struct winograd_filter_job {
  const float* g;
  float* u;
  index_t point;
};

template <std::size_t R, std::size_t C>
struct winograd_filter {
  template <int N>
  static VMT_ALWAYS_INLINE void run(const winograd_filter_job* job) noexcept {
    constexpr std::size_t rows = winograd_line<R>::points;
    constexpr std::size_t columns = winograd_line<C>::points;
    constexpr index_t group = 2 * N;
    for (index_t i = 0; i < 2 * group; ++i) {
      const float* const g = job->g + i * N;
      float* const u = job->u + i * N;
      lanes<N> square[rows][3];
      VMT_UNROLL
      for (std::size_t s = 0; s < 3; ++s) {
        lanes<N> tap[3], t[rows];
        VMT_UNROLL
        for (std::size_t r = 0; r < 3; ++r) load<N>(tap[r], g + index_t(3 * r + s) * group * group);
        winograd_line<R>::template filter<N>(tap, t);
        VMT_UNROLL
        for (std::size_t r = 0; r < rows; ++r) square[r][s] = t[r];
      }
      VMT_UNROLL
      for (std::size_t r = 0; r < rows; ++r) {
        lanes<N> t[columns];
        winograd_line<C>::template filter<N>(square[r], t);
        VMT_UNROLL
        for (std::size_t s = 0; s < columns; ++s) store<N>(t[s], u + index_t(r * columns + s) * job->point);
      }
    }
  }
};

/// Tiles of R×C outputs. A tile's (R+2)·(C+2) numbers pass through a square on the stack: columns first, then rows.
template <std::size_t R, std::size_t C>
struct winograd_input {
  template <int N>
  static VMT_ALWAYS_INLINE void run(const winograd_input_job* job) noexcept {
    constexpr std::size_t rows = winograd_line<R>::points;
    constexpr std::size_t columns = winograd_line<C>::points;
    constexpr index_t group = 2 * N;
    for (index_t t = 0; t < job->tiles; ++t) {
      for (int half = 0; half < 2; ++half) {
        const float* const x = job->x + t * index_t{C} * group + half * N;
        float* const v = job->v + t * group + half * N;
        lanes<N> square[rows][columns];
        VMT_UNROLL
        for (std::size_t j = 0; j < columns; ++j) {
          lanes<N> d[rows], u[rows];
          VMT_UNROLL
          for (std::size_t i = 0; i < rows; ++i) load<N>(d[i], x + index_t(i) * job->row + index_t(j) * group);
          winograd_line<R>::template input<N>(d, u);
          VMT_UNROLL
          for (std::size_t i = 0; i < rows; ++i) square[i][j] = u[i];
        }
        VMT_UNROLL
        for (std::size_t i = 0; i < rows; ++i) {
          lanes<N> u[columns];
          winograd_line<C>::template input<N>(square[i], u);
          VMT_UNROLL
          for (std::size_t j = 0; j < columns; ++j) store<N>(u[j], v + index_t(i * columns + j) * job->point);
        }
      }
    }
  }
};

template <std::size_t R, std::size_t C>
struct winograd_output {
  template <int N>
  static VMT_ALWAYS_INLINE void run(const winograd_output_job* job) noexcept {
    constexpr std::size_t rows = winograd_line<R>::points;
    constexpr std::size_t columns = winograd_line<C>::points;
    constexpr index_t group = 2 * N;
    for (index_t t = 0; t < job->tiles; ++t) {
      for (int half = 0; half < 2; ++half) {
        const float* const m = job->m + t * group + half * N;
        const index_t at = t * index_t{C} * group + half * N;
        lanes<N> square[R][columns];
        VMT_UNROLL
        for (std::size_t j = 0; j < columns; ++j) {
          lanes<N> d[rows], y[R];
          VMT_UNROLL
          for (std::size_t i = 0; i < rows; ++i) load<N>(d[i], m + index_t(i * columns + j) * job->point);
          winograd_line<R>::template output<N>(d, y);
          VMT_UNROLL
          for (std::size_t i = 0; i < R; ++i) square[i][j] = y[i];
        }
        lanes<N> bias{};
        if (job->end.bias != nullptr) load<N>(bias, job->end.bias + half * N);
        VMT_UNROLL
        for (std::size_t i = 0; i < R; ++i) {
          if (index_t(i) >= job->height) break;
          lanes<N> y[C];
          winograd_line<C>::template output<N>(square[i], y);
          VMT_UNROLL
          for (std::size_t j = 0; j < C; ++j) {
            if (t * index_t{C} + index_t(j) >= job->width) break;
            const index_t pixel = at + index_t(i) * job->row + index_t(j) * group;
            y[j] += bias;
            if (job->end.residual != nullptr) {
              lanes<N> r;
              load<N>(r, job->end.residual + pixel);
              y[j] += r;
            }
            if (job->end.relu) relu_lanes<N>(y[j]);
            store<N>(y[j], job->y + pixel);
          }
        }
      }
    }
  }
};

}  // namespace vmt::inline VMT_ABI::detail
