// SPDX-License-Identifier: MIT
// The finder on rendered video: what makers of piano videos do to a picture.
#include <vmt/keyboard/find.hpp>
#include <vmt/keyboard/overlay.hpp>
#include <vmt/synth/synth.hpp>

#include <doctest/doctest.h>
#include <support/keyboard_pictures.hpp>

using vmt::frame;
using vmt::index_t;
namespace synth = vmt::synth;
using namespace vmt::keyboard;

namespace {

synth::options plain(index_t width = 854, index_t height = 480) {
  synth::options o = synth::clean();
  o.picture.width = width;
  o.picture.height = height;
  o.picture.seconds = 8;
  o.sensor.noise = 1;
  return o;
}

struct scene {
  vmt_test::keyboard_picture seen;
  std::vector<keyboard> all;
};

/// The median of five moments, and where the keys are.
scene film(const synth::options& o, std::uint64_t seed = 3) {
  synth::renderer video(synth::exercise("mixed", seed, 8, o.keys.lowest, o.keys.highest), o, seed);
  std::vector<frame> moments(5);
  for (index_t i = 0; i < 5; ++i) video.draw((2 * i + 1) * video.frames() / 10, moments[static_cast<std::size_t>(i)]);
  scene s;
  median_picture(moments, s.seen.picture);
  s.all = video.keyboards();
  for (keyboard& k : s.all) k.keys = spans_or_layout(k);
  s.seen.truth = vmt_test::borders_of(s.all[0]);
  s.seen.mirrored = o.camera.mirrored;
  return s;
}

void check_found(const find_result& found, const vmt_test::keyboard_picture& p) {
  CAPTURE(found.refusal);
  REQUIRE(found);
  const auto e = vmt_test::compare(found.where(), p);
  CHECK(found.where().mirrored == p.mirrored);
  CHECK(e.missing == 0);
  CHECK(e.extra == 0);
  CHECK(e.quantile(0.5) < 1);
}

}  // namespace

TEST_CASE("the keyboard is found from 360p to 4K") {
  for (const auto& [w, h] : {std::pair<index_t, index_t>{640, 360}, {1280, 720}, {1920, 1080}, {3840, 2160}}) {
    CAPTURE(w);
    const auto s = film(plain(w, h));
    check_found(find_keyboard(s.seen.picture), s.seen);
  }
}

TEST_CASE("falling bars that glow and smoke over the keys do not hide the keyboard") {
  auto o = plain();
  o.effects.bars = 220;
  o.effects.glow = 150;
  o.effects.glow_width = 30;
  o.effects.glow_depth = 60;
  o.effects.tint = 0.6;
  o.effects.smoke = 60;
  o.effects.line = 160;
  o.effects.over_hands = true;
  for (const double unrelated : {0.0, 1.0}) {
    o.effects.unrelated = unrelated;
    const auto s = film(o);
    check_found(find_keyboard(s.seen.picture), s.seen);
  }
}

TEST_CASE("the hammers of an open upright are no keys") {
  auto o = plain();
  o.room.hammers = true;
  o.room.fallboard_height = 40;
  const auto s = film(o);
  check_found(find_keyboard(s.seen.picture), s.seen);
}

TEST_CASE("titles and pictures laid over the keyboard leave the rest of it") {
  auto o = plain();
  o.effects.title = true;
  int right = 0, wrong = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    o.effects.inset = seed % 2 == 0;
    const auto s = film(o, seed);
    const auto found = find_keyboard(s.seen.picture);
    if (!found) continue;
    ++(vmt_test::compare(found.where(), s.seen).right() ? right : wrong);
  }
  CHECK(wrong == 0);
  CHECK(right >= 4);
}

TEST_CASE("of two keyboards one is asked for, and either can be had") {
  auto o = plain(1280, 720);
  o.keys.lowest = 36;
  o.keys.highest = 96;
  o.room.second_keyboard = true;
  o.room.fallboard_height = 20;
  o.camera.eye = {423, 20, 1150};
  o.camera.target = {423, 20, 0};
  const auto s = film(o);
  REQUIRE(s.all.size() == 2);
  const auto open = find_keyboard(s.seen.picture);
  CHECK_FALSE(open);
  CHECK(open.refusal.find("2 keyboards are in the picture") != std::string::npos);
  for (const int which : {1, 2}) {
    CAPTURE(which);
    find_options options;
    options.which = which;
    vmt_test::keyboard_picture p = s.seen;
    p.truth = vmt_test::borders_of(s.all[which == 1 ? 1 : 0]);  // the second one stands behind the first
    check_found(find_keyboard(s.seen.picture, options), p);
  }
}

TEST_CASE("a mirrored keyboard that the picture cuts is found by who says so, and else not without a doubt") {
  auto o = plain();
  o.keys.lowest = 28;
  o.keys.highest = 100;  // E to E; in the mirror C to C
  o.camera.mirrored = true;
  o.hands.count = 0;
  for (const double shift : {-190.0, 190.0}) {
    CAPTURE(shift);
    o.camera.eye = {505 + shift, 74, 1000};
    o.camera.target = {505 + shift, 74, 0};
    const auto s = film(o);
    const auto open = find_keyboard(s.seen.picture);
    if (open) CHECK_FALSE(open.remark.empty());  // it says that this is the usual reading
    find_options told;
    told.picture.mirrored = true;
    told.picture.lowest_key = 0;
    const gray_sampler picture(s.seen.picture);
    for (const auto& [key, ends] : s.seen.truth) {
      if (*told.picture.lowest_key == 0 && is_white(key) && picture.holds(ends[0], 2) && picture.holds(ends[1], 2)) {
        told.picture.lowest_key = key;
      }
    }
    const auto found = find_keyboard(s.seen.picture, told);
    CAPTURE(found.refusal);
    REQUIRE(found);
    CHECK(found.where().mirrored);
    CHECK(vmt_test::compare(found.where(), s.seen).right());
  }
}
