// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/pixel_tile.hpp>

namespace vmt::inline VMT_ABI::detail {

/// Winograd's minimal filtering F(M, 3): M outputs of a correlation with 3 taps by M + 2 products instead of 3·M,
///   y = Aᵀ ((G g) ⊙ (Bᵀ d)),   d: M + 2 inputs,
/// by evaluating polynomials at M + 1 points and at infinity (Lavin and Gray 2016, "Fast algorithms for convolutional
/// neural networks"). Row of point p: Bᵀ has the coefficients of Π_{q≠p} (x − q), G has (1, p, p²) / Π_{q≠p} (p − q),
/// Aᵀ the powers of p. A line says how many outputs and input numbers it has, how far the next one's lie, how many
/// products it needs and how many numbers the taps become; product q takes number `weight(q)` of these.
template <std::size_t M, std::size_t Stride = 1>
struct winograd_line;

template <std::size_t M>
struct winograd_line_sizes {
  static constexpr std::size_t outputs = M, inputs = M + 2, points = M + 2, weights = M + 2, step = M;
  [[nodiscard]] static constexpr std::size_t weight(std::size_t q) noexcept { return q; }
};

/// Points 0, ±1: sums and differences only.
template <>
struct winograd_line<2> : winograd_line_sizes<2> {
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
struct winograd_line<4> : winograd_line_sizes<4> {
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
  /// A dy: what the products' sums get of the outputs' gradient.
  template <int N>
  static VMT_ALWAYS_INLINE void output_gradient(const lanes<N> (&dy)[4], lanes<N> (&dm)[6]) noexcept {
    const lanes<N> even_a = dy[0] + dy[2] * 0.5F;
    const lanes<N> odd_a = (dy[1] + dy[3] * 0.5F) * static_cast<float>(a);
    const lanes<N> even_b = dy[0] + dy[2] * 2.0F;
    const lanes<N> odd_b = (dy[1] + dy[3] * 2.0F) * static_cast<float>(b);
    dm[0] = dy[0];
    dm[1] = even_a + odd_a;
    dm[2] = even_a - odd_a;
    dm[3] = even_b + odd_b;
    dm[4] = even_b - odd_b;
    dm[5] = dy[3];
  }
  /// Gᵀ du: what the taps get of their transform's gradient.
  template <int N>
  static VMT_ALWAYS_INLINE void filter_gradient(const lanes<N> (&du)[6], lanes<N> (&dg)[3]) noexcept {
    constexpr float third = static_cast<float>(1.0 / 3.0);
    const lanes<N> even_a = du[1] + du[2];
    const lanes<N> even_b = du[3] + du[4];
    dg[0] = du[0] - even_a * (2.0F * third) + even_b * (0.5F * third);
    dg[1] = (du[3] - du[4]) * static_cast<float>(b / 6.0) - (du[1] - du[2]) * static_cast<float>(a / 1.5);
    dg[2] = du[5] + (even_b - even_a) * third;
  }
};

/// Points ±p among ±p, ±q, ±r: (x² − q²)(x² − r²) = x⁴ − sum·x² + product; scale: 1 over the product of distances, of
/// which A takes care instead of G: there are fewer outputs than taps.
struct winograd_pair {
  double p, sum, product, scale;
  constexpr winograd_pair(double p_, double q, double r) noexcept
      : p(p_),
        sum(q * q + r * r),
        product(q * q * r * r),
        scale(1 / (2 * p_ * (p_ * p_ - q * q) * (p_ * p_ - r * r))) {}
};

/// Points ±0.3, ±0.85, ±1.8, chosen among many by the error of sums of random numbers, about twice that of F(4, 3). No
/// point is 0: in pairs they share their even and odd halves. The rows of Bᵀ and G for −p have the other sign.
template <>
struct winograd_line<5> : winograd_line_sizes<5> {
  static constexpr double a = 0.3, b = 0.85, c = 1.8;
  static constexpr winograd_pair pairs[3] = {{a, b, c}, {b, a, c}, {c, a, b}};

