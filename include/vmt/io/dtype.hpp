// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <bit>          // bit_cast
#include <cmath>        // isfinite
#include <concepts>     // same_as
#include <cstddef>      // byte
#include <cstdint>      // the integers
#include <limits>       // float's maximum
#include <span>         // bytes
#include <string_view>  // names
#include <type_traits>  // conditional_t
#include <vector>       // values

namespace vmt::inline VMT_ABI::io {

/// The element types of tensors in files. All are stored with the lowest byte first.
enum class dtype : std::uint8_t { f64, f32, f16, bf16, i64, i32, i8, u8, boolean };

/// Bytes per element.
[[nodiscard]] constexpr index_t size_of(dtype type) noexcept {
  switch (type) {
    case dtype::f64:
    case dtype::i64: return 8;
    case dtype::f32:
    case dtype::i32: return 4;
    case dtype::f16:
    case dtype::bf16: return 2;
    case dtype::i8:
    case dtype::u8:
    case dtype::boolean: return 1;
  }
  return 0;
}

/// The name in safetensors files: "F32".
[[nodiscard]] constexpr std::string_view name(dtype type) noexcept {
  switch (type) {
    case dtype::f64: return "F64";
    case dtype::f32: return "F32";
    case dtype::f16: return "F16";
    case dtype::bf16: return "BF16";
    case dtype::i64: return "I64";
    case dtype::i32: return "I32";
    case dtype::i8: return "I8";
    case dtype::u8: return "U8";
    case dtype::boolean: return "BOOL";
  }
  return "?";
}

[[nodiscard]] constexpr bool is_floating(dtype type) noexcept {
  return type == dtype::f64 || type == dtype::f32 || type == dtype::f16 || type == dtype::bf16;
}

/// The C++ types that stand for an element type directly.
template <class T>
concept element = std::same_as<T, double> || std::same_as<T, float> || std::same_as<T, std::int64_t> ||
    std::same_as<T, std::int32_t> || std::same_as<T, std::int8_t> || std::same_as<T, std::uint8_t>;

template <element T>
inline constexpr dtype dtype_of = std::same_as<T, double>         ? dtype::f64
                                  : std::same_as<T, float>        ? dtype::f32
                                  : std::same_as<T, std::int64_t> ? dtype::i64
                                  : std::same_as<T, std::int32_t> ? dtype::i32
                                  : std::same_as<T, std::int8_t>  ? dtype::i8
                                                                  : dtype::u8;

/// IEEE binary16 to float, exact.
[[nodiscard]] constexpr float half_to_float(std::uint16_t half) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t magnitude = half & 0x7FFFU;
  if (magnitude >= 0x7C00U) return std::bit_cast<float>(sign | 0x7F800000U | (magnitude & 0x3FFU) << 13);
  if (magnitude < 0x400U) {  // zero and subnormals: a multiple of 2^-24, which float holds exactly
    const float value = static_cast<float>(magnitude) * 0x1p-24F;
    return sign != 0 ? -value : value;
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + ((127U - 15U) << 23)));
}

