// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/product_tile.hpp>
#include <vmt/ops/generic/conv2d.hpp>

/// \file
/// A convolution and its two gradients as matrix products (implicit GEMM): which number of a tensor stands at each
/// place of the matrices, T being how it is kept. x: N×C×H×W, w: K×C×R×S, y: N×K×H'×W'.
///
///                          rows  columns     depth       A                B
///   conv2d                 k     n, i, j     c, r, s     w                x, shifted
///   conv2d_backward_input  c     n, h, v     k, r, s     w, transposed    dy where a tap meets it
///   conv2d_backward_weight k     c, r, s     n, i, j     dy               x, shifted

namespace vmt::inline VMT_ABI::gpu {

/// The sizes of a convolution, ready for bodies.
struct conv_sizes {
  int images, channels, height, width;  // of x
  int filters, out_height, out_width;
  int stride_h, stride_w, row0, column0, dilation_w;  // tap (r, s) lies at (row0 + r, column0 + s·dilation_w)
  int height_width, out_pixels, taps, weights;        // H·W, H'·W', R·S, C·R·S
  divisor by_taps, by_kernel_width, by_out_pixels, by_out_width, by_pixels, by_width, by_stride_h, by_stride_w;
  divisor by_channels, by_filters;

  conv_sizes(const extents<4>& x, const extents<4>& w, const extents<4>& y, const ops::conv2d_params& p)
      : images(to_int(x[0])),
        channels(to_int(x[1])),
        height(to_int(x[2])),
        width(to_int(x[3])),
        filters(to_int(w[0])),
        out_height(to_int(y[2])),
        out_width(to_int(y[3])),
        stride_h(to_int(p.stride_h)),
        stride_w(to_int(p.stride_w)),
        row0(to_int(p.tap_row(0))),
        column0(to_int(p.tap_column(0))),
        dilation_w(to_int(p.dilation_w)),
        height_width(to_int(x[2] * x[3])),
        out_pixels(to_int(y[2] * y[3])),
        taps(to_int(w[2] * w[3])),
        weights(to_int(w[1] * w[2] * w[3])),
        by_taps(w[2] * w[3]),
        by_kernel_width(w[3]),
        by_out_pixels(y[2] * y[3]),
        by_out_width(y[3]),
        by_pixels(x[2] * x[3]),
        by_width(x[3]),
        by_stride_h(p.stride_h),
        by_stride_w(p.stride_w),
        by_channels(x[1]),
        by_filters(w[0]) {}

 private:
  static int to_int(index_t n) noexcept { return static_cast<int>(n); }  // spans of 2³¹ and more are refused
};

/// An offset in a tensor and what must be added to both coordinates; `valid` is false beside the matrix.
struct pixel_place {
  int offset, row, column;
  bool valid;
};

/// Numbers at equal distances in a tensor, as they are kept; zeros where `present` is false, and from `count` on.
template <class T>
struct spaced_numbers {
  input_span<T> from;
  int first, distance, count;
  bool present;
  [[nodiscard]] VMT_HOST_DEVICE T operator[](int j) const {
    return present && j < count ? from.strided(first, distance, j) : T{};
  }
};

template <class T>
struct conv_weight {  // A(k, (c,r,s)) = w[k, c, r, s]
  static constexpr const char* name = "conv2d";
  using element = T;
  static constexpr bool depth_first = true;
  conv_sizes s;
  input_span<T> w;

  [[nodiscard]] VMT_HOST_DEVICE spaced_numbers<T> along_outer(int k, int d, int depth) const {
    return {w, k * s.weights + d, s.weights, s.filters - k, d < depth};
  }
};

template <class T>
struct conv_input {  // B((c,r,s), (n,i,j)) = x[n, c, i·stride_h + row(r), j·stride_w + column(s)]
  using element = T;
  static constexpr bool depth_first = false;
  conv_sizes s;
  input_span<T> x;

  [[nodiscard]] VMT_HOST_DEVICE pixel_place pixel(int n) const {
    const int image = s.by_out_pixels.quotient(n);
    const int pixel = n - image * s.out_pixels;
    const int i = s.by_out_width.quotient(pixel);
    return {image * s.channels * s.height_width, i * s.stride_h, (pixel - i * s.out_width) * s.stride_w,
            image < s.images};
  }
  [[nodiscard]] VMT_HOST_DEVICE pixel_place tap(int d) const {
    const int c = s.by_taps.quotient(d);
    const int tap = d - c * s.taps;
    const int r = s.by_kernel_width.quotient(tap);
    const int column = tap - r * s.by_kernel_width.value();
    return {c * s.height_width, s.row0 + r, s.column0 + column * s.dilation_w, d < s.weights};
  }
  [[nodiscard]] VMT_HOST_DEVICE T at(const pixel_place& o, const pixel_place& d) const {
    const int h = o.row + d.row;
    const int v = o.column + d.column;
    const bool inside = o.valid && d.valid && h >= 0 && h < s.height && v >= 0 && v < s.width;
    return inside ? x.kept(o.offset + d.offset + h * s.width + v) : T{};
  }

