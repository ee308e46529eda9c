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

/// out[2i] = even[i], out[2i + 1] = odd[i], n numbers of out in all. A null pointer stands for zeros.
template <class T>
void interleave(const T* even, const T* odd, index_t n, T* out) noexcept {
  index_t i = 0;
#if defined(__SSE2__)
  if constexpr (std::is_same_v<T, float>) {
    for (; 2 * i + 8 <= n; i += 4) {
      const __m128 a = even == nullptr ? _mm_setzero_ps() : _mm_loadu_ps(even + i);
      const __m128 b = odd == nullptr ? _mm_setzero_ps() : _mm_loadu_ps(odd + i);
      _mm_storeu_ps(out + 2 * i, _mm_unpacklo_ps(a, b));
      _mm_storeu_ps(out + 2 * i + 4, _mm_unpackhi_ps(a, b));
    }
  }
#endif
  for (; 2 * i < n; ++i) {
    out[2 * i] = even == nullptr ? T(0) : even[i];
    if (2 * i + 1 < n) out[2 * i + 1] = odd == nullptr ? T(0) : odd[i];
  }
}

[[nodiscard]] constexpr index_t ceil_div(index_t a, index_t b) noexcept {
  return (a + b - 1) / b;
}

/// What a weight of a convolution sees from output pixel (i, j): input pixel (i·stride + row, j·stride + column).
struct tap {
  index_t row, column;
};

/// How an image is laid out so that a convolution over it is a sum of shifted lines. Every channel becomes stride_h ×
/// stride_w planes (its pixels by the remainder of row and column), with as many zeros around as the taps reach out,
/// all of one pitch. Output pixel (i, j) then has the place p = i·pitch + j, and a tap is one constant offset to all of
/// them: nothing is gathered, no border is a special case. What comes out at the places between the rows is not used.
class plane_layout {
 public:
  /// For outputs of up to out_height × out_width and taps with rows and columns in [first, last].
  plane_layout(index_t height, index_t width, index_t out_height, index_t out_width, index_t stride_h, index_t stride_w,
               tap first, tap last) noexcept
      : height_(height),
        width_(width),
        stride_h_(stride_h),
        stride_w_(stride_w),
        origin_(first),
        phases_h_((std::min)(stride_h, last.row - first.row + 1)),
        phases_w_((std::min)(stride_w, last.column - first.column + 1)),
        rows_(out_height + (last.row - first.row) / stride_h),
        pitch_(out_width + (last.column - first.column) / stride_w) {}

  [[nodiscard]] index_t pitch() const noexcept { return pitch_; }
  /// Numbers of one channel.
  [[nodiscard]] index_t channel_size() const noexcept { return phases_h_ * phases_w_ * rows_ * pitch_; }
  /// Whether the planes are the image itself.
  [[nodiscard]] bool is_image() const noexcept {
    return stride_h_ == 1 && stride_w_ == 1 && origin_.row == 0 && origin_.column == 0 && rows_ == height_ &&
           pitch_ == width_;
  }
  /// Where, in a channel's planes, the tap's pixel for output place 0 lies.
  [[nodiscard]] index_t offset(const tap& t) const noexcept {
    const index_t u = t.row - origin_.row;
    const index_t v = t.column - origin_.column;
    return ((u % stride_h_ * phases_w_ + v % stride_w_) * rows_ + u / stride_h_) * pitch_ + v / stride_w_;
  }
  /// The places of an output of so many rows and columns: the last one and all before it.
  [[nodiscard]] index_t places(index_t out_height, index_t out_width) const noexcept {
    return (out_height - 1) * pitch_ + out_width;
  }

  /// Writes the planes of one channel.
  template <class T>
  void fill(const T* channel, T* dst) const noexcept {
    for (index_t a = 0; a < phases_h_; ++a)
      for (index_t b = 0; b < phases_w_; ++b)
        for (index_t i = 0; i < rows_; ++i, dst += pitch_) {
          const index_t h = i * stride_h_ + a + origin_.row;
          if (h < 0 || h >= height_) {
            std::fill_n(dst, pitch_, T(0));
            continue;
          }
          fill_row(channel + h * width_, b + origin_.column, dst);
        }
  }

 private:
  // dst[j] = row[j·stride_w + first], zero beside the row.
  template <class T>
  void fill_row(const T* row, index_t first, T* dst) const noexcept {
    const index_t begin = (std::min)(first < 0 ? ceil_div(-first, stride_w_) : index_t{0}, pitch_);
    const index_t end = (std::max)(begin, (std::min)(ceil_div(width_ - first, stride_w_), pitch_));
    std::fill(dst, dst + begin, T(0));
    if (stride_w_ == 1) {
      std::memcpy(dst + begin, row + first + begin, static_cast<std::size_t>(end - begin) * sizeof(T));
    } else if (stride_w_ == 2) {
      if (begin < end) copy_every_other(row + (2 * begin + first), end - begin, dst + begin);
    } else {
      for (index_t j = begin; j < end; ++j) dst[j] = row[j * stride_w_ + first];
    }
    std::fill(dst + end, dst + pitch_, T(0));
  }

  index_t height_, width_;
  index_t stride_h_, stride_w_;
  tap origin_;
  index_t phases_h_, phases_w_;
  index_t rows_, pitch_;
};

}  // namespace vmt::inline VMT_ABI::detail
