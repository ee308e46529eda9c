// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/backend/cuda/gpu.hpp>
#include <vmt/backend/cuda/simulated.hpp>

#include "support/op_cases.hpp"

using namespace vmt;
using vmt_test::case_tensor;
using vmt_test::joined;
using vmt_test::there;

TEST_CASE("a row-major product in the words of BLAS is the same product") {
  simulated_runtime runtime;
  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true})
      for (const bool accumulate : {false, true}) {
        constexpr index_t m = 3, n = 5, k = 4, batch = 2;
        const auto a = case_tensor<double>(extents<3>{batch, transpose_a ? k : m, transpose_a ? m : k}, 1);
        const auto b = case_tensor<double>(extents<3>{batch, transpose_b ? n : k, transpose_b ? k : n}, 2);
        auto c = case_tensor<double>(extents<3>{batch, m, n}, 3);
        const auto before = c;
        runtime.multiply(gpu::column_major(gpu::matrix_product<double>{.m = m,
                                                                       .n = n,
                                                                       .k = k,
                                                                       .a = a.data_handle(),
                                                                       .transpose_a = transpose_a,
                                                                       .b = b.data_handle(),
                                                                       .transpose_b = transpose_b,
                                                                       .c = c.data_handle(),
                                                                       .accumulate = accumulate,
                                                                       .batch = batch,
                                                                       .stride_a = m * k,
                                                                       .stride_b = k * n,
                                                                       .stride_c = m * n}),
                         gpu::precision::f32);
        for (index_t z = 0; z < batch; ++z)
          for (index_t i = 0; i < m; ++i)
            for (index_t j = 0; j < n; ++j) {
              double sum = accumulate ? before(z, i, j) : 0;
              for (index_t l = 0; l < k; ++l) {
                sum += (transpose_a ? a(z, l, i) : a(z, i, l)) * (transpose_b ? b(z, j, l) : b(z, l, j));
              }
              CHECK(c(z, i, j) == doctest::Approx(sum).epsilon(1e-14));
            }
      }
}

TEST_CASE("a second run with the same sizes allocates no device memory") {
  simulated_context ctx;
  const auto x = there(ctx, case_tensor<float>(extents<4>{2, 16, 20, 20}, 1));
  const auto w = there(ctx, case_tensor<float>(extents<4>{16, 16, 3, 3}, 2));
  auto y = there(ctx, case_tensor<float>(extents<4>{2, 16, 20, 20}, 3));
  auto dw = there(ctx, case_tensor<float>(extents<4>{16, 16, 3, 3}, 2));
  const auto work = [&] {
    ops::conv2d(ctx, x, w, {}, y, {1, 1, 1, 1});
    ops::conv2d_backward_weight(ctx, x, y, dw, {1, 1, 1, 1});
  };
  work();
  const index_t held = ctx.scratch().capacity();
  CHECK(held > 0);
  for (int i = 0; i < 3; ++i) work();
  CHECK(ctx.scratch().capacity() == held);
}

TEST_CASE("the parts of a product add up, and small products are not cut") {
  simulated_context ctx;
  ctx.runtime().remember(true);
  const auto x = there(ctx, case_tensor<float>(extents<4>{1, 64, 5, 5}, 1));
  const auto w = there(ctx, case_tensor<float>(extents<4>{64, 64, 3, 3}, 2));
  auto y = there(ctx, case_tensor<float>(extents<4>{1, 64, 5, 5}, 3));
  ops::conv2d(ctx, x, w, {}, y, {1, 1, 1, 1});
  REQUIRE(ctx.runtime().events().size() == 3);
  CHECK(ctx.runtime().events()[0].name == "arrange_weight");
  CHECK(ctx.runtime().events()[1].shape.blocks_z > 1);
  CHECK(ctx.runtime().events()[2].name == "combine_parts");
  ctx.runtime().forget();
  const auto large = there(ctx, case_tensor<float>(extents<4>{8, 4, 70, 70}, 1));
  const auto thin = there(ctx, case_tensor<float>(extents<4>{8, 4, 3, 3}, 2));
  auto out = there(ctx, case_tensor<float>(extents<4>{8, 8, 70, 70}, 3));
  ops::conv2d(ctx, large, thin, {}, out, {1, 1, 1, 1});
  REQUIRE(ctx.runtime().events().size() == 1);
  CHECK(ctx.runtime().events()[0].shape == gpu::launch_shape{307, 1, 1, 128, 33792});
}

TEST_CASE("what was captured runs when it is replayed, on what the memory then holds") {
  simulated_context ctx;
  auto x = there(ctx, case_tensor<float>(extents<1>{9}, 1));
  auto y = there(ctx, case_tensor<float>(extents<1>{9}, 2));
  auto graph = ctx.capture([&] { ops::add(ctx, x, x, y); });
  CHECK(joined<float>(y)[3] != 2 * joined<float>(x)[3]);
  ctx.replay(graph);
  CHECK(joined<float>(y)[3] == 2 * joined<float>(x)[3]);
  ops::fill(ctx, x, 7.0F);
  ctx.replay(graph);
  CHECK(joined<float>(y)[3] == 14.0F);
  CHECK_THROWS_AS(static_cast<void>(ctx.capture([&] { ctx.synchronise(); })), error);
  CHECK_NOTHROW(ctx.synchronise());
}

TEST_CASE("contexts refuse what a device cannot do") {
  simulated_runtime old;
  gpu::device_limits turing;
  turing.capability = 75;
  old.set_limits(turing);
  CHECK_THROWS_WITH_AS(simulated_context({.precision = gpu::precision::bf16}, old),
                       "products in bf16 need compute capability 8.0, the device has 7.5", error);
  CHECK_NOTHROW(simulated_context({}, old));
  simulated_context ctx;
  float one = 0;
  CHECK_THROWS_AS(static_cast<void>(ctx.out(&one, index_t{1} << 31)), error);
}
