// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <algorithm>  // min, max
#include <cmath>
#include <numbers>

namespace vmt::inline VMT_ABI::nn {

/// A learning rate that rises linearly over the first steps and then falls along half a cosine (Loshchilov and Hutter
/// 2017). PyTorch: `SequentialLR` of `LinearLR` and `CosineAnnealingLR`, stepped after each batch.
struct cosine_options {
  index_t warm_up = 0;  ///< steps until the whole rate is reached
  double floor = 0.02;  ///< the part of the rate that is left at the end
};

/// The factor of step `step` (from 0) of `steps`: (step + 1) / warm_up in the warm-up; then
/// floor + (1 − floor) (1 + cos(π s)) / 2, where s goes from 0 to 1 over the rest.
[[nodiscard]] inline double cosine_factor(index_t step, index_t steps, const cosine_options& options = {}) {
  if (step < options.warm_up) return static_cast<double>(step + 1) / static_cast<double>(options.warm_up);
  const auto rest = static_cast<double>((std::max)(steps - options.warm_up, index_t{1}));
  const double s = (std::min)(static_cast<double>(step - options.warm_up) / rest, 1.0);
  return options.floor + (1 - options.floor) * (1 + std::cos(std::numbers::pi * s)) / 2;
}

}  // namespace vmt::inline VMT_ABI::nn
