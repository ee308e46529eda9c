// SPDX-License-Identifier: MIT
#include <vmt/io/dtype.hpp>

#include <doctest/doctest.h>

#include "io/code_of.hpp"

#include <cmath>
#include <limits>
#include <string>

using namespace vmt::io;

namespace {

/// The value of a half by the definition of the format.
double half_by_definition(unsigned bits) {
  const int exponent = static_cast<int>(bits >> 10 & 31U);
  const double fraction = static_cast<double>(bits & 1023U);
  const double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024.0 + fraction, exponent - 25);
  return (bits & 0x8000U) != 0 ? -magnitude : magnitude;
}

constexpr float infinity = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("every half becomes the float of its definition and comes back") {
  int wrong = 0;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = half_to_float(half);
    if ((bits & 0x7C00U) == 0x7C00U) {
      wrong += (bits & 0x3FFU) != 0 ? !std::isnan(value) || (float_to_half(value) & 0x7FFFU) <= 0x7C00U
                                    : !std::isinf(value) || float_to_half(value) != half;
    } else {
      wrong += static_cast<double>(value) != half_by_definition(bits) || float_to_half(value) != half;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("floats round to the nearest half, at the middle to the even one") {
  int wrong = 0;
  for (unsigned bits = 0; bits < 0x7BFFU; ++bits) {  // neighbours, all finite
    const double below = half_by_definition(bits);
    const double above = half_by_definition(bits + 1);
    const auto middle = static_cast<float>((below + above) / 2);  // exact: one bit more than a half
    const unsigned even = bits % 2 == 0 ? bits : bits + 1;
    wrong += float_to_half(middle) != even;
    wrong += float_to_half(std::nextafter(middle, 0.0F)) != bits;
    wrong += float_to_half(std::nextafter(middle, infinity)) != bits + 1;
    wrong += float_to_half(-middle) != (even | 0x8000U);
  }
  CHECK(wrong == 0);
  CHECK(half_to_float(float_to_half(65519.99F)) == 65504.0F);
  CHECK(std::isinf(half_to_float(float_to_half(65520.0F))));
  CHECK(float_to_half(0x1p-26F) == 0);
  CHECK(float_to_half(-0.0F) == 0x8000U);
  CHECK(float_to_half(std::numeric_limits<float>::denorm_min()) == 0);
}

TEST_CASE("every bfloat16 comes back, and floats round to the nearest, at the middle to the even one") {
  int wrong = 0;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const float value = bfloat16_to_float(static_cast<std::uint16_t>(bits));
    wrong +=
        std::isnan(value) ? !std::isnan(bfloat16_to_float(float_to_bfloat16(value))) : float_to_bfloat16(value) != bits;
  }
  CHECK(wrong == 0);
  CHECK(float_to_bfloat16(1.0F + 0x1p-8F) == 0x3F80U);
  CHECK(float_to_bfloat16(1.0F + 0x3p-8F) == 0x3F82U);
  CHECK(float_to_bfloat16(std::nextafter(1.0F + 0x1p-8F, 2.0F)) == 0x3F81U);
  CHECK(std::isinf(bfloat16_to_float(float_to_bfloat16(std::numeric_limits<float>::max()))));
  CHECK(std::isnan(bfloat16_to_float(float_to_bfloat16(std::bit_cast<float>(0x7F800001U)))));
}

TEST_CASE("bytes are stored lowest first and read back") {
  const std::int32_t values[] = {1, -2, 0x12345678};
  const auto bytes = detail::to_bytes(std::span<const std::int32_t>(values));
  REQUIRE(bytes.size() == 12);
  CHECK(bytes[0] == std::byte{1});
  CHECK(bytes[8] == std::byte{0x78});
  CHECK(detail::load<std::int32_t>(bytes, 1) == -2);
  CHECK(detail::load<std::int32_t>(bytes, 2) == 0x12345678);
  CHECK(detail::load<std::uint64_t>(std::span(bytes).subspan(4), 0) == 0x12345678FFFFFFFEULL);
}

TEST_CASE("floats are made from all floating types, integers from their own only") {
  const double values[] = {0.5, -2.0};
  const auto bytes = detail::to_bytes(std::span<const double>(values));
  CHECK(detail::read_elements<float>(dtype::f64, bytes) == std::vector<float>{0.5F, -2.0F});
  CHECK(detail::read_elements<double>(dtype::f64, bytes) == std::vector<double>{0.5, -2.0});
  CHECK(vmt_test::code_of([&] { (void)detail::read_elements<std::int64_t>(dtype::f64, bytes); }) ==
        vmt::errc::unsupported);
  CHECK(vmt_test::code_of([&] { (void)detail::read_elements<float>(dtype::i32, bytes); }) == vmt::errc::unsupported);
  const double large[] = {1.0, 1e39};
  const auto too_large = detail::to_bytes(std::span<const double>(large));
  CHECK(vmt_test::code_of([&] { (void)detail::read_elements<float>(dtype::f64, too_large); }) == vmt::errc::not_finite);
  CHECK(detail::first_not_finite(dtype::f64, too_large) == 2);
  const float with_nan[] = {1.0F, 2.0F, std::nanf(""), infinity};
  CHECK(detail::first_not_finite(dtype::f32, detail::to_bytes(std::span<const float>(with_nan))) == 2);
}

TEST_CASE("each type has a size and a name") {
  CHECK(size_of(dtype::f64) == 8);
  CHECK(size_of(dtype::bf16) == 2);
  CHECK(size_of(dtype::boolean) == 1);
  CHECK(name(dtype::boolean) == "BOOL");
  CHECK(name(dtype_of<std::uint8_t>) == "U8");
  CHECK(detail::shape_text(std::vector<vmt::index_t>{2, 3}) == "[2, 3]");
  CHECK(vmt_test::code_of([] {
          (void)detail::element_count(std::vector<vmt::index_t>{4194305, 4194305, 211106198978564});
        }) == vmt::errc::limit_exceeded);
}
