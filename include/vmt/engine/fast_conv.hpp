// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/engine/activation_ranges.hpp>
#include <vmt/engine/conv_plan.hpp>
#include <vmt/engine/folded_norm.hpp>
#include <vmt/nn/basic_block.hpp>

#include <vector>

namespace vmt::inline VMT_ABI::engine {

/// Folded biases as the kernels read them: whole groups.
[[nodiscard]] inline host_buffer<float> group_bias(const folded_norm& folded, index_t group) {
  const auto rows = static_cast<index_t>(folded.bias.size());
  host_buffer<float> bias(detail::groups_of(rows, group) * group);
  for (index_t m = 0; m < rows; ++m) bias.data()[m] = static_cast<float>(folded.bias[static_cast<std::size_t>(m)]);
  return bias;
}

/// A convolution over `group_map`s made ready for inference: batch norm folded, the cheapest method chosen, weights
/// packed for it. What follows (another map added, ReLU) happens before a sum leaves the registers.
class fast_conv {
 public:
  using number = float;
  static constexpr index_t slack = 0;
  static constexpr bool quantised = false;

  fast_conv() = default;
  /// \param norm    may be null: nothing to fold
  /// \param in      its border must be as wide as the padding
  /// \param out     of the convolution's output sizes, any border
  /// \param images  maps that will usually come in one call
  fast_conv(const group_kernels& k, const nn::conv2d<float>& conv, const nn::batch_norm<float>* norm,
            const detail::group_map& in, const detail::group_map& out, index_t images, const conv_ranges& = {})
      : fast_conv(k, conv, norm, in, out, choose_method(k, conv, in.channels, out.height, out.width, images)) {
    images_ = images;
  }
  fast_conv(const group_kernels& k, const nn::conv2d<float>& conv, const nn::batch_norm<float>* norm,
            const detail::group_map& in, const detail::group_map& out, const conv_method& method)
      : method_(method), in_(in), out_(out), group_(k.group) {
    const folded_norm folded(conv, norm);
    bias_ = group_bias(folded, group_);
    const const_view<float, 4> w = conv.weight();
    const index_t rows = w.extent(0);
    const index_t depth = in.groups() * group_;
    taps_ = w.extent(2) * w.extent(3);
    const ops::conv2d_params& p = conv.params();
    for (index_t g = 0; g < in.groups(); ++g)
      for (index_t r = 0; r < w.extent(2); ++r)
        for (index_t s = 0; s < w.extent(3); ++s) offsets_.push_back(in.at(g, p.tap_row(r), p.tap_column(s)));
    stride_h_ = p.stride_h;
    stride_w_ = p.stride_w;
    packed_ = host_buffer<float>(detail::group_weights_size(group_, rows, depth * taps_));
    detail::pack_group_taps(
        group_, rows, in.channels, taps_,
        [&](index_t m, index_t c, index_t t) {
          return static_cast<float>(static_cast<double>(w(m, c, t / w.extent(3), t % w.extent(3))) *
                                    folded.scale[static_cast<std::size_t>(m)]);
        },
        packed_.data());
  }

  [[nodiscard]] std::string method() const { return name(method_); }
  /// How a number is stored in a map.
  [[nodiscard]] static float stored(float x, const activation_range&) noexcept { return x; }
  [[nodiscard]] const detail::group_map& in() const noexcept { return in_; }
  [[nodiscard]] const detail::group_map& out() const noexcept { return out_; }
  /// Multiply-adds of one map by the definition of a convolution, whatever the method.
  [[nodiscard]] index_t products() const noexcept {
    return out_.height * out_.width * out_.channels * in_.channels * taps_;
  }
  [[nodiscard]] index_t weight_bytes() const noexcept { return packed_.size() * static_cast<index_t>(sizeof(float)); }

