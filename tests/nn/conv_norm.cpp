// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"

#include <vmt/nn/nn.hpp>
#include <vmt/testing/compare.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

namespace {

// With the members that `testing::check_layer` calls, and room for `conv_norm`.
struct checked {
  nn::conv_norm<double>& layer;
  template <class Context>
  void forward_train(Context& ctx, const_view<double, 4> x, tensor_view<double, 4> y) {
    layer.forward_train(ctx, x, y);
  }
  template <class Context>
  void backward(Context& ctx, const_view<double, 4> x, const_view<double, 4> /*y*/, const_view<double, 4> dy,
                tensor_view<double, 4> dx) {
    cpu_tensor<double, 4> room(dy.extents());
    layer.backward(ctx, x, dy, room, dx);
  }
  template <class F>
  void for_each_parameter(F&& f) {
    layer.for_each_parameter(f);
  }
};

}  // namespace

TEST_CASE("convolution, batch norm and ReLU in one layer are the three, and their gradient is right") {
  cpu_context ctx({.threads = 1});
  nn::conv_norm<double> layer({2, 3, 3, 3, {2, 1, 1, 1}, false});
  std::vector<std::string> names;
  layer.for_each_parameter([&](const std::string& name, nn::parameter<double, cpu>& p) {
    names.push_back(name);
    if (name == "conv.weight") nn::uniform_fan_in(p, 18, rng(3));
  });
  CHECK(names == std::vector<std::string>{"conv.weight", "bn.weight", "bn.bias"});
  const auto x = random_tensor<double, 4>({2, 2, 7, 5}, 1);
  const extents<4> e = layer.out_extents(x.extents());
  CHECK(e == extents<4>{2, 3, 4, 5});
  checked c{layer};
  CHECK(testing::check_layer(ctx, c, x, e, {.step = 1e-6}).worst <= 1e-6);
  auto y = unwritten<double>(e), expected = y;
  layer.forward(ctx, x, y);
  ops::conv2d(ctx, x, layer.conv().weight(), {}, expected, layer.conv().params());
  layer.bn().forward(ctx, expected, expected);
  ops::relu(ctx, expected, expected);
  CHECK(testing::same_bits(y, expected));
}
