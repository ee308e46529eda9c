// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <vmt/nn/nn.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

TEST_CASE_TEMPLATE("residual blocks equal PyTorch's: output, all gradients, running statistics", T, float, double) {
  for (const char* name : {"basic_block", "basic_block_downsample"}) {
    const golden g(name);
    for_each_context([&](auto& ctx) {
      const auto x = g.tensor<T, 4>("x");
      const auto dy = g.tensor<T, 4>("dy");
      nn::basic_block<T> block(x.extent(1), dy.extent(1), g.integer("stride"));
      REQUIRE(block.out_extents(x.extents()) == dy.extents());
      g.fill_parameters<T>(block);
      block.for_each_buffer([&](const std::string& buffer, tensor_view<T, 1> b) {
        const auto before = g.numbers<T>(buffer + "_before");
        std::copy(before.begin(), before.end(), b.span().begin());
      });
      auto y = unwritten<T>(dy.extents());
      auto dx = unwritten<T>(x.extents());
      block.forward_train(ctx, x, y);
      block.backward(ctx, x, y, dy, dx);
      const double tolerance = std::is_same_v<T, float> ? 1e-5 : 1e-12;  // two normalisations one behind the other
      check_golden<T>(g, "y", y, tolerance);
      check_golden<T>(g, "dx", dx, tolerance);
      block.for_each_parameter([&](const std::string& parameter, auto& p) {
        check_golden<T>(g, "d" + parameter, p.flat_gradient(), tolerance);
      });
      block.for_each_buffer(
          [&](const std::string& buffer, tensor_view<T, 1> b) { check_golden<T>(g, buffer + "_after", b, tolerance); });
    });
  }
}

TEST_CASE("the gradients of blocks and of stages are right") {
  for_each_context([](auto& ctx) {
    const auto x = random_tensor<double, 4>({2, 3, 6, 5}, 1);
    for (const index_t stride : {1, 2})
      for (const index_t channels : {3, 4}) {
        nn::basic_block<double> block(3, channels, stride);
        nn::initialise<double>(block, 1);
        const auto report =
            testing::check_layer(ctx, block, x, block.out_extents(x.extents()), {.step = 1e-6, .max_elements = 12});
        CAPTURE(report.where);
        CHECK(report.worst <= 1e-6);
      }
    nn::residual_stage<double> stage(3, 4, 2);
    nn::initialise<double>(stage, 1);
    const auto report =
        testing::check_layer(ctx, stage, x, stage.out_extents(x.extents()), {.step = 1e-6, .max_elements = 6});
    CAPTURE(report.where);
    CHECK(report.worst <= 1e-6);
  });
}

TEST_CASE("only a block that changes the shape has a shortcut convolution; names are torchvision's") {
  const auto names = [](index_t in, index_t out, index_t stride) {
    nn::basic_block<float> block(in, out, stride);
    std::string all;
    block.for_each_parameter([&](const std::string& name, auto&) { all += name + " "; }, "layer1.0.");
    return all;
  };
  const std::string plain =
      "layer1.0.conv1.weight layer1.0.bn1.weight layer1.0.bn1.bias "
      "layer1.0.conv2.weight layer1.0.bn2.weight layer1.0.bn2.bias ";
  const std::string shortcut = "layer1.0.downsample.0.weight layer1.0.downsample.1.weight layer1.0.downsample.1.bias ";
  CHECK(names(4, 4, 1) == plain);
  CHECK(names(4, 8, 1) == plain + shortcut);
  CHECK(names(4, 4, 2) == plain + shortcut);
}

TEST_CASE("inference with the statistics of a batch repeats its training output, but for the unbiased variance") {
  const auto x = random_tensor<double, 4>({4, 3, 12, 11}, 1);
  for_each_context([&](auto& ctx) {
    nn::basic_block<double> block(3, 5, 2);
    nn::initialise<double>(block, 1);
    cpu_tensor<double, 4> trained(4, 5, 6, 6), y(4, 5, 6, 6);
    for (int i = 0; i < 400; ++i) block.forward_train(ctx, x, trained);
    block.forward(ctx, x, y);
    CHECK(testing::normalised_difference(y, trained) <= 0.02);
    CHECK(testing::normalised_difference(y, trained) > 0);
  });
}
