// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/nn/map_room.hpp>

#include <cstdint>

using namespace vmt;

TEST_CASE("room for a map keeps the numbers while the sizes stay, and takes any element") {
  nn::map_room<cpu> room;
  const auto y = room.resize<float>({1, 2, 3, 4});
  CHECK(y.extents() == extents<4>{1, 2, 3, 4});
  for (const float v : y.span()) CHECK(v == 0.0F);
  y(0, 1, 2, 3) = 5.0F;
  CHECK(room.view<float>()(0, 1, 2, 3) == 5.0F);
  const auto reshaped = room.resize<float>({2, 1, 3, 4});
  CHECK(reshaped.data_handle() == y.data_handle());
  CHECK(reshaped(1, 0, 2, 3) == 5.0F);
  const auto wider = room.resize<double>({1, 2, 3, 4});
  for (const double v : wider.span()) CHECK(v == 0.0);
  const nn::map_room<cpu> copy = room;
  wider(0, 0, 0, 0) = 7.0;
  nn::map_room<cpu> moved = copy;
  CHECK(moved.view<double>()(0, 0, 0, 0) == 0.0);
}

TEST_CASE("a map that was kept in one width cannot be asked for in another") {
  nn::map_room<cpu> room;
  CHECK(room.view<float>().empty());
  static_cast<void>(room.resize<float>({1, 1, 1, 2}));
  CHECK_THROWS_WITH_AS(static_cast<void>(room.view<std::uint16_t>()),
                       doctest::Contains("forward_train and backward need contexts of one precision"), error);
}
