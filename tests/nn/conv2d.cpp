// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <vmt/nn/nn.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("Conv1d and its gradients equal PyTorch's", T, float, double) {
  const golden g("conv1d_k3_p1_bias");
  for_each_context([&](auto& ctx) {
    nn::conv1d<T> layer(3, 4, 3);
    g.fill_parameters<T>(layer);
    const auto x = g.tensor<T, 3>("x");
    const auto dy = g.tensor<T, 3>("dy");
    auto y = unwritten<T>(dy.extents());
    auto dx = unwritten<T>(x.extents());
    layer.forward(ctx, x, y);
    layer.backward(ctx, x, dy, dx);
    check_golden<T>(g, "y", y);
    check_golden<T>(g, "dx", dx);
    layer.for_each_parameter(
        [&](const std::string& name, auto& p) { check_golden<T>(g, "d" + name, p.flat_gradient()); });
  });
}

TEST_CASE("the gradients of convolution layers are right") {
  for_each_context([](auto& ctx) {
    const nn::conv2d_options kinds[] = {{2, 3, 3, 3, {1, 1, 1, 1}, false},
                                        {1, 4, 7, 7, {2, 2, 3, 3}, false},
                                        {3, 2, 1, 1, {2, 2, 0, 0}, false},
                                        {2, 3, 5, 3, {2, 1, 1, 2}, true}};
    for (const nn::conv2d_options& o : kinds) {
      nn::conv2d<double> layer(o);
      nn::initialise<double>(layer, 1);
      const auto x = random_tensor<double, 4>({2, o.in_channels, 9, 8}, 1);
      const auto report = testing::check_layer(ctx, layer, x, layer.out_extents(x.extents()), {.max_elements = 40});
      CAPTURE(report.where);
      CHECK(report.worst <= 1e-6);
    }
    nn::conv1d<double> row(3, 4, 5);
    nn::initialise<double>(row, 1);
    const auto report = testing::check_layer(ctx, row, random_tensor<double, 3>({2, 3, 11}, 1), extents<3>{2, 4, 11});
    CAPTURE(report.where);
    CHECK(report.worst <= 1e-6);
  });
}

TEST_CASE("an empty dx is left out, and the gradients of the parameters are the same") {
  ops::generic_context ctx;
  nn::conv2d<double> layer({2, 3, 3, 3, {1, 1, 1, 1}, true});
  nn::initialise<double>(layer, 1);
  nn::conv2d<double> other = layer;
  const auto x = random_tensor<double, 4>({2, 2, 5, 6}, 1);
  const auto dy = random_tensor<double, 4>({2, 3, 5, 6}, 2);
  cpu_tensor<double, 4> dx(x.extents());
  layer.backward(ctx, x, dy, dx);
  other.backward(ctx, x, dy, {});
  std::vector<double> a, b;
  const auto into = [](std::vector<double>& all) {
    return [&all](const std::string&, nn::parameter<double, cpu>& p) {
      all.insert(all.end(), p.flat_gradient().span().begin(), p.flat_gradient().span().end());
    };
  };
  layer.for_each_parameter(into(a));
  other.for_each_parameter(into(b));
  CHECK(a.size() == 3 * 2 * 9 + 3);
  CHECK(testing::same_bits(a, b));
}

TEST_CASE("the square kind keeps the size at stride 1 and halves it, rounding up, at stride 2") {
  CHECK(nn::conv2d<float>(1, 8, 7, 2).out_extents({2, 1, 145, 800}) == extents<4>{2, 8, 73, 400});
  CHECK(nn::conv2d<float>(8, 8, 3, 1).out_extents({2, 8, 73, 400}) == extents<4>{2, 8, 73, 400});
  CHECK(nn::conv2d<float>(8, 16, 3, 2).out_extents({2, 8, 37, 200}) == extents<4>{2, 16, 19, 100});
  CHECK(nn::conv2d<float>(8, 16, 1, 2).out_extents({2, 8, 37, 200}) == extents<4>{2, 16, 19, 100});
}
