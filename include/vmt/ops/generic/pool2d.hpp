// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>

#include <algorithm>  // max, min
#include <cstdint>    // int32_t
#include <limits>     // lowest

namespace vmt::inline VMT_ABI::ops {

/// A square pooling window.
struct pool2d_params {
  index_t kernel = 3;
  index_t stride = 2;
  index_t padding = 1;
  [[nodiscard]] constexpr index_t out_size(index_t size) const noexcept {
    const index_t room = size + 2 * padding - kernel;
    return room < 0 ? 0 : room / stride + 1;
  }
};

namespace generic {

// The part of window i that lies inside an input of `size`.
struct pool_window {
  index_t begin, end;
  constexpr pool_window(index_t i, index_t size, const pool2d_params& p) noexcept
      : begin(std::max<index_t>(0, i * p.stride - p.padding)),
        end((std::min)(size, i * p.stride - p.padding + p.kernel)) {}
};

/// The place h·width + w of the maximum of a window: the first of equal ones, a NaN where there is one.
template <class T>
[[nodiscard]] index_t max_place(const T* plane, index_t width, const pool_window& rows, const pool_window& columns) {
  index_t best = rows.begin * width + columns.begin;
  for (index_t h = rows.begin; h < rows.end; ++h)
    for (index_t w = columns.begin; w < columns.end; ++w) {
      const T value = plane[h * width + w];
      if (value > plane[best] || value != value) best = h * width + w;
    }
  return best;
}

template <class T>
void max_pool2d(const_view<T, 4> x, tensor_view<T, 4> y, tensor_view<std::int32_t, 4> argmax, const pool2d_params& p) {
  const index_t height = x.extent(2);
  const index_t width = x.extent(3);
  for (index_t n = 0; n < y.extent(0); ++n)
    for (index_t c = 0; c < y.extent(1); ++c) {
      const T* plane = x[n][c].data_handle();
      for (index_t i = 0; i < y.extent(2); ++i)
        for (index_t j = 0; j < y.extent(3); ++j) {
          const index_t best = max_place(plane, width, pool_window(i, height, p), pool_window(j, width, p));
          y(n, c, i, j) = plane[best];
          if (argmax.data_handle() != nullptr) argmax(n, c, i, j) = static_cast<std::int32_t>(best);
        }
    }
}

template <class T>
void max_pool2d_backward(const_view<T, 4> dy, const_view<std::int32_t, 4> argmax, tensor_view<T, 4> dx) {
  for (T& value : dx.span()) value = T(0);
  for (index_t n = 0; n < dy.extent(0); ++n)
    for (index_t c = 0; c < dy.extent(1); ++c) {
      const std::span<const T> from = dy[n][c].span();
      const std::span<const std::int32_t> place = argmax[n][c].span();
      const std::span<T> to = dx[n][c].span();
      for (std::size_t i = 0; i < from.size(); ++i) to[static_cast<std::size_t>(place[i])] += from[i];
    }
}

template <class T>
void avg_pool2d(const_view<T, 4> x, tensor_view<T, 4> y, const pool2d_params& p) {
  const T scale = T(1) / static_cast<T>(p.kernel * p.kernel);
  for (index_t n = 0; n < y.extent(0); ++n)
    for (index_t c = 0; c < y.extent(1); ++c)
      for (index_t i = 0; i < y.extent(2); ++i)
        for (index_t j = 0; j < y.extent(3); ++j) {
          const pool_window rows(i, x.extent(2), p);
          const pool_window columns(j, x.extent(3), p);
          T sum = 0;
          for (index_t h = rows.begin; h < rows.end; ++h)
            for (index_t w = columns.begin; w < columns.end; ++w) sum += x(n, c, h, w);
          y(n, c, i, j) = sum * scale;
        }
}

template <class T>
void avg_pool2d_backward(const_view<T, 4> dy, tensor_view<T, 4> dx, const pool2d_params& p) {
  for (T& value : dx.span()) value = T(0);
  const T scale = T(1) / static_cast<T>(p.kernel * p.kernel);
  for (index_t n = 0; n < dy.extent(0); ++n)
    for (index_t c = 0; c < dy.extent(1); ++c)
      for (index_t i = 0; i < dy.extent(2); ++i)
        for (index_t j = 0; j < dy.extent(3); ++j) {
          const pool_window rows(i, dx.extent(2), p);
          const pool_window columns(j, dx.extent(3), p);
          for (index_t h = rows.begin; h < rows.end; ++h)
            for (index_t w = columns.begin; w < columns.end; ++w) dx(n, c, h, w) += scale * dy(n, c, i, j);
        }
}

template <class T>
void global_avg_pool(const_view<T, 4> x, tensor_view<T, 2> y) {
  const double count = static_cast<double>(x.extent(2) * x.extent(3));
  for (index_t n = 0; n < x.extent(0); ++n)
    for (index_t c = 0; c < x.extent(1); ++c) {
      double sum = 0;
      for (const T value : x[n][c].span()) sum += static_cast<double>(value);
      y(n, c) = static_cast<T>(sum / count);
    }
}

template <class T>
void global_avg_pool_backward(const_view<T, 2> dy, tensor_view<T, 4> dx) {
  const T scale = T(1) / static_cast<T>(dx.extent(2) * dx.extent(3));
  for (index_t n = 0; n < dx.extent(0); ++n)
    for (index_t c = 0; c < dx.extent(1); ++c)
      for (T& value : dx[n][c].span()) value = scale * dy(n, c);
}

}  // namespace generic
}  // namespace vmt::inline VMT_ABI::ops
