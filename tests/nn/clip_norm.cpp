// SPDX-License-Identifier: MIT
#include <vmt/nn/clip_norm.hpp>

#include "support/golden.hpp"

#include <doctest/doctest.h>

using namespace vmt;
using namespace vmt_test;

TEST_CASE("a gradient is shortened as PyTorch's clip_grad_norm_ does, or left alone") {
  for (const char* const name : {"clip_norm_long", "clip_norm_short"}) {
    const golden g(name);
    std::vector<double> gradient = g.numbers<double>("gradient");
    const double norm = nn::clip_norm<double>(gradient, g.number("largest"));
    CHECK(norm == doctest::Approx(g.numbers<double>("norm")[0]).epsilon(1e-13));
    check_golden<double>(g, "clipped", gradient, 1e-13);
  }
  std::vector<double> gradient{3, 4};
  CHECK(nn::clip_norm<double>(gradient, 5) == 5);
  CHECK(gradient == std::vector<double>{3, 4});
  CHECK_THROWS_AS(static_cast<void>(nn::clip_norm<double>(gradient, 0)), error);
}
