// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/backend/cpu/context.hpp>

#include <cstdint>
#include <cstdlib>

using namespace vmt;

TEST_CASE("scopes nest, give back what they took, and the memory stops growing") {
  workspace w;
  {
    auto outer = w.borrow();
    float* a = outer.take<float>(10);
    a[9] = 1;
    {
      auto inner = w.borrow();
      double* b = inner.take<double>(1000);
      b[999] = 2;
      CHECK(reinterpret_cast<std::uintptr_t>(b) % 64 == 0);
    }
    float* c = outer.take<float>(10);
    c[0] = 3;
    CHECK(a[9] == 1);
    CHECK(c != a);
  }
  const index_t held = w.capacity();
  for (int i = 0; i < 100; ++i) {
    auto scope = w.borrow();
    (void)scope.take<float>(10);
    (void)scope.take<double>(1000);
  }
  CHECK(w.capacity() == held);
}

TEST_CASE("a wish for an instruction set is obeyed or refused, never ignored") {
  REQUIRE(setenv("VMT_CPU_ISA", "portable", 1) == 0);
  CHECK(choose_isa() == cpu_isa::portable);
  REQUIRE(setenv("VMT_CPU_ISA", "mmx", 1) == 0);
  CHECK_THROWS_WITH_AS((void)choose_isa(), "VMT_CPU_ISA=mmx is unknown; expected portable, avx2 or avx512", error);
  REQUIRE(unsetenv("VMT_CPU_ISA") == 0);
  CHECK(supported(choose_isa()));
}
