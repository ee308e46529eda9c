// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/engine/packed_conv.hpp>
#include <vmt/engine/stem_pool.hpp>
#include <vmt/model/onset_net.hpp>

namespace vmt::inline VMT_ABI {

/// A trained `onset_net` compiled for inference on the CPU at one frame size: batch norm folded, weights packed, the
/// constant slope features turned into a bias map, the stem of each frame computed once and kept in a ring. Give it the
/// frames of a video one by one; it answers for the window that ends with the last one. After the first window it does
/// not allocate. The engine is one stream's; several engines may run side by side, each with its own context.
class onset_engine {
 public:
  /// \param ctx  the kernels that the weights are packed for; later calls need a context with the same `isa()`.
  onset_engine(cpu_context& ctx, const onset_net<float>& net, index_t height = 145, index_t width = 800)
      : o_(net.options()), isa_(ctx.isa()), height_(height), width_(width) {
    const tile_kernel<float>& kernel = ctx.kernel<float>();
    const onset_net<float>::shapes s = net.sizes({1, o_.frames, height, width});
    const bool per_frame = o_.variant != onset_variant::resnet;
    const index_t w = o_.width;
    map_ = {1, w, s.stem[2], s.stem[3]};
    conv1_ = engine::packed_conv(kernel, net.conv1(), &net.bn1(), per_frame ? 1 : o_.frames, height, width);
    const auto stage = [&](const nn::residual_stage<float>& layer, index_t channels, index_t h, index_t v) {
      blocks_.emplace_back(kernel, layer.first(), channels, h, v);
      const extents<4> out = blocks_.back().out();
      blocks_.emplace_back(kernel, layer.second(), out[1], out[2], out[3]);
    };
    if (o_.stem == onset_stem::layer1) {
      stage(net.layer1(), w, map_[2], map_[3]);
    } else {
      stage(net.layer1(), w, s.pooled[2], s.pooled[3]);
    }
    stage(net.layer2(), w, s.pooled[2], s.pooled[3]);
    stage(net.layer3(), 2 * w, s.layer2[2], s.layer2[3]);
    stage(net.layer4(), 4 * w, s.layer3[2], s.layer3[3]);
    if (per_frame) {
      set_aggregation(ctx, net);
    } else {
      ring_channels_.resize(static_cast<std::size_t>(o_.frames));
    }
    if (o_.variant == onset_variant::slope) set_fuse(ctx, net, s);

    slot_size_ = per_frame ? map_.size() : conv1_.channel_size();
    ring_ = host_buffer<float>(o_.frames * slot_size_ + kernel.columns);
    index_t largest = (std::max)(s.pooled.size(), s.layer2.size());
    if (o_.stem == onset_stem::layer1 || !per_frame || dense_.depth() > 0) largest = (std::max)(largest, map_.size());
    for (host_buffer<float>& b : maps_) b = host_buffer<float>(largest);
    pool_ = engine::stem_pool(net.pool().params(), map_, o_.frames);
    feature_ = cpu_tensor<float, 2>(1, 8 * w);
    logits_ = cpu_tensor<float, 2>(1, o_.keys);
    fc_weight_ = cpu_tensor<float, 2>(o_.keys, 8 * w);
    fc_bias_ = cpu_tensor<float, 1>(o_.keys);
    std::copy_n(net.fc().weight().data_handle(), fc_weight_.size(), fc_weight_.data_handle());
    std::copy_n(net.fc().bias().data_handle(), fc_bias_.size(), fc_bias_.data_handle());
  }

  [[nodiscard]] index_t height() const noexcept { return height_; }
  [[nodiscard]] index_t width() const noexcept { return width_; }
  [[nodiscard]] index_t keys() const noexcept { return o_.keys; }
  [[nodiscard]] index_t frames() const noexcept { return o_.frames; }
  [[nodiscard]] index_t features() const noexcept { return feature_.size(); }
  [[nodiscard]] const onset_net_options& options() const noexcept { return o_; }

