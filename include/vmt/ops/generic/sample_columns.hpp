// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>

#include <algorithm>  // clamp, min
#include <cmath>      // floor

namespace vmt::inline VMT_ABI::ops {

/// Where a row of `sample_columns` looks: a column, not necessarily a whole one, of the maps of a sample.
struct column_place {
  index_t sample = 0;
  double column = 0;
};

/// A place between two columns of a map of `width`: `left` and `right` weigh 1 − fraction and fraction. Places beside
/// the map count as its border column.
struct column_point {
  index_t left, right;
  double fraction;

  column_point(double column, index_t width) noexcept {
    const double inside = std::clamp(column, 0.0, static_cast<double>(width - 1));
    left = static_cast<index_t>(std::floor(inside));
    right = (std::min)(left + 1, width - 1);
    fraction = inside - static_cast<double>(left);
  }
};

namespace generic {

// Calls f(c, j, r, t, n, point) for each number of the output: channel, column of the window, row, frame, map.
template <class F>
void for_each_sample(const extents<3>& x, std::span<const column_place> places, const extents<4>& y, index_t first,
                     index_t last, F f) {
  for (index_t j = 0; j < y[1]; ++j)
    for (index_t r = 0; r < y[2]; ++r) {
      const column_place& place = places[static_cast<std::size_t>(r)];
      const column_point point(place.column + static_cast<double>(j - (y[1] - 1) / 2), x[2]);
      for (index_t c = first; c < last; ++c)
        for (index_t t = 0; t < y[3]; ++t) f(c, j, r, t, place.sample * y[3] + t, point);
    }
}

template <class T>
void sample_columns(const_view<T, 3> x, std::span<const column_place> places, tensor_view<T, 4> y, index_t first,
                    index_t last) {
  for_each_sample(x.extents(), places, y.extents(), first, last,
                  [&](index_t c, index_t j, index_t r, index_t t, index_t n, const column_point& p) {
                    const T fraction = static_cast<T>(p.fraction);
                    y(c, j, r, t) = (T(1) - fraction) * x(n, c, p.left) + fraction * x(n, c, p.right);
                  });
}

template <class T>
void sample_columns_backward(const_view<T, 4> dy, std::span<const column_place> places, tensor_view<T, 3> dx,
                             index_t first, index_t last) {
  for_each_sample(dx.extents(), places, dy.extents(), first, last,
                  [&](index_t c, index_t j, index_t r, index_t t, index_t n, const column_point& p) {
                    const T fraction = static_cast<T>(p.fraction);
                    dx(n, c, p.left) += (T(1) - fraction) * dy(c, j, r, t);
                    dx(n, c, p.right) += fraction * dy(c, j, r, t);
                  });
}

}  // namespace generic
}  // namespace vmt::inline VMT_ABI::ops
