// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tool {

/// A line on stderr that is written over again and again, with the remaining time; nothing where stderr is no terminal.
class progress {
 public:
  /// `total` things are to be done; 0: nobody knows.
  progress(std::string what, std::int64_t total);
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress();  ///< removes the line

  /// So many are done, and something to add. Draws at most ten times a second.
  void update(std::int64_t done, const std::string& note = {});
  /// Removes the line, so that something else can be written.
  void clear();

 private:
  using clock = std::chrono::steady_clock;
  std::string what_;
  std::int64_t total_;
  bool terminal_;
  bool drawn_ = false;
  std::int64_t first_ = -1;  // what was done at the first update, by somebody else
  clock::time_point start_{};
  clock::time_point last_{};
};

}  // namespace tool
