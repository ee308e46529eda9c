// SPDX-License-Identifier: MIT
#include "support/contexts.hpp"

#include <vmt/ops/gradients.hpp>

using namespace vmt;

TEST_CASE("the norm of a gradient is Euclidean, and one bad number makes it unsound") {
  vmt_test::for_each_context([](auto& ctx) {
    cpu_tensor<float, 1> g(3);
    g(0) = 3;
    g(2) = -4;
    const ops::gradient_size size = ops::gradient_norm(ctx, g.view(), 1e18);
    CHECK(size.norm == 5.0);
    CHECK(size.sound);
    CHECK(!ops::gradient_norm(ctx, g.view(), 4.0).sound);
    CHECK(ops::gradient_norm(ctx, g.view(), 4.1).sound);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
      g(1) = bad;
      CHECK(!ops::gradient_norm(ctx, g.view(), 1e18).sound);
    }
    CHECK(ops::gradient_norm(ctx, tensor_view<float, 1>{}, 1.0).norm == 0.0);
  });
}

TEST_CASE("scaling multiplies every number") {
  vmt_test::for_each_context([](auto& ctx) {
    auto g = vmt_test::random_tensor<double>(extents<1>{40}, 1);
    const auto before = g;
    ops::scale(ctx, g.view(), 0.5);
    bool halved = true;
    for (index_t i = 0; i < g.size(); ++i) halved = halved && g(i) == before(i) / 2;
    CHECK(halved);
  });
}
