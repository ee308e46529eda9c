// SPDX-License-Identifier: MIT
#include <vmt/transcribe/gaussian_filter.hpp>

#include "gaussian_golden.hpp"

#include <doctest/doctest.h>

#include <limits>

using vmt::index_t;
using vmt::transcribe::gaussian_filter;

namespace {

float sample(index_t i) {
  return static_cast<float>((37 * i * i + 11 * i + 5) % 101) / 128.0F;
}

}  // namespace

TEST_CASE("the filter equals scipy for clips shorter than the radius, as long, and longer") {
  for (const auto& golden : vmt_test::gaussian_goldens()) {
    const auto n = static_cast<index_t>(golden.smooth.size());
    CAPTURE(golden.sigma);
    CAPTURE(n);
    gaussian_filter filter(2, golden.sigma);
    std::vector<double> smooth, other;
    const auto take = [&](index_t i, std::span<const double> y) {
      CHECK(i == static_cast<index_t>(smooth.size()));
      smooth.push_back(y[0]);
      other.push_back(y[1]);
    };
    for (int round = 0; round < 2; ++round) {  // the second shows that finish starts anew
      smooth.clear();
      other.clear();
      for (index_t i = 0; i < n; ++i) {
        const float x[] = {sample(i), 0.75F};
        filter.push(x, take);
        CHECK(static_cast<index_t>(smooth.size()) == std::max<index_t>(0, i + 1 - filter.radius()));
      }
      filter.finish(take);
      REQUIRE(smooth.size() == golden.smooth.size());
      for (std::size_t i = 0; i < smooth.size(); ++i) {
        CHECK(std::abs(smooth[i] - golden.smooth[i]) <= 4 * std::numeric_limits<double>::epsilon());
        CHECK(std::abs(other[i] - 0.75) <= 4 * std::numeric_limits<double>::epsilon());
      }
    }
  }
}

TEST_CASE("the radius is four sigma, sigma 0 passes the signal on, bad arguments are refused") {
  CHECK(gaussian_filter(1, 5).radius() == 20);
  CHECK(gaussian_filter(1, 0.1).radius() == 0);
  CHECK(gaussian_filter(1, 1.4).radius() == 6);
  gaussian_filter none(1, 0);
  const float x[] = {0.3F};
  index_t calls = 0;
  none.push(x, [&](index_t i, std::span<const double> y) {
    ++calls;
    CHECK(i == 0);
    CHECK(y[0] == static_cast<double>(0.3F));
  });
  CHECK(calls == 1);
  for (const double sigma : {-1.0, 1001.0, std::nan("")}) CHECK_THROWS_AS(gaussian_filter(1, sigma), vmt::error);
  CHECK_THROWS_AS(gaussian_filter(0, 5), vmt::error);
}
