// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/conv2d.hpp>
#include <vmt/backend/cpu/relu_kernel.hpp>
#include <vmt/engine/folded_norm.hpp>

#include <optional>  // layout
#include <vector>

namespace vmt::inline VMT_ABI::engine {

/// A convolution over planes made ready for inference at one input size: the batch norm behind it folded, the weight
/// packed for the kernel. What follows it (another map added, ReLU) happens while a tile leaves the registers.
class packed_conv {
 public:
  packed_conv() = default;

  /// \param norm      may be null: nothing to fold
  /// \param channels  of the input map; fewer than the weight's: the rest is the caller's business
  packed_conv(const tile_kernel<float>& kernel, const nn::conv2d<float>& conv, const nn::batch_norm<float>* norm,
              index_t channels, index_t height, index_t width)
      : in_{1, channels, height, width} {
    const const_view<float, 4> w = conv.weight();
    const extents<4> kernel_sizes{w.extent(0), channels, w.extent(2), w.extent(3)};
    out_ = conv.out_extents({1, w.extent(1), height, width});
    rows_ = w.extent(0);
    params_ = conv.params();
    const detail::forward_shifts f(in_, kernel_sizes, out_, params_);
    layout_.emplace(f.layout);
    map_ = f.map;
    taps_.resize(static_cast<std::size_t>(f.taps));
    f.tap_offsets(kernel_sizes, params_, taps_.data());
    channels_.resize(static_cast<std::size_t>(channels));
    f.channel_offsets(channels_.data());
    direct_ = layout_->is_image() && map_.places() >= kernel.columns;
    const folded_norm folded(conv, norm);
    bias_ = host_buffer<float>(rows_);
    for (index_t m = 0; m < rows_; ++m) {
      bias_.data()[m] = static_cast<float>(folded.bias[static_cast<std::size_t>(m)]);
    }
    const index_t all = w.extent(1) * w.extent(2) * w.extent(3);
    packed_ = host_buffer<float>(detail::packed_size(kernel, rows_, depth()));
    detail::pack_left(
        kernel, rows_, depth(),
        [&](index_t m, index_t k) {
          return static_cast<float>(static_cast<double>(w.data_handle()[m * all + k]) *
                                    folded.scale[static_cast<std::size_t>(m)]);
        },
        packed_.data());
  }

  [[nodiscard]] const extents<4>& in() const noexcept { return in_; }
  [[nodiscard]] const extents<4>& out() const noexcept { return out_; }
  [[nodiscard]] index_t depth() const noexcept { return std::ssize(taps_) * std::ssize(channels_); }

  /// y = act(conv(x) + bias + residual): residual may be null, `relu` chooses the activation. x, y, residual: one
  /// image.
  void run(cpu_context& ctx, const float* x, float* y, const float* residual, bool relu) const {
    if (direct_) return run_planes(ctx, x, channels_.data(), y, residual, relu);
    auto scratch = ctx.scratch().borrow();
    float* const planes = scratch.take<float>(planes_size() + ctx.kernel<float>().columns);
    fill(ctx, x, in_[1], planes);
    run_planes(ctx, planes, channels_.data(), y, residual, relu);
  }

  /// Numbers in the planes of one input channel, and of all.
  [[nodiscard]] index_t channel_size() const noexcept { return layout_->channel_size(); }
  [[nodiscard]] index_t planes_size() const noexcept { return in_[1] * channel_size(); }
  /// Lays out `channels` channels for `run_planes`.
  void fill(cpu_context& ctx, const float* x, index_t channels, float* planes) const {
    detail::fill_planes(
        ctx, *layout_, channels, in_[2] * in_[3], 1, [x](index_t) { return x; }, planes, index_t{0});
  }
  /// The same on channels that are laid out already; those of input c begin at planes + channel[c], and after the last
  /// one a tile's width of numbers can be read.
  void run_planes(cpu_context& ctx, const float* planes, const index_t* channel, float* y, const float* residual,
                  bool relu) const {
    const index_t pixels = out_[2] * out_[3];
    detail::multiply_planes<float>(
        ctx, packed_.data(), rows_, {in_[1], channel, std::ssize(taps_), taps_.data()}, map_, planes, planes_size(), 1,
        [=, isa = ctx.isa(), bias = bias_.data()](index_t, index_t m, index_t first, index_t count, const float* sums) {
          float* const out = y + m * pixels + first;
          detail::array_map<float> result(out, count);
          const detail::const_array_map<float> sum(sums, count);
          if (residual == nullptr) {
            result = sum + bias[m];
          } else {
            result = sum + bias[m] + detail::const_array_map<float>(residual + m * pixels + first, count);
          }
          if (relu) detail::relu_run<float>(isa, count, out, out);
        });
  }

 private:
  extents<4> in_, out_;
  index_t rows_ = 0;
  ops::conv2d_params params_;
  std::optional<detail::plane_layout> layout_;
  detail::place_map map_{};
  std::vector<index_t> taps_, channels_;  // offsets
  bool direct_ = false;                   // the input is its own plane
  host_buffer<float> packed_;
  host_buffer<float> bias_;
};

}  // namespace vmt::inline VMT_ABI::engine
