// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <vmt/nn/nn.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

namespace {
constexpr nn::aggregation_kind kinds[] = {nn::aggregation_kind::channelwise, nn::aggregation_kind::dense};
}

TEST_CASE_TEMPLATE("both kinds of aggregation and their gradients equal PyTorch's Conv3d", T, float, double) {
  for (const nn::aggregation_kind kind : kinds) {
    const golden g(kind == nn::aggregation_kind::dense ? "aggregation_dense" : "aggregation_channelwise");
    for_each_context([&](auto& ctx) {
      nn::aggregation<T> layer(3, g.integer("frames"), kind);
      g.fill_parameters<T>(layer);
      const auto x = g.tensor<T, 5>("x");
      const auto dy = g.tensor<T, 4>("dy");
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
}

TEST_CASE("a new aggregation is the mean over the frames, of each channel alone") {
  const auto x = random_tensor<double, 5>({2, 7, 3, 4, 5}, 1);
  for_each_context([&](auto& ctx) {
    for (const nn::aggregation_kind kind : kinds) {
      const nn::aggregation<double> layer(3, 7, kind);
      auto y = unwritten<double>(extents<4>{2, 3, 4, 5});
      layer.forward(ctx, x, y);
      double worst = 0;
      for (index_t n = 0; n < 2; ++n)
        for (index_t c = 0; c < 3; ++c)
          for (index_t i = 0; i < 20; ++i) {
            double mean = 0;
            for (index_t f = 0; f < 7; ++f) mean += x(n, f, c, i / 5, i % 5) / 7;
            worst = std::max(worst, std::abs(y(n, c, i / 5, i % 5) - mean));
          }
      CHECK(worst <= 1e-15);
    }
  });
}

TEST_CASE("the gradients of aggregation are right, and are added to") {
  for_each_context([](auto& ctx) {
    for (const nn::aggregation_kind kind : kinds) {
      nn::aggregation<double> layer(3, 5, kind);
      layer.for_each_parameter([](const std::string&, nn::parameter<double, cpu>& p) {
        rng r(2);
        for (double& v : p.flat_value().span()) v = r.uniform(-1, 1);
      });
      const auto x = random_tensor<double, 5>({2, 5, 3, 3, 4}, 1);
      const auto report = testing::check_layer(ctx, layer, x, extents<4>{2, 3, 3, 4});
      CAPTURE(report.where);
      CHECK(report.worst <= 1e-6);
      const auto dy = random_tensor<double, 4>({2, 3, 3, 4}, 2);
      cpu_tensor<double, 5> dx(x.extents());
      layer.for_each_parameter([&](const std::string&, nn::parameter<double, cpu>& p) {
        ops::fill(ctx, p.flat_gradient(), 0.0);
        layer.backward(ctx, x, dy, dx);
        auto once = std::vector<double>(p.flat_gradient().span().begin(), p.flat_gradient().span().end());
        layer.backward(ctx, x, dy, dx);
        for (double& v : once) v *= 2;
        CHECK(testing::normalised_difference(p.flat_gradient(), once) <= 1e-14);
      });
    }
  });
}
