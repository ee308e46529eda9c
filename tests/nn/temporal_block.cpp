// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <vmt/nn/nn.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

namespace {

// N×C×L of the file as 1×C×N×L: the block takes rows side by side.
template <class T>
cpu_tensor<T, 4> side_by_side(const cpu_tensor<T, 3>& x) {
  cpu_tensor<T, 4> y(1, x.extent(1), x.extent(0), x.extent(2));
  for (index_t n = 0; n < x.extent(0); ++n)
    for (index_t c = 0; c < x.extent(1); ++c)
      for (index_t l = 0; l < x.extent(2); ++l) y(0, c, n, l) = x(n, c, l);
  return y;
}

}  // namespace

TEST_CASE_TEMPLATE("a dilated convolution, symmetric or causal, equals PyTorch's", T, float, double) {
  for (const char* name : {"conv1d_k3_d2", "conv1d_k3_d2_causal"}) {
    const golden g(name);
    const auto x = g.tensor<T, 3>("x");
    const auto dy = g.tensor<T, 3>("dy");
    for_each_context([&](auto& ctx) {
      nn::conv1d<T> layer(nn::conv1d_options{3, 4, 3, g.integer("dilation"), g.integer("causal") == 1, false});
      g.fill_parameters<T>(layer);
      auto y = unwritten<T>(dy.extents());
      auto dx = unwritten<T>(x.extents());
      layer.forward(ctx, x, y);
      layer.backward(ctx, x, dy, dx);
      check_golden<T>(g, "y", y);
      check_golden<T>(g, "dx", dx);
      layer.for_each_parameter([&](const std::string& p, auto& v) { check_golden<T>(g, "d" + p, v.flat_gradient()); });
    });
  }
}

TEST_CASE_TEMPLATE("a residual temporal block equals PyTorch's in training mode", T, float, double) {
  for (const char* name : {"temporal_block", "temporal_block_causal"}) {
    const golden g(name);
    const auto x = side_by_side(g.tensor<T, 3>("x"));
    const auto dy = side_by_side(g.tensor<T, 3>("dy"));
    for_each_context([&](auto& ctx) {
      nn::temporal_block<T> layer(4, g.integer("dilation"), g.integer("causal") == 1);
      g.fill_parameters<T>(layer);
      layer.for_each_buffer([&](const std::string& buffer, tensor_view<T, 1> b) {
        const auto before = g.numbers<T>(buffer + "_before");
        std::copy(before.begin(), before.end(), b.span().begin());
      });
      auto y = unwritten<T>(x.extents()), dx = y;
      layer.forward_train(ctx, x, y);
      layer.backward(ctx, x, dy, dx);
      const double tolerance = std::is_same_v<T, float> ? 1e-5 : 1e-12;
      CHECK(testing::normalised_difference(y, side_by_side(g.tensor<double, 3>("y"))) <= tolerance);
      CHECK(testing::normalised_difference(dx, side_by_side(g.tensor<double, 3>("dx"))) <= tolerance);
      layer.for_each_parameter(
          [&](const std::string& p, auto& v) { check_golden<T>(g, "d" + p, v.flat_gradient(), tolerance); });
      layer.for_each_buffer(
          [&](const std::string& b, tensor_view<T, 1> v) { check_golden<T>(g, b + "_after", v, tolerance); });
    });
  }
}

TEST_CASE("the gradients of a temporal block are those of central differences, and it says how far it sees") {
  cpu_context ctx({.threads = 1});
  for (const bool causal : {false, true}) {
    nn::temporal_block<double> layer(3, 2, causal);
    CHECK(layer.ahead() == (causal ? 0 : 2));
    CHECK(layer.back() == (causal ? 4 : 2));
    layer.for_each_parameter([](const std::string& name, nn::parameter<double, cpu>& p) {
      if (name == "conv.weight") nn::uniform_fan_in(p, 9, rng(3));
    });
    const auto x = random_tensor<double, 4>({1, 3, 4, 7}, 1);
    CHECK(testing::check_layer(ctx, layer, x, x.extents(), {.step = 1e-6}).worst <= 1e-6);
  }
}