  template <int N>
  static VMT_ALWAYS_INLINE void input(const lanes<N> (&d)[7], lanes<N> (&t)[7]) noexcept {
    VMT_UNROLL
    for (std::size_t k = 0; k < 3; ++k) {
      const float p = static_cast<float>(pairs[k].p);
      const float sum = static_cast<float>(pairs[k].sum);
      const float product = static_cast<float>(pairs[k].product);
      const lanes<N> odd = d[5] - d[3] * sum + d[1] * product;
      const lanes<N> even = (d[4] - d[2] * sum + d[0] * product) * p;
      t[2 * k] = even + odd;
      t[2 * k + 1] = even - odd;
    }
    constexpr float s1 = static_cast<float>(a * a + b * b + c * c);
    constexpr float s2 = static_cast<float>(a * a * b * b + a * a * c * c + b * b * c * c);
    constexpr float s3 = static_cast<float>(a * a * b * b * c * c);
    t[6] = d[6] - d[4] * s1 + (d[2] * s2 - d[0] * s3);
  }
  template <int N>
  static VMT_ALWAYS_INLINE void output(const lanes<N> (&m)[7], lanes<N> (&y)[5]) noexcept {
    y[0] = y[1] = y[2] = y[3] = lanes<N>{};
    y[4] = m[6];
    VMT_UNROLL
    for (std::size_t k = 0; k < 3; ++k) {
      const double p = pairs[k].p;
      const double scale = pairs[k].scale;
      const lanes<N> even = m[2 * k] + m[2 * k + 1];
      const lanes<N> odd = m[2 * k] - m[2 * k + 1];
      y[0] += even * static_cast<float>(scale);
      y[1] += odd * static_cast<float>(scale * p);
      y[2] += even * static_cast<float>(scale * p * p);
      y[3] += odd * static_cast<float>(scale * p * p * p);
      y[4] += even * static_cast<float>(scale * p * p * p * p);
    }
  }
  template <int N>
  static VMT_ALWAYS_INLINE void filter(const lanes<N> (&g)[3], lanes<N> (&u)[7]) noexcept {
    VMT_UNROLL
    for (std::size_t k = 0; k < 3; ++k) {
      const double p = pairs[k].p;
      const lanes<N> even = g[0] + g[2] * static_cast<float>(p * p);
      u[2 * k] = even + g[1] * static_cast<float>(p);
      u[2 * k + 1] = even - g[1] * static_cast<float>(p);
    }
    u[6] = g[2];
  }
};

/// Five outputs of stride 2, y[i] = g0 d[2i] + g1 d[2i+1] + g2 d[2i+2]: the taps g0 and g2 see even inputs, at stride
/// 1, by F(5, 2) with the points of F(4, 3), whose Bᵀ it shares; g1 sees odd ones, a product for each output. 11
/// products instead of 15.
template <>
struct winograd_line<5, 2> {
  static constexpr std::size_t outputs = 5, inputs = 11, points = 11, weights = 7, step = 10;
  using even = winograd_line<4>;
  [[nodiscard]] static constexpr std::size_t weight(std::size_t q) noexcept { return q < 6 ? q : 6; }

