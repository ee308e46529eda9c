// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/product.hpp>

#include <optional>

namespace vmt::inline VMT_ABI::detail {

/// The pixels of dx fall into stride² classes by their remainder; each class is a plain convolution of dy with the taps
/// that reach it, so no product with an inserted zero is computed.
struct backward_class {
  index_t row, column;  ///< of its first pixel in dx
  index_t out_height, out_width;
};

/// f(r, s, tap) for the weights r, s that reach a class, and what they see of dy from there.
template <class F>
void for_each_tap(const backward_class& k, const extents<4>& w, const ops::conv2d_params& p, F&& f) {
  for (index_t r = 0; r < w[2]; ++r)
    for (index_t s = 0; s < w[3]; ++s) {
      const index_t row = k.row - p.tap_row(r);
      const index_t column = k.column - p.tap_column(s);
      if (row % p.stride_h == 0 && column % p.stride_w == 0) f(r, s, tap{row / p.stride_h, column / p.stride_w});
    }
}

/// Stores a class of pixels whose columns are all columns of dx.
template <class T>
struct row_class_store {
  T* dx;  ///< of the first image
  index_t rows, height, width, stride, first_row;

  [[nodiscard]] T* place(index_t n, index_t m, index_t pixel, index_t count) const noexcept {
    const index_t i = pixel / width;
    const index_t j = pixel - i * width;
    return j + count > width ? nullptr : dx + ((n * rows + m) * height + i * stride + first_row) * width + j;
  }
  [[nodiscard]] index_t row_size() const noexcept { return height * width; }
  void operator()(index_t n, index_t m, index_t pixel, index_t count, const T* sums) const noexcept {
    while (count > 0) {
      const index_t in_row = (std::min)(count, width - pixel % width);
      std::copy_n(sums, in_row, place(n, m, pixel, in_row));
      pixel += in_row;
      sums += in_row;
      count -= in_row;
    }
  }
};

/// A backward pass for the pixels of dx, class by class.
template <class T>
class input_gradient {
 public:
  input_gradient(cpu_context& ctx, const_view<T, 4> dy, const_view<T, 4> w, tensor_view<T, 4> dx,
                 const ops::conv2d_params& p) noexcept
      : ctx_(ctx), dy_(dy), w_(w), dx_(dx), p_(p) {}

  void run() {
    const index_t height = dx_.extent(2);
    const index_t width = dx_.extent(3);
    const extents<4> we = w_.extents();
    // One layout of dy serves all classes.
    tap low{0, 0}, high{0, 0};
    for (index_t a = 0; a < (std::min)(p_.stride_h, height); ++a)
      for (index_t b = 0; b < (std::min)(p_.stride_w, width); ++b) {
        for_each_tap(class_at(a, b), we, p_, [&](index_t, index_t, const tap& t) {
          low = {(std::min)(low.row, t.row), (std::min)(low.column, t.column)};
          high = {(std::max)(high.row, t.row), (std::max)(high.column, t.column)};
        });
      }
    layout_.emplace(dy_.extent(2), dy_.extent(3), ceil_div(height, p_.stride_h), ceil_div(width, p_.stride_w), 1, 1,
                    low, high);
    const tile_kernel<T>& kernel = ctx_.kernel<T>();
    const index_t in_channels = dy_.extent(1);
    auto scratch = ctx_.scratch().borrow();
    channel_ = scratch.template take<index_t>(in_channels);
    for (index_t c = 0; c < in_channels; ++c) channel_[c] = c * layout_->channel_size();
    classes_ = scratch.template take<packed_class>(p_.stride_h * p_.stride_w);
    for (index_t a = 0; a < (std::min)(p_.stride_h, height); ++a)
      for (index_t b = 0; b < (std::min)(p_.stride_w, width); ++b) {
        index_t taps = 0;
        for_each_tap(class_at(a, b), we, p_, [&](index_t, index_t, const tap&) { ++taps; });
        packed_class& k =
            classes_[a * p_.stride_w + b] = {taps, scratch.template take<index_t>(taps),
                                             scratch.template take<T>(packed_size(kernel, rows(), in_channels * taps))};
        pack(a, b, k);
      }
    image_size_ = in_channels * layout_->channel_size();
    const index_t at_once = images_at_once(image_size_, dy_.extent(0), ctx_.threads().size());
    planes_ = scratch.template take<T>(at_once * image_size_ + kernel.columns);
    columns_ = p_.stride_w == 1
                   ? nullptr
                   : scratch.template take<T>(at_once * rows() * ceil_div(height, p_.stride_h) * (width + p_.stride_w));
    for (first_ = 0; first_ < dy_.extent(0); first_ += at_once) {
      images_ = (std::min)(at_once, dy_.extent(0) - first_);
      fill_planes(
          ctx_, *layout_, in_channels, dy_.extent(2) * dy_.extent(3), images_,
          [&](index_t n) { return dy_[first_ + n].data_handle(); }, planes_, image_size_);
      for (index_t a = 0; a < (std::min)(p_.stride_h, height); ++a) {
        if (p_.stride_w == 1) {
          whole_rows(a);
        } else {
          columns(a);
        }
      }
    }
  }

