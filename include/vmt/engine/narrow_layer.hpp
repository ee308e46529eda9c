// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/narrow_conv.hpp>
#include <vmt/engine/fast_conv.hpp>

namespace vmt::inline VMT_ABI::engine {

/// What the convolutions over maps of narrow numbers have in common: where the taps lie, packed weights, the loops.
template <class Numbers>
class narrow_layer {
 public:
  using number = typename Numbers::number;
  using weight = typename Numbers::weight;

  [[nodiscard]] const detail::group_map& in() const noexcept { return in_; }
  [[nodiscard]] const detail::group_map& out() const noexcept { return out_; }
  [[nodiscard]] index_t products() const noexcept {
    return out_.height * out_.width * out_.channels * in_.channels * taps_;
  }
  [[nodiscard]] index_t weight_bytes() const noexcept { return packed_.size() * static_cast<index_t>(sizeof(weight)); }

 protected:
  narrow_layer() = default;
  /// \param element  (m, c, t) → the weight of output channel m, input channel c, tap t, as it is stored
  template <class Element>
  narrow_layer(const nn::conv2d<float>& conv, const detail::group_map& in, const detail::group_map& out,
               Element element)
      : in_(in), out_(out) {
    const index_t group = in.group;
    constexpr index_t packed = Numbers::packed;
    const const_view<float, 4> w = conv.weight();
    const ops::conv2d_params& p = conv.params();
    const index_t taps_w = w.extent(3);
    taps_ = w.extent(2) * taps_w;
    stride_h_ = p.stride_h;
    stride_w_ = p.stride_w;
    const index_t rows = w.extent(0);
    packed_ = host_buffer<weight>(detail::group_weights_size(detail::narrow_group, rows, in.groups() * group * taps_));
    weight* to = packed_.data();
    for (index_t first = 0; first < rows; first += detail::narrow_group)
      for (index_t g = 0; g < in.groups(); ++g)
        for (index_t t = 0; t < taps_; ++t)
          for (index_t c = g * group; c < (g + 1) * group; c += packed)
            for (index_t m = first; m < first + detail::narrow_group; ++m)
              for (index_t i = c; i < c + packed; ++i, ++to) {
                if (m < rows && i < in.channels) *to = element(m, i, t);
              }
    for (index_t g = 0; g < in.groups(); ++g)
      for (index_t t = 0; t < taps_; ++t) {
        offsets_.push_back(in.at(g, p.tap_row(t / taps_w), p.tap_column(t % taps_w)));
      }
  }

  void run_with(cpu_context& ctx, const narrow_kernels<Numbers>& k, const number* x, number* y, index_t images,
                const number* residual, index_t residual_image, const typename Numbers::end& end) const {
    detail::run_narrow_conv(ctx, k,
                            {std::ssize(offsets_), offsets_.data(), stride_w_ * in_.group, packed_.data(), images, x,
                             stride_h_ * in_.row_size(), in_.size(), stride_h_ * in_.row_size() * in_.groups(), out_, y,
                             residual, residual_image, end});
  }

 private:
  detail::group_map in_, out_;
  index_t taps_ = 1, stride_h_ = 1, stride_w_ = 1;
  std::vector<index_t> offsets_;
  host_buffer<weight> packed_;
};

}  // namespace vmt::inline VMT_ABI::engine
