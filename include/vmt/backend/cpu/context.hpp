// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/group_kernels.hpp>
#include <vmt/backend/cpu/tile_kernel.hpp>
#include <vmt/backend/cpu/workspace.hpp>
#include <vmt/core/thread_pool.hpp>

namespace vmt::inline VMT_ABI {

/// How a `cpu_context` works.
struct cpu_options {
  int threads = 0;  ///< 0: one for each hardware thread
  cpu_isa isa = choose_isa();
};

/// What operations on the CPU need: threads, scratch memory, kernels. One context serves one calling thread at a time;
/// several contexts may share constant models. Results are bitwise the same for any number of threads.
class cpu_context {
 public:
  using backend = cpu;

  explicit cpu_context(const cpu_options& options = {})
      : pool_(options.threads),
        isa_(options.isa),
        float_kernel_(make_tile_kernel<float>(options.isa)),
        double_kernel_(make_tile_kernel<double>(options.isa)),
        float_dot_(make_dot_kernel<float>(options.isa)),
        double_dot_(make_dot_kernel<double>(options.isa)),
        groups_(make_group_kernels(options.isa)) {
    if (!supported(isa_)) {
      throw error(errc::unsupported, "this processor cannot run the kernels for " + std::string(name(isa_)));
    }
  }

  [[nodiscard]] thread_pool& threads() noexcept { return pool_; }
  [[nodiscard]] workspace& scratch() noexcept { return scratch_; }
  [[nodiscard]] cpu_isa isa() const noexcept { return isa_; }

  template <class T>
  [[nodiscard]] const tile_kernel<T>& kernel() const noexcept {
    if constexpr (std::is_same_v<T, float>) {
      return float_kernel_;
    } else {
      return double_kernel_;
    }
  }
  template <class T>
  [[nodiscard]] const dot_kernel<T>& dot() const noexcept {
    if constexpr (std::is_same_v<T, float>) {
      return float_dot_;
    } else {
      return double_dot_;
    }
  }
  /// What works on feature maps with their channels in groups: the fast convolutions of inference.
  [[nodiscard]] const group_kernels& groups() const noexcept { return groups_; }

 private:
  thread_pool pool_;
  workspace scratch_;
  cpu_isa isa_;
  tile_kernel<float> float_kernel_;
  tile_kernel<double> double_kernel_;
  dot_kernel<float> float_dot_;
  dot_kernel<double> double_dot_;
  group_kernels groups_;
};

}  // namespace vmt::inline VMT_ABI
