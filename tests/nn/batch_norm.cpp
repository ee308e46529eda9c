// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <vmt/nn/nn.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("a batch norm layer equals PyTorch's in training, with PyTorch's epsilon and momentum", T, float,
                   double) {
  const golden g("batch_norm_train");
  CHECK(nn::batch_norm<T>::epsilon == g.number("eps"));
  CHECK(nn::batch_norm<T>::momentum == g.number("momentum"));
  for_each_context([&](auto& ctx) {
    nn::batch_norm<T> layer(4);
    g.fill_parameters<T>(layer);
    layer.for_each_buffer([&](const std::string& name, tensor_view<T, 1> b) {
      const auto before = g.numbers<T>(name + "_before");
      std::copy(before.begin(), before.end(), b.span().begin());
    });
    const auto x = g.tensor<T, 4>("x");
    auto y = unwritten<T>(x.extents()), dx = y;
    layer.forward_train(ctx, x, y);
    layer.backward(ctx, x, g.tensor<T, 4>("dy"), dx);
    check_golden<T>(g, "y", y);
    check_golden<T>(g, "dx", dx);
    check_golden<T>(g, "running_mean_after", layer.running_mean());
    check_golden<T>(g, "running_var_after", layer.running_var());
    layer.for_each_parameter(
        [&](const std::string& name, auto& p) { check_golden<T>(g, "d" + name, p.flat_gradient()); });
  });
}

TEST_CASE("the gradients of batch norm are right") {
  for_each_context([](auto& ctx) {
    for (const extents<4>& e : {extents<4>{3, 2, 4, 5}, extents<4>{5, 3, 1, 1}, extents<4>{1, 2, 3, 3}}) {
      nn::batch_norm<double> layer(e[1]);
      layer.for_each_parameter([&](const std::string& name, nn::parameter<double, cpu>& p) {
        for (double& v : p.flat_value().span()) v = name == "weight" ? 1.5 : 0.25;
      });
      const auto report = testing::check_layer(ctx, layer, random_tensor<double>(e, 1, -1, 3), e);
      CAPTURE(report.where);
      CHECK(report.worst <= 1e-6);
    }
  });
}

TEST_CASE("a new layer changes nothing but by epsilon, and inference does not move the statistics") {
  const auto x = random_tensor<double, 4>({2, 3, 4, 5}, 1);
  for_each_context([&](auto& ctx) {
    nn::batch_norm<double> layer(3);
    cpu_tensor<double, 4> y(x.extents());
    layer.forward(ctx, x, y);
    CHECK(testing::max_abs_difference(y, x) <= 1e-5);
    CHECK(testing::max_abs_difference(layer.running_mean(), std::vector<double>(3, 0.0)) == 0);
    CHECK(testing::max_abs_difference(layer.running_var(), std::vector<double>(3, 1.0)) == 0);
    // Training on the same batch many times leads the running statistics to those of the batch.
    cpu_tensor<double, 4> trained(x.extents());
    for (int i = 0; i < 400; ++i) layer.forward_train(ctx, x, trained);
    layer.forward(ctx, x, y);
    CHECK(testing::max_abs_difference(y, trained) <= 0.03);  // what remains: variance by n − 1 instead of n
    for (double& v : y.span()) v *= std::sqrt(40.0 / 39.0);
    CHECK(testing::max_abs_difference(y, trained) <= 1e-5);
  });
}
