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
    const shapes s = sizes(x.extents());
    using tensor4 = tensor<T, 4, Backend>;
    tensor4 a(aggregates_normed_stem() ? s.map : s.stem);
    if (aggregates_normed_stem()) {
      const ops::frame_stem_parameters<T> stem{conv1_->weight(), conv1_->params(), bn1_->gamma(), bn1_->beta(),
                                               aggregation_->channel_weight()};
      ops::frame_stem(ctx, x, stem, bn1_->running_mean(), bn1_->running_var(), bn1_->epsilon, a);
    } else {
      conv1_->forward(ctx, x.reshaped(s.input), bn1_->given(), {}, true, a);
      if (o_.stem == onset_stem::layer1) {
        tensor4 b(s.stem);
        layer1_->forward(ctx, a, b);
        a = std::move(b);
      }
      if (aggregation_) {
        tensor4 b(s.map);
        aggregation_->forward(ctx, frames_of(a.view(), s), b);
        a = std::move(b);
      }
    }
    tensor4 p(s.pooled);
    pool_.forward(ctx, a, p);
    if (o_.stem == onset_stem::conv1) {
      tensor4 b(s.pooled);
      layer1_->forward(ctx, p, b);
      p = std::move(b);
    }
    tensor4 l2(s.layer2), l3(s.layer3), l4(s.layer4);
    layer2_->forward(ctx, p, l2);
    layer3_->forward(ctx, l2, l3);
    if (slope_) {
      tensor4 k(s.slope), both(s.fused);
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

  /// Training: batch norm uses the batch, and what `backward` needs is kept.
  template <class Context>
  void forward_train(Context& ctx, const_view<T, 4> x, tensor_view<T, 2> logits) {
    const shapes s = t_.s = sizes(x.extents());
    t_.x = x;
    tensor<T, 4, Backend>* a = &t_.map;
    if (aggregates_normed_stem()) {
      t_.map.resize(s.map);
      nn::frame_stem<T, Backend>(*conv1_, *bn1_, *aggregation_).forward_train(ctx, x, t_.map);
    } else {
      t_.a0.resize(s.stem);
      conv1_->forward(ctx, x.reshaped(s.input), t_.a0);
      t_.r0.resize(s.stem);
      bn1_->forward_train(ctx, t_.a0, t_.r0, true);
      a = &t_.r0;
      if (o_.stem == onset_stem::layer1) {
        t_.l1.resize(s.stem);
        layer1_->forward_train(ctx, *a, t_.l1);
        a = &t_.l1;
      }
      if (aggregation_) {
        t_.map.resize(s.map);
        aggregation_->forward(ctx, frames_of(a->view(), s), t_.map);
        a = &t_.map;
      }
    }
    t_.pooled.resize(s.pooled);
    pool_.forward_train(ctx, *a, t_.pooled);
    a = &t_.pooled;
    if (o_.stem == onset_stem::conv1) {
      t_.l1.resize(s.pooled);
      layer1_->forward_train(ctx, *a, t_.l1);
      a = &t_.l1;
    }
    t_.l2.resize(s.layer2);
    t_.l3.resize(s.layer3);
    t_.l4.resize(s.layer4);
    layer2_->forward_train(ctx, *a, t_.l2);
    layer3_->forward_train(ctx, t_.l2, t_.l3);
    a = &t_.l3;
    if (slope_) {
      t_.slope.resize(s.slope);
      t_.both.resize(s.fused);
      t_.fuse.resize(s.layer3);
      slope_->forward_train(ctx, t_.slope);
      ops::concat_channels(ctx, t_.l3, t_.slope, t_.both);
      fuse_->forward(ctx, t_.both, t_.fuse);
      a = &t_.fuse;
    }
    layer4_->forward_train(ctx, *a, t_.l4);
    t_.features.resize(extents<2>{x.extent(0), features()});
    ops::global_avg_pool(ctx, t_.l4, t_.features);
    fc_->forward(ctx, t_.features, logits);
  }

  /// Adds the gradient of the last `forward_train` to `gradients()`; x of that call must still be there. dx, the
  /// gradient of the input, is computed unless it is empty.
  template <class Context>
  void backward(Context& ctx, const_view<T, 2> dlogits, tensor_view<T, 4> dx = {}) {
    const shapes& s = t_.s;
    d_.features.resize(t_.features.extents());
    fc_->backward(ctx, t_.features, dlogits, d_.features);
    d_.l4.resize(s.layer4);
    d_.l3.resize(s.layer3);
    ops::global_avg_pool_backward(ctx, d_.features, d_.l4);
    layer4_->backward(ctx, slope_ ? t_.fuse : t_.l3, t_.l4, d_.l4, d_.l3);
    if (slope_) {
      d_.both.resize(s.fused);
      d_.slope.resize(s.slope);
      fuse_->backward(ctx, t_.both, d_.l3, d_.both);
      ops::split_channels(ctx, d_.both, d_.l3, d_.slope);
      slope_->backward(ctx, d_.slope);
    }
    d_.l2.resize(s.layer2);
    layer3_->backward(ctx, t_.l2, t_.l3, d_.l3, d_.l2);
    const bool late = o_.stem == onset_stem::conv1;
    d_.pooled.resize(s.pooled);
    layer2_->backward(ctx, late ? t_.l1 : t_.pooled, t_.l2, d_.l2, d_.pooled);
    if (late) {
      d_.l1.resize(s.pooled);
      layer1_->backward(ctx, t_.pooled, t_.l1, d_.pooled, d_.l1);
    }
    if (aggregates_normed_stem()) {
      pool_.backward(ctx, d_.l1, t_.map);  // the map is not needed any more: it holds its gradient
      nn::frame_stem<T, Backend>(*conv1_, *bn1_, *aggregation_).backward(ctx, t_.x, t_.map, dx);
      return;
    }
    d_.stem.resize(s.stem);
    if (aggregation_) {
      d_.map.resize(s.map);
      pool_.backward(ctx, late ? d_.l1 : d_.pooled, d_.map);
      aggregation_->backward(ctx, frames_of((late ? t_.r0 : t_.l1).view(), s), d_.map, frames_of(d_.stem.view(), s));
    } else {
      pool_.backward(ctx, d_.l1, d_.stem);
    }
    if (!late) {
      d_.l1.resize(s.stem);
      layer1_->backward(ctx, t_.r0, t_.l1, d_.stem, d_.l1);
      std::swap(d_.l1, d_.stem);
    }
    bn1_->backward(ctx, t_.a0, d_.stem, d_.stem, true);
    conv1_->backward(ctx, t_.x.reshaped(s.input), d_.stem,
                     dx.data_handle() == nullptr ? tensor_view<T, 4>() : dx.reshaped(s.input));
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
    tensor<T, 4, Backend> a0, r0, map, pooled, l1, l2, l3, slope, both, fuse, l4;
    tensor<T, 2, Backend> features;
  } t_;
  struct gradients_of_maps {
    tensor<T, 4, Backend> stem, map, pooled, l1, l2, l3, slope, both, l4;
    tensor<T, 2, Backend> features;
  } d_;
};

}  // namespace vmt::inline VMT_ABI
