// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/tensor.hpp>

#include <cstdint>
#include <vector>

namespace vmt_test {

/// The input of a trace: hashed indices, see tests/data/golden/README.md.
template <class T>
vmt::cpu_tensor<T, 4> hashed_input(std::uint32_t seed, const vmt::extents<4>& e) {
  vmt::cpu_tensor<T, 4> x(e);
  std::uint32_t i = 0;
  for (vmt::index_t n = 0; n < e[0]; ++n)
    for (vmt::index_t f = 0; f < e[1]; ++f)
      for (vmt::index_t r = 0; r < e[2]; ++r)
        for (vmt::index_t c = 0; c < e[3]; ++c) {
          std::uint32_t h = (i++ + (seed << 24)) * 2654435761U;
          h ^= h >> 15;
          h *= 2246822519U;
          h ^= h >> 13;
          const double darker = static_cast<double>(1 << ((3 * n + f + r / 16 + c / 16) % 4));
          x(n, f, r, c) = static_cast<T>(static_cast<double>(h >> 8) * 0x1p-24 / darker);
        }
  return x;
}

/// What a trace stores of a tensor: all of it up to 256 numbers, else every eleventh.
template <class T>
std::vector<std::remove_const_t<T>> sampled(vmt::tensor_view<T, 1> values, vmt::index_t every = 11) {
  std::vector<std::remove_const_t<T>> kept;
  for (vmt::index_t i = 0; i < values.size(); i += values.size() <= 256 ? 1 : every) kept.push_back(values(i));
  return kept;
}

}  // namespace vmt_test
