// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <algorithm>  // min, max

namespace vmt::inline VMT_ABI::gpu {

/// What a device can do. The defaults are an H100's.
struct device_limits {
  int multiprocessors = 132;
  int threads_per_block = 1024;
  index_t blocks_x = 0x7FFFFFFF;
  index_t blocks_y = 65535;
  index_t blocks_z = 65535;
  index_t shared_bytes = 48 * 1024;  ///< of a block, without asking for more
  int capability = 90;               ///< compute capability: 90 is sm_90
};

/// How a kernel is launched: a grid of blocks, threads in each.
struct launch_shape {
  index_t blocks_x = 1;
  index_t blocks_y = 1;
  index_t blocks_z = 1;
  int threads = 256;
  index_t shared_bytes = 0;  ///< that the kernel declares itself

  [[nodiscard]] index_t blocks() const noexcept { return blocks_x * blocks_y * blocks_z; }
  friend bool operator==(const launch_shape&, const launch_shape&) = default;
};

/// The place of a block in its grid.
struct block_index {
  int x, y, z;
};

/// Throws `limit_exceeded` where a device would refuse the launch.
inline void check(const launch_shape& s, const device_limits& d, const char* kernel) {
  const auto require = [&](bool good, const char* what, index_t found, index_t limit) {
    if (good) return;
    throw error(errc::limit_exceeded, std::string("kernel ") + kernel + ": " + std::to_string(found) + " " + what +
                                          ", the device allows 1 … " + std::to_string(limit));
  };
  require(s.threads >= 1 && s.threads <= d.threads_per_block, "threads a block", s.threads, d.threads_per_block);
  require(s.blocks_x >= 1 && s.blocks_x <= d.blocks_x, "blocks along x", s.blocks_x, d.blocks_x);
  require(s.blocks_y >= 1 && s.blocks_y <= d.blocks_y, "blocks along y", s.blocks_y, d.blocks_y);
  require(s.blocks_z >= 1 && s.blocks_z <= d.blocks_z, "blocks along z", s.blocks_z, d.blocks_z);
  require(s.shared_bytes <= d.shared_bytes, "bytes of shared memory", s.shared_bytes, d.shared_bytes);
}

[[nodiscard]] constexpr index_t ceil_quotient(index_t a, index_t b) noexcept {
  return (a + b - 1) / b;
}

/// For a body over n indices: a thread for each, but no more blocks than keep the device busy; threads then stride.
[[nodiscard]] inline launch_shape map_shape(index_t n, const device_limits& d) noexcept {
  constexpr int threads = 256;
  const index_t room = static_cast<index_t>(d.multiprocessors) * 16;
  return {(std::max)(index_t{1}, (std::min)(ceil_quotient(n, threads), room)), 1, 1, threads, 0};
}

/// For a sum in `groups` groups: a block for each.
template <class Sum>
[[nodiscard]] launch_shape reduce_shape(index_t groups) noexcept {
  constexpr int threads = 256;
  return {groups, 1, 1, threads, static_cast<index_t>(threads * sizeof(Sum))};
}

/// Into how many parts each of `groups` sums of `count` numbers is cut, so that enough blocks are there to fill the
/// device and each thread still has 16 numbers or more.
[[nodiscard]] inline index_t sum_parts(index_t groups, index_t count, const device_limits& d) noexcept {
  const index_t wanted = ceil_quotient(static_cast<index_t>(d.multiprocessors) * 8, (std::max)(groups, index_t{1}));
  return (std::max)(index_t{1}, (std::min)({wanted, count / (256 * 16), index_t{64}}));
}

/// Into how many parts the depth of a product is cut: where its tiles are too few for the device, of whose
/// multiprocessors each holds `resident`, but in no part less than 8 steps.
[[nodiscard]] inline index_t depth_parts(index_t tiles, index_t depth, index_t step, int resident,
                                         const device_limits& d) noexcept {
  const index_t wanted = static_cast<index_t>(d.multiprocessors) * resident / (std::max)(tiles, index_t{1});
  return (std::max)(index_t{1}, (std::min)({wanted, depth / (8 * step), index_t{512}}));
}

}  // namespace vmt::inline VMT_ABI::gpu
