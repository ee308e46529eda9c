// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/math.hpp>

/// \file
/// Products of two tiles on tensor cores. All but the instruction itself is here, for host and device: which thread
/// holds which factors and sums is the same code in both. The instruction is one of
///   mma.sync.m16n8k16 of bf16, where a 32-bit word holds two factors that follow each other along the depth, and
///   mma.sync.m16n8k8 of tf32, where it holds one:
/// in words both multiply 16 rows × 8 words by 8 words × 8 columns, and spread them over the 32 threads of a warp in
/// the same way (PTX ISA, "Matrix fragments for mma.m16n8k16" and "… k8"). `instruction_on_host` is that text as a
/// loop.

namespace vmt::inline VMT_ABI::gpu {

/// What a factor is in each of the two: two in a word, or one.
struct bf16_factor {
  using element = std::uint16_t;
  using arranged = stored_bf16;  ///< what weights that are arranged for it are kept as
  static constexpr const char* name = "bf16";
  static constexpr int in_word = 2;
  [[nodiscard]] static VMT_HOST_DEVICE element enter(float x) noexcept { return to_bf16(x); }
  [[nodiscard]] static VMT_HOST_DEVICE element enter(stored_bf16 x) noexcept { return x.bits; }
  [[nodiscard]] static VMT_HOST_DEVICE std::uint32_t word(const float* x) noexcept { return to_bf16_pair(x[0], x[1]); }
  [[nodiscard]] static VMT_HOST_DEVICE std::uint32_t word(const stored_bf16* x) noexcept {
    return static_cast<std::uint32_t>(x[0].bits) | static_cast<std::uint32_t>(x[1].bits) << 16;
  }
  [[nodiscard]] static float dot(std::uint32_t a, std::uint32_t b) noexcept {
    return from_bf16(static_cast<element>(a)) * from_bf16(static_cast<element>(b)) +
           from_bf16(static_cast<element>(a >> 16)) * from_bf16(static_cast<element>(b >> 16));
  }
};
struct tf32_factor {
  using element = std::uint32_t;
  using arranged = float;
  static constexpr const char* name = "tf32";
  static constexpr int in_word = 1;
  [[nodiscard]] static VMT_HOST_DEVICE element enter(float x) noexcept {
    x = to_tf32(x);
    element bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
  }
  [[nodiscard]] static VMT_HOST_DEVICE std::uint32_t word(const float* x) noexcept { return enter(*x); }
  [[nodiscard]] static float dot(std::uint32_t a, std::uint32_t b) noexcept {
    float x = 0, y = 0;
    std::memcpy(&x, &a, sizeof x);
    std::memcpy(&y, &b, sizeof y);
    return x * y;
  }
};

/// The factors of an instruction that one thread of the warp holds: row = lane/4 (+ 8 for odd i), word lane%4 (+ 4 from
/// i = 2 on) of the left ones; column lane/4, word lane%4 + 4i of the right ones.
struct left_words {
  std::uint32_t at[4];
};
struct right_words {
  std::uint32_t at[2];
};
/// The sums: row lane/4 + 8·(i/2), column 2·(lane%4) + i%2.
struct instruction_sums {
  float at[4];
  [[nodiscard]] static VMT_HOST_DEVICE int row(int lane, int i) noexcept { return lane / 4 + i / 2 * 8; }
  [[nodiscard]] static VMT_HOST_DEVICE int column(int lane, int i) noexcept { return lane % 4 * 2 + i % 2; }
};

/// The instruction, for all threads of a warp at once.
template <class Factor>
void instruction_on_host(const left_words* a, const right_words* b, instruction_sums* c) {
  std::uint32_t left[16][8] = {}, right[8][8] = {};
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) left[lane / 4 + i % 2 * 8][lane % 4 + i / 2 * 4] = a[lane].at[i];
    for (int i = 0; i < 2; ++i) right[lane % 4 + i * 4][lane / 4] = b[lane].at[i];
  }
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i)
      for (int w = 0; w < 8; ++w) {
        c[lane].at[i] +=
            Factor::dot(left[instruction_sums::row(lane, i)][w], right[w][instruction_sums::column(lane, i)]);
      }
}

/// A tile of rows × 16 words in shared memory, four words at a time. The quads of a row change places from row to row,
/// so that neither those who write a quad of each of eight rows nor those who read all of two rows meet in a bank.
template <int Rows>
struct word_tile {
  four<std::uint32_t> quads[static_cast<std::size_t>(Rows) * 4];

  [[nodiscard]] static VMT_HOST_DEVICE int quad_at(int row, int quad) noexcept {
    return row * 4 + (quad ^ ((row >> 1) & 3));
  }
};

/// Eight warps in 2 × 4, each with 32 × 32 sums (`narrow`: 32 × 16): 2 × 4 instructions for each eight words of the
/// depth. A thread reads
/// quad lane%4 of a row and takes its words as words lane%4 and lane%4 + 4 of one instruction, then of the next: which
/// word is which does not matter as long as left and right agree.
template <class Factor, int Columns>
struct tensor_tile {
  using value = float;
  using sum = float;
  using element = typename Factor::element;
  using arranged = typename Factor::arranged;
  static constexpr const char* name = Factor::name;
  static constexpr int rows = 64, columns = Columns, threads = 256;
  static constexpr int down = 2, across = Columns / 32;  ///< instructions of a warp
  static constexpr int blocks = 2;                       ///< that a multiprocessor holds
  static constexpr int depth = 16 * Factor::in_word;
  static constexpr int run = 4 * Factor::in_word;  ///< numbers of a column that go to shared memory together
  static constexpr int stage_pitch = columns + 4;

  struct tiles {
    word_tile<rows> left;
    word_tile<columns> right;

