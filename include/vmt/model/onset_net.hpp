// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/model/onset_net_options.hpp>
#include <vmt/nn/nn.hpp>

#include <optional>

namespace vmt::inline VMT_ABI {

/// The network of "Sight to Sound" (Koepke, Wiles, Moses, Zisserman 2020, section 3) and its two baselines.
///   x: N × frames × H × W, consecutive gray frames of the straightened keyboard with values in [0, 1] (paper:
///   5×145×800) → logits: N × keys; the final feature, N × 8·width, lies before the last layer.
/// Each frame passes the stem alone (shared weights); the aggregation module makes one map of them; max-pool, the rest
/// of ResNet-18 with the slope module's features fused in before layer4, global average, fully connected. Any input
/// size works that leaves layer4 a pixel. Parameters have torchvision's names.
template <class T, class Backend = cpu>
class onset_net {
 public:
  using value_type = T;
  using backend = Backend;
  static constexpr std::size_t input_rank = 4;

  explicit onset_net(const onset_net_options& options = {}) : o_(options) {
    check(o_);
    const index_t w = o_.width;
    const bool per_frame = o_.variant != onset_variant::resnet;
    conv1_.emplace(per_frame ? 1 : o_.frames, w, 7, 2);
    bn1_.emplace(w);
    if (per_frame) aggregation_.emplace(w, o_.frames, o_.aggregation);
    layer1_.emplace(w, w, 1);
    layer2_.emplace(w, 2 * w, 2);
    layer3_.emplace(2 * w, 4 * w, 2);
    if (o_.variant == onset_variant::slope) {
      slope_.emplace(w, o_.keys);
      fuse_.emplace(nn::conv2d_options{5 * w, 4 * w, 3, 3, {1, 1, 1, 1}, true});
    }
    layer4_.emplace(4 * w, 8 * w, 2);
    fc_.emplace(8 * w, o_.keys);
    flat_ = nn::flat_parameters<T, Backend>(*this);
  }
  onset_net(const onset_net& other) : onset_net(other.o_) {
    nn::copy_weights(other, *this);
  }
  onset_net(onset_net&&) noexcept = default;
  onset_net& operator=(onset_net other) noexcept {
    std::destroy_at(this);
    return *std::construct_at(this, std::move(other));
  }
  ~onset_net() = default;

  [[nodiscard]] const onset_net_options& options() const noexcept { return o_; }
  [[nodiscard]] index_t features() const noexcept { return 8 * o_.width; }

  /// Inference. `features` may be empty. Allocates its intermediate results; `onset_engine` is the fast path.
  template <class Context>
  void forward(Context& ctx, const_view<T, 4> x, tensor_view<T, 2> logits, tensor_view<T, 2> features = {}) const {
    ops::with_maps<T>(ctx, [&]<class Kept>() { forward_in<Kept>(ctx, x, logits, features); });
  }

  /// Training: batch norm uses the batch, and what `backward` needs is kept, as the context keeps maps.
  template <class Context>
  void forward_train(Context& ctx, const_view<T, 4> x, tensor_view<T, 2> logits) {
    t_.s = sizes(x.extents());
    t_.x = x;
    ops::with_maps<T>(ctx, [&]<class Kept>() { forward_train_in<Kept>(ctx, logits); });
  }

  /// Adds the gradient of the last `forward_train` to `gradients()`; x of that call must still be there. dx, the
  /// gradient of the input, is computed unless it is empty.
  template <class Context>
  void backward(Context& ctx, const_view<T, 2> dlogits, tensor_view<T, 4> dx = {}) {
    ops::with_maps<T>(ctx, [&]<class Kept>() { backward_in<Kept>(ctx, dlogits, dx); });
  }

  /// f(name, parameter&), with the names of the weights file.
  template <class F>
  void for_each_parameter(F&& f) {
    conv1_->for_each_parameter(f, "conv1.");
    bn1_->for_each_parameter(f, "bn1.");
    if (aggregation_) aggregation_->for_each_parameter(f, "aggregation.");
    layer1_->for_each_parameter(f, "layer1.");
    layer2_->for_each_parameter(f, "layer2.");
    layer3_->for_each_parameter(f, "layer3.");
    if (slope_) {
      slope_->for_each_parameter(f, "slope.");
      fuse_->for_each_parameter(f, "fuse.");
    }
    layer4_->for_each_parameter(f, "layer4.");
    fc_->for_each_parameter(f, "fc.");
  }
  /// f(name, tensor_view<T, 1>): the running statistics of batch norm.
  template <class F>
  void for_each_buffer(F&& f) {
    bn1_->for_each_buffer(f, "bn1.");
    layer1_->for_each_buffer(f, "layer1.");
    layer2_->for_each_buffer(f, "layer2.");
    layer3_->for_each_buffer(f, "layer3.");
    layer4_->for_each_buffer(f, "layer4.");
  }

