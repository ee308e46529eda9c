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
/// In each step a thread brings some numbers of a row or column of an operand, or some of one place of the depth:
/// `depth_first` says whether numbers that follow each other in memory follow along the depth. Where they do, the
/// operand has `along_outer(o, d, depth)`, else `along_depth(o, d, depth)`: what stands at (o, d), as `[0]`, and j rows
/// or columns, or j places of the depth, further, as `[j]`. Beside the matrix stands 0. `element` is how numbers are
/// kept.
template <class Left, class Right, class Out, class Math>
struct product_tile {
  using kind = tile_kind;
  using value = typename Math::value;
  static constexpr const char* name = Left::name;
  static constexpr const char* math_name = Math::name;
  static constexpr int threads = Math::threads, blocks = Math::blocks;
  static constexpr int left_each = Math::rows * Math::depth / threads;
  static constexpr int right_each = Math::columns * Math::depth / threads;
  static constexpr int runs = Math::depth / Math::run;  ///< of a row of a tile
  /// Whether a thread brings one run of a row of the left tile: as it lies in memory, or four numbers at a time.
  static constexpr bool left_in_words = requires { requires Left::in_words; };
  static constexpr bool left_in_runs = !left_in_words && Math::run > 1 &&
                                       left_each == Math::run&& requires(const Left& l) {
    l.quad(0, 0, 0);
  };

  Left left;
  Right right;
  Out out;
  int rows, columns, depth;
  int part;  ///< of the depth that a block takes, a multiple of Math::depth

  union shared_memory {
    typename Math::tiles factors[2];
    alignas(16) typename Math::sum stage[static_cast<std::size_t>(Math::rows * Math::stage_pitch)];
  };
  /// Numbers as they are kept, which are rounded, if at all, on their way into shared memory: before, they are on their
  /// way here while a tile is multiplied.
  struct registers {
    typename Math::sums sums;
    std::conditional_t<left_in_words, four<std::uint32_t>, typename Left::element>
        left[left_in_words ? 1U : static_cast<std::size_t>(left_each)];
    typename Right::element right[static_cast<std::size_t>(right_each)];
  };

  [[nodiscard]] VMT_HOST_DEVICE int steps(const block_index& b) const noexcept {
    const int rest = depth - b.z * part;
    return ((rest < part ? rest : part) + Math::depth - 1) / Math::depth;
  }

  VMT_HOST_DEVICE void fetch(int step, const block_index& b, int thread, registers& r) const {
    if (step == 0) Math::clear(r.sums);
    const int first = b.z * part + step * Math::depth;
    if constexpr (left_in_words) {
      static_assert(left_each == Math::run && sizeof(r.left) == left_each * sizeof(typename Left::element));
      r.left[0] = left.words(b.y * Math::rows + thread / runs, first + thread % runs * Math::run, depth);
    } else if constexpr (left_in_runs) {
      for (int i = 0; i < left_each; i += 4) {
        const auto q = left.quad(b.y * Math::rows + thread / runs, first + thread % runs * Math::run + i, depth);
        for (int k = 0; k < 4; ++k) r.left[i + k] = q.at[k];
      }
    } else {
      fetch_operand<left_each>(left, b.y * Math::rows, first, thread, r.left);
    }
    fetch_operand<right_each>(right, b.x * Math::columns, first, thread, r.right);
  }
  VMT_HOST_DEVICE void put(int step, int thread, shared_memory& s, const registers& r) const {
    typename Math::tiles& f = s.factors[step & 1];
    static_assert(Left::depth_first);
    if constexpr (left_in_words) {
      f.put_left_words(thread / runs, thread % runs * Math::run, r.left[0]);
    } else if constexpr (left_in_runs) {
      f.put_left_run(thread / runs, thread % runs * Math::run, r.left);
    } else {
      for (int i = 0; i < left_each; ++i) {
        f.put_left(thread / Math::depth + i * (threads / Math::depth), thread % Math::depth, r.left[i]);
      }
    }
    if constexpr (Right::depth_first) {
      for (int i = 0; i < right_each; ++i) {
        f.put_right(thread / Math::depth + i * (threads / Math::depth), thread % Math::depth, r.right[i]);
      }
    } else {
      for (int i = 0; i < right_each; i += Math::run) {
        f.put_right_run(thread % Math::columns, thread / Math::columns * Math::run + further(i), r.right + i);
      }
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
  // How far along the depth the i-th number of a thread stands behind the first, where threads bring columns: in runs.
  [[nodiscard]] static VMT_HOST_DEVICE int further(int i) noexcept {
    return i / Math::run * (threads / Math::columns) * Math::run + i % Math::run;
  }
  template <int Each, class Operand>
  VMT_HOST_DEVICE void fetch_operand(const Operand& operand, int first_outer, int first_depth, int thread,
                                     typename Operand::element* values) const {
    if constexpr (Operand::depth_first) {
      const auto numbers =
          operand.along_outer(first_outer + thread / Math::depth, first_depth + thread % Math::depth, depth);
      for (int i = 0; i < Each; ++i) values[i] = numbers[i * (threads / Math::depth)];
    } else {
      const auto numbers = operand.along_depth(first_outer + thread % Math::columns,
                                               first_depth + thread / Math::columns * Math::run, depth);
      for (int i = 0; i < Each; ++i) values[i] = numbers[further(i)];
    }
  }
};

/// What becomes of a sum: where the depth was cut it is kept for `combine_parts`, else it goes on to `Out`.
template <class T, class Out>
struct sum_out {
  Out out;
  device_span<T> parts;  ///< parts × rows × columns, or nothing
  int rows, columns;

  [[nodiscard]] VMT_HOST_DEVICE int column(int n) const noexcept { return out.column(n); }
  VMT_HOST_DEVICE void take(int m, int n, int where, int part, T value) const {
    if (parts.present()) {
      parts.set((part * rows + m) * columns + n, value);
    } else {
      out.take(m, where, value);
    }
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
    out.take(m, out.column(i - m * columns.value()), sum);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
