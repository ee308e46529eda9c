// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/number_of.hpp>
#include <vmt/tensor/tensor.hpp>

#include <string_view>

/// \file
/// How an operation finds its code. `ops::relu(ctx, x, y)` is a function object: it checks the shapes once, then calls
/// the overload `vmt_relu(ctx, x, y)` that argument-dependent lookup finds in the namespace of the context, else the
/// plain loops of `ops::generic`, if the host can reach the memory. So a new backend starts complete and is sped up
/// operation by operation. Outputs come last but for parameters; they are written into memory of the caller.

namespace vmt::inline VMT_ABI::ops {

/// The view types that an output argument (a tensor or a view) implies.
template <class Y>
using scalar_of = typename std::remove_cvref_t<Y>::value_type;
template <class Y>
inline constexpr std::size_t rank_of = std::remove_cvref_t<Y>::rank();
template <class Y>
using out_view = tensor_view<scalar_of<Y>, rank_of<Y>>;
template <class Y>
using in_view = const_view<scalar_of<Y>, rank_of<Y>>;

/// Parameters, statistics and sums of an operation on maps that are kept as those of Y.
template <class Y>
using number_in = number_of<scalar_of<Y>>;

/// A context names its backend. `generic_context` has no fast overload at all: with it every operation is the oracle.
struct generic_context {
  using backend = cpu;
};

template <class T>
struct in_numbers {};

/// Calls work.template operator()<Kept>() with the type in which the context keeps the maps of a network in T: those
/// between its layers, and their gradients. T itself, unless the context has its own overload.
template <class T, class Context, class F>
void with_maps(Context& ctx, F&& work) {
  if constexpr (requires { vmt_with_maps(ctx, in_numbers<T>(), work); }) {
    vmt_with_maps(ctx, in_numbers<T>(), work);
  } else {
    work.template operator()<T>();
  }
}

namespace detail {

template <class Context>
constexpr void require_host_accessible() {
  static_assert(Context::backend::host_accessible,
                "this backend has no overload of the operation, and the host cannot reach its memory");
}

template <std::size_t A>
void require_same(std::string_view op, std::string_view what, const extents<A>& found, const extents<A>& expected) {
  if (!(found == expected)) {
    throw error(errc::shape_mismatch, std::string(op) + ": " + std::string(what) + " has sizes " + to_string(found) +
                                          ", expected " + to_string(expected));
  }
}

inline void require(bool condition, std::string_view op, std::string_view sentence) {
  if (!condition) throw error(errc::shape_mismatch, std::string(op) + ": " + std::string(sentence));
}

}  // namespace detail
}  // namespace vmt::inline VMT_ABI::ops
