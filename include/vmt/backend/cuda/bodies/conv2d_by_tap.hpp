// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/conv2d.hpp>

/// \file
/// The same three matrix products with the depth, or the columns, in another order: tap after tap, the channels of a
/// tap one after the other. Where the channels fill whole steps, all numbers that a thread brings in a step belong to
/// one tap: it looks once whether the tap lies in the picture, and the rest are numbers at equal distances.
///
///                          rows  columns     depth       A                B
///   conv2d                 k     n, i, j     (r, s), c   w, arranged      x, shifted
///   conv2d_backward_input  c     n, h, v     (r, s), k   w, arranged      dy where a tap meets it
///   conv2d_backward_weight k     (r, s), c   n, i, j     dy               x, shifted

namespace vmt::inline VMT_ABI::gpu {

/// y[tap, o, i] = w[o, i, tap] or, transposed, w[i, o, tap]: the weight as `arranged_weight` reads it, kept as the
/// products take it. Each outer channel's numbers times its scale, where there is one: a batch norm that follows.
template <class T, class Kept>
struct arrange_weight {
  using kind = map_kind;
  static constexpr const char* name = "arrange_weight";
  divisor by_inner, by_outer;
  int outer_distance, inner_distance;  ///< in w
  input_span<T> w, scale;
  device_span<Kept> y;
  VMT_HOST_DEVICE void operator()(int i) const {
    const int line = by_inner.quotient(i);
    const int tap = by_outer.quotient(line);
    const int outer = line - tap * by_outer.value();
    const T v = w[outer * outer_distance + (i - line * by_inner.value()) * inner_distance + tap];
    y.set(i, scale.present() ? v * scale[outer] : v);
  }
};

/// A(o, (tap, i)) = w[tap, o, i] for `conv2d` and its gradient of the input; the numbers of a tap fill a multiple of 16
/// bytes.
template <class T, bool Backward>
struct arranged_weight {
  static constexpr const char* name = Backward ? "conv2d_backward_input" : "conv2d";
  using element = T;
  static constexpr bool depth_first = true;
  static constexpr bool in_words = sizeof(T) == 2;
  int outer;
  divisor by_inner;
  input_span<T> w;

  [[nodiscard]] VMT_HOST_DEVICE spaced_numbers<T> along_outer(int o, int d, int depth) const {
    const int tap = by_inner.quotient(d);
    const int first = (tap * outer + o) * by_inner.value() + (d - tap * by_inner.value());
    return {w, first, by_inner.value(), outer - o, d < depth};
  }
  /// What stands at (o, d) … (o, d + 3), where d is a multiple of 4.
  [[nodiscard]] VMT_HOST_DEVICE four<T> quad(int o, int d, int depth) const {
    if (o >= outer || d >= depth) return {};
    const int tap = by_inner.quotient(d);
    return w.four_at((tap * outer + o) * by_inner.value() + (d - tap * by_inner.value()));
  }
  /// Where numbers are halves of words: what stands at (o, d) … (o, d + 7), where d is a multiple of 8.
  [[nodiscard]] VMT_HOST_DEVICE four<std::uint32_t> words(int o, int d, int depth) const {
    if (o >= outer || d >= depth) return {};
    const int tap = by_inner.quotient(d);
    return w.words_at((tap * outer + o) * by_inner.value() + (d - tap * by_inner.value()));
  }
};

/// Numbers at equal distances as they are kept, all of them or none.
template <class T>
struct channel_numbers {
  input_span<T> from;
  int first, distance;
  bool present;
  [[nodiscard]] VMT_HOST_DEVICE T operator[](int j) const { return present ? from.strided(first, distance, j) : T{}; }
};

template <class T>
struct conv_input_by_tap {  // B(((r,s),c), (n,i,j)); the depth of a step lies in one tap
  using element = T;
  static constexpr bool depth_first = false;
  conv_input<T> input;

  [[nodiscard]] VMT_HOST_DEVICE channel_numbers<T> along_depth(int n, int d, int depth) const {
    return channels_at(input.pixel(n), d, depth);
  }
  [[nodiscard]] VMT_HOST_DEVICE channel_numbers<T> channels_at(const pixel_place& o, int d, int depth) const {
    const conv_sizes& s = input.s;
    const int tap = s.by_channels.quotient(d);
    const int r = s.by_kernel_width.quotient(tap);
    const int h = o.row + s.row0 + r;
    const int v = o.column + s.column0 + (tap - r * s.by_kernel_width.value()) * s.dilation_w;
    const bool inside = o.valid && d < depth && h >= 0 && h < s.height && v >= 0 && v < s.width;
    return {input.x, o.offset + (d - tap * s.channels) * s.height_width + h * s.width + v, s.height_width, inside};
  }
};

template <class T>
struct conv_output_gradient_by_tap {  // B(((r,s),k), (n,h,v)); the depth of a step lies in one tap
  using element = T;
  static constexpr bool depth_first = false;
  conv_output_gradient<T> gradient;

  [[nodiscard]] VMT_HOST_DEVICE channel_numbers<T> along_depth(int n, int d, int depth) const {
    const conv_sizes& s = gradient.s;
    const pixel_place o = gradient.pixel(n);
    const int tap = s.by_filters.quotient(d);
    const int at = gradient.meeting(o, tap);
    return {gradient.dy, o.offset + (d - tap * s.filters) * s.out_pixels + at, s.out_pixels, at >= 0 && d < depth};
  }
};

/// B((n,i,j), ((r,s),c)): each 64 columns that begin at a multiple of 64 lie in one tap, two such groups in a tile.
template <class T>
struct conv_input_columns_by_tap {
  using element = T;
  static constexpr bool depth_first = true;
  static constexpr int group = 64;
  conv_input_by_tap<T> input;

  struct two_groups {
    channel_numbers<T> first, second;
    [[nodiscard]] VMT_HOST_DEVICE T operator[](int j) const { return j < group ? first[j] : second[j - group]; }
  };
  [[nodiscard]] VMT_HOST_DEVICE two_groups along_outer(int column, int d, int depth) const {
    pixel_place p = input.input.pixel(d);
    p.valid = d < depth;
    const int columns = input.input.s.weights;
    return {input.channels_at(p, column, columns), input.channels_at(p, column + group, columns)};
  }
};

/// The gradient of a weight from columns ((r,s),c), added to what is there.
template <class T>
struct weight_out_by_tap {
  device_span<T> dw;
  int weights, taps;
  divisor by_channels;

  [[nodiscard]] VMT_HOST_DEVICE int column(int n) const {
    const int tap = by_channels.quotient(n);
    return (n - tap * by_channels.value()) * taps + tap;
  }
  VMT_HOST_DEVICE void take(int m, int where, T value) const {
    const int i = m * weights + where;
    dw.set(i, dw[i] + value);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
