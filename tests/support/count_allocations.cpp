// SPDX-License-Identifier: MIT
#include "support/count_allocations.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace vmt_test {

std::atomic<long>& allocations() noexcept {
  static std::atomic<long> count{0};
  return count;
}

namespace {
void* counted(std::size_t size, std::size_t alignment) {
  ++allocations();
  void* p = alignment <= alignof(std::max_align_t)
                ? std::malloc(size == 0 ? 1 : size)
                : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

}  // namespace vmt_test

void* operator new(std::size_t size) { return vmt_test::counted(size, 1); }
// What a sanitizer's library would else supply, which does not go with `free`.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++vmt_test::allocations();
  return std::malloc(size == 0 ? 1 : size);
}
void* operator new[](std::size_t size) { return vmt_test::counted(size, 1); }
void* operator new(std::size_t size, std::align_val_t a) {
  return vmt_test::counted(size, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t size, std::align_val_t a) {
  return vmt_test::counted(size, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
