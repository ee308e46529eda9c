// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/device_span.hpp>

#include <string>
#include <unordered_map>

namespace vmt_test {

/// Finds what a kernel must not do: an access beside its span, a number written twice, a number that one thread writes
/// and another reads or writes. Begin anew for each launch: between launches the device waits.
class race_log : public vmt::gpu::access_log {
 public:
  void read(const void* address, vmt::index_t i, vmt::index_t size) override {
    if (i < 0 || i >= size) return complain("reads index " + std::to_string(i) + " of " + std::to_string(size));
    use& u = uses_[address];
    if (u.writer != nobody && u.writer != here_) complain("reads what another thread writes");
    if (u.reader == nobody) {
      u.reader = here_;
    } else if (u.reader != here_) {
      u.reader = several;
    }
  }
  void write(const void* address, vmt::index_t i, vmt::index_t size) override {
    ++writes_;
    if (i < 0 || i >= size) return complain("writes index " + std::to_string(i) + " of " + std::to_string(size));
    use& u = uses_[address];
    if (u.writer == here_) complain("writes a number twice");
    if (u.writer != nobody && u.writer != here_) complain("writes what another thread writes");
    if (u.reader != nobody && u.reader != here_) complain("writes what another thread reads");
    u.writer = here_;
  }
  void enter(vmt::index_t block, int thread) override { here_ = block * 4096 + thread; }

  void begin(const char* kernel) {
    uses_.clear();
    kernel_ = kernel;
    here_ = 0;
  }
  /// The first thing that was wrong, empty if nothing was.
  [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }
  [[nodiscard]] long writes() const noexcept { return writes_; }

 private:
  static constexpr vmt::index_t nobody = -1, several = -2;
  struct use {
    vmt::index_t reader = nobody, writer = nobody;
  };
  void complain(const std::string& what) {
    if (complaint_.empty()) complaint_ = kernel_ + " " + what;
  }

  std::unordered_map<const void*, use> uses_;
  std::string kernel_, complaint_;
  vmt::index_t here_ = 0;
  long writes_ = 0;
};

}  // namespace vmt_test
