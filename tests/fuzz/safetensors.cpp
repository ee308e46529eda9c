// SPDX-License-Identifier: MIT
// Feeds bytes to the safetensors reader. What it accepts must come through the writer and the reader unchanged, and NaN
// may be the only reason for the stricter reading to refuse it.

#include <vmt/io/safetensors.hpp>

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void require_same(const vmt::io::tensor_file& a, const vmt::io::tensor_file& b) {
  require(a.metadata == b.metadata && a.entries().size() == b.entries().size());
  for (const auto& entry : a.entries()) {
    const auto* other = b.find(entry.name);
    require(other != nullptr && other->type == entry.type && other->shape == entry.shape &&
            other->bytes == entry.bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  vmt::io::tensor_file file;
  try {
    file = vmt::io::tensor_file::parse(bytes, {.require_finite = false});
  } catch (const vmt::error& e) {
    require(e.code() != vmt::errc::not_finite);
    return 0;
  }
  require_same(file,
               vmt::io::tensor_file::parse(file.serialize(), {.max_header_bytes = 1 << 24, .require_finite = false}));
  bool finite = true;
  for (const auto& entry : file.entries()) {
    if (!vmt::io::is_floating(entry.type)) continue;
    for (const double value : file.read<double>(entry.name)) finite = finite && std::isfinite(value);
  }
  try {
    (void)vmt::io::tensor_file::parse(bytes);
    require(finite);
  } catch (const vmt::error& e) {
    require(!finite && e.code() == vmt::errc::not_finite);
  }
  return 0;
}