  /// y = act(conv(x) + bias + residual) for `images` maps one after another. The residual (may be null, may be y) has
  /// the layout of y; `residual_image` leads from one to the next, 0: one for all.
  void run(cpu_context& ctx, const float* x, float* y, bool relu, index_t images, const float* residual = nullptr,
           index_t residual_image = 0) const {
    const detail::tile_end end{bias_.data(), residual, relu};
    if (method_) {
      detail::run_winograd(ctx, {*method_, packed_.data(), images, in_, x, out_, y, end, residual_image, images_});
      return;
    }
    detail::run_group_conv(ctx, {std::ssize(offsets_), offsets_.data(), group_, stride_w_ * group_, packed_.data(),
                                 images, x, stride_h_ * in_.row_size(), in_.size(),
                                 stride_h_ * in_.row_size() * in_.groups(), out_, y, end, residual_image});
  }

 private:
  conv_method method_;
  detail::group_map in_, out_;
  index_t group_ = 0, taps_ = 0;
  index_t stride_h_ = 1, stride_w_ = 1;
  index_t images_ = 0;  // that usually come in one call
  std::vector<index_t> offsets_;
  host_buffer<float> packed_, bias_;
};

/// A basic block of such convolutions. Where it keeps the shape it can work in place.
template <class Conv>
class fast_block {
 public:
  using number = typename Conv::number;

  /// \param in, out    bordered maps
  /// \param prefix     of the convolutions' names
  /// \param ranges     of what the convolutions write
  /// \param in_range   of what the block reads
  fast_block(const group_kernels& k, const nn::basic_block<float>& block, const detail::group_map& in,
             const detail::group_map& out, index_t images, const std::string& prefix = "",
             const activation_ranges& ranges = {}, const activation_range& in_range = {}) {
    block.for_each_conv([&](const std::string& n, const nn::conv2d<float>&, const nn::batch_norm<float>&) {
      names_.push_back(prefix + n);
    });
    const auto range = [&](std::size_t i) {
      activation_range r = range_of(ranges, names_[i]);
      if (i < 2) r.low = 0;  // ReLU
      return r;
    };
    out_range_ = range(1);
    block.for_each_conv([&](const std::string&, const nn::conv2d<float>& conv, const nn::batch_norm<float>& norm) {
      const std::size_t at = convs_.size();
      conv_ranges r{at == 1 ? range(0) : in_range, range(at), {}};
      if (at == 1) r.residual = keeps_shape() ? in_range : range(2);
      convs_.emplace_back(k, conv, &norm, at == 1 ? out : in, out, images, r);
    });
  }
  /// Of what the block writes.
  [[nodiscard]] const activation_range& out_range() const noexcept { return out_range_; }
  /// Without a convolution in the shortcut.
  [[nodiscard]] bool keeps_shape() const noexcept { return names_.size() == 2; }

  /// `images` maps x → y through `middle`, room for as many output maps; x and y may be the same if `keeps_shape()`.
  /// `watch(name, map, numbers)` sees what each convolution has written.
  template <class Watch>
  void run(cpu_context& ctx, const number* x, number* y, number* middle, index_t images, Watch&& watch) const {
    convs_[0].run(ctx, x, middle, true, images);
    watch(names_[0], convs_[0].out(), middle);
    if (!keeps_shape()) {
      convs_[2].run(ctx, x, y, false, images);
      watch(names_[2], convs_[2].out(), y);
    }
    convs_[1].run(ctx, middle, y, true, images, keeps_shape() ? x : y, convs_[1].out().size());
    watch(names_[1], convs_[1].out(), y);
  }
  void run(cpu_context& ctx, const number* x, number* y, number* middle, index_t images) const {
    run(ctx, x, y, middle, images, [](const std::string&, const detail::group_map&, const number*) {});
  }

  /// f(name, convolution).
  template <class F>
  void for_each_conv(F&& f) const {
    for (std::size_t i = 0; i < convs_.size(); ++i) f(names_[i], convs_[i]);
  }

 private:
  std::vector<Conv> convs_;  // conv1, conv2, and the shortcut's if it has one
  std::vector<std::string> names_;
  activation_range out_range_;
};

}  // namespace vmt::inline VMT_ABI::engine
