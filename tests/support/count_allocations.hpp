// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>

namespace vmt_test {

/// Calls of operator new so far, in all threads; `count_allocations.cpp` replaces the operators.
std::atomic<long>& allocations() noexcept;

/// How many allocations happened since this object was made.
class allocation_count {
 public:
  allocation_count() noexcept : start_(allocations().load()) {}
  [[nodiscard]] long since() const noexcept { return allocations().load() - start_; }

 private:
  long start_;
};

}  // namespace vmt_test
