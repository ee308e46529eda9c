// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/tensor/tensor.hpp>

#include <cstdint>
#include <limits>
#include <type_traits>

using namespace vmt;

static_assert(std::is_trivially_copyable_v<tensor_view<float, 4>>);
static_assert(std::is_convertible_v<tensor_view<float, 4>, const_view<float, 4>>);
static_assert(!std::is_convertible_v<const_view<float, 4>, tensor_view<float, 4>>);
static_assert(!std::is_convertible_v<tensor_view<float, 3>, tensor_view<float, 4>>);
static_assert(!std::is_convertible_v<tensor_view<double, 4>, const_view<float, 4>>);
static_assert(std::is_nothrow_move_constructible_v<cpu_tensor<float, 4>>);

TEST_CASE("a tensor starts with zeros, aligned, in row-major order") {
  cpu_tensor<float, 3> t(2, 3, 4);
  CHECK(t.size() == 24);
  for (const float v : t.span()) CHECK(v == 0.0F);
  CHECK(reinterpret_cast<std::uintptr_t>(t.data_handle()) % 64 == 0);
  t(1, 2, 3) = 5;
  CHECK(t.data_handle()[23] == 5.0F);
  CHECK(t.view().stride(0) == 12);
  CHECK(t.view().stride(2) == 1);
  CHECK(t[1](2, 3) == 5.0F);
  CHECK(t.view().slice(1, 1)(0, 2, 3) == 5.0F);
  CHECK(t.view().reshaped(extents<2>{6, 4})(5, 3) == 5.0F);
  CHECK_THROWS_WITH_AS((void)t.view().reshaped(extents<2>{5, 5}), "cannot view a tensor of sizes 2×3×4 as 5×5", error);
}

TEST_CASE("copies are deep, moves leave an empty tensor") {
  cpu_tensor<double, 1> a(3);
  a(0) = 1;
  cpu_tensor<double, 1> b = a;
  b(0) = 2;
  CHECK(a(0) == 1);
  const double* place = b.data_handle();
  const cpu_tensor<double, 1> c = std::move(b);
  CHECK(c.data_handle() == place);
  CHECK(c(0) == 2);
}

TEST_CASE("resizing keeps the memory for the same number of elements") {
  cpu_tensor<float, 2> t(4, 6);
  const float* place = t.data_handle();
  t.resize({3, 8});
  CHECK(t.data_handle() == place);
  CHECK(t.extent(1) == 8);
  t.resize({2, 2});
  CHECK(t.size() == 4);
}

TEST_CASE("sizes that do not fit into memory's index are refused") {
  constexpr index_t huge = std::numeric_limits<index_t>::max() / 2;
  CHECK_THROWS_AS((cpu_tensor<float, 2>(huge, 4)), error);
  CHECK_THROWS_AS((cpu_tensor<float, 2>(-1, 4)), error);
  CHECK_THROWS_AS((cpu_tensor<float, 1>(huge)), error);
}

TEST_CASE("an empty view has no elements") {
  const tensor_view<float, 2> none;
  CHECK(none.empty());
  CHECK(none.data_handle() == nullptr);
  const cpu_tensor<float, 2> zero(0, 5);
  CHECK(zero.size() == 0);
}
