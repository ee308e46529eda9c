// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <cmath>  // sqrt
#include <span>

namespace vmt::inline VMT_ABI::nn {

/// What `clip_norm` multiplies with, where the norm exceeds the largest one.
[[nodiscard]] constexpr double clip_factor(double norm, double largest) noexcept {
  return largest / (norm + 1e-6);
}

/// Shortens a gradient: where its Euclidean norm exceeds `largest`, every number is multiplied by
/// largest / (norm + 10⁻⁶), as `torch.nn.utils.clip_grad_norm_` does. Returns the norm before. The sum is in double and
/// in the order of the numbers. Throws `invalid_argument` unless `largest` is above 0.
template <class T>
double clip_norm(std::span<T> gradients, double largest) {
  if (!(largest > 0)) throw error(errc::invalid_argument, "clip_norm: the largest norm must be above 0");
  double sum = 0;
  for (const T g : gradients) sum += static_cast<double>(g) * static_cast<double>(g);
  const double norm = std::sqrt(sum);
  if (norm > largest) {
    const T factor = static_cast<T>(clip_factor(norm, largest));
    for (T& g : gradients) g *= factor;
  }
  return norm;
}

}  // namespace vmt::inline VMT_ABI::nn