 private:
  struct packed_class {
    index_t taps;
    index_t* tap;  ///< offsets
    T* left;       ///< weights
  };

  [[nodiscard]] index_t rows() const noexcept { return dx_.extent(1); }
  [[nodiscard]] backward_class class_at(index_t a, index_t b) const noexcept {
    return {a, b, ceil_div(dx_.extent(2) - a, p_.stride_h), ceil_div(dx_.extent(3) - b, p_.stride_w)};
  }

  void pack(index_t a, index_t b, const packed_class& k) const {
    const extents<4> we = w_.extents();
    auto scratch = ctx_.scratch().borrow();
    index_t* const source = scratch.template take<index_t>(k.taps);
    index_t at = 0;
    for_each_tap(class_at(a, b), we, p_, [&](index_t r, index_t s, const tap& t) {
      k.tap[at] = layout_->offset(t);
      source[at++] = r * we[3] + s;
    });
    const index_t block = ctx_.kernel<T>().rows;
    const index_t kernel_size = we[2] * we[3];
    ctx_.threads().parallel_for(ceil_div(rows(), block), [&](index_t begin, index_t end) {
      T* to = k.left + begin * block * we[0] * k.taps;
      for (index_t m0 = begin * block; m0 < end * block; m0 += block)
        for (index_t c = 0; c < we[0]; ++c)
          for (index_t t = 0; t < k.taps; ++t)
            for (index_t m = m0; m < m0 + block; ++m) {
              *to++ = m < rows() ? w_.data_handle()[(c * we[1] + m) * kernel_size + source[t]] : T(0);
            }
    });
  }

  // The products of one class; false where no tap reaches it.
  template <class Store>
  bool multiply(const backward_class& k, const Store& store) {
    const packed_class& p = classes_[k.row * p_.stride_w + k.column];
    if (p.taps == 0) return false;
    multiply_planes<T>(ctx_, p.left, rows(), {dy_.extent(1), channel_, p.taps, p.tap},
                       {k.out_height, k.out_width, layout_->pitch()}, planes_, image_size_, images_, store);
    return true;
  }

  // Rows a, a + stride_h, … of dx, where columns have no stride.
  void whole_rows(index_t a) {
    const backward_class k = class_at(a, 0);
    T* const dx = dx_[first_].data_handle();
    const index_t height = dx_.extent(2);
    const index_t width = dx_.extent(3);
    if (p_.stride_h == 1) {
      multiply(k, map_store<T>{dx, rows(), height * width});
    } else if (!multiply(k, row_class_store<T>{dx, rows(), height, width, p_.stride_h, a})) {
      for_each_row(k, [&](index_t, T* row) { std::fill_n(row, width, T(0)); });
    }
  }

  // The same where columns have: each class of columns alone, then side by side.
  void columns(index_t a) {
    const index_t width = dx_.extent(3);
    const index_t classes = (std::min)(p_.stride_w, width);
    const index_t all = images_ * rows() * class_at(a, 0).out_height;
    const auto part = [&](index_t b) { return columns_ + all * (b == 0 ? 0 : b * class_at(a, 0).out_width); };
    const auto known = [&](index_t b) {
      const backward_class k = class_at(a, b);
      return multiply(k, map_store<T>{part(b), rows(), k.out_height * k.out_width}) ? part(b) : nullptr;
    };
    if (p_.stride_w == 2) {
      const T* const even = known(0);
      const T* const odd = classes == 2 ? known(1) : nullptr;
      for_each_row(class_at(a, 0), [&](index_t line, T* row) {
        interleave(even == nullptr ? even : even + line * ceil_div(width, 2),
                   odd == nullptr ? odd : odd + line * (width / 2), width, row);
      });
      return;
    }
    for (index_t b = 0; b < classes; ++b) {
      const T* const from = known(b);
      const index_t count = class_at(a, b).out_width;
      for_each_row(class_at(a, b), [&](index_t line, T* row) {
        for (index_t j = 0; j < count; ++j) {
          row[j * p_.stride_w + b] = from == nullptr ? T(0) : from[line * count + j];
        }
      });
    }
  }

  // f(number of the row among all of the class, the row in dx).
  template <class F>
  void for_each_row(const backward_class& k, F f) {
    ctx_.threads().parallel_for(images_ * rows(), [&](index_t begin, index_t end) {
      for (index_t plane = begin; plane < end; ++plane)
        for (index_t i = 0; i < k.out_height; ++i) {
          f(plane * k.out_height + i,
            dx_[first_].data_handle() + (plane * dx_.extent(2) + i * p_.stride_h + k.row) * dx_.extent(3));
        }
    });
  }

  cpu_context& ctx_;
  const_view<T, 4> dy_, w_;
  tensor_view<T, 4> dx_;
  ops::conv2d_params p_;
  std::optional<plane_layout> layout_;
  index_t* channel_ = nullptr;
  packed_class* classes_ = nullptr;
  T *planes_ = nullptr, *columns_ = nullptr;
  index_t image_size_ = 0, first_ = 0, images_ = 0;
};

}  // namespace vmt::inline VMT_ABI::detail
