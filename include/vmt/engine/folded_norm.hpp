// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/batch_norm.hpp>
#include <vmt/nn/conv2d.hpp>

#include <cmath>  // sqrt
#include <vector>

namespace vmt::inline VMT_ABI::engine {

/// A convolution and the batch norm behind it as one convolution, in double:
///   w' = w · γ/√(σ² + ε),   b' = β + (b − μ) · γ/√(σ² + ε).
struct folded_norm {
  std::vector<double> scale, bias;  ///< by output channel

  /// \param norm  may be null: nothing to fold
  folded_norm(const nn::conv2d<float>& conv, const nn::batch_norm<float>* norm) {
    const index_t rows = conv.weight().extent(0);
    for (index_t m = 0; m < rows; ++m) {
      const double b = conv.bias().data_handle() == nullptr ? 0.0 : static_cast<double>(conv.bias()(m));
      if (norm == nullptr) {
        scale.push_back(1.0);
        bias.push_back(b);
        continue;
      }
      scale.push_back(static_cast<double>(norm->gamma()(m)) /
                      std::sqrt(static_cast<double>(norm->running_var()(m)) + nn::batch_norm<float>::epsilon));
      bias.push_back(static_cast<double>(norm->beta()(m)) +
                     (b - static_cast<double>(norm->running_mean()(m))) * scale.back());
    }
  }
};

}  // namespace vmt::inline VMT_ABI::engine
