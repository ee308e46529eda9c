// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/engine/gpu_layers.hpp>
#include <vmt/model/onset_net.hpp>

namespace vmt::inline VMT_ABI {

/// A trained `onset_net` made ready for inference on a device at one frame size, as `onset_engine` is for the CPU:
/// batch norm folded, ReLU and additions inside the convolutions, the slope features a constant map, the stem of each
/// frame computed once and kept on the device in a ring; maps are as the context keeps them. What a frame and a window
/// launch is recorded once for each place in the ring; later each costs one copy and one replay. It does not allocate
/// after construction. One stream's.
///
///     vmt::cuda_context ctx;
///     vmt::gpu_onset_engine engine(ctx, vmt::load_onset_net<float>("onset_net.safetensors"));
template <class Runtime>
class gpu_onset_engine {
 public:
  using backend = typename Runtime::backend;
  using context = gpu_context<Runtime>;

  gpu_onset_engine(context& ctx, const onset_net<float>& net, index_t height = 145, index_t width = 800)
      : o_(net.options()), height_(height), width_(width) {
    const onset_net<float>::shapes s = net.sizes({1, o_.frames, height, width});
    const bool per_frame = o_.variant != onset_variant::resnet;
    const index_t w = o_.width, frames = o_.frames;
    map_ = {1, w, s.stem[2], s.stem[3]};
    pooled_ = s.pooled;
    pool_ = net.pool().params();
    // A convolution over the whole ring: its weight's channels in the order in which the frames lie there.
    const auto around_the_ring = [&](index_t first, index_t channels) {
      std::vector<index_t> order;
      for (index_t slot = 0; slot < frames; ++slot)
        for (index_t c = 0; c < channels; ++c) order.push_back((slot - first + frames) % frames * channels + c);
      return order;
    };
    if (per_frame) {
      stem_.emplace_back(ctx.precision(), net.conv1(), &net.bn1());
    } else {
      for (index_t first = 0; first < frames; ++first) {
        stem_.emplace_back(ctx.precision(), net.conv1().weight(), net.conv1().bias(), &net.bn1(), net.conv1().params(),
                           around_the_ring(first, 1));
      }
    }
    if (per_frame && o_.aggregation == nn::aggregation_kind::channelwise) {
      cpu_tensor<float, 2> weight(net.aggregation().channel_weight().extents());
      std::copy_n(net.aggregation().channel_weight().data_handle(), weight.size(), weight.data_handle());
      aggregation_ = engine::moved<backend>(weight);
    } else if (per_frame) {
      const cpu_tensor<float, 4> weight = net.aggregation().frame_major();
      for (index_t first = 0; first < frames; ++first) {
        dense_.emplace_back(ctx.precision(), weight.view(), const_view<float, 1>{}, nullptr, ops::conv2d_params{},
                            around_the_ring(first, w));
      }
    }
    for (const nn::residual_stage<float>* stage : {&net.layer1(), &net.layer2(), &net.layer3(), &net.layer4()}) {
      blocks_.emplace_back(ctx.precision(), stage->first());
      blocks_.emplace_back(ctx.precision(), stage->second());
    }
    if (o_.variant == onset_variant::slope) set_fuse(ctx, net, s);
    fc_weight_ = tensor<float, 2, backend>(o_.keys, features());
    fc_bias_ = tensor<float, 1, backend>(o_.keys);
    backend::write(fc_weight_.data_handle(), net.fc().weight().data_handle(), fc_weight_.size());
    backend::write(fc_bias_.data_handle(), net.fc().bias().data_handle(), o_.keys);

    ring_sizes_ = {frames, per_frame ? w : 1, per_frame ? map_[2] : height, per_frame ? map_[3] : width};
    input_ = tensor<float, 4, backend>(1, 1, height, width);
    largest_ = (std::max)(s.pooled.size(), s.layer2.size());
    if (o_.stem == onset_stem::layer1 || !per_frame || !dense_.empty()) largest_ = (std::max)(largest_, map_.size());
    answer_ = tensor<float, 1, backend>(o_.keys + features());
    for (auto& p : waiting_) p = typename Runtime::template pinned<float>(height * width);
    received_ = typename Runtime::template pinned<float>(answer_.size());
    ops::with_maps<float>(ctx, [&]<class Kept>() { record<Kept>(ctx); });
  }

  [[nodiscard]] index_t height() const noexcept { return height_; }
  [[nodiscard]] index_t width() const noexcept { return width_; }
  [[nodiscard]] index_t keys() const noexcept { return o_.keys; }
  [[nodiscard]] index_t frames() const noexcept { return o_.frames; }
  [[nodiscard]] index_t features() const noexcept { return 8 * o_.width; }
  [[nodiscard]] const onset_net_options& options() const noexcept { return o_; }

