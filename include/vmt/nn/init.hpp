// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/nn/parameter.hpp>

#include <cmath>  // sqrt

namespace vmt::inline VMT_ABI::nn {

/// Numbers that feed one output of a weight [out, in, kernel…]: in · ∏ kernel.
[[nodiscard]] inline index_t fan_in(const std::vector<index_t>& shape) noexcept {
  index_t n = 1;
  for (std::size_t r = 1; r < shape.size(); ++r) n *= shape[r];
  return n;
}
/// Outputs that one input of a weight [out, in, kernel…] feeds: out · ∏ kernel.
[[nodiscard]] inline index_t fan_out(const std::vector<index_t>& shape) noexcept {
  return shape.size() < 2 ? 1 : fan_in(shape) / shape[1] * shape[0];
}

/// `torch.nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu")`: normal with variance 2 / fan_out;
/// torchvision's choice for the convolutions of a ResNet.
template <class T, class Backend>
void kaiming_normal_fan_out(parameter<T, Backend>& p, rng random) {
  const double deviation = std::sqrt(2.0 / static_cast<double>(fan_out(p.shape())));
  write_each<Backend>(p.flat_value(), [&](index_t) { return static_cast<T>(deviation * random.normal()); });
}

/// The default of `torch.nn.Conv2d`, `Conv1d` and `Linear`, for their weights and biases: uniform in ±1/√fan_in of the
/// weight.
template <class T, class Backend>
void uniform_fan_in(parameter<T, Backend>& p, index_t fan, rng random) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan));
  write_each<Backend>(p.flat_value(), [&](index_t) { return static_cast<T>(random.uniform(-bound, bound)); });
}

/// Initialises a whole model as PyTorch and torchvision would; parameter i draws from its own stream of `seed`. By name
/// and kind: convolutions without bias `kaiming_normal_fan_out`; a weight that is followed by its bias, and that bias,
/// `uniform_fan_in`; batch norm and the aggregation keep the constants that they are made with.
template <class T, class Backend = cpu, class Model>
void initialise(Model& model, std::uint64_t seed) {
  struct named {
    std::string name;
    parameter<T, Backend>* p;
  };
  std::vector<named> all;
  model.for_each_parameter([&](const std::string& n, parameter<T, Backend>& p) { all.push_back({n, &p}); });
  for (std::size_t i = 0; i < all.size(); ++i) {
    const rng random(seed, 0, static_cast<std::uint32_t>(i), rng_use::initialisation);
    const std::size_t rank = all[i].p->shape().size();
    const bool has_bias = i + 1 < all.size() && all[i + 1].name.ends_with("bias") && rank >= 2;
    const bool is_bias_of_previous = i > 0 && all[i].name.ends_with("bias") && all[i - 1].p->shape().size() >= 2;
    if (has_bias) {
      uniform_fan_in(*all[i].p, fan_in(all[i].p->shape()), random);
    } else if (is_bias_of_previous) {
      uniform_fan_in(*all[i].p, fan_in(all[i - 1].p->shape()), random);
    } else if (rank == 4) {
      kaiming_normal_fan_out(*all[i].p, random);
    }
  }
}

}  // namespace vmt::inline VMT_ABI::nn
