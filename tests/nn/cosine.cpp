// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/golden.hpp"

#include <vmt/nn/cosine.hpp>

using namespace vmt;
using namespace vmt_test;

TEST_CASE("the learning rate rises and falls as PyTorch's LinearLR and CosineAnnealingLR in sequence") {
  const golden g("cosine");
  const nn::cosine_options options{g.integer("warm_up"), g.number("floor")};
  std::vector<double> factors;
  for (index_t step = 0; step < g.integer("steps"); ++step) {
    factors.push_back(nn::cosine_factor(step, g.integer("steps"), options));
  }
  check_golden<double>(g, "factors", factors, 1e-12);
  CHECK(factors[0] == doctest::Approx(0.2));
  CHECK(factors[5] == 1);
}

TEST_CASE("the factor stays at the floor after the last step, and without steps it is defined") {
  CHECK(nn::cosine_factor(100, 100, {}) == doctest::Approx(0.02));
  CHECK(nn::cosine_factor(1000, 100, {}) == doctest::Approx(0.02));
  CHECK(nn::cosine_factor(0, 0, {}) == 1);
  CHECK(nn::cosine_factor(9, 5, {.warm_up = 10}) == 1);
}
