// SPDX-License-Identifier: MIT
#include <vmt/synth/presets.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <set>

using vmt::synth::options;

namespace {

/// Sets the number with a name.
void set(options& o, const std::string& name, double value) {
  vmt::synth::for_each_number(o, [&](const char* each, auto& number, double, double) {
    if (name == each) number = static_cast<std::remove_reference_t<decltype(number)>>(value);
  });
}

}  // namespace

TEST_CASE("every number of the options is checked against its range, and the message names it") {
  struct row {
    std::string name;
    double low, high;
    bool real;
  };
  std::vector<row> rows;
  options all;
  vmt::synth::for_each_number(all, [&](const char* name, auto& value, double low, double high) {
    rows.push_back({name, low, high, std::is_same_v<std::remove_reference_t<decltype(value)>, double>});
  });
  CHECK(rows.size() > 100);
  std::set<std::string> names;
  for (const row& r : rows) {
    CAPTURE(r.name);
    CHECK(names.insert(r.name).second);
    CHECK(r.low < r.high);
    for (const double bad : {r.low - (r.real ? 1e-6 : 1), r.high + (r.real ? 1e-6 : 1)}) {
      options o;
      set(o, r.name, bad);
      try {
        vmt::synth::validate(o);
        FAIL("accepted " << bad);
      } catch (const vmt::error& e) {
        CHECK(e.code() == vmt::errc::invalid_argument);
        CHECK(std::string(e.what()).find(r.name) != std::string::npos);
      }
    }
    if (!r.real) continue;
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
      options o;
      set(o, r.name, bad);
      CHECK_THROWS_AS(vmt::synth::validate(o), vmt::error);
    }
  }
}

TEST_CASE("the table of ranges has every number: none can change unseen") {
  // A number that the table lacks would keep its place when all others are moved.
  options o;
  std::size_t doubles = 0;
  vmt::synth::for_each_number(
      o, [&](const char*, auto& value, double, double) { doubles += sizeof(value) == 8 ? 1U : 0U; });
  CHECK(doubles * 8 <= sizeof(options));
  CHECK(doubles * 8 + 256 >= sizeof(options));
}

TEST_CASE("keyboards that are none and strips that end before they begin are refused") {
  options o;
  o.keys.lowest = 22;  // a black key
  CHECK_THROWS_AS(vmt::synth::validate(o), vmt::error);
  o.keys.lowest = 60, o.keys.highest = 48;
  CHECK_THROWS_AS(vmt::synth::validate(o), vmt::error);
  o = {};
  o.picture.top = 0.8, o.picture.bottom = 0.5;
  CHECK_THROWS_AS(vmt::synth::validate(o), vmt::error);
}

TEST_CASE("the presets are valid for every seed, repeat for a seed and differ between seeds") {
  std::set<double> whites;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    CHECK_NOTHROW(vmt::synth::validate(vmt::synth::paper(seed)));
    CHECK_NOTHROW(vmt::synth::validate(vmt::synth::wild(seed)));
    const options a = vmt::synth::wild_camera(seed), b = vmt::synth::wild_camera(seed);
    CHECK_NOTHROW(vmt::synth::validate(a));
    CHECK(a.keys.white == b.keys.white);
    CHECK(a.camera.eye.x == b.camera.eye.x);
    whites.insert(a.keys.white);
    // Not more than 45° off the vertical.
    const auto to = a.camera.target - a.camera.eye;
    CHECK(-to.z / std::sqrt(vmt::synth::dot(to, to)) > std::cos(46 * std::numbers::pi / 180));
  }
  CHECK_NOTHROW(vmt::synth::validate(vmt::synth::clean()));
  CHECK(whites.size() > 490);
}

TEST_CASE("wild strips have many small pictures, and effects that tell the truth and that do not") {
  int small = 0, effects = 0, false_ones = 0, over = 0, shaken = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const options o = vmt::synth::wild(seed);
    small += o.sensor.detail * 16 < 11 ? 1 : 0;  // pixels of a white key
    const auto& e = o.effects;
    const bool any = e.bars > 0;
    effects += any ? 1 : 0;
    false_ones += any && e.unrelated > 0 ? 1 : 0;
    over += any && e.over_hands ? 1 : 0;
    shaken += o.motion.shake > 0 ? 1 : 0;
  }
  CHECK(small > 80);
  CHECK(effects > 120);
  CHECK(effects < 200);
  CHECK(false_ones > 50);
  CHECK(over > 50);
  CHECK(shaken > 20);
}

TEST_CASE("wild cameras are of all kinds") {
  int upside_down = 0, mirrored = 0, dark = 0, bars = 0, hammers = 0, small = 0, large = 0, short_ones = 0, oblique = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const options o = vmt::synth::wild_camera(seed);
    upside_down += std::abs(o.camera.roll) > 90 ? 1 : 0;
    mirrored += o.camera.mirrored ? 1 : 0;
    dark += o.sensor.gain < 0.55 ? 1 : 0;
    bars += o.effects.bars > 0 ? 1 : 0;
    hammers += o.room.hammers ? 1 : 0;
    small += o.picture.height <= 360 ? 1 : 0;
    large += o.picture.height >= 2160 ? 1 : 0;
    short_ones += o.keys.highest - o.keys.lowest < 87 ? 1 : 0;
    const auto to = o.camera.target - o.camera.eye;
    oblique += -to.z / std::sqrt(vmt::synth::dot(to, to)) < std::cos(30 * std::numbers::pi / 180) ? 1 : 0;
  }
  for (const int count : {upside_down, mirrored, dark, bars, hammers, small, large, short_ones, oblique}) {
    CHECK(count >= 10);
    CHECK(count <= 300);
  }
}