  /// Takes the next frame, H×W in [0, 1]; its stem is computed while the caller goes on.
  void push(context& ctx, const_view<float, 2> frame) {
    ops::detail::require_same("gpu_onset_engine", "frame", frame.extents(), extents<2>{height_, width_});
    if (on_their_way_ == std::ssize(waiting_)) wait(ctx);
    const std::span<float> room = waiting_[static_cast<std::size_t>(on_their_way_++)].span();
    std::copy_n(frame.data_handle(), frame.size(), room.data());
    const bool raw = o_.variant == onset_variant::resnet;
    ctx.copy_in(std::span<const float>(room), raw ? slot<float>(next_).flat() : input_.view().flat());
    if (!raw) ctx.replay(push_[static_cast<std::size_t>(next_)]);
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
  void run(context& ctx, std::span<float> logits, std::span<float> features = {}) {
    if (!ready()) {
      throw error(errc::invalid_argument, "gpu_onset_engine: " + std::to_string(count_) + " of " +
                                              std::to_string(o_.frames) + " frames of the window have been pushed");
    }
    if (std::ssize(logits) != o_.keys || (!features.empty() && std::ssize(features) != this->features())) {
      throw error(errc::shape_mismatch, "gpu_onset_engine: needs room for " + std::to_string(o_.keys) + " logits and " +
                                            std::to_string(this->features()) + " features");
    }
    ctx.replay(run_[static_cast<std::size_t>(next_)]);  // the oldest frame lies where the next one will
    ctx.copy_out(const_view<float, 1>(answer_.view()), received_.span());
    wait(ctx);
    const float* const found = received_.span().data();
    std::copy_n(found, o_.keys, logits.data());
    if (!features.empty()) std::copy_n(found + o_.keys, this->features(), features.data());
  }

 private:
  template <class Kept>
  [[nodiscard]] tensor_view<Kept, 4> slot(index_t i) {
    return ring_.template view<Kept>().slice(i, 1);
  }
  void wait(context& ctx) {
    ctx.synchronise();
    on_their_way_ = 0;
  }

  // The slope module's output never changes, so its share of `fuse` is one map, added like a residual.
  void set_fuse(const context& ctx, const onset_net<float>& net, const onset_net<float>::shapes& s) {
    const index_t w = o_.width;
    const const_view<float, 4> weight = net.fuse().weight();
    fuse_ = engine::gpu_conv<backend>(ctx.precision(), weight, {}, nullptr, net.fuse().params(),
                                      engine::gpu_conv<backend>::in_order(4 * w));
    ops::generic_context plain;
    cpu_tensor<float, 4> slope(s.slope), tail(4 * w, w, 3, 3), map(s.layer3);
    net.slope().forward(plain, slope);
    for (index_t k = 0; k < 4 * w; ++k) std::copy_n(weight[k].data_handle() + 4 * w * 9, w * 9, tail[k].data_handle());
    ops::conv2d(plain, slope, tail, net.fuse().bias(), map, net.fuse().params());
    slope_map_ = map;
  }

  template <class Kept>
  void launch_push(context& ctx, index_t to) {
    if (o_.stem == onset_stem::conv1) {
      stem_[0].run(ctx, input_, {}, true, slot<Kept>(to));
      return;
    }
    const tensor_view<Kept, 4> a(room<Kept>(0), map_), b(room<Kept>(1), map_);
    stem_[0].run(ctx, input_, {}, true, a);
    blocks_[0].run(ctx, const_view<Kept, 4>(a), b, room<Kept>(2), room<Kept>(3));
    blocks_[1].run(ctx, const_view<Kept, 4>(b), slot<Kept>(to), room<Kept>(2), room<Kept>(3));
  }

  // The window whose oldest frame lies at `first`.
  template <class Kept>
  void launch_run(context& ctx, index_t first) {
    using map_view = const_view<Kept, 4>;
    Kept* x = room<Kept>(0);
    Kept* y = room<Kept>(1);
    Kept* const middle = room<Kept>(2);
    Kept* const shortcut = room<Kept>(3);
    const tensor_view<Kept, 3> pooled(x, {pooled_[1], pooled_[2], pooled_[3]});
    if (aggregation_.size() > 0) {
      gpu::aggregate_pool(ctx, map_view(ring_.template view<Kept>()), first, const_view<float, 2>(aggregation_.view()),
                          pooled, pool_);
    } else {
      const extents<4> stacked{1, ring_sizes_[0] * ring_sizes_[1], ring_sizes_[2], ring_sizes_[3]};
      const tensor_view<Kept, 4> map(y, map_);
      const auto at = static_cast<std::size_t>(first);
      if (o_.variant == onset_variant::resnet) {
        stem_[at].run(ctx, ring_.template view<float>().reshaped(stacked), {}, true, map);
      } else {
        dense_[at].run(ctx, ring_.template view<Kept>().reshaped(stacked), {}, false, map);
      }
      gpu::aggregate_pool(ctx, map_view(map), 0, const_view<float, 2>{}, pooled, pool_);
    }
    extents<4> at = pooled_;
    for (std::size_t b = o_.stem == onset_stem::layer1 ? 2 : 0; b < blocks_.size(); ++b) {
      if (b == 6 && slope_map_.size() > 0) {
        fuse_.run(ctx, map_view(x, at), slope_there_.template view<Kept>(), false, tensor_view<Kept, 4>(y, at));
        std::swap(x, y);
      }
      const extents<4> out = blocks_[b].out_extents(at);
      blocks_[b].run(ctx, map_view(x, at), tensor_view<Kept, 4>(y, out), middle, shortcut);
      std::swap(x, y);
      at = out;
    }
    const tensor_view<float, 2> logits(answer_.data_handle(), {1, o_.keys});
    const tensor_view<float, 2> feature(answer_.data_handle() + o_.keys, {1, features()});
    ops::global_avg_pool(ctx, map_view(x, at), feature);
    ops::linear(ctx, feature, fc_weight_, fc_bias_, logits);
  }

  // Makes room for the maps; then once for real, so that the scratch memory has its size; then once for each place.
  template <class Kept>
  void record(context& ctx) {
    const bool raw = o_.variant == onset_variant::resnet;  // the ring holds frames
    if (raw) static_cast<void>(ring_.template resize<float>(ring_sizes_));
    if (!raw) static_cast<void>(ring_.template resize<Kept>(ring_sizes_));
    for (nn::map_room<backend>& m : maps_) static_cast<void>(m.template resize<Kept>({1, 1, 1, largest_}));
    if (slope_map_.size() > 0) {
      cpu_tensor<Kept, 4> kept(slope_map_.extents());
      for (index_t i = 0; i < kept.size(); ++i) kept.data_handle()[i] = gpu::to_kept<Kept>(slope_map_.data_handle()[i]);
      const tensor_view<Kept, 4> there = slope_there_.template resize<Kept>(kept.extents());
      backend::write(there.data_handle(), kept.data_handle(), kept.size());
    }
    if (!raw) launch_push<Kept>(ctx, 0);
    launch_run<Kept>(ctx, 0);
    ctx.synchronise();
    for (index_t i = 0; i < o_.frames; ++i) {
      if (!raw) push_.push_back(ctx.capture([&] { launch_push<Kept>(ctx, i); }));
      run_.push_back(ctx.capture([&] { launch_run<Kept>(ctx, i); }));
    }
  }
  template <class Kept>
  [[nodiscard]] Kept* room(std::size_t i) {
    return maps_[i].template view<Kept>().data_handle();
  }

  onset_net_options o_;
  index_t height_, width_;
  extents<4> map_;     // of one frame behind the stem
  extents<4> pooled_;  // of a window behind the pool
  ops::pool2d_params pool_;
  std::vector<engine::gpu_conv<backend>> stem_;   // one; for resnet, one for each place of the oldest frame
  std::vector<engine::gpu_conv<backend>> dense_;  // the same of a dense aggregation
  tensor<float, 2, backend> aggregation_;
  std::vector<engine::gpu_block<backend>> blocks_;  // layer1 … layer4, two each
  engine::gpu_conv<backend> fuse_;
  cpu_tensor<float, 4> slope_map_;     // what the slope features add to `fuse`, or nothing
  nn::map_room<backend> slope_there_;  // the same, on the device
  tensor<float, 2, backend> fc_weight_;
  tensor<float, 1, backend> fc_bias_;
  tensor<float, 4, backend> input_;
  extents<4> ring_sizes_;
  index_t largest_ = 0;  // numbers of a map
  nn::map_room<backend> ring_, maps_[4];
  tensor<float, 1, backend> answer_;                     // logits, then features
  typename Runtime::template pinned<float> waiting_[8];  // frames on their way to the device
  typename Runtime::template pinned<float> received_;
  index_t on_their_way_ = 0;
  index_t next_ = 0;   // slot that the next frame goes to: the oldest
  index_t count_ = 0;  // frames in the ring
  std::vector<typename Runtime::graph> push_, run_;
};

}  // namespace vmt::inline VMT_ABI
