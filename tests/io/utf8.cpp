// SPDX-License-Identifier: MIT
#include <vmt/io/utf8.hpp>

#include <doctest/doctest.h>

#include <string>

TEST_CASE("every character is valid as written, and its bytes cut short are not") {
  for (std::uint32_t code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 97) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    std::string text;
    vmt::io::detail::append_utf8(text, code);
    const bool whole = vmt::io::detail::utf8_length(text) == text.size();
    const bool cut = text.size() > 1 && vmt::io::detail::utf8_length(text.substr(0, text.size() - 1)) != 0;
    if (!whole || cut) FAIL(code);
  }
}

TEST_CASE("of all texts of two and three bytes exactly the well-formed ones are one character") {
  int two = 0;
  int three = 0;
  for (int a = 0x80; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b)};
      two += vmt::io::detail::utf8_length(text) == 2 ? 1 : 0;
      for (int c = 0; c < 256; c += 1) {
        three += vmt::io::detail::utf8_length(text + static_cast<char>(c)) == 3 ? 1 : 0;
      }
    }
  }
  CHECK(two == 0x800 - 0x80);
  CHECK(three == 0x10000 - 0x800 - 0x800);  // without the surrogates
}

TEST_CASE("a text is UTF-8 when all of it is") {
  CHECK(vmt::io::detail::is_utf8(""));
  CHECK(vmt::io::detail::is_utf8("a\xC3\xA9z"));
  CHECK_FALSE(vmt::io::detail::is_utf8("a\xC3z"));
  CHECK_FALSE(vmt::io::detail::is_utf8("a\x80"));
  CHECK_FALSE(vmt::io::detail::is_utf8("\xF5\x80\x80\x80"));
}

TEST_CASE("text in messages is short and printable") {
  CHECK(vmt::io::detail::printable("conv1.weight") == "conv1.weight");
  CHECK(vmt::io::detail::printable("a\n\x1B\x7F\xC3\xA9") == "a?????");
  CHECK(vmt::io::detail::printable(std::string(65, 'x')) == std::string(64, 'x') + "...");
}
