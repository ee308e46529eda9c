// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/io/safetensors.hpp>

#include <string>
#include <vector>

namespace vmt_test {

/// The same file without a tensor, or with one replaced or added, of ones.
inline vmt::io::tensor_file with(const vmt::io::tensor_file& file, const std::string& drop, const std::string& add = "",
                                 const std::vector<vmt::index_t>& shape = {}) {
  vmt::io::tensor_file changed;
  changed.metadata = file.metadata;
  for (const vmt::io::tensor_entry& e : file.entries()) {
    if (e.name != drop) changed.add(e);
  }
  if (!add.empty()) {
    vmt::index_t n = 1;
    for (const vmt::index_t s : shape) n *= s;
    changed.add<float>(add, shape, std::vector<float>(static_cast<std::size_t>(n), 1.0F));
  }
  return changed;
}

}  // namespace vmt_test
