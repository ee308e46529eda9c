// SPDX-License-Identifier: MIT
// Every kernel body of the CUDA backend, run over its whole index space on the host, against the plain loops of
// ops::generic: the table of cases of the CPU backend. No device is needed.
#include <doctest/doctest.h>

#include <vmt/backend/cuda/gpu.hpp>
#include <vmt/backend/cuda/simulated.hpp>

#include "support/op_cases.hpp"
#include "support/race_log.hpp"

#include <cstring>

using namespace vmt;

namespace {

/// Small enough that the parts of sums and products come into play.
gpu::device_limits many_multiprocessors() {
  gpu::device_limits d;
  d.multiprocessors = 132;
  return d;
}

/// \param Kept  how maps are kept
template <class T, class Kept = T>
void run_all(gpu::precision precision, double tolerance) {
  const bool watches = tolerance == 0 || !std::is_same_v<Kept, T>;
  ops::generic_context oracle;
  simulated_context forward({.precision = precision});
  simulated_context reverse({.precision = precision});
  reverse.runtime().set_order(gpu::host_order::reverse);
  simulated_context watched({.precision = precision});
  vmt_test::race_log log;
  watched.runtime().watch(&log);
  watched.runtime().on_launch = [&log](const char* kernel) { log.begin(kernel); };
  for (simulated_context* c : {&forward, &reverse, &watched}) c->runtime().set_limits(many_multiprocessors());
  const vmt_test::op_table<T, simulated_context, Kept> table(tolerance);
  for (const auto& c : table.cases()) {
    CAPTURE(c.name);
    const std::vector<T> expected = c.plain(oracle);
    const std::vector<T> found = c.fast(forward);
    REQUIRE(found.size() == expected.size());
    CHECK(vmt_test::distance(found, expected) <= c.tolerance);
    const std::vector<T> again = c.fast(reverse);
    CHECK(std::memcmp(again.data(), found.data(), found.size() * sizeof(T)) == 0);
    if (watches) {
      static_cast<void>(c.fast(watched));
      REQUIRE(log.complaint() == "");
    }
  }
  if (watches) CHECK(log.writes() > 100000);
}

}  // namespace

TEST_CASE("the kernel bodies give what the generic operations give, in any order of threads, without races: float") {
  run_all<float>(gpu::precision::f32, 0);
}

TEST_CASE("the kernel bodies give what the generic operations give, in any order of threads, without races: double") {
  run_all<double>(gpu::precision::f32, 0);
}

TEST_CASE("products with rounded factors are as far from exact ones as the rounding says") {
  run_all<float>(gpu::precision::tf32, 2e-3);
  run_all<float>(gpu::precision::bf16, 1.6e-2);
}

TEST_CASE("operations on maps that are kept in bf16 are as far from exact ones as the rounding says, without races") {
  run_all<float, gpu::stored_bf16>(gpu::precision::bf16, 1.6e-2);
}

TEST_CASE("a watched kernel that does what it must not is found out") {
  vmt_test::race_log log;
  float numbers[4] = {};
  const gpu::device_span<float> span{numbers, 4, &log};
  const auto said = [&](auto misdeed) {
    vmt_test::race_log fresh;
    gpu::device_span<float> s{numbers, 4, &fresh};
    fresh.begin("k");
    misdeed(fresh, s);
    return fresh.complaint();
  };
  CHECK(said([](auto& l, auto& s) { l.enter(0, 1), s.set(0, 1), l.enter(0, 2), s.set(0, 1); }) ==
        "k writes what another thread writes");
  CHECK(said([](auto& l, auto& s) { l.enter(0, 1), s.set(0, 1), s.set(0, 1); }) == "k writes a number twice");
  CHECK(said([](auto& l, auto& s) { l.enter(0, 1), s.set(0, 1), l.enter(1, 1), static_cast<void>(s[0]); }) ==
        "k reads what another thread writes");
  CHECK(said([](auto& l, auto& s) { l.enter(0, 1), static_cast<void>(s[0]), l.enter(1, 1), s.set(0, 1); }) ==
        "k writes what another thread reads");
  CHECK(said([](auto&, auto& s) {
          static_cast<void>(gpu::input_span<float>{s.data, 3, s.log}[3]);
        }) == "k reads index 3 of 3");
  CHECK(said([](auto& l, auto& s) { l.enter(0, 1), static_cast<void>(s[0]), s.set(0, 1); }) == "");
  CHECK(log.complaint() == "");
  static_cast<void>(span);
}
