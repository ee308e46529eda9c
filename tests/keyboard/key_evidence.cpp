// SPDX-License-Identifier: MIT
#include <vmt/keyboard/key_evidence.hpp>

#include <doctest/doctest.h>

using namespace vmt::keyboard;

namespace {

constexpr vmt::index_t evidence_width = 900, evidence_height = 160;

/// Twenty-one white keys, three octaves from a C, 40 pixels wide, with cracks that are `depth` gray levels darker.
/// `bars`: a dark bar at every crack, as of hammers, instead of twos and threes.
vmt::frame drawn_keys(int depth, bool bars = false) {
  vmt::frame f;
  f.resize(evidence_width, evidence_height);
  for (vmt::index_t y = 0; y < evidence_height; ++y) {
    for (vmt::index_t x = 0; x < evidence_width; ++x) {
      const double board = (static_cast<double>(x) + 0.5 - 30) / 40;
      int gray = 60;
      if (board > 0 && board < 21 && y >= 20 && y < 140) {
        const double nearest = std::round(board);
        gray = std::abs(board - nearest) < 0.03 ? 220 - depth : 220;
        const int k = first_black_from(static_cast<int>(nearest));
        const bool black = bars || black_crack(k) == static_cast<int>(nearest);
        const double centre = bars ? nearest : black_centre(k);
        if (black && nearest > 0 && nearest < 21 && y < 96 && std::abs(board - centre) < 0.285) gray = 30;
      }
      f.row(y)[x] = static_cast<std::uint8_t>(gray);
    }
  }
  return f;
}

board_view straight_view() {
  board_view view(evidence_width, evidence_height, 10.5);
  const double pixel = 1 / view.unit();
  view.values[0] = 40 * 26 * pixel;
  view.values[4] = 120 * pixel;
  view.values[5] = -60 * pixel;
  return view;
}

}  // namespace

TEST_CASE("faint cracks are seen together, and not where there are none") {
  const vmt::frame faint = drawn_keys(2);
  const gray_sampler picture(faint);
  CHECK(key_evidence::crack_deviate(picture, straight_view(), 0, 20) > 4);
  const vmt::frame none = drawn_keys(0);
  CHECK(key_evidence::crack_deviate(gray_sampler(none), straight_view(), 0, 20) < 0);
}

TEST_CASE("between E and F it is bright on a keyboard, and dark in a row of hammers") {
  for (const bool bars : {false, true}) {
    const vmt::frame f = drawn_keys(60, bars);
    const gray_sampler picture(f);
    const board_view view = straight_view();
    const key_evidence seen(picture, view, 0, 20);
    CHECK(seen.dark_gap(picture, view, 10) == doctest::Approx(bars ? 1 : 0));
    CHECK(seen.dark_gap(picture, view, 14) == doctest::Approx(bars ? 1 : 0));
  }
}

TEST_CASE("black keys that throw a shadow to one side are seen") {
  vmt::frame f = drawn_keys(60);
  for (vmt::index_t y = 20; y < 96; ++y) {
    for (vmt::index_t x = evidence_width - 1; x > 8; --x) {
      const bool key = f.row(y)[x - 8] == 30, white = f.row(y)[x] > 100;
      if (key && white) f.row(y)[x] = 50;
    }
  }
  const gray_sampler picture(f);
  const key_evidence seen(picture, straight_view(), 0, 20);
  int there = 0;
  for (int k = 0; k < 15; ++k) there += seen.black(k) > 0.5 ? 1 : 0;
  CHECK(there == 15);
}
