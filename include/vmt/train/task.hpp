// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/nn.hpp>
#include <vmt/ops/optimise.hpp>
#include <vmt/train/model_memory.hpp>

#include <concepts>

namespace vmt::inline VMT_ABI::train {

/// What `trainer` can train beside plain models: a network together with its loss.
///   train_step(ctx, x, targets)  forward, loss, and the gradient added to `gradients()`; the mean loss of the batch.
///                                A loss that is not finite may be returned without a gradient.
///   loss(ctx, x, targets)        the mean loss in inference mode
///   parameters(), gradients(), for_each_parameter(f), for_each_buffer(f)  as of a model
/// and, where it has them:
///   begin_step(step)             before each training step: the number of steps made so far, the same after a resume
///   description()                a text of the options that decide about the results; checkpoints are bound to it
template <class M>
concept training_task = requires(M& m, int& any_context, const_view<float, M::input_rank> x, const_view<float, 2> y) {
  { m.train_step(any_context, x, y) } -> std::same_as<double>;
  { m.loss(any_context, x, y) } -> std::same_as<double>;
  m.parameters();
  m.gradients();
};

/// A model of logits N × K, trained on the class-balanced cross-entropy (`ops::balanced_bce`; paper, section 4.2).
template <class Model>
class balanced_task {
 public:
  using value_type = typename Model::value_type;
  using backend = backend_of<Model>;
  static constexpr std::size_t input_rank = Model::input_rank;

  explicit balanced_task(Model& model) : model_(model) {}

  template <class Context>
  double train_step(Context& ctx, const_view<float, input_rank> x, const_view<float, 2> targets) {
    return train_on(ctx, x_.bring(ctx, x), targets);
  }
  template <class Context>
  double train_step(Context& ctx, const window_batch& x, const_view<float, 2> targets) {
    return train_on(ctx, x_.bring(ctx, x), targets);
  }

  template <class Context>
  double loss(Context& ctx, const_view<float, input_rank> x, const_view<float, 2> targets) {
    return loss_on(ctx, x_.bring(ctx, x), targets);
  }
  template <class Context>
  double loss(Context& ctx, const window_batch& x, const_view<float, 2> targets) {
    return loss_on(ctx, x_.bring(ctx, x), targets);
  }

  [[nodiscard]] tensor_view<float, 1> parameters() noexcept { return model_.parameters(); }
  [[nodiscard]] tensor_view<float, 1> gradients() noexcept { return model_.gradients(); }
  template <class F>
  void for_each_parameter(F&& f) {
    model_.for_each_parameter(f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    model_.for_each_buffer(f);
  }

 private:
  template <class Context>
  double train_on(Context& ctx, const_view<float, input_rank> here, const_view<float, 2> targets) {
    const auto wanted = targets_.bring(ctx, targets);
    const auto logits = logits_.room(targets.extents());
    const auto dlogits = dlogits_.room(targets.extents());
    model_.forward_train(ctx, here, logits);
    const double loss = ops::balanced_bce(ctx, logits, wanted, dlogits);
    if (std::isfinite(loss)) model_.backward(ctx, dlogits);
    return loss;
  }

  template <class Context>
  double loss_on(Context& ctx, const_view<float, input_rank> here, const_view<float, 2> targets) {
    const auto logits = logits_.room(targets.extents());
    model_.forward(ctx, here, logits);
    return ops::balanced_bce(ctx, logits, targets_.bring(ctx, targets), dlogits_.room(targets.extents()));
  }

  Model& model_;
  batch_room<backend, input_rank> x_;
  batch_room<backend, 2> targets_, logits_, dlogits_;
};

}  // namespace vmt::inline VMT_ABI::train
