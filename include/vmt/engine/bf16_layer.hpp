// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/bf16_conv.hpp>
#include <vmt/engine/fast_conv.hpp>

namespace vmt::inline VMT_ABI::engine {

/// As `fast_conv`, with maps and weights in bf16 and float sums: direct, on tile registers where the processor has
/// them.
class bf16_layer {
 public:
  using number = bfloat16;
  /// Numbers that must be readable behind a buffer of maps.
  static constexpr index_t slack = 64 * detail::bf16_group;

  bf16_layer() = default;
  bf16_layer(const group_kernels&, const nn::conv2d<float>& conv, const nn::batch_norm<float>* norm,
             const detail::group_map& in, const detail::group_map& out, index_t)
      : in_(in), out_(out), kernels_(make_bf16_kernels(cpu_isa::avx512)) {
    if (!kernels_.usable()) {
      throw error(errc::unsupported, "bf16: this processor has no AVX512-BF16; use f32");
    }
    constexpr index_t group = detail::bf16_group;
    const folded_norm folded(conv, norm);
    bias_ = group_bias(folded, group);
    const const_view<float, 4> w = conv.weight();
    const ops::conv2d_params& p = conv.params();
    const index_t taps_w = w.extent(3);
    taps_ = w.extent(2) * taps_w;
    stride_h_ = p.stride_h;
    stride_w_ = p.stride_w;
    const index_t rows = w.extent(0);
    packed_ = host_buffer<bfloat16>(detail::group_weights_size(group, rows, in.groups() * group * taps_));
    bfloat16* to = packed_.data();
    for (index_t first = 0; first < rows; first += group)
      for (index_t g = 0; g < in.groups(); ++g)
        for (index_t t = 0; t < taps_; ++t)
          for (index_t pair = 0; pair < group / 2; ++pair)
            for (index_t m = first; m < first + group; ++m)
              for (index_t c = g * group + 2 * pair; c < g * group + 2 * pair + 2; ++c, ++to) {
                if (m >= rows || c >= in.channels) continue;
                *to = to_bf16(static_cast<float>(static_cast<double>(w(m, c, t / taps_w, t % taps_w)) *
                                                 folded.scale[static_cast<std::size_t>(m)]));
              }
    for (index_t g = 0; g < in.groups(); ++g)
      for (index_t t = 0; t < taps_; ++t) {
        offsets_.push_back(in.at(g, p.tap_row(t / taps_w), p.tap_column(t % taps_w)));
      }
  }

  [[nodiscard]] std::string method() const { return kernels_.amx ? "bf16 tiles" : "bf16"; }
  [[nodiscard]] const detail::group_map& in() const noexcept { return in_; }
  [[nodiscard]] const detail::group_map& out() const noexcept { return out_; }
  [[nodiscard]] index_t products() const noexcept {
    return out_.height * out_.width * out_.channels * in_.channels * taps_;
  }
  [[nodiscard]] index_t weight_bytes() const noexcept {
    return packed_.size() * static_cast<index_t>(sizeof(bfloat16));
  }

  /// As `fast_conv::run`.
  void run(cpu_context& ctx, const bfloat16* x, bfloat16* y, bool relu, index_t images,
           const bfloat16* residual = nullptr, index_t residual_image = 0) const {
    detail::run_bf16_conv(ctx, kernels_,
                          {std::ssize(offsets_), offsets_.data(), stride_w_ * in_.group, packed_.data(), images, x,
                           stride_h_ * in_.row_size(), in_.size(), stride_h_ * in_.row_size() * in_.groups(), out_, y,
                           bias_.data(), residual, residual_image, relu});
  }

 private:
  detail::group_map in_, out_;
  bf16_kernels kernels_;
  index_t taps_ = 1, stride_h_ = 1, stride_w_ = 1;
  std::vector<index_t> offsets_;
  host_buffer<bfloat16> packed_;
  host_buffer<float> bias_;
};

}  // namespace vmt::inline VMT_ABI::engine
