// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/core/error.hpp>
#include <vmt/core/function_ref.hpp>
#include <vmt/core/index.hpp>

#include <limits>
#include <string>

using namespace vmt;

TEST_CASE("an error carries its code, whose number and name stay the same") {
  const error e(errc::bad_format, "a sentence");
  CHECK(e.code() == errc::bad_format);
  CHECK(std::string(e.what()) == "a sentence");
  CHECK(name(e.code()) == "bad_format");
  CHECK(static_cast<int>(errc::invalid_argument) == 1);
  CHECK(static_cast<int>(errc::stopped) == 10);
}

TEST_CASE("products of sizes are refused before they overflow") {
  constexpr index_t most = std::numeric_limits<index_t>::max();
  CHECK(checked_product(3, 4) == 12);
  CHECK(checked_product(most, 1) == most);
  CHECK(checked_product(0, most) == 0);
  CHECK_THROWS_AS((void)checked_product(most, 2), error);
  CHECK_THROWS_AS((void)checked_product(-1, 2), error);
  CHECK_THROWS_AS((void)checked_product(2, -1), error);
}

TEST_CASE("a function_ref calls the callable that it was made from, with its state") {
  int calls = 0;
  auto count = [&calls](int by) { return calls += by; };
  const function_ref<int(int)> f = count;
  CHECK(f(2) == 2);
  CHECK(f(3) == 5);
  const function_ref<void(int)> ignores_the_result = count;
  ignores_the_result(1);
  CHECK(calls == 6);
}
