// SPDX-License-Identifier: MIT
// Every overload of the CPU backend against the plain loops of ops::generic: one table of cases, every instruction set
// that this machine has, float and double, and the same bits for 1, 2 and 4 threads.
#include <doctest/doctest.h>

#include <vmt/backend/cpu/cpu.hpp>

#include "support/op_cases.hpp"

#include <cstring>

using namespace vmt;

namespace {

template <class T>
void run_all(cpu_isa isa) {
  ops::generic_context oracle;
  cpu_context one({.threads = 1, .isa = isa});
  cpu_context two({.threads = 2, .isa = isa});
  cpu_context four({.threads = 4, .isa = isa});
  const vmt_test::op_table<T, cpu_context> table;
  for (const auto& c : table.cases()) {
    CAPTURE(c.name);
    const std::vector<T> expected = c.plain(oracle);
    const std::vector<T> found = c.fast(one);
    REQUIRE(found.size() == expected.size());
    CHECK(vmt_test::distance(found, expected) <= c.tolerance);
    for (cpu_context* other : {&two, &four}) {
      const std::vector<T> again = c.fast(*other);
      CHECK(std::memcmp(again.data(), found.data(), found.size() * sizeof(T)) == 0);
    }
  }
}

}  // namespace

TEST_CASE("the CPU operations equal the generic ones, with the same bits for any number of threads") {
  for (const cpu_isa isa : {cpu_isa::portable, cpu_isa::avx2, cpu_isa::avx512}) {
    if (!supported(isa)) {
      MESSAGE("this processor has no " << name(isa));
      continue;
    }
    CAPTURE(name(isa));
    run_all<float>(isa);
    run_all<double>(isa);
  }
}

TEST_CASE("operations refuse tensors that do not fit, and say how") {
  cpu_context ctx({.threads = 1});
  cpu_tensor<float, 4> x(1, 32, 8, 8);
  cpu_tensor<float, 4> w(4, 64, 3, 3);
  cpu_tensor<float, 4> y(1, 4, 8, 8);
  CHECK_THROWS_WITH_AS(ops::conv2d(ctx, x, w, {}, y, {1, 1, 1, 1}),
                       "conv2d: weight expects 64 input channels, input has 32", error);
  cpu_tensor<float, 4> w2(4, 32, 3, 3);
  CHECK_THROWS_WITH_AS(ops::conv2d(ctx, x, w2, {}, y, {1, 1, 0, 0}),
                       "conv2d: output has sizes 1×4×8×8, expected 1×4×6×6", error);
  CHECK_THROWS_AS(ops::conv2d(ctx, x, w2, {}, y, {0, 1, 0, 0}), error);
  cpu_tensor<float, 4> one(1, 32, 1, 1);
  cpu_tensor<float, 1> c(32);
  CHECK_THROWS_AS(ops::batch_norm_train(ctx, one, c, c, ops::batch_norm_statistics<float>{c, c, c, c}, one), error);
}