  /// All parameters, and all gradients, in one buffer each.
  [[nodiscard]] tensor_view<T, 1> parameters() noexcept { return flat_.values(); }
  [[nodiscard]] const_view<T, 1> parameters() const noexcept { return flat_.values(); }
  [[nodiscard]] tensor_view<T, 1> gradients() noexcept { return flat_.gradients(); }

  [[nodiscard]] const nn::conv2d<T, Backend>& conv1() const noexcept { return *conv1_; }
  [[nodiscard]] const nn::batch_norm<T, Backend>& bn1() const noexcept { return *bn1_; }
  [[nodiscard]] const nn::aggregation<T, Backend>& aggregation() const noexcept { return *aggregation_; }
  [[nodiscard]] const nn::max_pool2d<T, Backend>& pool() const noexcept { return pool_; }
  [[nodiscard]] const nn::residual_stage<T, Backend>& layer1() const noexcept { return *layer1_; }
  [[nodiscard]] const nn::residual_stage<T, Backend>& layer2() const noexcept { return *layer2_; }
  [[nodiscard]] const nn::residual_stage<T, Backend>& layer3() const noexcept { return *layer3_; }
  [[nodiscard]] const nn::residual_stage<T, Backend>& layer4() const noexcept { return *layer4_; }
  [[nodiscard]] const nn::slope_module<T, Backend>& slope() const noexcept { return *slope_; }
  [[nodiscard]] const nn::conv2d<T, Backend>& fuse() const noexcept { return *fuse_; }
  [[nodiscard]] const nn::linear<T, Backend>& fc() const noexcept { return *fc_; }

  /// The sizes of the maps between the layers, for an input of sizes x.
  struct shapes {
    extents<4> input, stem, map, pooled, layer2, layer3, slope, fused, layer4;
  };
  /// Throws `shape_mismatch` if x has another number of frames, or is too small.
  [[nodiscard]] shapes sizes(const extents<4>& x) const {
    if (x[1] != o_.frames) {
      throw error(errc::shape_mismatch, "onset_net: the input has sizes " + to_string(x) + ", expected N×" +
                                            std::to_string(o_.frames) + "×height×width (frames, not channels)");
    }
    shapes s;
    const bool per_frame = o_.variant != onset_variant::resnet;
    s.input = per_frame ? extents<4>{x[0] * x[1], 1, x[2], x[3]} : x;
    s.stem = conv1_->out_extents(s.input);
    s.map = {x[0], s.stem[1], s.stem[2], s.stem[3]};
    s.pooled = pool_.out_extents(s.map);
    s.layer2 = layer2_->out_extents(s.pooled);
    s.layer3 = layer3_->out_extents(s.layer2);
    s.slope = {x[0], o_.width, s.layer3[2], s.layer3[3]};
    s.fused = {x[0], 5 * o_.width, s.layer3[2], s.layer3[3]};
    s.layer4 = layer4_->out_extents(s.layer3);
    if (s.layer4.size() == 0 && x[0] > 0) {
      throw error(errc::shape_mismatch, "onset_net: the input " + to_string(x) + " is too small for five halvings");
    }
    return s;
  }

