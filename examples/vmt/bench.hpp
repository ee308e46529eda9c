// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/engine/onset_engine.hpp>

#include <functional>
#include <string>

namespace tool {

/// Repeated measurements of one thing, in milliseconds.
struct timing {
  std::int64_t n = 0;
  double min_ms = 0;
  double median_ms = 0;
};

/// Calls `work` once to warm up, then for about so many seconds, at least three times.
[[nodiscard]] timing measure(double seconds, const std::function<void()>& work);

/// A line for each layer of the engine: time, multiply-adds, and how many of them in a nanosecond.
[[nodiscard]] std::string layer_times(vmt::cpu_context& ctx, const vmt::onset_net<float>& net,
                                      const vmt::onset_engine_options& options, double seconds);

}  // namespace tool