/// Float to the nearest IEEE binary16, ties to even; too large becomes infinity, NaN stays NaN.
[[nodiscard]] constexpr std::uint16_t float_to_half(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t half = 0;
  if (magnitude > 0x7F800000U) {
    half = 0x7E00U;
  } else if (magnitude >= 0x477FF000U) {  // 65520, halfway between the largest half and the next step
    half = 0x7C00U;
  } else if (magnitude < 0x38800000U) {  // below 2^-14: adding 0.5 rounds to multiples of 2^-24
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3F000000U;
  } else {
    half = (magnitude - ((127U - 15U) << 23) + 0xFFFU + (magnitude >> 13 & 1U)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

/// bfloat16 to float, exact.
[[nodiscard]] constexpr float bfloat16_to_float(std::uint16_t b) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(b) << 16);
}

/// Float to the nearest bfloat16, ties to even; NaN stays NaN.
[[nodiscard]] constexpr std::uint16_t float_to_bfloat16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>(bits >> 16 | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

namespace detail {

template <std::size_t Size>
using unsigned_of = std::conditional_t<
    Size == 8, std::uint64_t,
    std::conditional_t<Size == 4, std::uint32_t, std::conditional_t<Size == 2, std::uint16_t, std::uint8_t>>>;

/// Element i of a little-endian array.
template <class T>
[[nodiscard]] T load(std::span<const std::byte> bytes, std::size_t i) noexcept {
  using word = unsigned_of<sizeof(T)>;
  word value = 0;
  for (std::size_t b = 0; b < sizeof(T); ++b) {
    value = static_cast<word>(value | static_cast<word>(static_cast<word>(bytes[i * sizeof(T) + b]) << (8 * b)));
  }
  return std::bit_cast<T>(value);
}

template <class T>
void store(std::vector<std::byte>& bytes, T value) {
  const auto word = std::bit_cast<unsigned_of<sizeof(T)>>(value);
  for (std::size_t b = 0; b < sizeof(T); ++b) bytes.push_back(static_cast<std::byte>(word >> (8 * b) & 0xFFU));
}

template <class T>
[[nodiscard]] std::vector<std::byte> to_bytes(std::span<const T> values) {
  std::vector<std::byte> bytes;
  bytes.reserve(values.size_bytes());
  for (const T value : values) store(bytes, value);
  return bytes;
}

/// Element i of a floating type as double, exact.
[[nodiscard]] inline double load_floating(dtype type, std::span<const std::byte> bytes, std::size_t i) noexcept {
  switch (type) {
    case dtype::f64: return load<double>(bytes, i);
    case dtype::f16: return static_cast<double>(half_to_float(load<std::uint16_t>(bytes, i)));
    case dtype::bf16: return static_cast<double>(bfloat16_to_float(load<std::uint16_t>(bytes, i)));
    default: return static_cast<double>(load<float>(bytes, i));
  }
}

/// All elements. float and double are made from every floating type; the other types are not converted.
/// Throws `unsupported` for another type, `not_finite` where a finite F64 value is too large for float.
template <element T>
[[nodiscard]] std::vector<T> read_elements(dtype type, std::span<const std::byte> bytes) {
  const std::size_t count = bytes.size() / static_cast<std::size_t>(size_of(type));
  std::vector<T> values(count);
  if (type == dtype_of<T> || (type == dtype::boolean && std::same_as<T, std::uint8_t>)) {
    for (std::size_t i = 0; i < count; ++i) values[i] = load<T>(bytes, i);
    return values;
  }
  if constexpr (std::floating_point<T>) {
    if (is_floating(type)) {
      for (std::size_t i = 0; i < count; ++i) {
        const double value = load_floating(type, bytes, i);
        if (std::isfinite(value) && std::abs(value) > static_cast<double>((std::numeric_limits<T>::max)())) {
          throw error(errc::not_finite, "element " + std::to_string(i) + " of type F64 is too large for float");
        }
        values[i] = static_cast<T>(value);
      }
      return values;
    }
  }
  throw error(errc::unsupported,
              "elements of type " + std::string(name(type)) + " cannot be read as " + std::string(name(dtype_of<T>)));
}

/// The index of the first element that is NaN or infinite; the number of elements where there is none.
[[nodiscard]] inline std::size_t first_not_finite(dtype type, std::span<const std::byte> bytes) noexcept {
  const std::size_t count = bytes.size() / static_cast<std::size_t>(size_of(type));
  if (!is_floating(type)) return count;
  std::size_t i = 0;
  while (i < count && std::isfinite(load_floating(type, bytes, i))) ++i;
  return i;
}

/// The number of elements of a shape that may come from outside. Throws `limit_exceeded` where it does not fit.
[[nodiscard]] inline index_t element_count(std::span<const index_t> shape) {
  index_t count = 1;
  for (const index_t extent : shape) count = checked_product(count, extent);
  return count;
}

/// "[2, 3]", for messages.
[[nodiscard]] inline std::string shape_text(std::span<const index_t> shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) out += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

}  // namespace detail

}  // namespace vmt::inline VMT_ABI::io
