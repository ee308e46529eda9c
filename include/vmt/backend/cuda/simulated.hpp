// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/context.hpp>

#include <cstdint>  // uintptr_t
#include <cstring>  // memcpy
#include <functional>
#include <memory>
#include <string>

/// \file
/// A device that is not there: every kernel body runs on the host, thread after thread. It is slow, and made for tests:
/// what a program does with a GPU, without one. Its memory cannot be read or written by the host, as on a device.

namespace vmt::inline VMT_ABI {

namespace gpu {

/// Device pointers of the simulation have one bit too many for any processor, so that a host that follows one stops.
/// There is no room at such addresses, and the arithmetic of pointers into a buffer still holds.
inline constexpr std::uintptr_t far_away = std::uintptr_t{1} << 62;

template <class T>
[[nodiscard]] T* to_device(T* p) noexcept {
  return p == nullptr ? nullptr : reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(p) | far_away);
}
template <class T>
[[nodiscard]] T* to_host(T* p) noexcept {
  return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(p) & ~far_away);
}

/// Host memory that the device may copy from and to.
template <class T>
class simulated_pinned {
 public:
  simulated_pinned() noexcept = default;
  explicit simulated_pinned(index_t n) : memory_(n) {}
  [[nodiscard]] std::span<T> span() noexcept { return {memory_.data(), static_cast<std::size_t>(memory_.size())}; }

 private:
  host_buffer<T> memory_;
};

/// Owned memory of the simulated device, zeroed.
template <class T>
class simulated_buffer {
 public:
  simulated_buffer() noexcept = default;
  explicit simulated_buffer(index_t n) : memory_(n) {}
  [[nodiscard]] T* data() noexcept { return to_device(memory_.data()); }
  [[nodiscard]] const T* data() const noexcept { return to_device(memory_.data()); }
  [[nodiscard]] index_t size() const noexcept { return memory_.size(); }

 private:
  host_buffer<T> memory_;
};

}  // namespace gpu

/// The backend of the simulated device.
struct simulated {
  template <class T>
  using buffer = gpu::simulated_buffer<T>;
  static constexpr bool host_accessible = false;

  template <class T>
  static void write(T* to, const T* from, index_t n) {
    std::copy_n(from, n, gpu::to_host(to));
  }
  template <class T>
  static void read(const T* from, T* to, index_t n) {
    std::copy_n(gpu::to_host(from), n, to);
  }
  template <class T>
  static void copy(const T* from, T* to, index_t n) {
    std::copy_n(gpu::to_host(from), n, gpu::to_host(to));
  }
};

/// Runs kernels on the host and remembers what it was asked to do.
class simulated_runtime {
 public:
  using backend = simulated;
  using bf16_math = gpu::emulated<gpu::bf16_factor>;
  using tf32_math = gpu::emulated<gpu::tf32_factor>;
  template <class T>
  using pinned = gpu::simulated_pinned<T>;

  /// A launch, a product ("multiply"), or a copy ("copy_in", "copy_out").
  struct event {
    std::string name;
    gpu::launch_shape shape;
    index_t bytes;  ///< of a copy
  };
  class graph {
   public:
    graph() = default;

   private:
    friend class simulated_runtime;
    std::vector<std::function<void(simulated_runtime&)>> steps_;
  };

  explicit simulated_runtime(int = 0) {}

  [[nodiscard]] const gpu::device_limits& limits() const noexcept { return limits_; }
  void set_limits(const gpu::device_limits& limits) { limits_ = limits; }
  [[nodiscard]] gpu::access_log* log() const noexcept { return log_; }
  /// Has every access of the bodies told to a log, which is borrowed; null: no longer.
  void watch(gpu::access_log* log) noexcept { log_ = log; }
  void set_order(gpu::host_order order) noexcept { order_ = order; }
  /// Whether kernels run at all, or are only launched.
  void run_kernels(bool on) noexcept { running_ = on; }
  /// Whether `events()` grows.
  void remember(bool on) noexcept { remember_ = on; }
  [[nodiscard]] const std::vector<event>& events() const noexcept { return events_; }
  void forget() noexcept { events_.clear(); }
  /// Called before each launch with its name: a test's log begins anew.
  std::function<void(const char*)> on_launch;