  /// Takes the next frame, H×W in [0, 1], and computes its stem.
  void push(cpu_context& ctx, const_view<float, 2> frame) {
    require(ctx);
    ops::detail::require_same("onset_engine", "frame", frame.extents(), extents<2>{height_, width_});
    float* const slot = ring_.data() + next_ * slot_size_;
    if (o_.variant == onset_variant::resnet) {
      conv1_.fill(ctx, frame.data_handle(), 1, slot);
    } else if (o_.stem == onset_stem::conv1) {
      conv1_.run(ctx, frame.data_handle(), slot, nullptr, true);
    } else {
      conv1_.run(ctx, frame.data_handle(), maps_[0].data(), nullptr, true);
      blocks_[0].run(ctx, maps_[0].data(), maps_[1].data(), maps_[2].data(), maps_[3].data());
      blocks_[1].run(ctx, maps_[1].data(), slot, maps_[2].data(), maps_[3].data());
    }
    next_ = (next_ + 1) % o_.frames;
    count_ = (std::min)(count_ + 1, o_.frames);
  }
  /// Whether a whole window has been pushed since the start or the last `reset`.
  [[nodiscard]] bool ready() const noexcept { return count_ == o_.frames; }
  /// Forgets the frames pushed so far: after a cut or a gap.
  void reset() noexcept { count_ = 0; }

  /// The window that ends with the last frame pushed: one logit per key and, unless empty, the final feature. Throws
  /// `invalid_argument` if no whole window is there, `shape_mismatch` if the room given is not keys() or features()
  /// long.
  void run(cpu_context& ctx, std::span<float> logits, std::span<float> features = {}) {
    require(ctx);
    if (!ready()) {
      throw error(errc::invalid_argument, "onset_engine: " + std::to_string(count_) + " of " +
                                              std::to_string(o_.frames) + " frames of the window have been pushed");
    }
    if (std::ssize(logits) != o_.keys || (!features.empty() && std::ssize(features) != this->features())) {
      throw error(errc::shape_mismatch, "onset_engine: needs room for " + std::to_string(o_.keys) + " logits and " +
                                            std::to_string(this->features()) + " features");
    }
    float* x = maps_[0].data();
    float* y = maps_[1].data();
    float* const middle = maps_[2].data();
    float* const shortcut = maps_[3].data();
    pool_window(ctx, x, y);
    const index_t first = o_.stem == onset_stem::layer1 ? 2 : 0;
    for (index_t b = first; b < 8; ++b) {
      if (b == 6 && o_.variant == onset_variant::slope) {
        fuse_.run(ctx, x, y, slope_map_.data(), false);
        std::swap(x, y);
      }
      blocks_[static_cast<std::size_t>(b)].run(ctx, x, y, middle, shortcut);
      std::swap(x, y);
    }
    const extents<4>& last = blocks_.back().out();
    ops::global_avg_pool(ctx, const_view<float, 4>(x, last), feature_);
    ops::linear(ctx, feature_, fc_weight_, fc_bias_, logits_);
    std::copy_n(logits_.data_handle(), o_.keys, logits.data());
    if (!features.empty()) std::copy_n(feature_.data_handle(), feature_.size(), features.data());
  }

 private:
  // Where frame f of the window (0 the oldest) lies in the ring.
  [[nodiscard]] index_t slot(index_t f) const noexcept { return (next_ + f) % o_.frames; }

  void set_aggregation(cpu_context& ctx, const onset_net<float>& net) {
    if (o_.aggregation == nn::aggregation_kind::channelwise) {
      const const_view<float, 2> w = net.aggregation().channel_weight();
      aggregation_ = cpu_tensor<float, 2>(w.extents());
      std::copy_n(w.data_handle(), w.size(), aggregation_.data_handle());
      return;
    }
    nn::conv2d<float> conv({o_.frames * o_.width, o_.width, 1, 1, {1, 1, 0, 0}, false});
    const cpu_tensor<float, 4> w = net.aggregation().frame_major();
    conv.for_each_parameter([&](const std::string&, nn::parameter<float, cpu>& p) {
      std::copy_n(w.data_handle(), w.size(), p.flat_value().data_handle());
    });
    dense_ = engine::packed_conv(ctx.kernel<float>(), conv, nullptr, o_.frames * o_.width, map_[2], map_[3]);
    ring_channels_.resize(static_cast<std::size_t>(o_.frames * o_.width));
  }

