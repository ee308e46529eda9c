// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"

#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

namespace {

std::vector<ops::column_place> places_of(const golden& g) {
  const auto centres = g.tensor<double, 2>("centres");
  std::vector<ops::column_place> places;
  for (index_t s = 0; s < centres.extent(0); ++s)
    for (index_t k = 0; k < centres.extent(1); ++k) places.push_back({s, centres(s, k)});
  return places;
}

}  // namespace

TEST_CASE_TEMPLATE("windows of columns equal PyTorch's, beside the map and between columns too", T, float, double) {
  const golden g("sample_columns");
  const auto places = places_of(g);
  const auto x = g.tensor<T, 3>("x");
  const auto dy = g.tensor<T, 4>("dy");
  for_each_context([&](auto& ctx) {
    auto y = unwritten<T>(dy.extents());
    cpu_tensor<T, 3> dx(x.extents());
    ops::sample_columns(ctx, x, places, y);
    ops::sample_columns_backward(ctx, dy, places, dx);
    check_golden<T>(g, "y", y);
    check_golden<T>(g, "dx", dx);
    ops::sample_columns_backward(ctx, dy, places, dx);  // added to
    for (T& v : dx.span()) v /= T(2);
    check_golden<T>(g, "dx", dx);
  });
}

TEST_CASE("the gradient of sampled columns is that of central differences") {
  ops::generic_context ctx;
  const std::vector<ops::column_place> places = {{0, 2.25}, {1, -1.5}, {1, 6.75}, {0, 4}};
  auto x = random_tensor<double, 3>({4, 2, 7}, 1);
  const auto g = random_tensor<double, 4>({2, 3, 4, 2}, 2);
  cpu_tensor<double, 4> y(g.extents());
  cpu_tensor<double, 3> dx(x.extents());
  ops::sample_columns_backward(ctx, g, places, dx);
  const auto loss = [&] {
    ops::sample_columns(ctx, x, places, y);
    double sum = 0;
    for (std::size_t i = 0; i < y.span().size(); ++i) sum += y.span()[i] * g.span()[i];
    return sum;
  };
  const auto report = testing::check_gradient(x.span(), dx.span(), loss, {.max_elements = 56});
  CHECK(report.checked == 56);
  CHECK(report.worst <= 1e-7);
}

TEST_CASE("a whole place gives the column itself, a half one the mean, and all frames of its sample are read") {
  for_each_context([](auto& ctx) {
    cpu_tensor<float, 3> x(6, 1, 5);  // two samples of three frames; the value says where it lies
    for (index_t n = 0; n < 6; ++n)
      for (index_t w = 0; w < 5; ++w) x(n, 0, w) = static_cast<float>(10 * n + w);
    const std::vector<ops::column_place> places = {{1, 2}, {0, 0.5}};
    auto y = unwritten<float>(extents<4>{1, 3, 2, 3});
    ops::sample_columns(ctx, x, places, y);
    for (index_t t = 0; t < 3; ++t) {
      const auto first = static_cast<float>(10 * (3 + t));
      CHECK((y(0, 0, 0, t) == first + 1 && y(0, 1, 0, t) == first + 2 && y(0, 2, 0, t) == first + 3));
      const auto second = static_cast<float>(10 * t);
      CHECK((y(0, 0, 1, t) == second && y(0, 1, 1, t) == second + 0.5F && y(0, 2, 1, t) == second + 1.5F));
    }
  });
}

TEST_CASE("windows, places and sizes that do not fit are refused") {
  ops::generic_context ctx;
  cpu_tensor<float, 3> x(4, 2, 7);
  cpu_tensor<float, 4> y(2, 3, 1, 2), even(2, 4, 1, 2), other(3, 3, 1, 2);
  using places = std::vector<ops::column_place>;
  CHECK_NOTHROW(ops::sample_columns(ctx, x, places{{1, 0}}, y));
  CHECK_THROWS_WITH_AS(ops::sample_columns(ctx, x, places{{1, 0}}, other),
                       "sample_columns: row output has sizes 3×3×1×2, expected 2×3×1×2", error);
  CHECK_THROWS_AS(ops::sample_columns(ctx, x, places{{1, 0}}, even), error);
  CHECK_THROWS_AS(ops::sample_columns(ctx, x, places{{2, 0}}, y), error);
  CHECK_THROWS_AS(ops::sample_columns(ctx, x, places{{-1, 0}}, y), error);
  CHECK_THROWS_AS(ops::sample_columns(ctx, x, places{{0, std::numeric_limits<double>::infinity()}}, y), error);
  CHECK_THROWS_AS(ops::sample_columns(ctx, x, places{{0, 0}, {0, 0}}, y), error);
  CHECK_THROWS_AS(ops::sample_columns_backward(ctx, y, places{{2, 0}}, x), error);
}
