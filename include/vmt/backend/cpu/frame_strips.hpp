// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/product.hpp>

#include <optional>

namespace vmt::inline VMT_ABI::detail {

/// The convolution of the frames of windows, one channel in, strip by strip: a few rows of all channels are made, used
/// and forgotten while they are in the second cache.
class frame_strips {
 public:
  /// Rows first … first + rows − 1 of frame f of window n. Channel c begins at strip + c·line; row i of it at i·pitch,
  /// `width` numbers; behind them up to the pitch, and up to `line`, is room that may be written.
  struct part {
    index_t n, f, first, rows;
    float* strip;
    const float* planes;  ///< what output place 0 of the strip sees at offset 0
  };

  /// x: N×F×H×W; conv: C×1×R×S; C×height×width comes out of each frame. `scratch` outlives this.
  frame_strips(cpu_context& ctx, workspace::scope& scratch, const_view<float, 4> x, const_view<float, 4> conv,
               const ops::conv2d_params& p, index_t height, index_t width)
      : ctx_(ctx),
        x_(x),
        channels_(conv.extent(0)),
        height_(height),
        width_(width),
        taps_(conv.extent(2) * conv.extent(3)),
        layout_(x.extent(2), x.extent(3), height, width, p.stride_h, p.stride_w, {p.tap_row(0), p.tap_column(0)},
                {p.tap_row(conv.extent(2) - 1), p.tap_column(conv.extent(3) - 1)}) {
    constexpr index_t strip_numbers = index_t{1} << 17;  // half a megabyte
    const tile_kernel<float>& kernel = ctx.kernel<float>();
    const index_t threads = ctx.threads().size();
    blocks_ = ceil_div(channels_, kernel.rows);
    rows_ = std::clamp(strip_numbers / (channels_ * layout_.pitch()), index_t{1}, height);
    line_ = ceil_div(rows_ * layout_.pitch(), kernel.columns) * kernel.columns;
    planes_size_ = layout_.channel_size() + line_ - rows_ * layout_.pitch() + kernel.columns;
    tap_ = scratch.take<index_t>(taps_ + ctx.dot<float>().taps);
    left_ = scratch.take<float>(packed_size(kernel, channels_, taps_));
    planes_ = scratch.take<float>(threads * x.extent(1) * planes_size_);
    strip_ = scratch.take<float>(threads * blocks_ * kernel.rows * line_);
    index_t at = 0;
    for (index_t r = 0; r < conv.extent(2); ++r)
      for (index_t s = 0; s < conv.extent(3); ++s) tap_[at++] = layout_.offset({p.tap_row(r), p.tap_column(s)});
    std::fill_n(tap_ + taps_, ctx.dot<float>().taps, tap_[taps_ - 1]);
    pack_left(
        kernel, channels_, taps_, [&](index_t m, index_t k) { return conv.data_handle()[m * taps_ + k]; }, left_);
  }

  [[nodiscard]] index_t line() const noexcept { return line_; }
  [[nodiscard]] index_t pitch() const noexcept { return layout_.pitch(); }
  [[nodiscard]] index_t width() const noexcept { return width_; }
  [[nodiscard]] index_t channels() const noexcept { return channels_; }
  [[nodiscard]] index_t taps() const noexcept { return taps_; }
  /// What each tap sees from place 0; behind them the last one again, for whole tiles of a `dot_kernel`.
  [[nodiscard]] const index_t* tap() const noexcept { return tap_; }
  /// The places of a frame's outputs: the last one and all before it.
  [[nodiscard]] index_t places() const noexcept { return layout_.places(height_, width_); }
  /// Of all frames.
  [[nodiscard]] index_t outputs() const noexcept { return x_.extent(0) * x_.extent(1) * height_ * width_; }
  [[nodiscard]] const_view<float, 4> frames() const noexcept { return x_; }

  /// f(thread, window, planes) for all frames, split among the threads by windows, `centre` taken from all numbers of
  /// the planes, zeros around the picture too. Nothing is multiplied.
  template <class F>
  void for_each_frame(float centre, F f) const {
    const index_t threads = ctx_.threads().size();
    ctx_.threads().run([&](int t) {
      float* const planes = planes_ + t * x_.extent(1) * planes_size_;
      for (index_t n = x_.extent(0) * t / threads; n < x_.extent(0) * (t + 1) / threads; ++n)
        for (index_t i = 0; i < x_.extent(1); ++i) {
          fill(n, i, planes);
          array_map<float>(planes, planes_size_) -= centre;
          f(t, n, planes);
        }
    });
  }
  /// f(part) for all windows, split among the threads by windows; within one, strip by strip, and frame by frame.
  /// Unless `made`, strips are room with anything in it.
  template <class F>
  void for_each(F f, bool made = true) const {
    const index_t frames = x_.extent(1);
    const index_t threads = ctx_.threads().size();
    ctx_.threads().run([&](int t) {
      float* const planes = planes_ + t * frames * planes_size_;
      float* const strip = strip_ + t * blocks_ * ctx_.kernel<float>().rows * line_;
      for (index_t n = x_.extent(0) * t / threads; n < x_.extent(0) * (t + 1) / threads; ++n) {
        for (index_t i = 0; i < frames; ++i) fill(n, i, planes + i * planes_size_);
        for (index_t first = 0; first < height_; first += rows_) {
          const index_t rows = (std::min)(rows_, height_ - first);
          for (index_t i = 0; i < frames; ++i) {
            const float* const from = planes + i * planes_size_ + first * pitch();
            if (made) make(from, rows, strip);
            f(part{n, i, first, rows, strip, from});
          }
        }
      }
    });
  }

 private:
  void fill(index_t n, index_t frame, float* planes) const {
    layout_.fill(x_[n][frame].data_handle(), planes);
    std::fill(planes + layout_.channel_size(), planes + planes_size_, 0.0F);
  }
  void make(const float* planes, index_t rows, float* strip) const {
    const tile_kernel<float>& kernel = ctx_.kernel<float>();
    const index_t channel = 0;
    for (index_t at = 0; at < rows * pitch(); at += kernel.columns)
      for (index_t b = 0; b < blocks_; ++b) {
        kernel.run(1, taps_, left_ + b * kernel.rows * taps_, planes + at, &channel, tap_,
                   strip + b * kernel.rows * line_ + at, line_);
      }
  }

  cpu_context& ctx_;
  const_view<float, 4> x_;
  index_t channels_, height_, width_, taps_;
  plane_layout layout_;
  index_t blocks_ = 0, rows_ = 0, line_ = 0, planes_size_ = 0;
  index_t* tap_ = nullptr;
  float *left_ = nullptr, *planes_ = nullptr, *strip_ = nullptr;
};

}  // namespace vmt::inline VMT_ABI::detail
