// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <algorithm>  // max
#include <cmath>      // floor
#include <cstdint>    // uint8_t
#include <span>
#include <string>  // messages
#include <vector>  // columns

namespace vmt::inline VMT_ABI::transcribe {

/// Onset probabilities of a video of any length in bounded memory: columns of equal duration hold the largest value of
/// each key. When the columns are used up, neighbours are joined, and a column lasts twice as long.
class activity {
 public:
  static constexpr std::uint8_t unknown = 255;  ///< no frame fell into the column; else probability × 254

  /// `columns`: the most that are kept, 2 … 65536. Throws `invalid_argument`.
  explicit activity(index_t columns = 4000) : most_(columns) {
    if (columns < 2 || columns > 65536)
      throw error(errc::invalid_argument, "activity: 2 to 65536 columns are expected");
  }

  /// Takes a frame; times rise. The first two say how long a column lasts at first.
  void add(double time, std::span<const float> probabilities) {
    const auto keys = static_cast<index_t>(probabilities.size());
    if (!(std::abs(time) < 1e9)) throw error(errc::not_finite, "activity: the time of a frame is not finite");
    if (count_ == 0) {
      keys_ = keys;
      first_ = time;
      start_ = time - step_ / 4;
    } else if (keys != keys_ || !(time > last_)) {
      throw error(errc::inconsistent, "activity: another number of keys, or a time that does not rise");
    }
    if (count_ == 1) {
      step_ = (std::max)(time - last_, 1e-3);
      start_ = last_ - step_ / 4;  // so that jitter leaves a frame in its column
    }
    ++count_;
    last_ = time;
    while (column_of(time) >= static_cast<double>(most_)) join();
    const auto column = static_cast<std::size_t>(column_of(time));
    const std::size_t needed = (column + 1) * static_cast<std::size_t>(keys_);
    if (values_.size() < needed) values_.resize(needed, unknown);
    std::uint8_t* const at = values_.data() + column * static_cast<std::size_t>(keys_);
    for (std::size_t k = 0; k < probabilities.size(); ++k) at[k] = larger(at[k], quantised(probabilities[k]));
  }

  [[nodiscard]] index_t keys() const noexcept { return keys_; }
  [[nodiscard]] index_t columns() const noexcept {
    return keys_ == 0 ? 0 : static_cast<index_t>(values_.size()) / keys_;
  }
  [[nodiscard]] double start() const noexcept { return start_; }  ///< where the first column begins, in seconds
  [[nodiscard]] double step() const noexcept { return step_; }    ///< seconds that a column lasts
  [[nodiscard]] double first() const noexcept { return first_; }  ///< the first frame's time
  [[nodiscard]] double last() const noexcept { return last_; }    ///< the last frame's time
  [[nodiscard]] index_t frames() const noexcept { return count_; }

  /// The values, column after column. Single columns without a frame, which jitter of the times makes, repeat the one
  /// before; longer stretches are gaps of the video and stay `unknown`.
  [[nodiscard]] std::vector<std::uint8_t> values() const {
    std::vector<std::uint8_t> filled = values_;
    const auto keys = static_cast<std::size_t>(keys_);
    for (std::size_t c = 1; c + 1 < static_cast<std::size_t>(columns()); ++c) {
      const bool alone = values_[(c - 1) * keys] != unknown && values_[(c + 1) * keys] != unknown;
      if (values_[c * keys] != unknown || !alone) continue;
      std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>((c - 1) * keys), keys,
                  filled.begin() + static_cast<std::ptrdiff_t>(c * keys));
    }
    return filled;
  }

 private:
  [[nodiscard]] double column_of(double time) const noexcept { return std::floor((time - start_) / step_); }
  static std::uint8_t quantised(float p) noexcept {
    return static_cast<std::uint8_t>(std::clamp(p, 0.0F, 1.0F) * 254.0F + 0.5F);
  }
  static std::uint8_t larger(std::uint8_t a, std::uint8_t b) noexcept {
    if (a == unknown || b == unknown) return a == unknown ? b : a;
    return (std::max)(a, b);
  }

  /// Halves the columns.
  void join() {
    step_ *= 2;
    const auto keys = static_cast<std::size_t>(keys_);
    const auto before = static_cast<std::size_t>(columns());
    const std::size_t after = (before + 1) / 2;
    for (std::size_t c = 0; c < after; ++c) {
      for (std::size_t k = 0; k < keys; ++k) {
        const std::uint8_t a = values_[2 * c * keys + k];
        const std::uint8_t b = 2 * c + 1 < before ? values_[(2 * c + 1) * keys + k] : unknown;
        values_[c * keys + k] = larger(a, b);
      }
    }
    values_.resize(after * keys);
  }

  index_t most_;
  index_t keys_ = 0;
  index_t count_ = 0;
  double start_ = 0, first_ = 0, last_ = 0;
  double step_ = 0.04;
  std::vector<std::uint8_t> values_;
};

}  // namespace vmt::inline VMT_ABI::transcribe
