// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/conv2d.hpp>

#include <cstring>  // memcpy
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace vmt::inline VMT_ABI::detail {

/// out[i] = in[2i], i < n: a row seen with stride 2. Nothing behind in[2n − 2] is read.
template <class T>
void copy_every_other(const T* in, index_t n, T* out) noexcept {
  index_t i = 0;
#if defined(__SSE2__)
  if constexpr (std::is_same_v<T, float>) {
    for (; i + 4 < n; i += 4) {  // the last load ends at in[2i + 7]
      const __m128 low = _mm_loadu_ps(in + 2 * i);
      const __m128 high = _mm_loadu_ps(in + 2 * i + 4);
      _mm_storeu_ps(out + i, _mm_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0)));
    }
  }
#endif
  for (; i < n; ++i) out[i] = in[2 * i];
}

/// One row of the matrix that a convolution multiplies its weights with: the input plane of a channel, shifted.
struct tap {
  index_t offset;  ///< of the channel in the image
  index_t row;     ///< added to i·stride
  index_t column;  ///< added to j·stride
};

/// The "im2col" matrix of an image without the matrix: element (k, p) is the input pixel that tap k sees from output
/// pixel p, or zero beside the image. Panels of it are packed straight from the image.
struct gather {
  const tap* taps;
  index_t depth;  ///< number of taps
  index_t height, width;
  index_t out_height, out_width;
  index_t stride_h, stride_w;

  [[nodiscard]] index_t pixels() const noexcept { return out_height * out_width; }

  // The outputs first … last−1 of a row for which tap t stays inside the image.
  struct span {
    index_t begin, end;
  };
  [[nodiscard]] span inside(const tap& t, index_t first, index_t last) const noexcept {
    const ops::generic::tap_range r(t.column, stride_w, width, out_width);
    const index_t begin = (std::min)((std::max)(first, r.begin), last);
    return {begin, (std::max)(begin, (std::min)(last, r.end))};
  }

  /// Rows of `columns` pixels, starting at pixel `first`, for all taps: dst[k·columns + n]. Pixels past the end are
  /// zero.
  template <class T>
  void pack(const T* image, index_t first, index_t columns, T* dst) const {
    const index_t last = (std::min)(first + columns, pixels());
    for (index_t p = first, at = 0; p < last;) {
      const index_t i = p / out_width;
      const index_t j = p % out_width;
      const index_t count = (std::min)(out_width - j, last - p);
      for (index_t k = 0; k < depth; ++k) {
        T* out = dst + k * columns + at;
        const tap& t = taps[k];
        const index_t h = i * stride_h + t.row;
        if (h < 0 || h >= height) {
          std::fill_n(out, count, T(0));
          continue;
        }
        const index_t row = t.offset + h * width + t.column;  // of output x: row + x·stride
        const span s = inside(t, j, j + count);
        for (index_t x = j; x < s.begin; ++x) out[x - j] = T(0);
        if (stride_w == 1) {
          if (s.begin < s.end) {
            std::memcpy(out + (s.begin - j), image + (row + s.begin),
                        static_cast<std::size_t>(s.end - s.begin) * sizeof(T));
          }
        } else if (stride_w == 2) {
          if (s.begin < s.end) copy_every_other(image + (row + 2 * s.begin), s.end - s.begin, out + (s.begin - j));
        } else {
          for (index_t x = s.begin; x < s.end; ++x) out[x - j] = image[row + x * stride_w];
        }
        for (index_t x = s.end; x < j + count; ++x) out[x - j] = T(0);
      }
      p += count;
      at += count;
    }
    if (const index_t filled = last - first; filled < columns) {
      for (index_t k = 0; k < depth; ++k) std::fill_n(dst + k * columns + filled, columns - filled, T(0));
    }
  }

  /// The transpose: pixels first … last−1 as rows of `columns` taps, starting at tap k0: dst[(p−first)·columns + n].
  /// Taps past the end are zero.
  template <class T>
  void pack_transposed(const T* image, index_t k0, index_t columns, index_t first, index_t last, T* dst) const {
    const index_t count = (std::min)(columns, depth - k0);
    constexpr index_t run = 16;  // pixels at a time: their rows of dst stay in the first cache
    for (index_t p = first; p < last;) {
      const index_t i = p / out_width;
      const index_t j = p % out_width;
      const index_t length = (std::min)({out_width - j, last - p, run});
      T* out = dst + (p - first) * columns;
      for (index_t n = 0; n < count; ++n) {
        const tap& t = taps[k0 + n];
        const index_t h = i * stride_h + t.row;
        const bool in_image = h >= 0 && h < height;
        const index_t row = t.offset + h * width + t.column;
        const span s = in_image ? inside(t, j, j + length) : span{j, j};
        for (index_t x = j; x < s.begin; ++x) out[(x - j) * columns + n] = T(0);
        for (index_t x = s.begin; x < s.end; ++x) out[(x - j) * columns + n] = image[row + x * stride_w];
        for (index_t x = s.end; x < j + length; ++x) out[(x - j) * columns + n] = T(0);
      }
      for (index_t n = count; n < columns; ++n)
        for (index_t x = 0; x < length; ++x) out[x * columns + n] = T(0);
      p += length;
    }
  }
};

}  // namespace vmt::inline VMT_ABI::detail
