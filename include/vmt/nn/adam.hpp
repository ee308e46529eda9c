// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/parameter.hpp>
#include <vmt/ops/optimise.hpp>

namespace vmt::inline VMT_ABI::nn {

/// `torch.optim.Adam` (with a weight decay: `AdamW`) over the flat buffers of a model. Its whole state is `step()` and
/// the two moments.
template <class T, class Backend = cpu>
class adam {
 public:
  explicit adam(index_t size, const ops::adam_params& p = {}) : params(p), m_(size), v_(size) {}

  /// values ← values − learning rate · m̂ / (√v̂ + ε). Both views have the size that the optimiser was made for.
  template <class Context>
  void update(Context& ctx, tensor_view<T, 1> values, const_view<T, 1> gradients) {
    ++step_;
    ops::adam_step(ctx, values, gradients, m_, v_, step_, params);
  }

  ops::adam_params params;  ///< the learning rate may change between steps

  [[nodiscard]] index_t step() const noexcept { return step_; }
  [[nodiscard]] tensor_view<T, 1> first_moment() noexcept { return m_.view(); }
  [[nodiscard]] tensor_view<T, 1> second_moment() noexcept { return v_.view(); }
  /// Continues from saved moments, which the caller wrote into the two views.
  void set_step(index_t step) noexcept { step_ = step; }

 private:
  tensor<T, 1, Backend> m_;
  tensor<T, 1, Backend> v_;
  index_t step_ = 0;
};

}  // namespace vmt::inline VMT_ABI::nn
