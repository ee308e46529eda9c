// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>

namespace tool {

/// A line on stderr that is written over again and again, with the remaining time; nothing where stderr is no terminal.
class progress {
 public:
  progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress();  ///< removes the line

  /// What is done, in words, and as a share of all, 0 … 1 (negative: not known). Draws at most ten times a second.
  void update(const std::string& words, double share = -1);
  /// Removes the line, so that something else can be written.
  void clear();
  /// Since construction.
  [[nodiscard]] double seconds() const;

 private:
  using clock = std::chrono::steady_clock;
  bool terminal_;
  bool drawn_ = false;
  double first_share_ = -1;  // done before the first update, perhaps on another day
  double first_seconds_ = 0;
  double drawn_seconds_ = -1;
  clock::time_point start_ = clock::now();
};

}  // namespace tool
