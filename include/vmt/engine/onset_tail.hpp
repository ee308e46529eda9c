// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/engine/bf16_layer.hpp>
#include <vmt/engine/int8_layer.hpp>
#include <vmt/model/onset_net.hpp>

#include <functional>

namespace vmt::inline VMT_ABI::engine {

/// What an `onset_net` does behind the max-pool: layer1 (unless it belongs to the stem) … layer4 with the slope module,
/// global average. `Conv` is `fast_conv` (float), `bf16_layer` or `int8_layer`, and says what the maps hold.
template <class Conv>
class onset_tail {
 public:
  using number = typename Conv::number;
  /// Sees the maps that are written: name (that of `activation_ranges`), sizes, numbers.
  using map_watcher = std::function<void(const std::string&, const detail::group_map&, const number*)>;

  onset_tail() = default;
  /// \param group    channels of a group
  /// \param windows  the most in a call
  /// \param ranges   of all maps, for `int8_layer`
  onset_tail(cpu_context& ctx, const onset_net<float>& net, const onset_net<float>::shapes& s, index_t group,
             index_t windows, const activation_ranges& ranges = {})
      : slope_(net.options().variant == onset_variant::slope),
        first_(net.options().stem == onset_stem::layer1 ? 2 : 0) {
    const extents<4> sizes[] = {s.pooled, s.layer2, s.layer3, s.layer4};
    const nn::residual_stage<float>* const layers[] = {&net.layer1(), &net.layer2(), &net.layer3(), &net.layer4()};
    for (std::size_t i = 0; i < 4; ++i) {
      stage& g = stages_[i];
      g.map = detail::group_map::bordered(group, i == 0 ? net.options().width : sizes[i][1], sizes[i][2], sizes[i][3]);
      g.at_once = i < 2 ? 1 : windows;
      g.maps = host_buffer<number>(windows * g.map.size() + Conv::slack);
      g.middle = host_buffer<number>(g.at_once * g.map.size() + Conv::slack);
    }
    activation_range range = input_range_ = range_of(ranges, "pool");
    if (Conv::quantised) input_ = zeros(windows * stages_[0].map.size(), range);
    for (std::size_t b = first_; b < 8; ++b) {
      const std::size_t i = b / 2;
      const bool changes = b % 2 == 0 && i > 0;
      if (b == 6 && slope_) range = set_fuse(ctx, net, s, windows, range, range_of(ranges, "fuse"));
      blocks_.emplace_back(ctx.groups(), b % 2 == 0 ? layers[i]->first() : layers[i]->second(),
                           stages_[changes ? i - 1 : i].map, stages_[i].map, stages_[i].at_once, block_name(b), ranges,
                           range);
      range = blocks_.back().out_range();
    }
    if (Conv::quantised) unit_ = static_cast<float>(affine(range).step);
    sums_.resize(static_cast<std::size_t>(group));
  }

  /// Where the pooled maps go.
  [[nodiscard]] const detail::group_map& input_map() const noexcept { return stages_[0].map; }
  [[nodiscard]] number* input() noexcept { return Conv::quantised ? input_.data() : stages_[0].maps.data(); }
  /// What they span, for maps of whole numbers.
  [[nodiscard]] const activation_range& input_range() const noexcept { return input_range_; }

  void watch(map_watcher watcher) { watch_ = std::move(watcher); }

  /// n windows' pooled maps → the means of layer4's channels, n × 8·width.
  void run(cpu_context& ctx, index_t n, float* features) {
    for (index_t i = 0; watch_ && i < n; ++i) watch_("pool", input_map(), input() + i * input_map().size());
    for (index_t i = 0; i < n; ++i) {  // small weights, large maps: one window after the other stays in the caches
      for (std::size_t b = first_; b < 4; ++b) run_block(ctx, b, i, 1);
    }
    for (std::size_t b = 4; b < 8; ++b) {  // large weights, small maps
      if (b == 6 && slope_) {
        fuse_.run(ctx, stages_[2].maps.data(), fused_.data(), false, n, slope_map_.data(), 0);
        for (index_t i = 0; watch_ && i < n; ++i) watch_("fuse", fuse_.out(), fused_.data() + i * fuse_.out().size());
      }
      run_block(ctx, b, 0, n);
    }
    average(n, features);
  }

  /// f(name, convolution, maps at once), in order.
  template <class F>
  void for_each_conv(F&& f) const {
    for (std::size_t b = first_; b < 8; ++b) {
      if (b == 6 && slope_) f(std::string("fuse"), fuse_, stages_[2].at_once);
      blocks_[b - first_].for_each_conv(
          [&](const std::string& n, const Conv& conv) { f(n, conv, stages_[b / 2].at_once); });
    }
  }

