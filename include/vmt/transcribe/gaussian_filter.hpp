// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <algorithm>  // copy, max
#include <cmath>      // exp
#include <span>
#include <string>  // messages
#include <vector>  // ring

namespace vmt::inline VMT_ABI::transcribe {

/// A Gaussian filter over time, many channels side by side, as a stream: y[i] = Σ_j w[|j|] · x[i + j], |j| ≤ radius,
/// with w[j] ∝ exp(−j² / 2σ²), Σ w = 1, radius = ⌊4σ + ½⌋. Beyond its ends the signal is mirrored, d c b a | a b c d |
/// d c b a, again and again where it is shorter than the radius. Equals scipy.ndimage.gaussian_filter1d(x, σ, axis=0,
/// mode="reflect", truncate=4) on double values.
///
/// y[i] needs x[i + radius], so it comes that many frames later. A value is summed in the same order wherever the
/// signal ends. The last 2 · radius + 1 frames are kept; nothing is allocated after construction.
class gaussian_filter {
 public:
  /// σ in frames, 0 … 1000; 0 passes the signal on. Throws `invalid_argument`.
  gaussian_filter(index_t channels, double sigma) : channels_(channels) {
    if (channels < 1 || !(sigma >= 0 && sigma <= 1000)) {
      throw error(errc::invalid_argument, "gaussian_filter: " + std::to_string(channels) + " channels, sigma " +
                                              std::to_string(sigma) + "; at least 1 and 0 to 1000 were expected");
    }
    radius_ = static_cast<index_t>(4 * sigma + 0.5);
    weights_.push_back(1);
    double sum = 1;
    for (index_t j = 1; j <= radius_; ++j) {
      const auto d = static_cast<double>(j) / sigma;
      weights_.push_back(std::exp(-0.5 * d * d));
      sum += 2 * weights_.back();
    }
    for (double& w : weights_) w /= sum;
    ring_.resize(static_cast<std::size_t>(checked_product(2 * radius_ + 1, channels)));
    smooth_.resize(static_cast<std::size_t>(channels));
  }

  [[nodiscard]] index_t channels() const noexcept { return channels_; }
  [[nodiscard]] index_t radius() const noexcept { return radius_; }

  /// Takes x[n] (`channels()` values) and calls `out(i, y)`, y a `std::span<const double>`, for i = n − radius if that
  /// is not negative.
  template <class F>
  void push(std::span<const float> x, F&& out) {
    VMT_ASSERT(static_cast<index_t>(x.size()) == channels_);
    std::copy(x.begin(), x.end(), row(count_));
    ++count_;
    if (count_ > radius_) out(count_ - 1 - radius_, smoothed(count_ - 1 - radius_));
  }

  /// Calls `out(i, y)` for the frames that are left, and starts anew.
  template <class F>
  void finish(F&& out) {
    for (index_t i = std::max<index_t>(0, count_ - radius_); i < count_; ++i) out(i, smoothed(i));
    count_ = 0;
  }

  /// Starts anew.
  void reset() noexcept { count_ = 0; }

 private:
  [[nodiscard]] float* row(index_t i) noexcept { return ring_.data() + i % (2 * radius_ + 1) * channels_; }

  /// Frame i of the mirrored signal; all that `smoothed` asks for is still in the ring.
  [[nodiscard]] const float* mirrored(index_t i) noexcept {
    const index_t period = 2 * count_;
    const index_t at = ((i % period) + period) % period;
    return row(at < count_ ? at : period - 1 - at);
  }

  [[nodiscard]] std::span<const double> smoothed(index_t i) noexcept {
    const float* const centre = row(i);
    for (index_t c = 0; c < channels_; ++c)
      smooth_[static_cast<std::size_t>(c)] = weights_[0] * static_cast<double>(centre[c]);
    for (index_t j = radius_; j > 0; --j) {
      const float* const before = mirrored(i - j);
      const float* const after = mirrored(i + j);
      const double w = weights_[static_cast<std::size_t>(j)];
      for (index_t c = 0; c < channels_; ++c) {
        smooth_[static_cast<std::size_t>(c)] += w * (static_cast<double>(before[c]) + static_cast<double>(after[c]));
      }
    }
    return smooth_;
  }

  index_t channels_;
  index_t radius_ = 0;
  index_t count_ = 0;
  std::vector<double> weights_;  ///< w[0 … radius]
  std::vector<float> ring_;      ///< frame i in row i mod (2 radius + 1)
  std::vector<double> smooth_;
};

}  // namespace vmt::inline VMT_ABI::transcribe