  template <class T>
  [[nodiscard]] T* reachable(T* p) const noexcept {
    return gpu::to_host(p);
  }

  template <class Body>
  void launch(const Body& body, index_t n, const gpu::launch_shape& shape) {
    if (capturing_) {
      captured_.steps_.push_back([body, n, shape](simulated_runtime& r) { r.launch(body, n, shape); });
      return;
    }
    if (on_launch) on_launch(Body::name);
    if (remember_) events_.push_back({Body::name, shape, 0});
    if (running_) gpu::run_on_host(body, n, shape, order_, log_);
  }
  /// A product as BLAS defines it, in double.
  template <class T>
  void multiply(const gpu::blas_product<T>& p, gpu::precision precision) {
    if (capturing_) {
      captured_.steps_.push_back([p, precision](simulated_runtime& r) { r.multiply(p, precision); });
      return;
    }
    if (remember_) events_.push_back({"multiply", {}, 0});
    if (!running_) return;
    const auto enter = [precision](T x) {
      if (precision == gpu::precision::bf16) return T(gpu::from_bf16(gpu::to_bf16(static_cast<float>(x))));
      return precision == gpu::precision::tf32 ? T(gpu::to_tf32(static_cast<float>(x))) : x;
    };
    for (int z = 0; z < p.batch; ++z) {
      const T* const a = gpu::to_host(p.first) + z * p.first_stride;
      const T* const b = gpu::to_host(p.second) + z * p.second_stride;
      T* const c = gpu::to_host(p.result) + z * p.result_stride;
      for (index_t j = 0; j < p.columns; ++j)
        for (index_t i = 0; i < p.rows; ++i) {
          double sum = 0;
          for (index_t l = 0; l < p.depth; ++l) {
            const T x = enter(p.transpose_first ? a[i * p.first_pitch + l] : a[l * p.first_pitch + i]);
            const T y = enter(p.transpose_second ? b[l * p.second_pitch + j] : b[j * p.second_pitch + l]);
            sum += static_cast<double>(x) * static_cast<double>(y);
          }
          T& result = c[j * p.result_pitch + i];
          result = static_cast<T>(sum) + (p.accumulate ? result : T(0));
        }
    }
  }

  void copy_in(void* to, const void* from, std::size_t bytes) {
    refuse_capture("copy_in");
    if (remember_) events_.push_back({"copy_in", {}, static_cast<index_t>(bytes)});
    std::memcpy(gpu::to_host(static_cast<char*>(to)), from, bytes);
  }
  void copy_out(void* to, const void* from, std::size_t bytes) {
    refuse_capture("copy_out");
    if (remember_) events_.push_back({"copy_out", {}, static_cast<index_t>(bytes)});
    std::memcpy(to, gpu::to_host(static_cast<const char*>(from)), bytes);
  }
  void synchronise() { refuse_capture("synchronise"); }

  void begin_capture() {
    refuse_capture("begin_capture");
    capturing_ = true;
    captured_ = {};
  }
  [[nodiscard]] graph end_capture() {
    capturing_ = false;
    return std::move(captured_);
  }
  void replay(graph& g) {
    if (remember_) events_.push_back({"replay", {}, 0});
    for (const auto& step : g.steps_) step(*this);
  }

 private:
  void refuse_capture(const char* what) const {
    if (capturing_) throw error(errc::invalid_argument, std::string(what) + " while a graph is captured");
  }

  gpu::device_limits limits_;
  gpu::access_log* log_ = nullptr;
  gpu::host_order order_ = gpu::host_order::forward;
  bool running_ = true;
  bool remember_ = false;
  std::vector<event> events_;
  bool capturing_ = false;
  graph captured_;
};

using simulated_context = gpu_context<simulated_runtime>;

}  // namespace vmt::inline VMT_ABI
