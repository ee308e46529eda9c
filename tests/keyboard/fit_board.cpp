// SPDX-License-Identifier: MIT
#include <vmt/keyboard/fit_board.hpp>

#include <doctest/doctest.h>
#include <support/keyboard_pictures.hpp>

using namespace vmt::keyboard;

namespace {

/// A keyboard of 88 keys in perspective, 50 white pitches wide in the picture.
keyboard slanted() {
  keyboard k;
  k.image_width = 960;
  k.image_height = 540;
  k.corners = {{{60, 200}, {900, 170}, {930, 290}, {40, 310}}};
  k.lens = -0.04;
  return k;
}

/// The view of a keyboard whose white key 0 is the first: what a fit should come to.
board_view view_of(const keyboard& k) {
  board_view view(k.image_width, k.image_height, 26);
  const radial_lens lens(k.lens, k.image_width, k.image_height);
  auto corners = k.corners;
  for (point& p : corners) p = lens.undistort(p);
  least_squares<8> equations;
  for (std::size_t i = 0; i < 4; ++i) {
    const double x = i == 0 || i == 3 ? -1 : 1;
    const double y = i < 2 ? 0 : 1;
    const double u = (corners[i].x - view.centre().x) / view.unit();
    const double v = (corners[i].y - view.centre().y) / view.unit();
    equations.add({x, y, 1, 0, 0, 0, -x * u, -y * u}, u);
    equations.add({0, 0, 0, x, y, 1, -x * v, -y * v}, v);
  }
  std::array<double, 8> h{};
  REQUIRE(equations.solve(h));
  std::copy(h.begin(), h.end(), view.values.begin());
  view.values[board_view::lens] = k.lens;
  return view;
}

}  // namespace

TEST_CASE("a view shows the corners of its keyboard where they are") {
  const keyboard k = slanted();
  const board_view view = view_of(k);
  const std::array<point, 4> seen{view(0, 0), view(52, 0), view(52, 1), view(0, 1)};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(seen[i].x == doctest::Approx(k.corners[i].x).epsilon(1e-6));
    CHECK(seen[i].y == doctest::Approx(k.corners[i].y).epsilon(1e-6));
  }
  CHECK(view.sees(26, 0.5));
  CHECK(view.pitch(26, 1) > view.pitch(26, 0));  // the front is nearer
}

TEST_CASE("tops of black keys move away from the camera, and the far edge is that of the foot") {
  board_view view(960, 540, 26);
  view.values[board_view::raise] = 0.02;
  const double half = view.values[board_view::foot];
  const int far_left = first_black_from(2);
  const int far_right = first_black_from(50);
  CHECK(view.raised(black_centre(far_left)) < black_centre(far_left));
  CHECK(view.raised(black_centre(far_right)) > black_centre(far_right));
  CHECK(view.black_right(far_left) == doctest::Approx(black_centre(far_left) + half));
  CHECK(view.black_left(far_left) < black_centre(far_left) - half);
  CHECK(view.black_left(far_right) == doctest::Approx(black_centre(far_right) - half));
  CHECK(view.black_right(far_right) > black_centre(far_right) + half);
}

TEST_CASE("white keys move, and the tops of black keys stay") {
  const keyboard k = slanted();
  board_view view = view_of(k);
  view.values[board_view::raise] = 0;
  const board_view moved = view.with_whites_moved(0.2);
  for (const double x : {3.0, 30.0}) {
    for (const double y : {0.0, 1.0}) {
      CHECK(moved(x, y).x == doctest::Approx(view(x + 0.2, y).x));
      CHECK(moved(x, y).y == doctest::Approx(view(x + 0.2, y).y));
      CHECK(moved(moved.raised(x), y).x == doctest::Approx(view(view.raised(x), y).x));
    }
  }
}

TEST_CASE("a view that is off by a third of a key is put right to a fiftieth") {
  const keyboard k = slanted();
  const auto drawn = vmt_test::draw(k);
  const gray_sampler picture(drawn.picture);
  board_view view = view_of(k);
  view.values[2] += 0.25 * view.pitch(26, 0.5) / view.unit();  // to the right
  view.values[5] += 4 / view.unit();                           // down
  view.values[6] += 0.01;
  view.values[board_view::lens] = 0;
  board_fitter fitter;
  board_fit fit;
  // White key 0 of this board is an A: its C is white key 2, so the pattern is shifted by five keys.
  board_view shifted(k.image_width, k.image_height, 26 + 5);
  shifted.values = view.values;
  REQUIRE(fitter(picture, shifted, 5, 56, true, 0.35, 8, 190, fit));
  CHECK(fit.spread < 0.02);
  CHECK(fit.found > 0.9);
  const std::array<point, 4> seen{shifted(5, 0), shifted(57, 0), shifted(57, 1), shifted(5, 1)};
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    CHECK(std::hypot(seen[i].x - k.corners[i].x, seen[i].y - k.corners[i].y) < 0.8);
  }
  CHECK(shifted.values[board_view::lens] == doctest::Approx(k.lens).epsilon(0.2));
}

TEST_CASE("nothing is fitted where there is nothing") {
  vmt::frame gray;
  gray.resize(960, 540);
  for (auto& v : gray.pixels) v = 128;
  board_view view = view_of(slanted());
  board_fitter fitter;
  board_fit fit;
  CHECK_FALSE(fitter(gray_sampler(gray), view, 0, 51, true, 0.35, 5, 100, fit));
}
