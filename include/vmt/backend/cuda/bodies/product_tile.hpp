// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/body.hpp>
#include <vmt/backend/cuda/divisor.hpp>
#include <vmt/backend/cuda/math.hpp>

namespace vmt::inline VMT_ABI::gpu {

/// C(m, n) = Σ_d A(m, d) · B(d, n), tile by tile, where A and B are not stored as matrices: `Left` and `Right` say for
/// each place which number of a tensor it is, and `Out` what becomes of a sum. Block (x, y, z) makes the tile of
/// columns x and rows y over part z of the depth.
///
/// An operand has `outer(o)`, the part of a place that its row or column decides, `along(d)`, the part that the depth
/// decides, `at(outer, along)`, and `depth_first`: whether numbers that follow each other in memory follow along the
/// depth. Both parts know places beside the matrix, for which `at` gives 0.
template <class Left, class Right, class Out, class Math>
struct product_tile {
  using kind = tile_kind;
  using value = typename Math::value;
  static constexpr const char* name = Left::name;
  static constexpr const char* math_name = Math::name;
  static constexpr int threads = Math::threads;
  static constexpr int left_each = Math::rows * Math::depth / threads;
  static constexpr int right_each = Math::columns * Math::depth / threads;

  Left left;
  Right right;
  Out out;
  int rows, columns, depth;
  int part;  ///< of the depth that a block takes, a multiple of Math::depth

  union shared_memory {
    typename Math::tiles factors[2];
    typename Math::sum stage[static_cast<std::size_t>(Math::rows * Math::stage_pitch)];
  };
  struct registers {
    typename Math::sums sums;
    typename Math::element left[static_cast<std::size_t>(left_each)], right[static_cast<std::size_t>(right_each)];
  };

  [[nodiscard]] VMT_HOST_DEVICE int steps(const block_index& b) const noexcept {
    const int rest = depth - b.z * part;
    return ((rest < part ? rest : part) + Math::depth - 1) / Math::depth;
  }

  VMT_HOST_DEVICE void fetch(int step, const block_index& b, int thread, registers& r) const {
    if (step == 0) Math::clear(r.sums);
    const int first = b.z * part + step * Math::depth;
    fetch_operand<Math::rows, left_each>(left, b.y * Math::rows, first, thread, r.left);
    fetch_operand<Math::columns, right_each>(right, b.x * Math::columns, first, thread, r.right);
  }
  VMT_HOST_DEVICE void put(int step, int thread, shared_memory& s, const registers& r) const {
    typename Math::tiles& f = s.factors[step & 1];
    for (int i = 0; i < left_each; ++i) {
      const place p = of<Math::rows, Left::depth_first>(thread, i);
      f.left[p.outer * Math::tiles::left_pitch + p.depth] = r.left[i];
    }
    for (int i = 0; i < right_each; ++i) {
      const place p = of<Math::columns, Right::depth_first>(thread, i);
      f.right[p.depth * Math::tiles::right_pitch + p.outer] = r.right[i];
    }
  }
  VMT_HOST_DEVICE void multiply(int step, int thread, const shared_memory& s, registers& r) const {
    Math::multiply(s.factors[step & 1], thread, r.sums);
  }
  VMT_HOST_DEVICE void spill(int thread, shared_memory& s, const registers& r) const {
    Math::spill(r.sums, thread, s.stage);
  }
  VMT_HOST_DEVICE void finish(const block_index& b, int thread, const shared_memory& s) const {
    const int n = thread % Math::columns;
    const int column = b.x * Math::columns + n;
    if (column >= columns) return;
    const auto where = out.column(column);
    for (int m = thread / Math::columns; m < Math::rows; m += threads / Math::columns) {
      const int row = b.y * Math::rows + m;
      if (row < rows) out.take(row, column, where, b.z, static_cast<value>(s.stage[m * Math::stage_pitch + n]));
    }
  }

 private:
  struct place {
    int outer, depth;
  };
  // The i-th number that a thread brings into a tile of so many rows or columns: neighbours in memory go to threads
  // that are neighbours.
  template <int Outer, bool DepthFirst>
  [[nodiscard]] static VMT_HOST_DEVICE place of(int thread, int i) noexcept {
    if constexpr (DepthFirst) {
      return {thread / Math::depth + i * (threads / Math::depth), thread % Math::depth};
    } else {
      return {thread % Outer, thread / Outer + i * (threads / Outer)};
    }
  }
  template <int Outer, int Each, class Operand>
  VMT_HOST_DEVICE void fetch_operand(const Operand& operand, int first_outer, int first_depth, int thread,
                                     typename Math::element* values) const {
    const place begin = of<Outer, Operand::depth_first>(thread, 0);
    if constexpr (Operand::depth_first) {
      const auto along = operand.along(first_depth + begin.depth, depth);
      for (int i = 0; i < Each; ++i) {
        const place p = of<Outer, true>(thread, i);
        values[i] = Math::enter(operand.at(operand.outer(first_outer + p.outer), along));
      }
    } else {
      const auto outer = operand.outer(first_outer + begin.outer);
      for (int i = 0; i < Each; ++i) {
        const place p = of<Outer, false>(thread, i);
        values[i] = Math::enter(operand.at(outer, operand.along(first_depth + p.depth, depth)));
      }
    }
  }
};

/// Sums of a part of the depth, kept for `combine_parts`.
template <class T>
struct part_sums {
  device_span<T> sums;  ///< parts × rows × columns
  int rows, columns;

  [[nodiscard]] VMT_HOST_DEVICE int column(int n) const noexcept { return n; }
  VMT_HOST_DEVICE void take(int m, int n, int, int part, T value) const {
    sums.set((part * rows + m) * columns + n, value);
  }
};

/// Adds up the parts in their order and hands the sums on.
template <class T, class Out>
struct combine_parts {
  using kind = map_kind;
  static constexpr const char* name = "combine_parts";
  input_span<T> sums;
  int parts, size;
  divisor columns;
  Out out;

  VMT_HOST_DEVICE void operator()(int i) const {
    T sum = sums[i];
    for (int p = 1; p < parts; ++p) sum += sums[p * size + i];
    const int m = columns.quotient(i);
    const int n = i - m * columns.value();
    out.take(m, n, out.column(n), 0, sum);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
