// SPDX-License-Identifier: MIT
#include <vmt/io/number.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>

TEST_CASE("a number must fill its text") {
  using vmt::io::parse_double;
  CHECK(parse_double("0.25") == 0.25);
  CHECK(parse_double("-1e-3") == -0.001);
  CHECK(std::isinf(parse_double("inf").value_or(0)));
  for (const char* wrong : {"", " 1", "1 ", "1,5", "0x10", "+1", "1e", "1e999", "--1", "."}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_double(wrong).has_value());
  }
  using vmt::io::parse_integer;
  CHECK(parse_integer<std::int64_t>("-9223372036854775808") == INT64_MIN);
  CHECK_FALSE(parse_integer<std::int64_t>("9223372036854775808").has_value());
  CHECK_FALSE(parse_integer<std::int64_t>("1.0").has_value());
  CHECK_FALSE(parse_integer<std::uint8_t>("256").has_value());
  CHECK_FALSE(parse_integer<int>("").has_value());
}

TEST_CASE("numbers are written shortest, or with a given number of decimals") {
  const auto shortest = [](double v) {
    std::string out = "x";
    vmt::io::append_number(out, v);
    return out;
  };
  CHECK(shortest(0.1) == "x0.1");
  CHECK(shortest(-3.0) == "x-3");
  CHECK(shortest(1e300) == "x1e+300");
  CHECK(vmt::io::parse_double(shortest(-5e-324).substr(1)) == -5e-324);
  const auto rounded = [](double v, int decimals) {
    std::string out;
    vmt::io::append_number(out, v, decimals);
    return out;
  };
  CHECK(rounded(1.0 / 3.0, 4) == "0.3333");
  CHECK(rounded(-2.0, 3) == "-2.000");
  CHECK(rounded(2.5, -1) == "2");
  CHECK(rounded(-0x1.fffffffffffffp1023, 99).size() == 1 + 309 + 1 + 17);
}