  struct taps_of_pixel {
    const conv_input& input;
    pixel_place place;
    int first;
    [[nodiscard]] VMT_HOST_DEVICE T operator[](int j) const { return input.at(place, input.tap(first + j)); }
  };
  [[nodiscard]] VMT_HOST_DEVICE taps_of_pixel along_depth(int n, int d, int) const { return {*this, pixel(n), d}; }
};

template <class T>
struct conv_weight_transposed {  // A(c, (k,r,s)) = w[k, c, r, s]
  static constexpr const char* name = "conv2d_backward_input";
  using element = T;
  static constexpr bool depth_first = true;
  conv_sizes s;
  input_span<T> w;

  [[nodiscard]] VMT_HOST_DEVICE spaced_numbers<T> along_outer(int c, int d, int depth) const {
    const int k = s.by_taps.quotient(d);
    return {w, k * s.weights + (d - k * s.taps) + c * s.taps, s.taps, s.channels - c, d < depth};
  }
};

template <class T>
struct conv_output_gradient {  // B((k,r,s), (n,h,v)) = dy[n, k, i, j] where i·stride_h + row(r) = h, and so for v
  using element = T;
  static constexpr bool depth_first = false;
  conv_sizes s;
  input_span<T> dy;

  [[nodiscard]] VMT_HOST_DEVICE pixel_place pixel(int n) const {
    const int image = s.by_pixels.quotient(n);
    const int pixel = n - image * s.height_width;
    const int h = s.by_width.quotient(pixel);
    return {image * s.filters * s.out_pixels, h, pixel - h * s.width, image < s.images};
  }
  /// Where dy meets a tap of the pixel: the offset in a map, or −1.
  [[nodiscard]] VMT_HOST_DEVICE int meeting(const pixel_place& o, int tap) const {
    const int r = s.by_kernel_width.quotient(tap);
    const int h = o.row - (s.row0 + r);
    const int v = o.column - (s.column0 + (tap - r * s.by_kernel_width.value()) * s.dilation_w);
    if (!o.valid || h < 0 || v < 0) return -1;
    const int i = s.by_stride_h.quotient(h);
    const int j = s.by_stride_w.quotient(v);
    const bool met = i * s.stride_h == h && j * s.stride_w == v && i < s.out_height && j < s.out_width;
    return met ? i * s.out_width + j : -1;
  }

  struct taps_of_pixel {
    const conv_output_gradient& gradient;
    pixel_place place;
    int first, depth;
    [[nodiscard]] VMT_HOST_DEVICE T operator[](int j) const {
      const conv_sizes& sizes = gradient.s;
      const int k = sizes.by_taps.quotient(first + j);
      const int at = gradient.meeting(place, first + j - k * sizes.taps);
      return at >= 0 && first + j < depth ? gradient.dy.kept(place.offset + k * sizes.out_pixels + at) : T{};
    }
  };
  [[nodiscard]] VMT_HOST_DEVICE taps_of_pixel along_depth(int n, int d, int depth) const {
    return {*this, pixel(n), d, depth};
  }
};

template <class T>
struct conv_gradient_rows {  // A(k, (n,i,j)) = dy[n, k, i, j]
  static constexpr const char* name = "conv2d_backward_weight";
  using element = T;
  static constexpr bool depth_first = true;
  conv_sizes s;
  input_span<T> dy;

  [[nodiscard]] VMT_HOST_DEVICE spaced_numbers<T> along_outer(int k, int d, int depth) const {
    const int image = s.by_out_pixels.quotient(d);
    const int first = (image * s.filters + k) * s.out_pixels + (d - image * s.out_pixels);
    return {dy, first, s.out_pixels, s.filters - k, d < depth};
  }
};

/// The same numbers as `conv_input`, with the parts of rows and depth exchanged.
template <class T>
struct conv_input_columns {  // B((n,i,j), (c,r,s))
  using element = T;
  static constexpr bool depth_first = true;
  conv_input<T> input;

  struct columns_of_pixel {
    const conv_input<T>& input;
    pixel_place place;
    int first;
    [[nodiscard]] VMT_HOST_DEVICE T operator[](int j) const { return input.at(place, input.tap(first + j)); }
  };
  [[nodiscard]] VMT_HOST_DEVICE columns_of_pixel along_outer(int column, int d, int depth) const {
    pixel_place p = input.pixel(d);
    p.valid = d < depth;
    return {input, p, column};
  }
};

/// A map of images: y[n, m, p] = sum, with a bias per channel, another map added and ReLU where asked for.
template <class T, class Stored = T>
struct map_out {
  device_span<Stored> y;
  int channels, pixels;
  divisor by_pixels;
  input_span<T> bias;           ///< of each channel, or nothing
  input_span<Stored> residual;  ///< as large as y, or nothing
  bool relu;

  [[nodiscard]] VMT_HOST_DEVICE int column(int n) const {
    const int image = by_pixels.quotient(n);
    return image * channels * pixels + (n - image * pixels);
  }
  VMT_HOST_DEVICE void take(int m, int where, T value) const {
    const int i = where + m * pixels;
    if (bias.present()) value += bias[m];
    if (residual.present()) value += residual[i];
    y.set(i, relu && value <= T(0) ? T(0) : value);
  }
};

/// The gradient of a weight, added to what is there.
template <class T>
struct weight_out {
  device_span<T> dw;
  int weights;

  [[nodiscard]] VMT_HOST_DEVICE int column(int n) const { return n; }
  VMT_HOST_DEVICE void take(int m, int where, T value) const {
    const int i = m * weights + where;
    dw.set(i, dw[i] + value);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
