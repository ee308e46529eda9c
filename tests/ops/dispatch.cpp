// SPDX-License-Identifier: MIT
// A backend of a user's own: what it overloads is called, all else runs on the plain loops.
#include <doctest/doctest.h>

#include <vmt/ops/ops.hpp>

namespace my_backend {

struct context {
  using backend = vmt::cpu;
  int calls = 0;
};

template <class T>
void vmt_relu(context& ctx, vmt::const_view<T, 1> x, vmt::tensor_view<T, 1> y) {
  ++ctx.calls;
  for (vmt::index_t i = 0; i < x.size(); ++i) y(i) = x(i) < T(0) ? T(0) : x(i);
}

}  // namespace my_backend

using namespace vmt;

TEST_CASE("an overload beside the context is found, and what is missing falls back to the plain loops") {
  my_backend::context ctx;
  cpu_tensor<float, 3> x(1, 2, 2), y(1, 2, 2);
  x(0, 0, 0) = -1;
  x(0, 1, 1) = 3;
  ops::relu(ctx, x, y);
  CHECK(ctx.calls == 1);
  CHECK(y(0, 0, 0) == 0);
  CHECK(y(0, 1, 1) == 3);
  ops::add(ctx, x, y, y);
  CHECK(ctx.calls == 1);
  CHECK(y(0, 1, 1) == 6);
}

TEST_CASE("shapes are checked before a backend is called") {
  my_backend::context ctx;
  cpu_tensor<float, 1> x(3), y(4);
  CHECK_THROWS_AS(ops::relu(ctx, x, y), error);
  CHECK(ctx.calls == 0);
}