  template <int N>
  static VMT_ALWAYS_INLINE void input(const lanes<N> (&d)[11], lanes<N> (&t)[11]) noexcept {
    const lanes<N> evens[6] = {d[0], d[2], d[4], d[6], d[8], d[10]};
    lanes<N> u[6];
    even::input<N>(evens, u);
    VMT_UNROLL
    for (std::size_t i = 0; i < 6; ++i) t[i] = u[i];
    VMT_UNROLL
    for (std::size_t i = 0; i < 5; ++i) t[6 + i] = d[2 * i + 1];
  }
  template <int N>
  static VMT_ALWAYS_INLINE void output(const lanes<N> (&m)[11], lanes<N> (&y)[5]) noexcept {
    constexpr float fa = static_cast<float>(even::a);
    constexpr float fb = static_cast<float>(even::b);
    const lanes<N> even_a = m[1] + m[2];
    const lanes<N> odd_a = (m[1] - m[2]) * fa;
    const lanes<N> even_b = m[3] + m[4];
    const lanes<N> odd_b = (m[3] - m[4]) * fb;
    y[0] = m[6] + m[0] + (even_a + even_b);
    y[1] = m[7] + (odd_a + odd_b);
    y[2] = m[8] + (even_a * 0.5F + even_b * 2.0F);
    y[3] = m[9] + (odd_a * 0.5F + odd_b * 2.0F);
    y[4] = m[10] + m[5] + (even_a * 0.25F + even_b * 4.0F);
  }
  template <int N>
  static VMT_ALWAYS_INLINE void filter(const lanes<N> (&g)[3], lanes<N> (&u)[7]) noexcept {
    constexpr float third = static_cast<float>(1.0 / 3.0);
    const lanes<N> even_a = g[0] * (-2.0F * third);
    const lanes<N> odd_a = g[2] * static_cast<float>(-even::a / 1.5);
    const lanes<N> even_b = g[0] * (0.5F * third);
    const lanes<N> odd_b = g[2] * static_cast<float>(even::b / 6.0);
    u[0] = g[0];
    u[1] = even_a + odd_a;
    u[2] = even_a - odd_a;
    u[3] = even_b + odd_b;
    u[4] = even_b - odd_b;
    u[5] = g[2];
    u[6] = g[1];
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
/// g + (t·2N + c)·2N → U = G g Gᵀ, point q at u + q·point + c·2N. Registers first … last−1 of the 4N.
struct winograd_filter_job {
  const float* g;
  float* u;
  index_t point;
  index_t first, last;
};

/// One column of G g; the first of its three taps is at g, the others follow three taps apart.
template <class Row, int N>
VMT_ALWAYS_INLINE void filter_column(const float* g, lanes<N> (&t)[Row::weights]) noexcept {
  constexpr index_t group = 2 * N;
  lanes<N> tap[3];
  VMT_UNROLL
  for (std::size_t r = 0; r < 3; ++r) load<N>(tap[r], g + index_t(3 * r) * group * group);
  Row::template filter<N>(tap, t);
}

template <class Row, class Column>
struct winograd_filter {
  template <int N>
  static VMT_ALWAYS_INLINE void run(const winograd_filter_job* job) noexcept {
    constexpr std::size_t rows = Row::weights;
    constexpr std::size_t columns = Column::weights;
    constexpr index_t group = 2 * N;
    const index_t point = job->point;
    for (index_t i = job->first; i < job->last; ++i) {
      const float* const g = job->g + i * N;
      float* u = job->u + i * N;
      lanes<N> square[rows][3];
      VMT_UNROLL
      for (std::size_t s = 0; s < 3; ++s) {
        lanes<N> t[rows];
        filter_column<Row, N>(g + index_t(s) * group * group, t);
        VMT_UNROLL
        for (std::size_t r = 0; r < rows; ++r) square[r][s] = t[r];
      }
      VMT_UNROLL
      for (std::size_t r = 0; r < rows; ++r) {
        lanes<N> t[columns];
        Column::template filter<N>(square[r], t);
        VMT_UNROLL
        for (std::size_t s = 0; s < columns; ++s, u += point) store<N>(t[s], u);
      }
    }
  }
};

/// A tile's numbers pass through a square on the stack: columns first, then rows.
template <class Row, class Column>
struct winograd_input {
  template <int N>
  static VMT_ALWAYS_INLINE void run(const winograd_input_job* job) noexcept {
    constexpr std::size_t rows = Row::points;
    constexpr std::size_t columns = Column::points;
    constexpr index_t group = 2 * N;
    for (index_t t = 0; t < job->tiles; ++t) {
      for (int half = 0; half < 2; ++half) {
        const float* const x = job->x + t * index_t{Column::step} * group + half * N;
        float* const v = job->v + t * group + half * N;
        lanes<N> square[rows][Column::inputs];
        VMT_UNROLL
        for (std::size_t j = 0; j < Column::inputs; ++j) {
          lanes<N> d[Row::inputs], u[rows];
          VMT_UNROLL
          for (std::size_t i = 0; i < Row::inputs; ++i) load<N>(d[i], x + index_t(i) * job->row + index_t(j) * group);
          Row::template input<N>(d, u);
          VMT_UNROLL
          for (std::size_t i = 0; i < rows; ++i) square[i][j] = u[i];
        }
        VMT_UNROLL
        for (std::size_t i = 0; i < rows; ++i) {
          lanes<N> u[columns];
          Column::template input<N>(square[i], u);
          VMT_UNROLL
          for (std::size_t j = 0; j < columns; ++j) store<N>(u[j], v + index_t(i * columns + j) * job->point);
        }
      }
    }
  }
};

template <class Row, class Column>
struct winograd_output {
  template <int N>
  static VMT_ALWAYS_INLINE void run(const winograd_output_job* job) noexcept {
    constexpr std::size_t rows = Row::points;
    constexpr std::size_t columns = Column::points;
    constexpr std::size_t R = Row::outputs;
    constexpr std::size_t C = Column::outputs;
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
          Row::template output<N>(d, y);
          VMT_UNROLL
          for (std::size_t i = 0; i < R; ++i) square[i][j] = y[i];
        }
        lanes<N> bias{};
        if (job->end.bias != nullptr) load<N>(bias, job->end.bias + half * N);
        VMT_UNROLL
        for (std::size_t i = 0; i < R; ++i) {
          if (index_t(i) >= job->height) break;
          lanes<N> y[C];
          Column::template output<N>(square[i], y);
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
