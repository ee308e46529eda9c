// SPDX-License-Identifier: MIT
#include <vmt/train/augment_geometry.hpp>
#include <vmt/train/key_window.hpp>

#include "train/toy_clip.hpp"

#include <doctest/doctest.h>

using namespace vmt;
using namespace vmt::train;
using vmt_test::toy_clip;

TEST_CASE("windows lie within their clip, most of them near an onset") {
  const key_clip clip = toy_clip(1, 60);
  int near = 0, mirrored = 0;
  for (std::uint32_t i = 0; i < 400; ++i) {
    rng random(5, 0, i);
    const key_window w = draw_window(clip, random, false);
    REQUIRE(w.start >= 0);
    REQUIRE(w.position(15) <= 59);
    REQUIRE(w.left >= 0);
    REQUIRE(w.left + 320 <= clip.width());
    REQUIRE(w.step >= 0.75);
    REQUIRE(w.step <= 1.25);
    mirrored += w.mirrored ? 1 : 0;
    bool has = false;
    for (const note& n : clip.notes) {
      const double f = (clip.frame_at(n.onset) - w.start) / w.step - 1;
      const double x = clip.layout.centre(n.pitch) - static_cast<double>(w.left);
      has = has || (f > 0 && f < 15 && x > 20 && x < 300);
    }
    near += has ? 1 : 0;
  }
  CHECK(near > 320);
  CHECK(mirrored > 150);
  CHECK(mirrored < 250);
}

TEST_CASE("a missing frame moves what comes after it on, pictures and targets; a repeated one only its picture") {
  key_window w{4, 1, 48, false};
  CHECK(w.position(-1) == 4);
  CHECK(w.shown(5) == 10);
  w.missing = 3;
  w.repeated = 8;
  CHECK(w.position(2) == 7);
  CHECK(w.position(3) == 9);
  CHECK(w.shown(8) == w.position(7));
  CHECK(w.shown(9) == w.position(9));

  const key_clip clip = toy_clip(2);
  int missing = 0, repeated = 0;
  for (std::uint32_t i = 0; i < 300; ++i) {
    rng a(6, 0, i), b(6, 0, i);
    const key_window drawn = draw_window(clip, a, false);
    missing += drawn.missing >= 0 ? 1 : 0;
    repeated += drawn.repeated >= 0 ? 1 : 0;
    const key_window plain = draw_window(clip, b, true);
    REQUIRE(plain.missing == -1);
    REQUIRE(plain.repeated == -1);
  }
  CHECK(missing > 15);
  CHECK(missing < 70);
  CHECK(repeated > 15);
  CHECK(repeated < 70);
}

TEST_CASE("a fast clip is halved, a plain window is not stretched") {
  const key_clip clip = toy_clip(1, 120, 60);
  for (std::uint32_t i = 0; i < 20; ++i) {
    rng random(5, 0, i);
    const key_window w = draw_window(clip, random, true);
    CHECK(w.step == 2);
    CHECK(w.start == std::floor(w.start));
    CHECK_FALSE(w.mirrored);
  }
}

TEST_CASE("the keys of a mirrored window lie mirrored, with the same targets") {
  const key_clip clip = toy_clip(2);
  key_window w{4, 1, 48, false};
  std::vector<float> plain(static_cast<std::size_t>(key_targets<float>::size(28, 16))), turned(plain.size());
  rng a(1), b(1);
  window_targets(clip, w, a, plain);
  w.mirrored = true;
  window_targets(clip, w, b, turned);
  const key_targets<float> p(plain, 28, 16), t(turned, 28, 16);
  float onsets = 0;
  for (index_t k = 0; k < 28; ++k) {
    CHECK(p.place(k) + t.place(k) == 320);
    CHECK(p.black(k) == t.black(k));
    for (index_t f = 0; f < 16; ++f) {
      CHECK(p.at(k, key_output::onset, f) == t.at(k, key_output::onset, f));
      onsets += p.at(k, key_output::onset, f);
    }
  }
  CHECK(onsets > 1);
}

TEST_CASE("time and frame are each other's inverse, also between uneven frames and beyond the ends") {
  key_clip clip = toy_clip();
  clip.times[10] += 0.01;
  for (const double f : {-2.5, 0.0, 0.3, 9.5, 10.0, 10.25, 38.9, 39.0, 41.5}) {
    CHECK(clip.frame_at(clip.time_of(f)) == doctest::Approx(f));
  }
}

TEST_CASE("a warp that moves nothing keeps the picture, a mirrored one turns it round") {
  plane in, out;
  in.resize(48, 20);
  for (std::size_t i = 0; i < in.pixels.size(); ++i) in.pixels[i] = static_cast<float>(i % 48 + 3 * (i / 48));
  affine_warp(32, 20, 48, 8, false, nullptr)(in, out);
  CHECK(out.row(7)[5] == doctest::Approx(in.row(7)[13]).epsilon(1e-3));
  affine_warp(32, 20, 48, 8, true, nullptr)(in, out);
  CHECK(out.row(7)[31 - 5] == doctest::Approx(in.row(7)[13]).epsilon(1e-3));
  rng random(3);
  affine_warp(32, 20, 48, 8, false, &random, {.scale_x = 0, .scale_y = 0, .shear = 0, .rotation = 0, .shift_y = 0})(
      in, out);
  const float moved = out.row(7)[15] - in.row(7)[23];
  CHECK(std::abs(moved) > 0.05F);
  CHECK(out.row(12)[9] - in.row(12)[17] == doctest::Approx(moved).epsilon(0.01));
}
