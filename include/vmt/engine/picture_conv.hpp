// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/engine/fast_conv.hpp>

namespace vmt::inline VMT_ABI::engine {

/// The first convolution, with batch norm folded and ReLU, over pictures of few channels: planes with zeros around
/// them. A row of taps lies side by side there, so it is one run of the tile kernel.
class picture_conv {
 public:
  picture_conv() = default;
  /// \param channels  of the picture
  picture_conv(const group_kernels& k, const nn::conv2d<float>& conv, const nn::batch_norm<float>& norm,
               index_t channels, index_t height, index_t width)
      : group_(k.group), channels_(channels), height_(height), width_(width), params_(conv.params()) {
    const folded_norm folded(conv, &norm);
    bias_ = group_bias(folded, group_);
    const const_view<float, 4> w = conv.weight();
    const extents<4> out = conv.out_extents({1, channels, height, width});
    out_ = detail::group_map::plain(group_, out[1], out[2], out[3]);
    taps_h_ = w.extent(2);
    taps_w_ = w.extent(3);
    rows_ = (std::max)((out[2] - 1) * params_.stride_h + taps_h_, params_.padding_h + height);
    pitch_ = (std::max)((out[3] - 1) * params_.stride_w + taps_w_, params_.padding_w + width);
    const index_t depth = channels * taps_h_ * taps_w_;
    packed_ = host_buffer<float>(detail::group_weights_size(group_, w.extent(0), depth));
    detail::pack_group_weights(
        group_, w.extent(0), depth,
        [&](index_t m, index_t i) {
          return static_cast<float>(static_cast<double>(w.data_handle()[m * depth + i]) *
                                    folded.scale[static_cast<std::size_t>(m)]);
        },
        packed_.data());
  }

  /// Of the output, without a border.
  [[nodiscard]] const detail::group_map& out() const noexcept { return out_; }
  /// Numbers of one channel of the picture with its zeros.
  [[nodiscard]] index_t channel_size() const noexcept { return rows_ * pitch_; }
  /// H×W → a channel whose border is zero already.
  void fill(const float* plane, float* channel) const noexcept {
    for (index_t i = 0; i < height_; ++i) {
      std::copy_n(plane + i * width_, width_, channel + (params_.padding_h + i) * pitch_ + params_.padding_w);
    }
  }

  /// Runs of the kernel.
  [[nodiscard]] index_t runs() const noexcept { return channels_ * taps_h_; }
  /// Their offsets where channel c begins at offset `begin(c)`.
  template <class Begin>
  void run_offsets(Begin begin, index_t* offset) const {
    for (index_t c = 0; c < channels_; ++c)
      for (index_t r = 0; r < taps_h_; ++r) *offset++ = begin(c) + r * pitch_;
  }

  /// Row i of output group g → out, width · group numbers.
  void row(const group_kernels& k, const float* picture, const index_t* offset, index_t g, index_t i,
           float* out) const noexcept {
    detail::group_map line = detail::group_map::plain(group_, group_, 1, out_.width);
    const detail::group_conv_job job{runs(),
                                     offset,
                                     taps_w_,
                                     params_.stride_w,
                                     packed_.data() + g * group_ * runs() * taps_w_,
                                     1,
                                     picture + i * params_.stride_h * pitch_,
                                     0,
                                     0,
                                     0,
                                     line,
                                     out,
                                     {bias_.data() + g * group_, nullptr, true}};
    detail::group_conv_row(k, job, 0, 0);
  }
  /// The whole output into `map`, of its sizes and any border.
  void run(cpu_context& ctx, const float* picture, const index_t* offset, const detail::group_map& map,
           float* y) const {
    detail::run_group_conv(ctx, {runs(),
                                 offset,
                                 taps_w_,
                                 params_.stride_w,
                                 packed_.data(),
                                 1,
                                 picture,
                                 params_.stride_h * pitch_,
                                 0,
                                 params_.stride_h * pitch_,
                                 map,
                                 y,
                                 {bias_.data(), nullptr, true}});
  }

 private:
  index_t group_ = 0, channels_ = 0, height_ = 0, width_ = 0;
  ops::conv2d_params params_;
  detail::group_map out_;
  index_t taps_h_ = 0, taps_w_ = 0, rows_ = 0, pitch_ = 0;
  host_buffer<float> packed_, bias_;
};

}  // namespace vmt::inline VMT_ABI::engine
