// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <array>     // digits
#include <charconv>  // to_chars
#include <span>
#include <string>

namespace vmt::inline VMT_ABI::train {

/// What became of one epoch.
struct epoch_record {
  index_t epoch = 0;           ///< from 0
  double learning_rate = 0;    ///< that it was trained with
  double train_loss = 0;       ///< mean over its samples, while the weights changed; NaN where every step was skipped
  double validation_loss = 0;  ///< after it
  double seconds = 0;          ///< wall time, validation included; since the resume where there was one
  index_t skipped = 0;         ///< steps skipped in it because a number was not finite

  static constexpr std::size_t columns = 6;
};

/// The learning curves as CSV: `epoch,learning_rate,train_loss,validation_loss,seconds,skipped`.
[[nodiscard]] inline std::string format_curves(std::span<const epoch_record> curves) {
  std::string text = "epoch,learning_rate,train_loss,validation_loss,seconds,skipped\n";
  std::array<char, 32> digits{};
  const auto add = [&](auto value, char after) {
    const auto [end, status] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    static_cast<void>(status);  // 32 characters hold every number
    text.append(digits.data(), end);
    text += after;
  };
  for (const epoch_record& r : curves) {
    add(r.epoch, ',');
    add(r.learning_rate, ',');
    add(r.train_loss, ',');
    add(r.validation_loss, ',');
    add(r.seconds, ',');
    add(r.skipped, '\n');
  }
  return text;
}

}  // namespace vmt::inline VMT_ABI::train
