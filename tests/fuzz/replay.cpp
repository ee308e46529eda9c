// SPDX-License-Identifier: MIT
// Drives a fuzz target without libFuzzer: replay PATH… feeds it every file of the corpus (folders are walked), and of each
// file prefixes and copies with a few bytes changed. The same inputs on every run and machine. A finding ends the program.
#include <vmt/core/rng.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t prefixes = 64;      // of each file, evenly spaced
constexpr std::uint32_t mutations = 256;  // of each file
constexpr std::size_t max_mutated_size = 64 << 10;

std::vector<std::filesystem::path> files_of(int count, char** paths) {
  std::vector<std::filesystem::path> files;
  for (int i = 0; i < count; ++i) {
    if (std::filesystem::is_directory(paths[i])) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(paths[i])) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
    } else {
      files.emplace_back(paths[i]);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// An exact-size copy, so that AddressSanitizer sees a read past the end.
void feed(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> copy(data, data + size);
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

void feed_mutations(const std::vector<std::uint8_t>& file, std::uint32_t sample) {
  const std::size_t step = std::max<std::size_t>(1, file.size() / prefixes);
  for (std::size_t size = 0; size < file.size(); size += step) feed(file.data(), size);
  if (file.empty()) return;
  for (std::uint32_t round = 0; round < mutations; ++round) {
    vmt::rng random(2020, round, sample);
    std::vector<std::uint8_t> copy = file;
    for (vmt::index_t changes = 1 + random.below(4); changes > 0; --changes) {
      const auto place = static_cast<std::size_t>(random.below(static_cast<vmt::index_t>(copy.size())));
      switch (random.below(4)) {
        case 0: copy[place] ^= static_cast<std::uint8_t>(1U << random.below(8)); break;
        case 1: copy[place] = static_cast<std::uint8_t>(random.below(256)); break;
        case 2: copy[place] = random.below(2) == 0 ? 0x00 : 0xFF; break;
        default: copy.insert(copy.begin() + static_cast<std::ptrdiff_t>(place), copy[place]);
      }
    }
    feed(copy.data(), copy.size());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::filesystem::path> files = files_of(argc - 1, argv + 1);
  if (files.empty()) {
    std::fprintf(stderr, "usage: %s PATH…; no file was found\n", argc > 0 ? argv[0] : "replay");
    return 2;
  }
  std::uint32_t sample = 0;
  for (const std::filesystem::path& path : files) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "%s cannot be read\n", path.string().c_str());
      return 1;
    }
    const std::vector<char> text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    feed(bytes.data(), bytes.size());
    if (bytes.size() <= max_mutated_size) feed_mutations(bytes, sample);
    ++sample;
  }
  std::printf("%zu files, each with its prefixes and %u mutations\n", files.size(), mutations);
}
