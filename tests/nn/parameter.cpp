// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/nn/nn.hpp>
#include <vmt/testing/compare.hpp>

using namespace vmt;

TEST_CASE("a parameter owns its numbers until it is bound, and keeps them when it is") {
  nn::parameter<float, cpu> p(extents<2>{2, 3});
  CHECK(p.size() == 6);
  CHECK(p.shape() == std::vector<index_t>{2, 3});
  p.value<2>()(1, 2) = 5;
  p.gradient<2>()(0, 1) = -1;
  std::vector<float> value(6), gradient(6);
  p.bind(value.data(), gradient.data());
  CHECK(value[5] == 5);
  CHECK(gradient[1] == -1);
  p.value<2>()(0, 0) = 7;
  CHECK(value[0] == 7);
}

TEST_CASE("a copy of a bound parameter owns its numbers") {
  std::vector<float> value(6), gradient(6);
  nn::parameter<float, cpu> p(extents<2>{2, 3});
  p.bind(value.data(), gradient.data());
  p.value<2>()(1, 1) = 4;
  nn::parameter<float, cpu> q = p;
  CHECK(q.value<2>()(1, 1) == 4);
  q.value<2>()(1, 1) = 9;
  q.gradient<2>()(1, 1) = 9;
  CHECK(value[4] == 4);
  CHECK(gradient[4] == 0);
  CHECK(q.shape() == p.shape());
}

TEST_CASE("moving an unbound parameter takes its numbers along") {
  nn::parameter<float, cpu> p(extents<1>{3});
  p.value<1>()(2) = 4;
  p.gradient<1>()(0) = 6;
  const nn::parameter<float, cpu> q = std::move(p);
  CHECK(q.value<1>()(2) == 4);
}

TEST_CASE("the parameters of a layer lie one behind the other, without gaps, in the order of their names") {
  nn::residual_stage<double> stage(2, 4, 2);
  nn::initialise<double>(stage, 3);
  std::vector<double> before;
  stage.for_each_parameter([&](const std::string&, nn::parameter<double, cpu>& p) {
    before.insert(before.end(), p.flat_value().span().begin(), p.flat_value().span().end());
  });
  nn::flat_parameters<double, cpu> flat(stage);
  CHECK(testing::same_bits(flat.values(), before));
  REQUIRE(flat.gradients().size() == flat.values().size());
  const double* next_value = flat.values().data_handle();
  const double* next_gradient = flat.gradients().data_handle();
  stage.for_each_parameter([&](const std::string& name, nn::parameter<double, cpu>& p) {
    CAPTURE(name);
    CHECK(p.flat_value().data_handle() == next_value);
    CHECK(p.flat_gradient().data_handle() == next_gradient);
    next_value += p.size();
    next_gradient += p.size();
  });
  CHECK(next_value == flat.values().data_handle() + flat.values().size());
}
