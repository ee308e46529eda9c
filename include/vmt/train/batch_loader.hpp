// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/train/batch_input.hpp>

#include <condition_variable>
#include <exception>  // exception_ptr
#include <mutex>
#include <numeric>  // iota
#include <span>
#include <thread>
#include <type_traits>  // conditional
#include <vector>       // order

namespace vmt::inline VMT_ABI::train {

/// 0 … n−1 in the random order of (seed, epoch): Fisher and Yates' shuffle; then its first `count` (0: all).
[[nodiscard]] inline std::vector<std::uint32_t> shuffled(index_t n, index_t count, std::uint64_t seed,
                                                         std::uint32_t epoch) {
  if (n < 0 || n > 0xFFFFFFFF) throw error(errc::limit_exceeded, "a data source may have up to 2^32 samples");
  std::vector<std::uint32_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0U);
  rng random(seed, epoch, 0, rng_use::shuffle);
  for (index_t i = n - 1; i > 0; --i) {
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(random.below(i + 1))]);
  }
  if (count > 0 && count < n) order.resize(static_cast<std::size_t>(count));
  return order;
}

/// Loads the batches of one epoch on threads of its own: while one batch is used the next ones are made, one by each
/// thread, and there are never more than these. Which thread makes a batch changes nothing. The inputs lie in memory
/// that the device of `Context` copies from by itself, if it has one: who uses a batch waits for that before the next
/// one. With `Bytes` the inputs stay bytes, a `window_batch`; the source is a `window_source`.
template <class Source, std::size_t Rank, class Context = void, bool Bytes = false>
class batch_loader {
  using inputs = std::conditional_t<Bytes, detail::byte_inputs<Context>, detail::number_inputs<Rank, Context>>;

 public:
  struct batch {
    std::conditional_t<Bytes, window_batch, const_view<float, Rank>> x;
    const_view<float, 2> targets;
  };

  /// Batch b holds the samples order[b·size] … ; the last may be smaller. Begins with batch `first`. `source` and
  /// `order` must outlive the loader; with several threads `source.load` is called by all of them.
  batch_loader(const Source& source, std::span<const std::uint32_t> order, index_t size, index_t first,
               std::uint32_t epoch, bool augment, int threads = 1)
      : source_(source),
        order_(order),
        size_(size),
        next_(first),
        epoch_(epoch),
        augment_(augment),
        slots_(static_cast<std::size_t>(threads) + 1) {
    for (index_t b = first; b < first + std::ssize(slots_); ++b) {
      slot& s = slot_of(b);
      s.x = inputs(source, size);
      s.targets.resize(extents<2>{size, source.keys()});
      s.batch = b;
    }
    try {
      for (int t = 0; t < threads; ++t) {
        threads_.emplace_back([this, first, t, threads] { work(first + t, threads); });
      }
    } catch (...) {
      stop();
      throw;
    }
  }
  batch_loader(const batch_loader&) = delete;
  batch_loader& operator=(const batch_loader&) = delete;
  ~batch_loader() { stop(); }

  /// The next batch, valid until the next call. Not to be called after the last. Throws what the source threw.
  batch next() {
    std::unique_lock lock(mutex_);
    if (using_) {
      slot& used = slot_of(next_ - 1);
      used.full = false;
      used.batch += std::ssize(slots_);
      changed_.notify_all();
    }
    using_ = true;
    slot& s = slot_of(next_);
    changed_.wait(lock, [&] { return s.full || failure_; });
    if (!s.full) std::rethrow_exception(failure_);
    const index_t n = count(next_++);
    return {s.x.first(n), s.targets.view().slice(0, n)};
  }

 private:
  struct slot {
    inputs x;
    cpu_tensor<float, 2> targets;
    index_t batch = 0;  // that it holds, or waits for
    bool full = false;
  };

  [[nodiscard]] slot& slot_of(index_t b) noexcept { return slots_[static_cast<std::size_t>(b % std::ssize(slots_))]; }
  [[nodiscard]] index_t count(index_t b) const noexcept {
    return (std::min)(size_, static_cast<index_t>(order_.size()) - b * size_);
  }

  void work(index_t first, index_t step) {
    try {
      for (index_t b = first; count(b) > 0; b += step) {
        slot& s = slot_of(b);
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [&] { return (!s.full && s.batch == b) || stopping_ || failure_; });
          if (stopping_ || failure_) return;
        }
        for (index_t i = 0; i < count(b); ++i) {
          const auto sample = static_cast<index_t>(order_[static_cast<std::size_t>(b * size_ + i)]);
          s.x.load(source_, i, sample, epoch_, augment_, s.targets.view().slice(i, 1).span());
        }
        const std::lock_guard lock(mutex_);
        s.full = true;
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
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

  const Source& source_;
  std::span<const std::uint32_t> order_;
  index_t size_;
  index_t next_;
  std::uint32_t epoch_;
  bool augment_;
  std::vector<slot> slots_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::exception_ptr failure_;
  bool stopping_ = false;
  bool using_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace vmt::inline VMT_ABI::train