 private:
  // The maps' elements are kept as Kept.
  template <class Kept, class Context>
  void forward_in(Context& ctx, const_view<T, 4> x, tensor_view<T, 2> logits, tensor_view<T, 2> features) const {
    const shapes s = sizes(x.extents());
    using map = tensor<Kept, 4, Backend>;
    map a(aggregates_normed_stem() ? s.map : s.stem);
    if (aggregates_normed_stem()) {
      const ops::frame_stem_parameters<T> stem{conv1_->weight(), conv1_->params(), bn1_->gamma(), bn1_->beta(),
                                               aggregation_->channel_weight()};
      ops::frame_stem(ctx, x, stem, bn1_->running_mean(), bn1_->running_var(), bn1_->epsilon, a);
    } else {
      conv1_->forward(ctx, x.reshaped(s.input), bn1_->given(), {}, true, a);
      if (o_.stem == onset_stem::layer1) {
        map b(s.stem);
        layer1_->forward(ctx, a, b);
        a = std::move(b);
      }
      if (aggregation_) {
        map b(s.map);
        aggregation_->forward(ctx, frames_of(a.view(), s), b);
        a = std::move(b);
      }
    }
    map p(s.pooled);
    pool_.forward(ctx, a, p);
    if (o_.stem == onset_stem::conv1) {
      map b(s.pooled);
      layer1_->forward(ctx, p, b);
      p = std::move(b);
    }
    map l2(s.layer2), l3(s.layer3), l4(s.layer4);
    layer2_->forward(ctx, p, l2);
    layer3_->forward(ctx, l2, l3);
    if (slope_) {
      map k(s.slope), both(s.fused);
      slope_->forward(ctx, k);
      ops::concat_channels(ctx, l3, k, both);
      fuse_->forward(ctx, both, l3);
    }
    layer4_->forward(ctx, l3, l4);
    tensor<T, 2, Backend> pooled(x.extent(0), this->features());
    const tensor_view<T, 2> f = features.data_handle() != nullptr ? features : pooled.view();
    ops::global_avg_pool(ctx, l4, f);
    fc_->forward(ctx, f, logits);
  }

  template <class Kept, class Context>
  void forward_train_in(Context& ctx, tensor_view<T, 2> logits) {
    const shapes& s = t_.s;
    tensor_view<Kept, 4> a;
    if (aggregates_normed_stem()) {
      a = t_.map.template resize<Kept>(s.map);
      nn::frame_stem<T, Backend>(*conv1_, *bn1_, *aggregation_, t_.stem).forward_train(ctx, t_.x, a);
    } else {
      const auto a0 = t_.a0.template resize<Kept>(s.stem);
      conv1_->forward(ctx, t_.x.reshaped(s.input), a0);
      a = t_.r0.template resize<Kept>(s.stem);
      bn1_->forward_train(ctx, a0, a, true);
      if (o_.stem == onset_stem::layer1) a = stage_forward(ctx, *layer1_, a, t_.l1, s.stem);
      if (aggregation_) {
        const auto map = t_.map.template resize<Kept>(s.map);
        aggregation_->forward(ctx, frames_of(a, s), map);
        a = map;
      }
    }
    const auto pooled = t_.pooled.template resize<Kept>(s.pooled);
    pool_.forward_train(ctx, a, pooled);
    a = pooled;
    if (o_.stem == onset_stem::conv1) a = stage_forward(ctx, *layer1_, a, t_.l1, s.pooled);
    a = stage_forward(ctx, *layer2_, a, t_.l2, s.layer2);
    a = stage_forward(ctx, *layer3_, a, t_.l3, s.layer3);
    if (slope_) {
      const auto slope = t_.slope.template resize<Kept>(s.slope);
      const auto both = t_.both.template resize<Kept>(s.fused);
      slope_->forward_train(ctx, slope);
      ops::concat_channels(ctx, a, slope, both);
      a = t_.fuse.template resize<Kept>(s.layer3);
      fuse_->forward(ctx, both, a);
    }
    a = stage_forward(ctx, *layer4_, a, t_.l4, s.layer4);
    t_.features.resize(extents<2>{t_.x.extent(0), features()});
    ops::global_avg_pool(ctx, a, t_.features);
    fc_->forward(ctx, t_.features, logits);
  }
  template <class Context, class Kept>
  tensor_view<Kept, 4> stage_forward(Context& ctx, nn::residual_stage<T, Backend>& stage, tensor_view<Kept, 4> x,
                                     nn::map_room<Backend>& room, const extents<4>& e) {
    const auto y = room.template resize<Kept>(e);
    stage.forward_train(ctx, x, y);
    return y;
  }

