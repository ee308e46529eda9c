// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/ops/dispatch.hpp>

namespace vmt::inline VMT_ABI::ops::generic {

/// \param random  stands at the word of the first number
template <class T>
void dropout(std::span<const T> x, double probability, rng random, std::span<T> y) {
  const auto threshold = static_cast<std::uint64_t>(probability * 0x1p32);
  const T scale = static_cast<T>(1.0 / (1.0 - probability));
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = random.bits() < threshold ? T(0) : x[i] * scale;
}

}  // namespace vmt::inline VMT_ABI::ops::generic
