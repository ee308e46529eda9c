// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/engine/packed_conv.hpp>
#include <vmt/nn/temporal_block.hpp>

namespace vmt::inline VMT_ABI::engine {

/// A `nn::temporal_block` frame by frame: a ring holds the frames that its taps reach, and each frame that comes in
/// completes one output, `ahead()` frames behind it. Before the first frame, and after the last, lie zeros.
class packed_temporal {
 public:
  /// \param rows  numbers per channel and frame: the keys
  packed_temporal(const tile_kernel<float>& kernel, const nn::temporal_block<float>& block, index_t rows)
      : ahead_(block.ahead()), slots_(block.ahead() + block.back() + 1), rows_(rows) {
    const const_view<float, 3> w = block.conv().weight();
    channels_ = w.extent(0);
    nn::conv2d<float> conv({3 * channels_, channels_, 1, 1, {}, false});
    conv.for_each_parameter([&](const std::string&, nn::parameter<float, cpu>& p) {
      std::copy_n(w.data_handle(), w.size(), p.flat_value().data_handle());
    });
    conv_ = packed_conv(kernel, conv, &block.bn(), 3 * channels_, 1, rows);
    for (index_t s = 0; s < 3; ++s) reach_[s] = block.conv().tap(s);
    lines_.resize(static_cast<std::size_t>(3 * channels_));
    ring_ = host_buffer<float>(slots_ * size() + kernel.columns);
  }

  [[nodiscard]] index_t ahead() const noexcept { return ahead_; }
  /// Numbers of a frame: channels × rows.
  [[nodiscard]] index_t size() const noexcept { return channels_ * rows_; }

  /// Where the next frame goes, before `advance`.
  [[nodiscard]] float* input() noexcept { return slot(pushed_); }
  void advance() noexcept { ++pushed_; }
  /// Whether the last `advance` completed an output.
  [[nodiscard]] bool ready() const noexcept { return pushed_ > ahead_; }

  /// The output that the last frame completed: y = x + relu(bn(conv(x))) of the frame `ahead()` before it.
  void run(cpu_context& ctx, float* y) {
    const index_t frame = pushed_ - 1 - ahead_;
    for (index_t c = 0; c < channels_; ++c)
      for (index_t s = 0; s < 3; ++s) {
        lines_[static_cast<std::size_t>(3 * c + s)] = slot(frame + reach_[s]) - ring_.data() + c * rows_;
      }
    conv_.run_planes(ctx, ring_.data(), lines_.data(), y, nullptr, true);
    detail::array_map<float>(y, size()) += detail::const_array_map<float>(slot(frame), size());
  }
  void reset() noexcept {
    std::fill_n(ring_.data(), ring_.size(), 0.0F);
    pushed_ = 0;
  }

 private:
  [[nodiscard]] float* slot(index_t frame) noexcept {
    return ring_.data() + (frame + slots_) % slots_ * size();  // no frame lies further back than one round
  }

  index_t ahead_, slots_, rows_;
  index_t channels_ = 0;
  index_t reach_[3] = {};
  packed_conv conv_;
  std::vector<index_t> lines_;  // where in the ring the three frames of each channel lie
  host_buffer<float> ring_;
  index_t pushed_ = 0;
};

}  // namespace vmt::inline VMT_ABI::engine
