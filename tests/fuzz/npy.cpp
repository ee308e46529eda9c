// SPDX-License-Identifier: MIT
// Feeds bytes to the .npy reader. What it accepts must come through the writer's header and the reader unchanged.

#include <vmt/io/npy.hpp>

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vmt::io::npy_array array;
  try {
    array = vmt::io::parse_npy(std::as_bytes(std::span(data, size)));
  } catch (const vmt::error&) {
    return 0;
  }
  const std::string header = vmt::io::detail::npy_header(array.type, array.shape);
  std::vector<std::byte> again(header.size());
  std::transform(header.begin(), header.end(), again.begin(), [](char c) { return static_cast<std::byte>(c); });
  again.insert(again.end(), array.bytes.begin(), array.bytes.end());
  const auto copy = vmt::io::parse_npy(again);
  if (copy.type != array.type || copy.shape != array.shape || copy.bytes != array.bytes) std::abort();
  return 0;
}
