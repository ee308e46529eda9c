// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/model/key_net.hpp>
#include <vmt/train/key_loss.hpp>
#include <vmt/train/task.hpp>

namespace vmt::inline VMT_ABI::train {

/// `key_net` with its loss, for `trainer`: x is B × T × 3 × rows × W, a row of the targets a `key_targets`.
///
///     vmt::key_net<float> net;
///     vmt::initialise(net, 1);
///     vmt::train::key_task task(net);
///     vmt::train::trainer trainer(task, {.batch = 6, .clip_norm = 5});
template <class Backend = cpu>
class key_task {
 public:
  using value_type = float;
  using backend = Backend;
  static constexpr std::size_t input_rank = 5;

  /// `net` is borrowed. `seed` is that of the dropout.
  explicit key_task(key_net<float, Backend>& net, const key_loss_options& loss = {}, std::uint64_t seed = 1)
      : net_(net), o_(loss), seed_(seed) {}

  [[nodiscard]] key_net<float, Backend>& net() noexcept { return net_; }

  void begin_step(index_t step) noexcept { net_.set_dropout(seed_, static_cast<std::uint64_t>(step)); }

  template <class Context>
  double train_step(Context& ctx, const_view<float, 5> x, const_view<float, 2> targets) {
    prepare(x, targets);
    const tensor_view<float, 4> y = output();
    net_.forward_train(ctx, x_.bring(ctx, x), places_, y);
    const double loss = host_loss(ctx, y, targets);
    if (std::isfinite(loss)) net_.backward(ctx, dy_there_.bring(ctx, dy_));
    return loss;
  }
  template <class Context>
  double loss(Context& ctx, const_view<float, 5> x, const_view<float, 2> targets) {
    prepare(x, targets);
    const tensor_view<float, 4> y = output();
    net_.forward(ctx, x_.bring(ctx, x), places_, y);
    return host_loss(ctx, y, targets);
  }

  [[nodiscard]] tensor_view<float, 1> parameters() noexcept { return net_.parameters(); }
  [[nodiscard]] tensor_view<float, 1> gradients() noexcept { return net_.gradients(); }
  template <class F>
  void for_each_parameter(F&& f) {
    net_.for_each_parameter(f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    net_.for_each_buffer(f);
  }
  /// The options that decide about the results, besides those of the trainer.
  [[nodiscard]] std::string description() const {
    std::string text = "key_task " + std::to_string(seed_) + ' ' + std::to_string(o_.edge);
    for (const double v : o_.share) text += ' ' + std::to_string(v);
    for (const double v : o_.positive) text += ' ' + std::to_string(v);
    return text + " future " + std::to_string(net_.options().future) + " window " +
           std::to_string(net_.options().window) + " dropout " + std::to_string(net_.options().dropout);
  }

 private:
  /// The keys' places, and room for the outputs.
  void prepare(const_view<float, 5> x, const_view<float, 2> targets) {
    const index_t of_key = 2 + key_outputs * x.extent(1);
    if (x.extent(0) != targets.extent(0) || targets.extent(1) % of_key != 0) {
      throw error(errc::shape_mismatch, "key_task: an input of sizes " + to_string(x.extents()) + " and targets of " +
                                            to_string(targets.extents()) + " do not go together");
    }
    const index_t keys = targets.extent(1) / of_key;
    places_.clear();
    for (index_t b = 0; b < x.extent(0); ++b) {
      const key_targets<const float> t(targets.slice(b, 1).span(), keys, x.extent(1));
      for (index_t k = 0; k < keys; ++k) places_.push_back(t.where(k));
    }
    const extents<4> sizes{x.extent(0), keys, key_outputs, x.extent(1)};
    if (y_.extents() == sizes) return;
    y_.resize(sizes);
    dy_.resize(sizes);
  }

  // The network's outputs are few; their loss is the host's work wherever the network is.
  [[nodiscard]] tensor_view<float, 4> output() {
    if constexpr (Backend::host_accessible) {
      return y_;
    } else {
      return y_there_.room(y_.extents());
    }
  }
  template <class Context>
  double host_loss(Context& ctx, const_view<float, 4> y, const_view<float, 2> targets) {
    if constexpr (!Backend::host_accessible) {
      ctx.copy_out(y, y_.span());
      ctx.synchronise();
    }
    return key_loss<float>(y_, targets, dy_, o_);
  }

  key_net<float, Backend>& net_;
  key_loss_options o_;
  std::uint64_t seed_;
  std::vector<key_place> places_;
  cpu_tensor<float, 4> y_, dy_;
  batch_room<Backend, 5> x_;
  batch_room<Backend, 4> y_there_, dy_there_;
};

}  // namespace vmt::inline VMT_ABI::train
