// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>

#include <cstddef>  // ptrdiff_t
#include <limits>   // numeric_limits

namespace vmt::inline VMT_ABI {

/// The one type for sizes, indices and strides: signed, so that differences and reverse loops are safe.
using index_t = std::ptrdiff_t;

/// `a·b` for sizes that come from outside. Throws `limit_exceeded` on a negative factor or overflow.
[[nodiscard]] constexpr index_t checked_product(index_t a, index_t b) {
  if (a < 0 || b < 0 || (b != 0 && a > (std::numeric_limits<index_t>::max)() / b)) {
    throw error(errc::limit_exceeded, "the product of the sizes " + std::to_string(a) + " and " + std::to_string(b) +
                                          " does not fit into an index");
  }
  return a * b;
}

}  // namespace vmt::inline VMT_ABI
