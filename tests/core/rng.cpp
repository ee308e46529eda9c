// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/core/rng.hpp>

#include <cmath>
#include <set>
#include <vector>

using vmt::index_t;
using vmt::rng;

TEST_CASE("Philox-4x32-10 gives the known answers of its authors' test vectors") {
  using block = std::array<std::uint32_t, 4>;
  CHECK(rng::philox({0, 0, 0, 0}, {0, 0}) == block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(rng::philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(rng::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("streams of another seed, epoch, sample or use differ; the same address repeats") {
  const auto first = [](rng r) { return r.bits(); };
  const std::set<std::uint32_t> all = {
      first(rng(1, 2, 3, vmt::rng_use::shuffle)),      first(rng(2, 2, 3, vmt::rng_use::shuffle)),
      first(rng(1, 3, 3, vmt::rng_use::shuffle)),      first(rng(1, 2, 4, vmt::rng_use::shuffle)),
      first(rng(1, 2, 3, vmt::rng_use::augmentation)), first(rng(1ULL << 40 | 1, 2, 3, vmt::rng_use::shuffle))};
  CHECK(all.size() == 6);
  CHECK(first(rng(9, 8, 7)) == first(rng(9, 8, 7)));
}

TEST_CASE("the distributions have their moments and ranges") {
  rng r(5);
  double sum = 0;
  double squares = 0;
  double normal_sum = 0;
  double normal_squares = 0;
  std::vector<int> counts(7);
  const int n = 100000;
  for (int i = 0; i < n; ++i) {
    const double u = r.uniform();
    CHECK_UNARY(u >= 0 && u < 1);
    sum += u;
    squares += u * u;
    const double z = r.normal();
    CHECK_UNARY(std::isfinite(z));
    normal_sum += z;
    normal_squares += z * z;
    ++counts[static_cast<std::size_t>(r.below(7))];
  }
  CHECK(sum / n == doctest::Approx(0.5).epsilon(0.01));
  CHECK(squares / n == doctest::Approx(1.0 / 3).epsilon(0.01));
  CHECK(std::abs(normal_sum / n) < 0.01);
  CHECK(normal_squares / n == doctest::Approx(1.0).epsilon(0.02));
  for (const int c : counts) CHECK(c == doctest::Approx(n / 7.0).epsilon(0.04));
  CHECK(r.below(1) == 0);
}
