// SPDX-License-Identifier: MIT
#include <vmt/midi/smf_cursor.hpp>

#include "bytes.hpp"

#include <doctest/doctest.h>

using vmt::midi::detail::cursor;
using vmt_test::bytes;
using vmt_test::contains;
using vmt_test::failure;
using vmt_test::raw;

TEST_CASE("variable-length numbers have one to four bytes") {
  const auto value = [](const bytes& data) { return cursor(data, 0, data.size()).variable_length("number"); };
  CHECK(value(raw({0})) == 0);
  CHECK(value(raw({0x7F})) == 0x7F);
  CHECK(value(raw({0x81, 0})) == 0x80);
  CHECK(value(raw({0xC0, 0x80, 0})) == 0x10'0000);
  CHECK(value(raw({0xFF, 0xFF, 0xFF, 0x7F})) == 0x0FFF'FFFF);
  CHECK(value(raw({0x80, 0x80, 0x80, 1})) == 1);
  CHECK(contains(failure([&] { static_cast<void>(value(raw({0x80, 0x80, 0x80, 0x80, 0}))); }).message, "four bytes"));
  CHECK(contains(failure([&] { static_cast<void>(value(raw({0x80, 0x80}))); }).message, "byte 2: expected 1 byte"));
}

TEST_CASE("a cursor does not pass its end, though the bytes go on") {
  const bytes data = raw({1, 2, 3, 4, 5, 6});
  cursor in(data, 1, 4);
  CHECK(in.big_endian(2, "pair") == 0x0203);
  CHECK(in.left() == 1);
  CHECK(failure([&] { static_cast<void>(in.big_endian(2, "pair")); }).code == vmt::errc::bad_format);
  CHECK(in.position() == 3);
  CHECK(failure([&] { in.skip(static_cast<std::size_t>(-1), "all"); }).code == vmt::errc::bad_format);
  CHECK(in.byte("last") == 4);
  CHECK(in.left() == 0);
}
