// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <algorithm>  // max
#include <vector>

namespace vmt::inline VMT_ABI::gpu {

/// Scratch memory of a device, borrowed for the length of a call. It grows until it fits the largest call, then never
/// allocates again. A piece may be handed out again while the device still works on it: the work is done in order.
template <class Backend>
class arena {
 public:
  /// Gives back, at its end, all that was taken since its beginning. Scopes nest.
  class scope {
   public:
    explicit scope(arena& a) noexcept : owner_(a), block_(a.block_), used_(a.used_) {}
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() {
      owner_.block_ = block_;
      owner_.used_ = used_;
    }
    /// Room for n numbers, aligned to 256 bytes.
    template <class T>
    [[nodiscard]] T* take(index_t n) {
      return reinterpret_cast<T*>(owner_.take(checked_product(n, static_cast<index_t>(sizeof(T)))));
    }

   private:
    arena& owner_;
    std::size_t block_;
    index_t used_;
  };

  [[nodiscard]] scope borrow() noexcept { return scope(*this); }
  /// Bytes held.
  [[nodiscard]] index_t capacity() const noexcept {
    index_t sum = 0;
    for (const buffer& b : blocks_) sum += b.size();
    return sum;
  }

 private:
  using buffer = typename Backend::template buffer<unsigned char>;

  unsigned char* take(index_t bytes) {
    const index_t rounded = (bytes + 255) / 256 * 256;
    while (block_ < blocks_.size() && blocks_[block_].size() - used_ < rounded) {
      ++block_;
      used_ = 0;
    }
    if (block_ == blocks_.size()) {
      blocks_.emplace_back((std::max)({rounded, capacity(), index_t{1} << 20}));
      used_ = 0;
    }
    unsigned char* const start = blocks_[block_].data() + used_;
    used_ += rounded;
    return start;
  }

  std::vector<buffer> blocks_;
  std::size_t block_ = 0;
  index_t used_ = 0;
};

}  // namespace vmt::inline VMT_ABI::gpu
