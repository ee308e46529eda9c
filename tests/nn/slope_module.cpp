// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <vmt/nn/nn.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("the slope module and its gradients equal PyTorch's", T, float, double) {
  for (const char* name : {"slope_88_50", "slope_12_17"}) {
    const golden g(name);
    for_each_context([&](auto& ctx) {
      nn::slope_module<T> slope(3, g.integer("keys"));
      g.fill_parameters<T>(slope);
      const auto dy = g.tensor<T, 4>("dy");
      auto y = unwritten<T>(dy.extents()), inference = y;
      slope.forward_train(ctx, y);
      slope.forward(ctx, inference);
      slope.backward(ctx, dy);
      check_golden<T>(g, "y", y);
      CHECK(testing::same_bits(inference, y));
      slope.for_each_parameter(
          [&](const std::string& parameter, auto& p) { check_golden<T>(g, "d" + parameter, p.flat_gradient()); });
    });
  }
}

TEST_CASE("the features are those of the column alone: every sample and row is alike, the columns differ") {
  for_each_context([](auto& ctx) {
    nn::slope_module<float> slope(4, 88);
    nn::initialise<float>(slope, 5);
    auto y = unwritten<float>(extents<4>{3, 4, 10, 50});
    cpu_tensor<float, 2> row(4, 50);
    slope.forward(ctx, y);
    slope.row(ctx, row);
    bool alike = true;
    for (index_t n = 0; n < 3; ++n)
      for (index_t c = 0; c < 4; ++c)
        for (index_t h = 0; h < 10; ++h) alike = alike && testing::same_bits(y.view()[n][c][h], row.view()[c]);
    CHECK(alike);
    float least = row(0, 10);
    float most = least;
    for (index_t w = 10; w < 40; ++w) {
      least = std::min(least, row(0, w));
      most = std::max(most, row(0, w));
    }
    CHECK(most - least > 0.001F);
  });
}

TEST_CASE("the gradients of the slope module are right") {
  for_each_context([](auto& ctx) {
    nn::slope_module<double> slope(3, 12);
    nn::initialise<double>(slope, 4);
    const auto dy = random_tensor<double, 4>({2, 3, 2, 17}, 1);
    cpu_tensor<double, 4> y(dy.extents());
    const auto loss = [&] {
      slope.forward_train(ctx, y);
      double sum = 0;
      for (std::size_t i = 0; i < y.span().size(); ++i) sum += y.span()[i] * dy.span()[i];
      return sum;
    };
    loss();
    slope.backward(ctx, dy);
    slope.for_each_parameter([&](const std::string& name, nn::parameter<double, cpu>& p) {
      CAPTURE(name);
      const auto report = testing::check_gradient(p.flat_value().span(), p.flat_gradient().span(), loss);
      CHECK(report.checked == p.size());
      CHECK(report.worst <= 1e-6);
    });
  });
}
