// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/backend/cuda/divisor.hpp>
#include <vmt/backend/cuda/launch.hpp>
#include <vmt/backend/cuda/math.hpp>
#include <vmt/core/rng.hpp>

#include <cmath>
#include <limits>

using namespace vmt;

TEST_CASE("a divisor divides as the processor does") {
  rng r(1);
  for (const index_t d : {1, 2, 3, 5, 7, 9, 49, 64, 145, 200, 29200, 65535, 65536, 65537, 0x40000001, 0x7FFFFFFF}) {
    const gpu::divisor by(d);
    for (int i = 0; i < 2000; ++i) {
      index_t n = r.below(0x80000000);
      if (i < 8) n = (i < 4 ? d * (i + 1) : 0x7FFFFFFF) - i % 4;
      if (n < 0 || n > 0x7FFFFFFF) continue;
      CHECK_MESSAGE(by.quotient(static_cast<int>(n)) == n / d, n << " / " << d);
      CHECK_MESSAGE(by.remainder(static_cast<int>(n)) == n % d, n << " % " << d);
    }
  }
  CHECK_THROWS_AS(gpu::divisor(0), error);
  CHECK_THROWS_AS(gpu::divisor(index_t{1} << 31), error);
}

TEST_CASE("launches stay within what a device allows, whatever the size") {
  gpu::device_limits h100, small;
  small.multiprocessors = 1;
  small.capability = 75;
  for (const gpu::device_limits& d : {h100, small}) {
    for (const index_t n :
         {index_t{1}, index_t{255}, index_t{256}, index_t{257}, index_t{1} << 20, index_t{0x7FFFFFFF}}) {
      const gpu::launch_shape s = gpu::map_shape(n, d);
      CHECK_NOTHROW(check(s, d, "map"));
      CHECK(s.blocks() <= 16 * d.multiprocessors);
      CHECK((s.blocks() * s.threads >= n || s.blocks() == 16 * d.multiprocessors));
      for (const index_t groups : {index_t{1}, index_t{64}, index_t{512}}) {
        const index_t parts = gpu::sum_parts(groups, n, d);
        CHECK(parts >= 1);
        CHECK(parts <= 64);
        CHECK((parts == 1 || n / parts >= 256 * 16));
      }
      const index_t cut = gpu::depth_parts(n, 2304, 16, 2, d);
      CHECK(cut >= 1);
      CHECK((cut == 1 || 2304 / cut >= 8 * 16));
    }
    CHECK(gpu::depth_parts(1, index_t{1} << 30, 16, 4, d) <= 512);
  }
  CHECK(gpu::map_shape(1000, h100) == gpu::launch_shape{4, 1, 1, 256, 0});
}

TEST_CASE("a launch that a device would refuse is refused with its numbers") {
  const gpu::device_limits d;
  CHECK_THROWS_WITH_AS(check({1, 1, 1, 2048, 0}, d, "k"), "kernel k: 2048 threads a block, the device allows 1 … 1024",
                       error);
  CHECK_THROWS_WITH_AS(check({1, 70000, 1, 256, 0}, d, "k"),
                       "kernel k: 70000 blocks along y, the device allows 1 … 65535", error);
  CHECK_THROWS_WITH_AS(check({1, 1, 1, 256, 50000}, d, "k"),
                       "kernel k: 50000 bytes of shared memory, the device allows 1 … 49152", error);
  CHECK_THROWS_AS(check({0, 1, 1, 256, 0}, d, "k"), error);
}

TEST_CASE("numbers are rounded to bfloat16 and tf32 as the hardware rounds them") {
  const auto round = [](float x) { return gpu::from_bf16(gpu::to_bf16(x)); };
  CHECK(round(1.0F) == 1.0F);
  CHECK(round(1.00390625F) == 1.0F);       // half way: to the even one
  CHECK(round(1.01171875F) == 1.015625F);  // half way: to the even one
  CHECK(round(1.0040F) == 1.0078125F);
  CHECK(round(-3.0e38F) == doctest::Approx(-3.0e38).epsilon(0.004));
  CHECK(std::isinf(round(std::numeric_limits<float>::max())));
  CHECK(std::isinf(round(std::numeric_limits<float>::infinity())));
  CHECK(std::isnan(round(std::numeric_limits<float>::quiet_NaN())));
  CHECK(gpu::to_tf32(1.0F) == 1.0F);
  CHECK(gpu::to_tf32(1.0F + 0x1p-11F) == 1.0F + 0x1p-10F);  // half way: away from zero
  CHECK(gpu::to_tf32(-1.0F - 0x1p-11F) == -1.0F - 0x1p-10F);
  CHECK(gpu::to_tf32(1.0F + 0x1p-12F) == 1.0F);
  CHECK(std::isnan(gpu::to_tf32(std::numeric_limits<float>::quiet_NaN())));
}
