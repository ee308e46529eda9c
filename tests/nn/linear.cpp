// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <vmt/nn/nn.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("a fully connected layer equals PyTorch's, and adds to its gradients", T, float, double) {
  const golden g("linear");
  for_each_context([&](auto& ctx) {
    nn::linear<T> layer(7, 5);
    g.fill_parameters<T>(layer);
    const auto x = g.tensor<T, 2>("x");
    const auto dy = g.tensor<T, 2>("dy");
    auto y = unwritten<T>(dy.extents());
    auto dx = unwritten<T>(x.extents());
    layer.forward(ctx, x, y);
    layer.backward(ctx, x, dy, dx);
    check_golden<T>(g, "y", y);
    check_golden<T>(g, "dx", dx);
    layer.for_each_parameter(
        [&](const std::string& name, auto& p) { check_golden<T>(g, "d" + name, p.flat_gradient()); });
    layer.backward(ctx, x, dy, {});  // without dx
    layer.for_each_parameter([&](const std::string& name, auto& p) {
      for (T& v : p.flat_gradient().span()) v /= T(2);
      check_golden<T>(g, "d" + name, p.flat_gradient());
    });
  });
}

TEST_CASE("the gradients of a fully connected layer are right") {
  for_each_context([](auto& ctx) {
    nn::linear<double> layer(9, 4);
    nn::initialise<double>(layer, 3);
    const auto report = testing::check_layer(ctx, layer, random_tensor<double, 2>({3, 9}, 1), extents<2>{3, 4});
    CAPTURE(report.where);
    CHECK(report.checked == 27 + 36 + 4);
    CHECK(report.worst <= 1e-6);
  });
}
