// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <algorithm>  // max
#include <limits>

namespace vmt::inline VMT_ABI::nn {

/// When to lower the learning rate, and when to stop.
struct plateau_options {
  double factor = 0.1;      ///< the learning rate is multiplied by it
  index_t patience = 10;    ///< epochs without improvement that are forgiven
  double threshold = 1e-4;  ///< relative improvement that counts
  double minimum = 0;       ///< the learning rate never falls below
  index_t cooldown = 0;     ///< epochs after a fall that do not count
};

/// `torch.optim.lr_scheduler.ReduceLROnPlateau(mode="min", threshold_mode="rel")`: after more than `patience` epochs
/// without a loss below best·(1 − threshold) the learning rate is multiplied by `factor`.
class plateau_schedule {
 public:
  /// All that changes; part of a checkpoint.
  struct state {
    double best = std::numeric_limits<double>::infinity();
    index_t bad_epochs = 0;
    index_t cooldown = 0;  ///< epochs left of it
  };

  explicit plateau_schedule(const plateau_options& options = {}) : options_(options) {}

  /// Takes the loss of an epoch, returns the learning rate of the next one.
  [[nodiscard]] double update(double loss, double learning_rate) {
    if (loss < state_.best * (1.0 - options_.threshold)) {
      state_.best = loss;
      state_.bad_epochs = 0;
    } else {
      ++state_.bad_epochs;
    }
    if (state_.cooldown > 0) {
      --state_.cooldown;
      state_.bad_epochs = 0;
    }
    if (state_.bad_epochs <= options_.patience) return learning_rate;
    state_.bad_epochs = 0;
    state_.cooldown = options_.cooldown;
    const double lowered = (std::max)(learning_rate * options_.factor, options_.minimum);
    // PyTorch ignores a change that is smaller than its eps.
    return learning_rate - lowered > 1e-8 ? lowered : learning_rate;
  }
  [[nodiscard]] const state& current() const noexcept { return state_; }
  void restore(const state& s) noexcept { state_ = s; }

 private:
  plateau_options options_;
  state state_;
};

}  // namespace vmt::inline VMT_ABI::nn
