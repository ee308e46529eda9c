// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/window_input.hpp>
#include <vmt/tensor/tensor.hpp>

#include <array>
#include <concepts>
#include <span>

/// \file
/// The inputs of a batch on the host, as `batch_loader` fills them: numbers or, on their way to a device that makes the
/// numbers itself, bytes.

namespace vmt::inline VMT_ABI::train {

/// Where samples come from: `size()` of them; `load(sample, epoch, augment, x, targets)` writes the input and the
/// targets of one, the same for the same arguments; `input_sizes()` are the sizes of x; `fingerprint()` tells data
/// apart.
template <class S, std::size_t InputRank>
concept data_source = requires(const S& s, std::span<float> room) {
  { s.size() } -> std::convertible_to<index_t>;
  { s.keys() } -> std::convertible_to<index_t>;
  { s.input_sizes() } -> std::convertible_to<extents<InputRank>>;
  { s.fingerprint() } -> std::convertible_to<std::uint64_t>;
  s.load(index_t{}, std::uint32_t{}, bool{}, room, room);
};

/// A source that can leave the numbers of a window to `ops::window_input`: `load_bytes(sample, epoch, augment, bytes,
/// rows, targets)` writes the window's bytes and where the rows of its noise begin, and returns the crop;
/// `window_sizes()` as `augmenter::sizes`; `normals()` is the table of the noise.
template <class S>
concept window_source = data_source<S, 3> &&
    requires(const S& s, std::span<std::uint8_t> bytes, std::span<std::int32_t> rows, std::span<float> targets) {
  { s.load_bytes(index_t{}, std::uint32_t{}, bool{}, bytes, rows, targets) } -> std::same_as<ops::window_crop>;
  { s.window_sizes().in_height } -> std::convertible_to<index_t>;
  { s.normals() } -> std::convertible_to<std::span<const float>>;
};

/// Windows in bytes and what `ops::window_input` makes N×F×H×W numbers with.
struct window_batch {
  const_view<std::uint8_t, 4> bytes;
  std::span<const ops::window_crop> crops;
  std::span<const std::int32_t> rows;
  std::span<const float> normals;
  extents<4> input;
};

namespace detail {
/// The memory that a context's device copies batches from: pinned where the context has a device, else plain.
template <class Context>
struct batch_memory {
  static constexpr bool device = false;
  template <class T>
  using room = cpu_tensor<T, 1>;
};
template <class Context>
  requires requires {
    typename Context::runtime_type::template pinned<float>;
  }
struct batch_memory<Context> {
  static constexpr bool device = true;
  template <class T>
  using room = typename Context::runtime_type::template pinned<T>;
};

/// Inputs as numbers.
template <std::size_t Rank, class Context>
class number_inputs {
 public:
  number_inputs() = default;
  template <class Source>
  number_inputs(const Source& source, index_t size) {
    const extents<Rank - 1> one = source.input_sizes();
    std::array<index_t, Rank> sizes{};
    sizes[0] = size;
    for (std::size_t r = 1; r < Rank; ++r) sizes[r] = one[r - 1];
    numbers_ = room(extents<Rank>(sizes).size());
    x_ = {numbers_.span().data(), extents<Rank>(sizes)};
  }
  template <class Source>
  void load(const Source& source, index_t i, index_t sample, std::uint32_t epoch, bool augment,
            std::span<float> targets) {
    source.load(sample, epoch, augment, x_.slice(i, 1).span(), targets);
  }
  /// The first n.
  [[nodiscard]] const_view<float, Rank> first(index_t n) const { return x_.slice(0, n); }

 private:
  using room = typename batch_memory<Context>::template room<float>;
  room numbers_;
  tensor_view<float, Rank> x_;
};

/// Inputs as bytes.
template <class Context>
class byte_inputs {
 public:
  byte_inputs() = default;
  template <class Source>
  byte_inputs(const Source& source, index_t size) : normals_(source.normals()) {
    const auto s = source.window_sizes();
    input_ = {size, s.frames, s.height, s.width};
    const extents<4> kept{size, s.frames, s.in_height, s.in_width};
    byte_room_ = room<std::uint8_t>(kept.size());
    crop_room_ = room<ops::window_crop>(size);
    row_room_ = room<std::int32_t>(size * s.frames * s.height);
    bytes_ = {byte_room_.span().data(), kept};
    crops_ = crop_room_.span();
    rows_ = row_room_.span();
  }
  template <class Source>
  void load(const Source& source, index_t i, index_t sample, std::uint32_t epoch, bool augment,
            std::span<float> targets) {
    crops_[static_cast<std::size_t>(i)] = source.load_bytes(sample, epoch, augment, bytes_.slice(i, 1).span(),
                                                            rows_.subspan(rows_of(i), rows_of(1)), targets);
  }
  [[nodiscard]] window_batch first(index_t n) const {
    const extents<4> input{n, input_[1], input_[2], input_[3]};
    return {bytes_.slice(0, n), crops_.first(static_cast<std::size_t>(n)), rows_.first(rows_of(n)), normals_, input};
  }

 private:
  template <class T>
  using room = typename batch_memory<Context>::template room<T>;
  [[nodiscard]] std::size_t rows_of(index_t windows) const noexcept {
    return static_cast<std::size_t>(windows * input_[1] * input_[2]);
  }

  room<std::uint8_t> byte_room_;
  room<ops::window_crop> crop_room_;
  room<std::int32_t> row_room_;
  tensor_view<std::uint8_t, 4> bytes_;
  std::span<ops::window_crop> crops_;
  std::span<std::int32_t> rows_;
  std::span<const float> normals_;
  extents<4> input_;
};
}  // namespace detail

}  // namespace vmt::inline VMT_ABI::train