    template <class Kept>
    VMT_HOST_DEVICE void put_left(int row, int d, Kept x) noexcept {
      put(left, row, d, Factor::enter(x));
    }
    template <class Kept>
    VMT_HOST_DEVICE void put_right(int column, int d, Kept x) noexcept {
      put(right, column, d, Factor::enter(x));
    }
    template <class Kept>
    VMT_HOST_DEVICE void put_left_run(int row, int d, const Kept* x) noexcept {
      left.quads[word_tile<rows>::quad_at(row, d / run)] = words(x);
    }
    VMT_HOST_DEVICE void put_left_words(int row, int d, const four<std::uint32_t>& w) noexcept {
      left.quads[word_tile<rows>::quad_at(row, d / run)] = w;
    }
    template <class Kept>
    VMT_HOST_DEVICE void put_right_run(int column, int d, const Kept* x) noexcept {
      right.quads[word_tile<columns>::quad_at(column, d / run)] = words(x);
    }

   private:
    template <class Kept>
    [[nodiscard]] static VMT_HOST_DEVICE four<std::uint32_t> words(const Kept* x) noexcept {
      four<std::uint32_t> q;
      for (int i = 0; i < 4; ++i) q.at[i] = Factor::word(x + i * Factor::in_word);
      return q;
    }
    template <int Rows>
    static VMT_HOST_DEVICE void put(word_tile<Rows>& t, int row, int d, element x) noexcept {
      // The bytes of a word are the elements in it, the first one lowest, on the host as on a device.
      unsigned char* const quad = reinterpret_cast<unsigned char*>(&t.quads[word_tile<Rows>::quad_at(row, d / run)]);
      void* const place = quad + static_cast<std::size_t>(d % run) * sizeof(element);
      std::memcpy(__builtin_assume_aligned(place, alignof(element)), &x, sizeof x);
    }
  };

  [[nodiscard]] static VMT_HOST_DEVICE int warp_row(int thread) noexcept { return thread / 32 / 4 * 32; }
  [[nodiscard]] static VMT_HOST_DEVICE int warp_column(int thread) noexcept { return thread / 32 % 4 * (Columns / 4); }

  /// The left factors of both steps of a tile, of block `m` of 16 rows.
  static VMT_HOST_DEVICE void take_left(const tiles& f, int thread, int m, left_words (&w)[2]) noexcept {
    const int row = warp_row(thread) + 16 * m + thread % 32 / 4;
    const four<std::uint32_t> upper = f.left.quads[word_tile<rows>::quad_at(row, thread % 4)];
    const four<std::uint32_t> lower = f.left.quads[word_tile<rows>::quad_at(row + 8, thread % 4)];
    for (int step = 0; step < 2; ++step) {
      w[step] = {{upper.at[2 * step], lower.at[2 * step], upper.at[2 * step + 1], lower.at[2 * step + 1]}};
    }
  }
  /// The right ones, of block `n` of 8 columns.
  static VMT_HOST_DEVICE void take_right(const tiles& f, int thread, int n, right_words (&w)[2]) noexcept {
    const int column = warp_column(thread) + 8 * n + thread % 32 / 4;
    const four<std::uint32_t> q = f.right.quads[word_tile<columns>::quad_at(column, thread % 4)];
    for (int step = 0; step < 2; ++step) w[step] = {{q.at[2 * step], q.at[2 * step + 1]}};
  }
  static VMT_HOST_DEVICE void spill_block(const instruction_sums& s, int thread, int m, int n, float* stage) noexcept {
    for (int i = 0; i < 4; ++i) {
      const int row = warp_row(thread) + 16 * m + instruction_sums::row(thread % 32, i);
      stage[row * stage_pitch + warp_column(thread) + 8 * n + instruction_sums::column(thread % 32, i)] = s.at[i];
    }
  }
};

/// The tile's math on the host: the first thread of a warp does the warp's work, with what each would read and keep.
template <class Factor, int Columns = 128>
struct emulated : tensor_tile<Factor, Columns> {
  using narrow = emulated<Factor, 64>;
  using tile = tensor_tile<Factor, Columns>;
  using typename tile::tiles;
  struct sums {
    instruction_sums at[2][static_cast<std::size_t>(Columns) / 32][32];
  };

  static VMT_HOST_DEVICE void clear(sums& s) noexcept { s = sums{}; }
  static VMT_HOST_DEVICE void multiply([[maybe_unused]] const tiles& f, int thread, [[maybe_unused]] sums& s) noexcept {
    if (thread % 32 != 0) return;
#if !defined(__CUDA_ARCH__)
    left_words a[2][32];
    right_words b[2][32];
    for (int m = 0; m < tile::down; ++m)
      for (int n = 0; n < tile::across; ++n) {
        for (int lane = 0; lane < 32; ++lane) {
          left_words left[2];
          right_words right[2];
          tile::take_left(f, thread + lane, m, left);
          tile::take_right(f, thread + lane, n, right);
          for (int step = 0; step < 2; ++step) {
            a[step][lane] = left[step];
            b[step][lane] = right[step];
          }
        }
        for (int step = 0; step < 2; ++step) instruction_on_host<Factor>(a[step], b[step], s.at[m][n]);
      }
#endif
  }
  static VMT_HOST_DEVICE void spill(const sums& s, int thread, float* stage) noexcept {
    if (thread % 32 != 0) return;
    for (int m = 0; m < tile::down; ++m)
      for (int n = 0; n < tile::across; ++n)
        for (int lane = 0; lane < 32; ++lane) tile::spill_block(s.at[m][n][lane], thread + lane, m, n, stage);
  }
};

}  // namespace vmt::inline VMT_ABI::gpu
