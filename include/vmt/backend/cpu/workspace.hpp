// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/buffer.hpp>

#include <algorithm>  // max
#include <vector>

namespace vmt::inline VMT_ABI {

/// Scratch memory that operations borrow for the length of a call. It grows until it fits the largest call, then never
/// allocates again. Blocks are 64-byte aligned and not cleared. Not for several threads at once.
class workspace {
 public:
  /// Gives back, at its end, all that was taken since its beginning. Scopes nest.
  class scope {
   public:
    explicit scope(workspace& w) noexcept : owner_(w), block_(w.block_), used_(w.used_) {}
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { owner_.release(block_, used_); }

    /// Room for n numbers of type T, valid until the scope ends.
    template <class T>
    [[nodiscard]] T* take(index_t n) {
      return reinterpret_cast<T*>(owner_.take(checked_product(n, static_cast<index_t>(sizeof(T)))));
    }

   private:
    workspace& owner_;
    std::size_t block_;
    index_t used_;
  };

  [[nodiscard]] scope borrow() noexcept { return scope(*this); }
  /// Bytes held.
  [[nodiscard]] index_t capacity() const noexcept {
    index_t sum = 0;
    for (const host_buffer<unsigned char>& b : blocks_) sum += b.size();
    return sum;
  }

 private:
  static constexpr index_t alignment = 64;

  unsigned char* take(index_t bytes) {
    const index_t rounded = (bytes + alignment - 1) / alignment * alignment;
    while (block_ < blocks_.size() && blocks_[block_].size() - used_ < rounded) {
      ++block_;
      used_ = 0;
    }
    if (block_ == blocks_.size()) {
      blocks_.emplace_back((std::max)(rounded, capacity()));
      used_ = 0;
    }
    unsigned char* start = blocks_[block_].data() + used_;
    used_ += rounded;
    return start;
  }
  void release(std::size_t block, index_t used) noexcept {
    block_ = block;
    used_ = used;
  }

  std::vector<host_buffer<unsigned char>> blocks_;
  std::size_t block_ = 0;
  index_t used_ = 0;
};

}  // namespace vmt::inline VMT_ABI
