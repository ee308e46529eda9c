// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/model/onset_net.hpp>

#include <vector>

namespace vmt_test {

/// Every combination of variant, stem and aggregation, small.
inline std::vector<vmt::onset_net_options> all_options() {
  using namespace vmt;
  std::vector<onset_net_options> all = {{.variant = onset_variant::resnet, .width = 3, .keys = 12}};
  for (const onset_variant v : {onset_variant::aggregation, onset_variant::slope})
    for (const onset_stem s : {onset_stem::conv1, onset_stem::layer1})
      for (const nn::aggregation_kind a : {nn::aggregation_kind::channelwise, nn::aggregation_kind::dense})
        all.push_back({.variant = v, .stem = s, .aggregation = a, .width = 3, .keys = 12});
  all.push_back({.width = 5, .frames = 3, .keys = 61});
  return all;
}

/// A network as after training: initialised, with batch norm statistics and weights that are not the neutral ones.
template <class T>
vmt::onset_net<T> random_net(const vmt::onset_net_options& o, std::uint64_t seed) {
  vmt::onset_net<T> net(o);
  vmt::nn::initialise<T>(net, seed);
  std::uint32_t i = 0;
  net.for_each_parameter([&](const std::string& name, vmt::nn::parameter<T, vmt::cpu>& p) {
    vmt::rng r(seed, 1, i++);
    if (p.shape().size() != 1 && name != "aggregation.weight") return;
    for (T& v : p.flat_value().span()) v += static_cast<T>(r.uniform(-0.2, 0.2));
  });
  net.for_each_buffer([&](const std::string& name, vmt::tensor_view<T, 1> b) {
    vmt::rng r(seed, 2, i++);
    const bool variance = name.ends_with("var");
    for (T& v : b.span()) v = static_cast<T>(variance ? r.uniform(0.5, 1.5) : r.uniform(-0.1, 0.1));
  });
  return net;
}

}  // namespace vmt_test
