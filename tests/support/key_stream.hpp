// SPDX-License-Identifier: MIT
#pragma once

#include <doctest/doctest.h>

#include <vector>

#include "support/key_net.hpp"

namespace vmt_test {

/// All answers of a `key_engine` or `gpu_key_engine`, as K × 5 × T like those of the network.
template <class Context, class Engine>
vmt::cpu_tensor<float, 4> stream(Context& ctx, Engine& engine, const vmt::cpu_tensor<float, 5>& frames) {
  using vmt::index_t;
  using vmt::key_outputs;
  const index_t count = frames.extent(1), keys = engine.keys();
  vmt::cpu_tensor<float, 4> y(1, keys, key_outputs, count);
  std::vector<float> numbers(static_cast<std::size_t>(key_outputs * keys));
  index_t next = 0;
  const auto take = [&] {
    REQUIRE(engine.frame() == next);
    engine.run(ctx, numbers);
    for (index_t o = 0; o < key_outputs; ++o)
      for (index_t k = 0; k < keys; ++k) y(0, k, o, next) = numbers[static_cast<std::size_t>(o * keys + k)];
    ++next;
  };
  for (index_t t = 0; t < count; ++t) {
    engine.push(ctx, frames.view()[0][t]);
    REQUIRE(engine.ready() == (t >= engine.lookahead()));
    if (engine.ready()) take();
  }
  engine.flush(ctx);
  while (engine.ready()) take();
  REQUIRE(next == count);
  return y;
}

}  // namespace vmt_test
