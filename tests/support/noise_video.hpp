// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/tensor/tensor.hpp>

namespace vmt_test {

/// The size of most videos of noise: small, and no multiple of any register or tile.
inline constexpr vmt::index_t noise_height = 45, noise_width = 120;

/// Frames of noise, each pixel uniform in [0, 1).
inline vmt::cpu_tensor<float, 3> noise_video(vmt::index_t frames, vmt::index_t height, vmt::index_t width,
                                             std::uint64_t seed = 3) {
  vmt::cpu_tensor<float, 3> v(frames, height, width);
  vmt::rng r(seed);
  for (float& x : v.span()) x = static_cast<float>(r.uniform());
  return v;
}

}  // namespace vmt_test
