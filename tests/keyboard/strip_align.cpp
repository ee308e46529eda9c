// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/keyboard/strip_align.hpp>

#include <doctest/doctest.h>
#include <support/count_allocations.hpp>
#include <support/strip_picture.hpp>

#include <algorithm>
#include <cmath>

namespace {

using vmt::frame;
using vmt::index_t;
using vmt::keyboard::strip_aligner;
using vmt::keyboard::strip_layout;
using vmt::keyboard::strip_motion;
using vmt_test::strip_scene;

/// The strip of a keyboard that has moved: what the plate has at p is seen at p + motion(p).
frame moved_strip(const strip_aligner& aligner, const strip_motion& m, const strip_scene& scene = strip_scene{}) {
  // The motions are small and smooth: p = q − motion(p) converges in a few rounds.
  return scene.picture(scene.layout().width(), strip_layout::height(), [&](double x, double y) {
    double px = x, py = y;
    for (int i = 0; i < 8; ++i) {
      const auto to = aligner.moved(m, px, py);
      px += x - to.x;
      py += y - to.y;
    }
    return vmt::keyboard::point{px, py};
  });
}

double error(const strip_aligner& aligner, const strip_motion& found, const strip_motion& truth) {
  strip_motion difference;
  for (std::size_t i = 0; i < strip_motion::size; ++i) difference.c[i] = found.c[i] - truth.c[i];
  return aligner.largest(difference);
}

strip_motion random_motion(vmt::rng& random, double size) {
  strip_motion m;
  for (std::size_t i = 0; i < strip_motion::size; ++i) {
    m.c[i] = random.uniform(-size, size) * (i < 2 ? 1 : i < 6 ? 0.3 : 0.1);
  }
  return m;
}

}  // namespace

TEST_CASE("small motions are measured to a quarter of a pixel, a sixtieth of a key") {
  strip_aligner aligner{strip_layout{}};
  aligner.refer_to(strip_scene{}.strip());
  CHECK(aligner.ready());
  CHECK(aligner.largest(aligner.refine(strip_scene{}.strip()).motion) < 0.01);
  CHECK(aligner.refine(strip_scene{}.strip()).agreement > 0.99);
  vmt::rng random(1);
  for (int i = 0; i < 12; ++i) {
    const strip_motion truth = random_motion(random, 1.2);
    const auto found = aligner.refine(moved_strip(aligner, truth));
    CHECK(error(aligner, found.motion, truth) < 0.25);
    CHECK(found.agreement > 0.9);
  }
}

TEST_CASE("each of the eight motions is told from the others") {
  strip_aligner aligner{strip_layout{}};
  aligner.refer_to(strip_scene{}.strip());
  for (std::size_t i = 0; i < strip_motion::size; ++i) {
    CAPTURE(i);
    strip_motion truth;
    truth.c[i] = 0.8;
    CHECK(error(aligner, aligner.refine(moved_strip(aligner, truth)).motion, truth) < 0.35);
  }
}

TEST_CASE("bumps of up to five white keys are found without a guess") {
  strip_aligner aligner{strip_layout{}};
  aligner.refer_to(strip_scene{}.strip());
  vmt::rng random(2);
  for (int i = 0; i < 12; ++i) {
    strip_motion truth = random_motion(random, 1.5);
    truth.c[0] = random.uniform(-76, 76);
    truth.c[1] = random.uniform(-12, 12);
    truth.c[4] = random.uniform(-6, 6);  // turned
    const auto found = aligner.search(moved_strip(aligner, truth));
    CHECK(error(aligner, found.motion, truth) < 0.25);
    CHECK(found.agreement > 0.9);
  }
}

TEST_CASE("a short keyboard is enough") {
  const strip_layout layout{48, 72};
  strip_aligner aligner{layout};
  aligner.refer_to(strip_scene{layout}.strip());
  strip_motion truth;
  truth.c = {1.1, -0.7, 0.2, 0.1, -0.3, 0.2, 0, 0};
  CHECK(error(aligner, aligner.refine(moved_strip(aligner, truth, strip_scene{layout})).motion, truth) < 0.25);
}

TEST_CASE("hands over a third of the keys, another light and noise hardly matter") {
  strip_aligner aligner{strip_layout{}};
  aligner.refer_to(strip_scene{}.strip());
  vmt::rng random(3);
  for (int i = 0; i < 8; ++i) {
    const strip_motion truth = random_motion(random, 1);
    frame f = moved_strip(aligner, truth);
    for (index_t y = 0; y < f.height; ++y) {
      for (index_t x = 0; x < f.width; ++x) {
        double v = f.row(y)[x] * 0.7 + 12 + 4 * random.normal();
        const bool hand = (x > 200 && x < 350 && y > 30) || (x > 500 && x < 640 && y > 20);
        if (hand) v = 110 + 30 * std::sin(static_cast<double>(x + 3 * i) / 9) * std::cos(static_cast<double>(y) / 13);
        f.row(y)[x] = static_cast<std::uint8_t>(std::clamp(std::lround(v), 0L, 255L));
      }
    }
    const auto found = aligner.refine(f);
    CHECK(error(aligner, found.motion, truth) < 0.3);
    CHECK(found.agreement > 0.6);
    CHECK(found.agreement < 0.95);
  }
}

TEST_CASE("a picture without the keyboard does not agree") {
  strip_aligner aligner{strip_layout{}};
  aligner.refer_to(strip_scene{}.strip());
  frame f = strip_scene{}.strip();
  std::fill(f.pixels.begin(), f.pixels.end(), std::uint8_t{128});
  CHECK(aligner.refine(f).agreement < 0.5);
  CHECK(aligner.search(f).agreement < 0.5);
  vmt::rng random(4);
  for (auto& v : f.pixels) v = static_cast<std::uint8_t>(random.bits() >> 24);
  CHECK(aligner.refine(f).agreement < 0.4);
  CHECK(aligner.search(f).agreement < 0.4);
  strip_motion octave;
  octave.c[0] = 112;  // beyond the search: another octave looks the same but for the ends
  CHECK(aligner.refine(moved_strip(aligner, octave)).agreement < 1);
}

TEST_CASE("a plate without edges gives nothing to align to, and wrong sizes are refused") {
  strip_aligner aligner{strip_layout{}};
  CHECK_FALSE(aligner.ready());
  frame f = strip_scene{}.strip();
  std::fill(f.pixels.begin(), f.pixels.end(), std::uint8_t{128});
  aligner.refer_to(f);
  CHECK_FALSE(aligner.ready());
  CHECK(aligner.refine(strip_scene{}.strip()).agreement == 0);
  f.resize(832, 95);
  CHECK_THROWS_AS(aligner.refer_to(f), vmt::error);
  CHECK_THROWS_AS((void)aligner.refine(f), vmt::error);
  CHECK_THROWS_AS((void)aligner.search(f), vmt::error);
  CHECK_THROWS_AS(strip_aligner(strip_layout{61, 70}), vmt::error);
}

TEST_CASE("aligning takes no memory and gives the same bits again") {
  strip_aligner aligner{strip_layout{}};
  aligner.refer_to(strip_scene{}.strip());
  strip_motion truth;
  truth.c = {1, 0.5, 0.2, 0, 0.3, 0, 0, 0};
  const frame f = moved_strip(aligner, truth);
  const auto first = aligner.refine(f);
  const auto far = aligner.search(f);
  const vmt_test::allocation_count allocations;
  CHECK(aligner.refine(f).motion.c == first.motion.c);
  CHECK(aligner.search(f).motion.c == far.motion.c);
  CHECK(allocations.since() == 0);
}
