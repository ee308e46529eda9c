// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <array>    // block of four words
#include <cmath>    // log, sqrt, sin, cos
#include <cstdint>  // uint32_t, uint64_t
#include <numbers>  // pi

namespace vmt::inline VMT_ABI {

/// What a random stream is for. Streams of different use never meet.
enum class rng_use : std::uint32_t {
  initialisation = 1,
  shuffle = 2,
  augmentation = 3,
  render = 4,
  test = 5,
  splice = 6,
  shift = 7,
  dropout = 8,
  window = 9,
  performance = 10
};

/// A random stream that is addressed, not advanced: the same (seed, epoch, sample, use) gives the same numbers on any
/// thread, in any order, after any resume. Philox-4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as
/// easy as 1, 2, 3", SC 2011). The distributions are our own: those of <random> differ between standard libraries.
class rng {
 public:
  using word = std::uint32_t;

  explicit constexpr rng(std::uint64_t seed, std::uint32_t epoch = 0, std::uint32_t sample = 0,
                         rng_use use = rng_use::test) noexcept
      : key_{static_cast<word>(seed), static_cast<word>(seed >> 32)},
        counter_{0, sample, epoch, static_cast<word>(use)} {}

  /// The next 32 random bits. A stream has 2^34 of them.
  constexpr word bits() noexcept {
    if (used_ == 4) {
      block_ = philox(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return block_[used_++];
  }

  /// The same stream from its word 4·block on, whatever has been drawn: for numbers that are computed in any order.
  [[nodiscard]] constexpr rng from_block(word block) const noexcept {
    rng r = *this;
    r.counter_[0] = block;
    r.used_ = 4;
    return r;
  }

  /// The two halves of the seed, and the counter block that comes next: what a device needs to draw the same numbers.
  [[nodiscard]] constexpr const std::array<word, 2>& key() const noexcept { return key_; }
  [[nodiscard]] constexpr const std::array<word, 4>& counter() const noexcept { return counter_; }

  /// Uniform in [0, 1), 24 random bits (exact in float and double).
  constexpr double uniform() noexcept { return static_cast<double>(bits() >> 8) * 0x1p-24; }
  constexpr double uniform(double low, double high) noexcept { return low + (high - low) * uniform(); }

  /// Uniform in 0 … n−1 without bias (Lemire's method). n in 1 … 2^32−1.
  constexpr index_t below(index_t n) noexcept {
    const auto range = static_cast<std::uint64_t>(n);
    const std::uint64_t limit = (0x1'0000'0000ULL % range);
    for (;;) {
      const std::uint64_t product = range * bits();
      if ((product & 0xFFFF'FFFFULL) >= limit) return static_cast<index_t>(product >> 32);
    }
  }

  /// Standard normal: Box–Muller, one value a call.
  double normal() noexcept {
    const double u = 1.0 - uniform();
    const double v = uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
  }

  /// The bare generator: ten rounds of Philox-4x32 on one counter block.
  [[nodiscard]] static constexpr std::array<word, 4> philox(std::array<word, 4> c, std::array<word, 2> k) noexcept {
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = 0xD2511F53ULL * c[0];
      const std::uint64_t p1 = 0xCD9E8D57ULL * c[2];
      c = {static_cast<word>(p1 >> 32) ^ c[1] ^ k[0], static_cast<word>(p1), static_cast<word>(p0 >> 32) ^ c[3] ^ k[1],
           static_cast<word>(p0)};
      k = {k[0] + 0x9E3779B9U, k[1] + 0xBB67AE85U};
    }
    return c;
  }

 private:
  std::array<word, 2> key_;
  std::array<word, 4> counter_;
  std::array<word, 4> block_{};
  unsigned used_ = 4;
};

}  // namespace vmt::inline VMT_ABI
