// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <algorithm>  // clamp
#include <cmath>      // exp
#include <vector>

namespace vmt::inline VMT_ABI::train {

/// A gray picture in floats.
struct plane {
  index_t width = 0;
  index_t height = 0;
  std::vector<float> pixels;  ///< height × width

  void resize(index_t w, index_t h) {
    width = w;
    height = h;
    pixels.resize(static_cast<std::size_t>(w * h));
  }
  [[nodiscard]] float* row(index_t y) noexcept { return pixels.data() + y * width; }
  [[nodiscard]] const float* row(index_t y) const noexcept { return pixels.data() + y * width; }
};

/// A linear filter along one axis: out[i] = Σ over t of weights[i·taps + t] · in[clamp(first[i] + t)].
struct axis_filter {
  index_t taps = 0;
  std::vector<index_t> first;
  std::vector<float> weights;
  [[nodiscard]] index_t size() const noexcept { return static_cast<index_t>(first.size()); }
};

namespace detail {

/// A filter from n numbers to m by a kernel that is 0 beyond `reach`, both in units of `in` numbers.
template <class Kernel>
axis_filter sampled(index_t n, index_t m, double reach, Kernel&& kernel) {
  axis_filter f;
  f.taps = static_cast<index_t>(std::ceil(2 * reach)) + 1;
  const double scale = static_cast<double>(n) / static_cast<double>(m);
  for (index_t i = 0; i < m; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale - 0.5;
    const auto first = static_cast<index_t>(std::ceil(centre - reach));
    f.first.push_back(first);
    double sum = 0;
    std::vector<double> w;
    for (index_t t = 0; t < f.taps; ++t) {
      w.push_back(kernel(static_cast<double>(first + t) - centre));
      sum += w.back();
    }
    for (const double v : w) f.weights.push_back(static_cast<float>(v / sum));
  }
  return f;
}

/// exp(−x²/2σ²) up to 3σ.
inline axis_filter gaussian_filter(index_t n, double sigma) {
  const double reach = (std::max)(1.0, std::ceil(3 * sigma));
  return sampled(n, n, reach, [&](double x) { return std::exp(-0.5 * x * x / (sigma * sigma)); });
}
/// The mean over each new pixel's area.
inline axis_filter area_filter(index_t n, index_t m) {
  const double half = 0.5 * static_cast<double>(n) / static_cast<double>(m);
  return sampled(n, m, half + 0.5,
                 [&](double x) { return (std::max)(0.0, (std::min)(x + 0.5, half) - (std::max)(x - 0.5, -half)); });
}
/// Catmull and Rom's cubic interpolation.
inline axis_filter cubic_filter(index_t n, index_t m) {
  return sampled(n, m, 2, [](double x) {
    const double a = std::abs(x);
    if (a < 1) return 1 + a * a * (1.5 * a - 2.5);
    return a < 2 ? 2 - 4 * a + 2.5 * a * a - 0.5 * a * a * a : 0;
  });
}

}  // namespace detail

/// out = the picture filtered along both axes; the border is repeated. `between` is memory.
inline void filter(const plane& in, const axis_filter& across, const axis_filter& down, plane& between, plane& out) {
  between.resize(across.size(), in.height);
  for (index_t y = 0; y < in.height; ++y) {
    const float* const from = in.row(y);
    float* const to = between.row(y);
    for (index_t x = 0; x < across.size(); ++x) {
      const float* const w = across.weights.data() + x * across.taps;
      const index_t first = across.first[static_cast<std::size_t>(x)];
      float sum = 0;
      if (first >= 0 && first + across.taps <= in.width) {
        for (index_t t = 0; t < across.taps; ++t) sum += w[t] * from[first + t];
      } else {
        for (index_t t = 0; t < across.taps; ++t) sum += w[t] * from[std::clamp<index_t>(first + t, 0, in.width - 1)];
      }
      to[x] = sum;
    }
  }
  out.resize(across.size(), down.size());
  for (index_t y = 0; y < down.size(); ++y) {
    float* const to = out.row(y);
    std::fill(to, to + out.width, 0.0F);
    for (index_t t = 0; t < down.taps; ++t) {
      const float w = down.weights[static_cast<std::size_t>(y * down.taps + t)];
      const index_t line = std::clamp<index_t>(down.first[static_cast<std::size_t>(y)] + t, 0, in.height - 1);
      const float* const from = between.row(line);
      for (index_t x = 0; x < out.width; ++x) to[x] += w * from[x];
    }
  }
}

}  // namespace vmt::inline VMT_ABI::train
