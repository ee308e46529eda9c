// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/function_ref.hpp>
#include <vmt/core/index.hpp>

#include <algorithm>  // min, max
#include <atomic>     // start and finish counters
#include <exception>  // exception_ptr
#include <thread>
#include <vector>

namespace vmt::inline VMT_ABI {

namespace detail {

/// Waits until `value` is no longer `old`: first awake, some ten microseconds, since to sleep and to be woken costs as
/// much as a small job, and the next one follows at once while a network runs; then asleep.
template <class T>
void wait_while_equal(const std::atomic<T>& value, T old) noexcept {
  for (int look = 0; look < 1000; ++look) {
    if (value.load(std::memory_order_acquire) != old) return;
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace detail

/// A fixed team of threads that runs one job at a time; the caller is its thread 0. Work is split statically: thread t
/// of n gets one contiguous range, so that what a range computes never depends on how busy the machine is. One caller
/// at a time. Calling `run` does not allocate.
class thread_pool {
 public:
  /// \param threads  team size with the caller; 0: one for each hardware thread.
  explicit thread_pool(int threads = 0)
      : size_(threads > 0 ? threads : (std::max)(1, static_cast<int>(std::thread::hardware_concurrency()))),
        failures_(static_cast<std::size_t>(size_)) {
    workers_.reserve(static_cast<std::size_t>(size_ - 1));
    try {
      for (int t = 1; t < size_; ++t) workers_.emplace_back([this, t] { work(t); });
    } catch (...) {
      stop();
      throw;
    }
  }
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;
  ~thread_pool() { stop(); }

  [[nodiscard]] int size() const noexcept { return size_; }

  /// Calls `job(t)` for t = 0 … size−1, one thread each, and waits for all. An exception of a job is thrown again here
  /// (that of the lowest t).
  void run(function_ref<void(int)> job) {
    if (size_ == 1) {
      job(0);
      return;
    }
    job_ = &job;
    pending_.store(size_ - 1, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    call(job, 0);
    for (int left = pending_.load(std::memory_order_acquire); left != 0;
         left = pending_.load(std::memory_order_acquire)) {
      detail::wait_while_equal(pending_, left);
    }
    for (std::exception_ptr& failure : failures_) {
      if (failure) {
        const std::exception_ptr first = failure;
        std::fill(failures_.begin(), failures_.end(), nullptr);
        std::rethrow_exception(first);
      }
    }
  }

  /// Splits 0 … n−1 into one contiguous range per thread and calls `body(begin, end)` for each range that is not empty.
  void parallel_for(index_t n, function_ref<void(index_t, index_t)> body) {
    const index_t parts = std::min<index_t>(size_, n);
    if (parts <= 1) {
      if (n > 0) body(0, n);
      return;
    }
    run([&](int t) {
      if (t < parts) body(n * t / parts, n * (t + 1) / parts);
    });
  }

 private:
  void work(int t) {
    unsigned seen = 0;
    for (;;) {
      detail::wait_while_equal(round_, seen);
      seen = round_.load(std::memory_order_acquire);
      if (stopping_.load(std::memory_order_acquire)) return;
      call(*job_, t);
      if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_one();
    }
  }
  void call(function_ref<void(int)>& job, int t) noexcept {
    try {
      job(t);
    } catch (...) {
      failures_[static_cast<std::size_t>(t)] = std::current_exception();
    }
  }
  void stop() noexcept {
    stopping_.store(true, std::memory_order_release);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  int size_;
  std::atomic<unsigned> round_{0};
  std::atomic<int> pending_{0};
  std::atomic<bool> stopping_{false};
  function_ref<void(int)>* job_ = nullptr;
  std::vector<std::exception_ptr> failures_;
  std::vector<std::thread> workers_;
};

}  // namespace vmt::inline VMT_ABI