 private:
  struct stage {
    detail::group_map map;
    index_t at_once = 1;         // maps in a call
    host_buffer<number> maps;    // one for each window
    host_buffer<number> middle;  // of a block
  };

  [[nodiscard]] static std::string block_name(std::size_t b) {
    return "layer" + std::to_string(b / 2 + 1) + "." + std::to_string(b % 2) + ".";
  }
  // Maps of zeros as they are stored, borders and all.
  [[nodiscard]] static host_buffer<number> zeros(index_t size, const activation_range& range) {
    host_buffer<number> maps(size + Conv::slack);
    std::fill_n(maps.data(), maps.size(), Conv::stored(0.0F, range));
    return maps;
  }

  // The slope module's output never changes, so its share of `fuse` is one map, added like a residual. Returns what the
  // output spans.
  activation_range set_fuse(cpu_context& ctx, const onset_net<float>& net, const onset_net<float>::shapes& s,
                            index_t windows, const activation_range& in, const activation_range& out) {
    const index_t w = net.options().width;
    const detail::group_map& map = stages_[2].map;
    cpu_tensor<float, 4> features(extents<4>{1, s.slope[1], s.slope[2], s.slope[3]});
    net.slope().forward(ctx, features);
    cpu_tensor<float, 4> weight(4 * w, w, 3, 3);
    for (index_t m = 0; m < 4 * w; ++m) {
      std::copy_n(net.fuse().weight()[m].data_handle() + 4 * w * 9, w * 9, weight[m].data_handle());
    }
    cpu_tensor<float, 4> share(extents<4>{1, s.layer3[1], s.layer3[2], s.layer3[3]});
    ops::conv2d(ctx, features, weight, {}, share, {1, 1, 1, 1});
    host_buffer<float> grouped(map.size());
    detail::to_groups(map, share.data_handle(), grouped.data());
    const auto [low, high] = std::minmax_element(grouped.data(), grouped.data() + map.size());
    const activation_range shares{(std::min)(*low, 0.0F), (std::max)(*high, 0.0F)};
    slope_map_ = host_buffer<number>(map.size());
    for (index_t i = 0; i < map.size(); ++i) slope_map_.data()[i] = Conv::stored(grouped.data()[i], shares);
    fuse_ = Conv(ctx.groups(), net.fuse(), nullptr, map, map, windows, {in, out, shares});
    fused_ = zeros(windows * map.size(), out);
    return out;
  }
  void run_block(cpu_context& ctx, std::size_t b, index_t first, index_t images) {
    stage& s = stages_[b / 2];
    const fast_block<Conv>& block = blocks_[b - first_];
    number* const y = s.maps.data() + first * s.map.size();
    const number* x = y;
    if (b == first_) {
      x = input() + first * input_map().size();
    } else if (b == 6 && slope_) {
      x = fused_.data() + first * stages_[2].map.size();
    } else if (!block.keeps_shape()) {
      const stage& before = stages_[b / 2 - 1];
      x = before.maps.data() + first * before.map.size();
    }
    if (!watch_) {
      block.run(ctx, x, y, s.middle.data(), images);
      return;
    }
    block.run(ctx, x, y, s.middle.data(), images,
              [&](const std::string& name, const detail::group_map& map, const number* maps) {
                for (index_t i = 0; i < images; ++i) watch_(name, map, maps + i * map.size());
              });
  }
  // The mean of each channel of layer4.
  void average(index_t n, float* features) {
    const detail::group_map& m = stages_[3].map;
    const float scale = unit_ / static_cast<float>(m.height * m.width);
    for (index_t i = 0; i < n; ++i)
      for (index_t g = 0; g < m.groups(); ++g) {
        std::fill(sums_.begin(), sums_.end(), 0.0F);
        for (index_t h = 0; h < m.height; ++h) {
          const number* pixel = stages_[3].maps.data() + i * m.size() + m.at(g, h, 0);
          for (index_t w = 0; w < m.width; ++w)
            for (float& s : sums_) s += to_float(*pixel++);
        }
        for (index_t c = 0; c < (std::min)(m.group, m.channels - g * m.group); ++c) {
          *features++ = sums_[static_cast<std::size_t>(c)] * scale;
        }
      }
  }

  map_watcher watch_;
  activation_range input_range_;
  float unit_ = 1;  // what a one of the last map stands for
  bool slope_ = false;
  std::size_t first_ = 0;  // block
  stage stages_[4];
  std::vector<fast_block<Conv>> blocks_;
  Conv fuse_;
  host_buffer<number> slope_map_;
  host_buffer<number> input_, fused_;  // maps with other zeros around than those that they become
  std::vector<float> sums_;            // of a group of channels
};

}  // namespace vmt::inline VMT_ABI::engine