  // The slope module's output never changes, so its share of `fuse` is one map, added like a residual.
  void set_fuse(cpu_context& ctx, const onset_net<float>& net, const onset_net<float>::shapes& s) {
    const index_t w = o_.width;
    fuse_ = engine::packed_conv(ctx.kernel<float>(), net.fuse(), nullptr, 4 * w, s.layer3[2], s.layer3[3]);
    cpu_tensor<float, 4> features(s.slope);
    net.slope().forward(ctx, features);
    cpu_tensor<float, 4> weight(4 * w, w, 3, 3);
    for (index_t m = 0; m < 4 * w; ++m) {
      std::copy_n(net.fuse().weight()[m].data_handle() + 4 * w * 9, w * 9, weight[m].data_handle());
    }
    cpu_tensor<float, 4> map(s.layer3);
    ops::conv2d(ctx, features, weight, {}, map, {1, 1, 1, 1});
    slope_map_ = host_buffer<float>(map.size());
    std::copy_n(map.data_handle(), map.size(), slope_map_.data());
  }

  // The first part of the window: aggregation (or, for resnet, the first convolution) and the max-pool.
  void pool_window(cpu_context& ctx, float* out, float* scratch) {
    if (o_.variant != onset_variant::resnet && o_.aggregation == nn::aggregation_kind::channelwise) {
      pool_.run(
          ctx, out, [this](index_t f) { return ring_.data() + slot(f) * slot_size_; }, aggregation_);
      return;
    }
    if (o_.variant == onset_variant::resnet) {
      for (index_t f = 0; f < o_.frames; ++f) ring_channels_[static_cast<std::size_t>(f)] = slot(f) * slot_size_;
      conv1_.run_planes(ctx, ring_.data(), ring_channels_.data(), scratch, nullptr, true);
    } else {
      const index_t plane = map_[2] * map_[3];
      for (index_t f = 0; f < o_.frames; ++f) {
        for (index_t c = 0; c < o_.width; ++c) {
          ring_channels_[static_cast<std::size_t>(f * o_.width + c)] = slot(f) * slot_size_ + c * plane;
        }
      }
      dense_.run_planes(ctx, ring_.data(), ring_channels_.data(), scratch, nullptr, false);
    }
    pool_.run(ctx, out, [scratch](index_t) { return static_cast<const float*>(scratch); }, {});
  }

  void require(const cpu_context& ctx) const {
    if (ctx.isa() != isa_) {
      throw error(errc::invalid_argument, "onset_engine: the weights are packed for " + std::string(name(isa_)) +
                                              ", the context runs " + std::string(name(ctx.isa())));
    }
  }

  onset_net_options o_;
  cpu_isa isa_;
  index_t height_, width_;
  extents<4> map_;  // of one frame behind the stem
  engine::packed_conv conv1_, dense_, fuse_;
  std::vector<engine::packed_block> blocks_;  // layer1 … layer4, two each
  cpu_tensor<float, 2> aggregation_;
  engine::stem_pool pool_;
  host_buffer<float> slope_map_;
  std::vector<index_t> ring_channels_;  // where the ring's channels lie, the oldest frame first
  host_buffer<float> ring_;
  index_t slot_size_ = 0;
  index_t next_ = 0;   // slot that the next frame goes to: the oldest
  index_t count_ = 0;  // frames in the ring
  host_buffer<float> maps_[4];
  cpu_tensor<float, 2> feature_, logits_, fc_weight_;
  cpu_tensor<float, 1> fc_bias_;
};

}  // namespace vmt::inline VMT_ABI
