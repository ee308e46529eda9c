// SPDX-License-Identifier: MIT
// Feeds bytes to the readers of a checkpoint: as they are, and with the checksum that lets them through to the rest.

#include <vmt/train/state.hpp>

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void read_progress_of(const vmt::io::tensor_file& file) {
  vmt::train::progress progress;
  try {
    progress = vmt::train::detail::read_progress(file);
  } catch (const vmt::error&) {
    return;
  }
  vmt::io::tensor_file copy;
  vmt::train::detail::write_progress(copy, progress);
  const auto again = vmt::train::detail::read_progress(copy);
  if (again.epoch != progress.epoch || again.curves.size() != progress.curves.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(data);
  try {
    static_cast<void>(vmt::train::unseal({bytes, bytes + size}));
  } catch (const vmt::error&) {
  }
  try {
    const auto file = vmt::io::tensor_file::parse({bytes, size});
    read_progress_of(vmt::train::unseal(vmt::train::seal(file)));
  } catch (const vmt::error&) {
  }
  return 0;
}
