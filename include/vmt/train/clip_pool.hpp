// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/train/key_clip.hpp>

#include <condition_variable>
#include <exception>  // exception_ptr
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace vmt::inline VMT_ABI::train {

/// Numbered clips that threads of its own make while others are used. `make(i)` must depend on i alone; which thread
/// made a clip, and when, then changes nothing.
class clip_pool {
 public:
  using maker = std::function<key_clip(index_t)>;

  explicit clip_pool(maker make, int threads = 1) : make_(std::move(make)) {
    if (threads < 1 || threads > 256) throw error(errc::invalid_argument, "clip_pool: threads must be 1 … 256");
    try {
      for (int t = 0; t < threads; ++t) threads_.emplace_back([this] { work(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  clip_pool(const clip_pool&) = delete;
  clip_pool& operator=(const clip_pool&) = delete;
  ~clip_pool() { stop(); }

  /// Clips first … end − 1 are wanted from now on, and made in this order; the others are forgotten.
  void keep(index_t first, index_t end) {
    const std::lock_guard lock(mutex_);
    if (first == first_ && end == end_) return;
    first_ = first;
    end_ = end;
    next_ = first;
    std::erase_if(clips_, [&](const auto& entry) { return entry.first < first || entry.first >= end; });
    changed_.notify_all();
  }

  /// A clip that is wanted; waits until it is made. Throws `invalid_argument` for one that is not wanted, and what
  /// `make` threw.
  [[nodiscard]] std::shared_ptr<const key_clip> get(index_t number) {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (failure_) std::rethrow_exception(failure_);
      if (number < first_ || number >= end_) {
        throw error(errc::invalid_argument, "clip_pool: clip " + std::to_string(number) + " is not one of " +
                                                std::to_string(first_) + " to " + std::to_string(end_ - 1));
      }
      const auto found = clips_.find(number);
      if (found != clips_.end() && found->second) return found->second;
      changed_.wait(lock);
    }
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      while (next_ < end_ && clips_.contains(next_)) ++next_;
      if (stopping_ || failure_) return;
      if (next_ >= end_) {
        changed_.wait(lock);
        continue;
      }
      const index_t number = next_;
      clips_[number] = nullptr;  // being made
      lock.unlock();
      std::shared_ptr<const key_clip> made;
      std::exception_ptr failure;
      try {
        made = std::make_shared<const key_clip>(make_(number));
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure) failure_ = failure;
      const auto place = clips_.find(number);
      if (place != clips_.end()) place->second = std::move(made);
      changed_.notify_all();
    }
  }
  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  maker make_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<index_t, std::shared_ptr<const key_clip>> clips_;
  index_t first_ = 0, end_ = 0, next_ = 0;
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace vmt::inline VMT_ABI::train
