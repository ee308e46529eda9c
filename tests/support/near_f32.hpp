// SPDX-License-Identifier: MIT
#pragma once

#include <doctest/doctest.h>

#include <vmt/engine/onset_engine.hpp>

#include <cstring>
#include <vector>

#include "support/count_allocations.hpp"

namespace vmt_test {

/// An engine of another precision against one in f32, on up to three windows of `frames`: no logit differs by more than
/// the share `allowed` of the largest, some do; frame by frame it gives the same bits, and nothing allocates.
inline void check_near_f32(vmt::cpu_context& ctx, const vmt::onset_net<float>& net,
                           const vmt::onset_engine_options& wish, const vmt::cpu_tensor<float, 3>& frames,
                           double allowed) {
  const vmt::onset_net_options& o = net.options();
  vmt::onset_engine other(ctx, net, wish);
  vmt::onset_engine exact(ctx, net, {.height = wish.height, .width = wish.width, .windows = 3});
  const auto keys = static_cast<std::size_t>(o.keys);
  const auto windows = (std::min)(frames.extent(0) - o.frames + 1, vmt::index_t{3});
  const auto some = frames.view().slice(0, windows + o.frames - 1);
  const auto size = static_cast<std::size_t>(windows) * keys;
  std::vector<float> y(3 * keys), z(3 * keys), last(keys);
  const allocation_count before;
  other.run_windows(ctx, some, std::span(y).first(size));
  for (vmt::index_t f = 0; f < some.extent(0); ++f) other.push(ctx, frames[f]);
  other.run(ctx, last);
  CHECK(before.since() == 0);
  exact.run_windows(ctx, some, std::span(z).first(size));
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < size; ++i) {
    worst = std::max(worst, static_cast<double>(std::abs(y[i] - z[i])));
    largest = std::max(largest, static_cast<double>(std::abs(z[i])));
  }
  CHECK(worst <= allowed * largest);
  CHECK(worst > 0);
  CHECK(std::memcmp(last.data(), y.data() + size - keys, keys * sizeof(float)) == 0);
}

}  // namespace vmt_test
