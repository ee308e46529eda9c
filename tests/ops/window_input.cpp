// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/ops/window_input.hpp>

#include <cmath>
#include <vector>

using namespace vmt;

namespace {

/// Two windows of two frames of 4×6 bytes, of which 3×5 are wanted.
struct windows {
  cpu_tensor<std::uint8_t, 4> bytes{2, 2, 4, 6};
  std::vector<std::int32_t> rows = std::vector<std::int32_t>(12);
  cpu_tensor<float, 1> normals{20};
  cpu_tensor<float, 4> y{2, 2, 3, 5};

  windows() {
    for (index_t i = 0; i < bytes.size(); ++i) bytes.data_handle()[i] = static_cast<std::uint8_t>(2 * i);
    for (index_t i = 0; i < normals.size(); ++i) normals(i) = 0.5F * static_cast<float>(i % 7) - 1.5F;
    for (std::size_t r = 0; r < rows.size(); ++r) rows[r] = static_cast<std::int32_t>(r + 3);
  }
  void make(const std::vector<ops::window_crop>& crops) {
    ops::generic_context ctx;
    ops::window_input(ctx, bytes, crops, rows, normals.view(), y);
  }
};

}  // namespace

TEST_CASE("a window is a part of each frame, scaled and clamped, and comes in again behind its right edge") {
  windows w;
  w.make({{1, 4, 0.01F}, {0, 0, 1.0F / 255}});
  for (index_t f = 0; f < 2; ++f)
    for (index_t i = 0; i < 3; ++i)
      for (index_t j = 0; j < 5; ++j) {
        const float first = 0.01F * static_cast<float>(w.bytes(index_t{0}, f, i + 1, (4 + j) % 6));
        CHECK(w.y(index_t{0}, f, i, j) == std::min(first, 1.0F));
        CHECK(w.y(index_t{1}, f, i, j) == static_cast<float>(w.bytes(index_t{1}, f, i, j)) * (1.0F / 255));
      }
  CHECK(w.y(index_t{0}, index_t{1}, index_t{2}, index_t{0}) == doctest::Approx(0.92));
  w.make({{0, 0, 0.02F}, {}});
  CHECK(w.y(index_t{0}, index_t{1}, index_t{2}, index_t{4}) == 1.0F);
}

TEST_CASE("noise has a deviation that is a part of the window's mean, and each row its own place in the table") {
  windows w;
  w.make({{0, 0, 0.004F}, {0, 1, 0.004F, 0, 0.05}});
  double mean = 0;
  for (index_t f = 0; f < 2; ++f)
    for (index_t i = 0; i < 3; ++i)
      for (index_t j = 0; j < 5; ++j) mean += 0.004 * w.bytes(index_t{1}, f, i, j + 1) / 30;
  for (index_t f = 0; f < 2; ++f)
    for (index_t i = 0; i < 3; ++i)
      for (index_t j = 0; j < 5; ++j) {
        const double noise = 0.05 * mean * static_cast<double>(w.normals(6 + 3 * f + i + 3 + j));
        const double value = 0.004 * w.bytes(index_t{1}, f, i, j + 1) + noise;
        CHECK(w.y(index_t{1}, f, i, j) == doctest::Approx(std::min(value, 1.0)).epsilon(1e-5));
        CHECK(w.y(index_t{0}, f, i, j) == static_cast<float>(w.bytes(index_t{0}, f, i, j)) * 0.004F);
      }
}

TEST_CASE("parts that leave the frame and rows that leave the table are refused") {
  windows w;
  CHECK_THROWS_WITH_AS(w.make({{2, 0, 1}, {}}), "window_input: a part leaves the frame", error);
  CHECK_THROWS_AS(w.make({{0, 6, 1}, {}}), error);
  CHECK_THROWS_AS(w.make({{-1, 0, 1}, {}}), error);
  CHECK_THROWS_WITH_AS(w.make({{}}), "window_input: there must be a crop for each window and a place for each row",
                       error);
  w.rows[7] = 16;
  CHECK_NOTHROW(w.make({{}, {}}));
  CHECK_THROWS_WITH_AS(w.make({{}, {0, 0, 1, 0, 0.1}}), "window_input: a row of noise leaves its table", error);
}
