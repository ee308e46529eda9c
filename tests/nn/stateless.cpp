// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"

#include <vmt/nn/nn.hpp>
#include <vmt/testing/compare.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

TEST_CASE("the gradients of the layers without parameters are right") {
  for_each_context([](auto& ctx) {
    const auto check = [&](auto layer, const auto& x, const auto& y_extents) {
      const auto report = testing::check_layer(ctx, layer, x, y_extents, {.max_elements = 1000});
      CAPTURE(report.where);
      CHECK(report.checked == x.size());
      CHECK(report.worst <= 1e-6);
    };
    const auto x = random_away_from_zero<double, 4>({2, 3, 8, 9}, 1);
    check(nn::relu<double>{}, x, x.extents());
    check(nn::sigmoid<double>{}, x, x.extents());
    check(nn::relu<double>{}, random_away_from_zero<double, 2>({5, 7}, 2), extents<2>{5, 7});
    // Values at least 1/432 apart: no step of 1e-5 changes which is largest.
    const auto distinct = random_distinct<double, 4>({2, 3, 8, 9}, 3);
    for (const ops::pool2d_params p : {ops::pool2d_params{3, 2, 1}, {2, 2, 0}, {3, 1, 1}}) {
      const nn::max_pool2d<double> pool(p);
      check(pool, distinct, pool.out_extents(distinct.extents()));
      check(nn::avg_pool2d<double>{p}, distinct, pool.out_extents(distinct.extents()));
    }
    for (const index_t to : {1, 5, 12, 30}) {
      check(nn::resample_linear<double>{}, random_tensor<double, 3>({2, 3, 12}, 4), extents<3>{2, 3, to});
    }
  });
}

TEST_CASE("max-pool gives the same in inference and training, and halves rounding up") {
  const nn::max_pool2d<float> made;
  CHECK(made.out_extents({1, 64, 73, 400}) == extents<4>{1, 64, 37, 200});
  const auto x = random_tensor<float, 4>({2, 3, 9, 10}, 1);
  for_each_context([&](auto& ctx) {
    nn::max_pool2d<float> pool;
    cpu_tensor<float, 4> a(pool.out_extents(x.extents())), b(a.extents());
    pool.forward(ctx, x, a);
    pool.forward_train(ctx, x, b);
    CHECK(testing::same_bits(a, b));
  });
}
