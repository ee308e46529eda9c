// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/config.hpp>

#include <type_traits>

namespace vmt::inline VMT_ABI {

namespace detail {
template <class Kept, class = void>
struct number_of_kept {
  using type = Kept;
};
template <class Kept>
struct number_of_kept<Kept, std::void_t<typename Kept::number>> {
  using type = typename Kept::number;
};
}  // namespace detail

/// What is computed with where elements of a tensor are kept as `Kept`: the same or, where a type only keeps numbers in
/// fewer bits, the `Kept::number` that it names.
template <class Kept>
using number_of = typename detail::number_of_kept<Kept>::type;

}  // namespace vmt::inline VMT_ABI