  template <class Kept, class Context>
  void backward_in(Context& ctx, const_view<T, 2> dlogits, tensor_view<T, 4> dx) {
    const shapes& s = t_.s;
    const auto kept = [](nn::map_room<Backend>& room) { return room.template view<Kept>(); };
    const auto room = [](nn::map_room<Backend>& r, const extents<4>& e) { return r.template resize<Kept>(e); };
    d_.features.resize(t_.features.extents());
    fc_->backward(ctx, t_.features, dlogits, d_.features);
    const auto dl4 = room(d_.l4, s.layer4), dl3 = room(d_.l3, s.layer3), dl2 = room(d_.l2, s.layer2);
    const auto dpooled = room(d_.pooled, s.pooled);
    ops::global_avg_pool_backward(ctx, d_.features, dl4);
    layer4_->backward(ctx, kept(slope_ ? t_.fuse : t_.l3), kept(t_.l4), dl4, dl3);
    if (slope_) {
      const auto dboth = room(d_.both, s.fused), dslope = room(d_.slope, s.slope);
      fuse_->backward(ctx, kept(t_.both), dl3, dboth);
      ops::split_channels(ctx, dboth, dl3, dslope);
      slope_->backward(ctx, dslope);
    }
    layer3_->backward(ctx, kept(t_.l2), kept(t_.l3), dl3, dl2);
    const bool late = o_.stem == onset_stem::conv1;
    layer2_->backward(ctx, kept(late ? t_.l1 : t_.pooled), kept(t_.l2), dl2, dpooled);
    tensor_view<Kept, 4> d = dpooled;  // of what left the pool
    if (late) {
      d = room(d_.l1, s.pooled);
      layer1_->backward(ctx, kept(t_.pooled), kept(t_.l1), dpooled, d);
    }
    if (aggregates_normed_stem()) {
      pool_.backward(ctx, d, kept(t_.map));  // the map is not needed any more: it holds its gradient
      nn::frame_stem<T, Backend>(*conv1_, *bn1_, *aggregation_, t_.stem).backward(ctx, t_.x, kept(t_.map), dx);
      return;
    }
    tensor_view<Kept, 4> dstem = room(d_.stem, s.stem);
    if (aggregation_) {
      const auto dmap = room(d_.map, s.map);
      pool_.backward(ctx, d, dmap);
      aggregation_->backward(ctx, frames_of(kept(late ? t_.r0 : t_.l1), s), dmap, frames_of(dstem, s));
    } else {
      pool_.backward(ctx, d, dstem);
    }
    if (!late) {
      const auto before = room(d_.l1, s.stem);
      layer1_->backward(ctx, kept(t_.r0), kept(t_.l1), dstem, before);
      dstem = before;
    }
    bn1_->backward(ctx, kept(t_.a0), dstem, dstem, true);
    conv1_->backward(ctx, t_.x.reshaped(s.input), dstem,
                     dx.data_handle() == nullptr ? tensor_view<T, 4>() : dx.reshaped(s.input));
  }

  /// Whether nothing lies between the first batch norm's ReLU and a channel-wise aggregation: then they are one pass.
  [[nodiscard]] bool aggregates_normed_stem() const noexcept {
    return aggregation_ && aggregation_->kind() == nn::aggregation_kind::channelwise && o_.stem == onset_stem::conv1;
  }
  template <class U>
  [[nodiscard]] tensor_view<U, 5> frames_of(tensor_view<U, 4> v, const shapes& s) const {
    return v.reshaped(extents<5>{s.map[0], o_.frames, s.stem[1], s.stem[2], s.stem[3]});
  }

  onset_net_options o_;
  // Filled in by the constructor's body; never empty but for what the variant lacks.
  std::optional<nn::conv2d<T, Backend>> conv1_;
  std::optional<nn::batch_norm<T, Backend>> bn1_;
  std::optional<nn::aggregation<T, Backend>> aggregation_;
  nn::max_pool2d<T, Backend> pool_{};
  std::optional<nn::residual_stage<T, Backend>> layer1_, layer2_, layer3_, layer4_;
  std::optional<nn::slope_module<T, Backend>> slope_;
  std::optional<nn::conv2d<T, Backend>> fuse_;
  std::optional<nn::linear<T, Backend>> fc_;
  nn::flat_parameters<T, Backend> flat_;

  struct tape {  // of the last forward_train
    shapes s;
    const_view<T, 4> x;
    ops::frame_stem_memory<Backend> stem;
    nn::map_room<Backend> a0, r0, map, pooled, l1, l2, l3, slope, both, fuse, l4;
    tensor<T, 2, Backend> features;
  } t_;
  struct gradients_of_maps {
    nn::map_room<Backend> stem, map, pooled, l1, l2, l3, slope, both, l4;
    tensor<T, 2, Backend> features;
  } d_;
};

}  // namespace vmt::inline VMT_ABI
