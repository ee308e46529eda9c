// SPDX-License-Identifier: MIT
// Feeds files, and all files in folders, to a fuzz target without libFuzzer, and prints for each its size, the time it
// took and the most memory that was in use (what operator new gave out). Exit status 1 where a file took more than
// 64 times its size + 4 MiB. A target that finds something wrong aborts; the name of its file is the last line then.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::size_t in_use = 0;
std::size_t most_in_use = 0;

// The size lies just before the block, in a prefix that keeps the alignment.
constexpr std::size_t plain_alignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

void* allocate(std::size_t size, std::size_t alignment) {
  const std::size_t prefix = std::max(alignment, plain_alignment);
  if (size > SIZE_MAX - 2 * prefix) throw std::bad_alloc();
  void* start = std::aligned_alloc(prefix, (size + 2 * prefix - 1) / prefix * prefix);
  if (start == nullptr) throw std::bad_alloc();
  char* block = static_cast<char*>(start) + prefix;
  *(static_cast<std::size_t*>(static_cast<void*>(block)) - 1) = size;
  in_use += size;
  most_in_use = std::max(most_in_use, in_use);
  return block;
}

void release(void* block, std::size_t alignment) noexcept {
  if (block == nullptr) return;
  in_use -= *(static_cast<std::size_t*>(block) - 1);
  std::free(static_cast<char*>(block) - std::max(alignment, plain_alignment));
}

bool replay(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::printf("%s: cannot be read\n", path.string().c_str());
    return false;
  }
  const std::vector<char> content{std::istreambuf_iterator<char>(in), {}};
  const std::string name = path.string();
  std::printf("%s: ", name.c_str());
  std::fflush(stdout);

  const std::size_t before = in_use;
  most_in_use = in_use;
  const auto start = std::chrono::steady_clock::now();
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  const std::size_t most = most_in_use - before;
  const bool within = most <= 64 * content.size() + (std::size_t{4} << 20);
  std::printf("%zu bytes, %.2f ms, %zu bytes in use%s\n", content.size(), took.count(), most,
              within ? "" : ": MORE THAN 64 x SIZE + 4 MiB");
  return within;
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size, plain_alignment);
}
// What a sanitizer's library would else supply, which does not go with `release`.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return allocate(size, plain_alignment);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new(std::size_t size, std::align_val_t a) {
  return allocate(size, static_cast<std::size_t>(a));
}
void operator delete(void* block) noexcept {
  release(block, plain_alignment);
}
void operator delete(void* block, std::size_t) noexcept {
  release(block, plain_alignment);
}
void operator delete(void* block, std::align_val_t a) noexcept {
  release(block, static_cast<std::size_t>(a));
}
void operator delete(void* block, std::size_t, std::align_val_t a) noexcept {
  release(block, static_cast<std::size_t>(a));
}

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    std::puts("no files: name files or folders to replay");
    return 2;
  }
  LLVMFuzzerTestOneInput(nullptr, 0);
  std::size_t bad = 0;
  for (const auto& file : files) bad += replay(file) ? 0U : 1U;
  std::printf("%zu files, %zu over the limit or unreadable\n", files.size(), bad);
  return bad == 0 ? 0 : 1;
}
