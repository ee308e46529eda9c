// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/group_conv.hpp>
#include <vmt/nn/aggregation.hpp>

#include <vector>

namespace vmt::inline VMT_ABI::engine {

/// The aggregation module that mixes all channels of all frames: a 1×1 convolution whose runs lie in the frames' maps.
class dense_aggregation {
 public:
  dense_aggregation() = default;
  /// \param map  of one frame
  dense_aggregation(const group_kernels& k, const nn::aggregation<float>& layer, const detail::group_map& map)
      : map_(map), out_(detail::group_map::plain(map.group, map.channels, map.height, map.width)) {
    const cpu_tensor<float, 4> w = layer.frame_major();  // out × (frames · channels) × 1 × 1
    const index_t frames = w.extent(1) / map.channels;
    const index_t depth = frames * map.groups() * map.group;
    packed_ = host_buffer<float>(detail::group_weights_size(k.group, w.extent(0), depth));
    detail::pack_group_weights(
        k.group, w.extent(0), depth,
        [&](index_t m, index_t i) {
          const index_t c = i % (map.groups() * map.group);
          const index_t f = i / (map.groups() * map.group);
          return c < map.channels ? w(m, f * map.channels + c, 0, 0) : 0.0F;
        },
        packed_.data());
    offsets_.resize(static_cast<std::size_t>(frames * map.groups()));
  }

  /// Of the result, without a border.
  [[nodiscard]] const detail::group_map& out() const noexcept { return out_; }

  /// Frame f lies at maps + begin(f).
  template <class Begin>
  void run(cpu_context& ctx, const float* maps, Begin begin, float* y) {
    for (std::size_t i = 0; i < offsets_.size(); ++i) {
      const auto run = static_cast<index_t>(i);
      offsets_[i] = begin(run / map_.groups()) + map_.at(run % map_.groups(), 0, 0);
    }
    detail::run_group_conv(ctx, {std::ssize(offsets_),
                                 offsets_.data(),
                                 map_.group,
                                 map_.group,
                                 packed_.data(),
                                 1,
                                 maps,
                                 map_.row_size(),
                                 0,
                                 map_.row_size() * std::ssize(offsets_),
                                 out_,
                                 y,
                                 {}});
  }

 private:
  detail::group_map map_, out_;
  std::vector<index_t> offsets_;
  host_buffer<float> packed_;
};

}  // namespace vmt::inline VMT_ABI::engine
