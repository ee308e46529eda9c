// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/arrange.hpp>
#include <vmt/backend/cuda/context.hpp>
#include <vmt/ops/generic/sample_columns.hpp>

#include <span>
#include <vector>

/// \file
/// What the host works out for kernels that gather: between which numbers an output lies and, for gradients, the
/// reverse: which outputs a number had a share in. Lists instead of atomic additions keep the sums in one order.

namespace vmt::inline VMT_ABI::gpu {

/// Where the windows of columns look: point j·R + r for column j of the window of place r.
struct column_table {
  std::vector<between> points;
  std::vector<std::int32_t> samples;  ///< of each place
};
[[nodiscard]] inline column_table columns_of(std::span<const ops::column_place> places, index_t window, index_t width) {
  column_table t;
  t.points.reserve(places.size() * static_cast<std::size_t>(window));
  for (index_t j = 0; j < window; ++j)
    for (const ops::column_place& place : places) {
      const ops::column_point p(place.column + static_cast<double>(j - (window - 1) / 2), width);
      t.points.push_back({static_cast<std::int32_t>(p.left), static_cast<std::int32_t>(p.right), p.fraction});
    }
  t.samples.reserve(places.size());
  for (const ops::column_place& place : places) t.samples.push_back(static_cast<std::int32_t>(place.sample));
  return t;
}

/// Lists one after the other: list i is begin[i] … begin[i + 1].
struct index_lists {
  std::vector<std::int32_t> begin, indices;
};
struct share_lists {
  std::vector<std::int32_t> begin;
  std::vector<share> shares;
};

namespace detail {
/// Turns the lengths of lists, at begin[i + 1], into where they begin.
inline void add_up(std::vector<std::int32_t>& begin) {
  for (std::size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
}
}  // namespace detail

/// For each of `rows`, the places in `taken` that name it, in their order.
[[nodiscard]] inline index_lists takers_of(std::span<const index_t> taken, index_t rows) {
  index_lists l;
  l.begin.resize(static_cast<std::size_t>(rows) + 1);
  for (const index_t r : taken) ++l.begin[static_cast<std::size_t>(r) + 1];
  detail::add_up(l.begin);
  l.indices.resize(taken.size());
  std::vector<std::int32_t> next(l.begin.begin(), l.begin.end() - 1);
  for (std::size_t m = 0; m < taken.size(); ++m) {
    l.indices[static_cast<std::size_t>(next[static_cast<std::size_t>(taken[m])]++)] = static_cast<std::int32_t>(m);
  }
  return l;
}

/// What point m is to the lists: added to its left and right, and its own index.
struct share_target {
  std::int32_t offset, from;
};
/// For each of `lists` numbers, its shares in the points of a table, in their order.
template <class F>
[[nodiscard]] share_lists shares_of(const std::vector<between>& table, index_t lists, F target) {
  share_lists l;
  l.begin.resize(static_cast<std::size_t>(lists) + 1);
  for (std::size_t m = 0; m < table.size(); ++m) {
    const std::int32_t offset = target(m).offset;
    ++l.begin[static_cast<std::size_t>(offset + table[m].left) + 1];
    ++l.begin[static_cast<std::size_t>(offset + table[m].right) + 1];
  }
  detail::add_up(l.begin);
  l.shares.resize(2 * table.size());
  std::vector<std::int32_t> next(l.begin.begin(), l.begin.end() - 1);
  for (std::size_t m = 0; m < table.size(); ++m) {
    const share_target t = target(m);
    const auto put = [&](std::int32_t place, double weight) {
      l.shares[static_cast<std::size_t>(next[static_cast<std::size_t>(t.offset + place)]++)] = {t.from, 0, weight};
    };
    put(table[m].left, 1 - table[m].fraction);
    put(table[m].right, table[m].fraction);
  }
  return l;
}

}  // namespace vmt::inline VMT_ABI::gpu
