// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/bf16_conv.hpp>
#include <vmt/engine/narrow_layer.hpp>

namespace vmt::inline VMT_ABI::engine {

/// As `fast_conv`, with maps and weights in bf16 and float sums: direct, on tile registers where the processor has
/// them.
class bf16_layer : public narrow_layer<detail::bf16_numbers> {
 public:
  /// Numbers that must be readable behind a buffer of maps.
  static constexpr index_t slack = 64 * detail::narrow_group;
  static constexpr bool quantised = false;

  bf16_layer() = default;
  bf16_layer(const group_kernels& k, const nn::conv2d<float>& conv, const nn::batch_norm<float>* norm,
             const detail::group_map& in, const detail::group_map& out, index_t, const conv_ranges& = {})
      : bf16_layer(k, conv, folded_norm(conv, norm), in, out) {}

  [[nodiscard]] std::string method() const { return kernels_.amx ? "bf16 tiles" : "bf16"; }
  /// How a number is stored in a map.
  [[nodiscard]] static number stored(float x, const activation_range&) noexcept { return to_bf16(x); }

  /// As `fast_conv::run`.
  void run(cpu_context& ctx, const bfloat16* x, bfloat16* y, bool relu, index_t images,
           const bfloat16* residual = nullptr, index_t residual_image = 0) const {
    run_with(ctx, kernels_, x, y, images, residual, residual_image, {bias_.data(), relu});
  }

 private:
  bf16_layer(const group_kernels&, const nn::conv2d<float>& conv, const folded_norm& folded,
             const detail::group_map& in, const detail::group_map& out)
      : narrow_layer(
            conv, in, out,
            [&, w = conv.weight()](index_t m, index_t c, index_t t) {
              return to_bf16(static_cast<float>(static_cast<double>(w(m, c, t / w.extent(3), t % w.extent(3))) *
                                                folded.scale[static_cast<std::size_t>(m)]));
            }),
        kernels_(make_bf16_kernels(cpu_isa::avx512)),
        bias_(group_bias(folded, detail::narrow_group)) {
    if (!kernels_.usable()) {
      throw error(errc::unsupported, "bf16: this processor has no AVX512-BF16; use f32");
    }
  }

  bf16_kernels kernels_;
  host_buffer<float> bias_;
};

}  // namespace vmt::inline VMT_ABI::engine
