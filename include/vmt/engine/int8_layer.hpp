// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/int8_conv.hpp>
#include <vmt/engine/narrow_layer.hpp>

namespace vmt::inline VMT_ABI::engine {

/// Folded weights as whole numbers: s8, one step for each output channel, so that the largest weight is ±127.
struct int8_weights {
  std::vector<std::int8_t> numbers;  ///< outputs × inputs × taps
  std::vector<double> step;          ///< by output channel
  std::vector<double> bias;
  std::vector<double> sum;  ///< of the numbers of an output channel

  int8_weights(const nn::conv2d<float>& conv, const folded_norm& folded) : bias(folded.bias) {
    const const_view<float, 4> w = conv.weight();
    const index_t each = w.size() / w.extent(0);
    for (index_t m = 0; m < w.extent(0); ++m) {
      const float* const row = w.data_handle() + m * each;
      const double scale = folded.scale[static_cast<std::size_t>(m)];
      double largest = 0;
      for (index_t i = 0; i < each; ++i) largest = (std::max)(largest, std::abs(static_cast<double>(row[i]) * scale));
      step.push_back(largest > 0 ? largest / 127 : 1.0);
      sum.push_back(0);
      for (index_t i = 0; i < each; ++i) {
        numbers.push_back(static_cast<std::int8_t>(std::nearbyint(static_cast<double>(row[i]) * scale / step.back())));
        sum.back() += numbers.back();
      }
    }
  }
};

/// As `fast_conv`, with maps in u8, weights in s8 and whole sums, direct. A map's step and zero point follow from its
/// range, and zeros around a map are its zero point, so that
///   Σ w·x = step_w · step_x · (Σ q_w·q_x − zero_x · Σ q_w),
/// where the last term is one number for each output channel.
class int8_layer : public narrow_layer<detail::int8_numbers> {
 public:
  /// Bytes that must be readable behind a buffer of maps.
  static constexpr index_t slack = 64 * 64;
  static constexpr bool quantised = true;

  int8_layer() = default;
  /// \param in, out  with the groups of `make_int8_kernels`
  /// \param ranges  of input, output and residual; below the output's nothing is stored, so that a ReLU is low = 0
  int8_layer(const group_kernels& k, const nn::conv2d<float>& conv, const nn::batch_norm<float>* norm,
             const detail::group_map& in, const detail::group_map& out, index_t, const conv_ranges& ranges)
      : int8_layer(k, conv, int8_weights(conv, folded_norm(conv, norm)), in, out, ranges) {}

  [[nodiscard]] std::string method() const { return kernels_.name; }
  [[nodiscard]] static number stored(float x, const activation_range& r) noexcept { return affine(r)(x); }

  /// As `fast_conv::run`, but whether there is a ReLU and a residual is said by the ranges.
  void run(cpu_context& ctx, const number* x, number* y, bool, index_t images, const number* residual = nullptr,
           index_t residual_image = 0) const {
    run_with(ctx, kernels_, x, y, images, residual, residual_image, {scale_.data(), bias_.data(), residual_});
  }

 private:
  int8_layer(const group_kernels& k, const nn::conv2d<float>& conv, const int8_weights& w, const detail::group_map& in,
             const detail::group_map& out, const conv_ranges& ranges)
      : narrow_layer(conv, in, out,
                     [&, inputs = conv.weight().extent(1), taps = conv.weight().extent(2) * conv.weight().extent(3)](
                         index_t m, index_t c, index_t t) {
                       return w.numbers[static_cast<std::size_t>((m * inputs + c) * taps + t)];
                     }),
        kernels_(make_int8_kernels(k.isa)),
        scale_(out.groups() * out.group),
        bias_(out.groups() * out.group) {
    if (!kernels_.usable()) {
      throw error(errc::unsupported, "int8: this processor has no dot products of bytes (VNNI); use f32");
    }
    const affine x(ranges.in), y(ranges.out), r(ranges.residual);
    const bool adds = ranges.residual != activation_range{};
    residual_ = adds ? static_cast<float>(r.step / y.step) : 0.0F;
    for (std::size_t m = 0; m < w.step.size(); ++m) {
      const double scale = w.step[m] * x.step;
      scale_.data()[m] = static_cast<float>(scale / y.step);
      const double shift = scale * w.sum[m] * x.zero + (adds ? r.step * r.zero : 0.0);
      bias_.data()[m] = static_cast<float>((w.bias[m] - shift) / y.step + y.zero);
    }
  }
  int8_kernels kernels_;
  float residual_ = 0;
  host_buffer<float> scale_, bias_;  // whole groups
};

}  // namespace vmt::inline VMT_ABI::engine
