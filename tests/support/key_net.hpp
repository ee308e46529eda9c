// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/model/key_net.hpp>

#include <vector>

namespace vmt_test {

/// Every kind of temporal reach, small.
inline std::vector<vmt::key_net_options> all_key_options() {
  std::vector<vmt::key_net_options> all;
  for (const vmt::index_t future : {4, 3, 2, 1, 0}) {
    all.push_back({.rows = 32, .channels = {3, 4, 5, 6}, .features = 8, .window = 5, .future = future, .dropout = 0});
  }
  all.push_back({.rows = 16, .channels = {2, 2, 3, 3}, .features = 5, .window = 1, .future = 4, .dropout = 0});
  return all;
}

/// A network as after training: initialised, with batch norm parameters and statistics that are not the neutral ones.
template <class T>
vmt::key_net<T> random_key_net(const vmt::key_net_options& o, std::uint64_t seed) {
  vmt::key_net<T> net(o);
  initialise(net, seed);
  std::uint32_t i = 0;
  net.for_each_parameter([&](const std::string&, vmt::nn::parameter<T, vmt::cpu>& p) {
    vmt::rng r(seed, 1, i++);
    if (p.shape().size() != 1) return;
    for (T& v : p.flat_value().span()) v += static_cast<T>(r.uniform(-0.2, 0.2));
  });
  net.for_each_buffer([&](const std::string& name, vmt::tensor_view<T, 1> b) {
    vmt::rng r(seed, 2, i++);
    const bool variance = name.ends_with("var");
    for (T& v : b.span()) v = static_cast<T>(variance ? r.uniform(0.5, 1.5) : r.uniform(-0.1, 0.1));
  });
  return net;
}

/// Places for `count` keys across a strip of `width` pixels, some beside it; about a third black.
inline std::vector<vmt::key_place> random_keys(vmt::index_t count, double width, std::uint32_t stream) {
  std::vector<vmt::key_place> keys;
  vmt::rng r(17, stream);
  for (vmt::index_t k = 0; k < count; ++k) {
    const auto x = static_cast<float>(r.uniform(-8, width + 8));
    keys.push_back({x, r.uniform() < 0.35});
  }
  return keys;
}

}  // namespace vmt_test
