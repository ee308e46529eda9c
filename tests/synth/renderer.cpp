// SPDX-License-Identifier: MIT
#include <vmt/keyboard/straighten.hpp>
#include <vmt/synth/synth.hpp>

#include "../support/count_allocations.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <thread>

using vmt::frame;
using vmt::index_t;
using vmt::note;
using vmt::synth::options;
using vmt::synth::picture_kind;
using vmt::synth::renderer;

namespace {

/// A clean key-aligned strip without hands, seen from far above.
options bare_strip() {
  options o = vmt::synth::clean();
  o.picture.kind = picture_kind::key_strip;
  o.picture.width = 832;
  o.picture.height = 96;
  o.picture.seconds = 4;
  o.hands.count = 0;
  o.camera.eye = {611, 100, 1500};
  return o;
}

frame drawn(renderer& r, index_t number) {
  frame f;
  r.draw(number, f);
  return f;
}

frame at(const options& o, const std::vector<note>& notes, double time, std::uint64_t seed = 1) {
  renderer r(notes, o, seed);
  return drawn(r, static_cast<index_t>(std::lround(time * o.picture.fps)));
}

double difference(const frame& a, const frame& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(int(a.pixels[i]) - int(b.pixels[i]));
  return sum / static_cast<double>(a.pixels.size());
}

double mean_of(const frame& f, double l, double t, double r, double b) {
  double sum = 0;
  int n = 0;
  for (index_t y = static_cast<index_t>(t); y < static_cast<index_t>(b); ++y) {
    for (index_t x = static_cast<index_t>(l); x < static_cast<index_t>(r); ++x) sum += f.row(y)[x], ++n;
  }
  return sum / n;
}

/// The middle of a key in a key-aligned strip of 832.
double column(int pitch) {
  if (vmt::keyboard::is_white(pitch)) return 16 * (vmt::keyboard::white_keys_below(pitch) + 0.5);
  return 16 * (vmt::keyboard::white_keys_below(pitch) + vmt::keyboard::black_offset(pitch));
}

}  // namespace

TEST_CASE("frames are the same in any order, from any object and on any thread") {
  options o = vmt::synth::wild(11);
  o.picture.seconds = 3;
  const auto notes = vmt::synth::exercise("mixed", 11, 3);
  renderer forward(notes, o, 11);
  std::vector<frame> all(20);
  for (index_t i = 0; i < 20; ++i) forward.draw(i * 3, all[static_cast<std::size_t>(i)]);
  std::vector<int> same(4, 0);
  std::vector<std::thread> team;
  for (int t = 0; t < 4; ++t) {
    team.emplace_back([&, t] {
      renderer other(notes, o, 11);
      frame f;
      for (index_t i = 19; i >= 0; --i) {
        const index_t j = (i * 7 + t) % 20;
        other.draw(j * 3, f);
        same[static_cast<std::size_t>(t)] += f.pixels == all[static_cast<std::size_t>(j)].pixels ? 1 : 0;
      }
    });
  }
  for (auto& thread : team) thread.join();
  for (const int n : same) CHECK(n == 20);
  CHECK(difference(all[0], drawn(*std::make_unique<renderer>(notes, o, 12), 0)) > 0.1);  // another seed
}

TEST_CASE("a running video does not allocate") {
  options o = vmt::synth::wild(3);
  o.picture.seconds = 4;
  o.effects = {};
  renderer r(vmt::synth::exercise("hanon", 3, 4), o, 3);
  frame f;
  for (int i = 0; i < 60; ++i) REQUIRE(r(f));
  const vmt_test::allocation_count count;
  for (int i = 0; i < 20; ++i) REQUIRE(r(f));
  CHECK(count.since() == 0);
}

TEST_CASE("a press changes the picture beside its key and nowhere else") {
  const options o = bare_strip();
  for (const int pitch : {21, 40, 61, 64, 66, 70, 100, 108}) {
    CAPTURE(pitch);
    const std::vector<note> notes{{1, 3, pitch, 80}};
    renderer r(notes, o, 1);
    const frame rest = drawn(r, 0), down = drawn(r, 60);
    const double c = column(pitch);
    double near = 0;
    int far = 0;
    for (index_t y = 0; y < 96; ++y) {
      for (index_t x = 0; x < 832; ++x) {
        const int d = std::abs(int(rest.row(y)[x]) - int(down.row(y)[x]));
        if (std::abs(static_cast<double>(x) + 0.5 - c) < 24) {
          near += d;
        } else {
          far += d > 0 ? 1 : 0;
        }
      }
    }
    CHECK(near > 1000);
    CHECK(far == 0);
    CHECK(drawn(r, 119).pixels == rest.pixels);  // and comes up again
  }
}

TEST_CASE("a white key that goes down uncovers the walls of its neighbours on the side away from the eye") {
  options o = bare_strip();
  o.light.step_shadow = 0;
  const int pitch = 64;
  // From far left, the right neighbour's left wall is seen: it is dark, and at the right border of the key.
  for (const bool left : {true, false}) {
    o.camera.eye = {left ? 100.0 : 1100.0, 100, 1200};
    const frame rest = at(o, {{1, 3, pitch, 80}}, 0), down = at(o, {{1, 3, pitch, 80}}, 2);
    const double c = column(pitch);
    const double change_left = mean_of(rest, c - 9, 66, c - 4, 82) - mean_of(down, c - 9, 66, c - 4, 82);
    const double change_right = mean_of(rest, c + 4, 66, c + 9, 82) - mean_of(down, c + 4, 66, c + 9, 82);
    CAPTURE(left);
    CHECK((left ? change_right : change_left) > 8);
    CHECK((left ? change_right - change_left : change_left - change_right) > 5);
  }
}

TEST_CASE("a white key without a black one beside it gets a shadow along that whole side when it goes down") {
  options o = bare_strip();
  o.light.second = 0;
  o.light.step_shadow = 0.5;
  struct side {
    int pitch;
    double slope;  // of the light: from the side of the white neighbour
  };
  for (const side& s : {side{65, 0.4}, side{60, 0.4}, side{64, -0.4}, side{71, -0.4}}) {  // F, C; E, B
    CAPTURE(s.pitch);
    o.light.slope_x = s.slope;
    const frame rest = at(o, {{1, 3, s.pitch, 80}}, 0), down = at(o, {{1, 3, s.pitch, 80}}, 2);
    const double toward = s.slope > 0 ? -1 : 1, edge = column(s.pitch) + 8 * toward;
    const double x0 = std::min(edge, edge - 3 * toward), x1 = std::max(edge, edge - 3 * toward);
    for (const double row : {20.0, 45.0, 68.0}) {
      CAPTURE(row);
      CHECK(mean_of(rest, x0, row, x1, row + 12) - mean_of(down, x0, row, x1, row + 12) > 8);
    }
    // The middle of its top stays as it was.
    CHECK(std::abs(mean_of(rest, column(s.pitch) - 2, 68, column(s.pitch) + 2, 80) -
                   mean_of(down, column(s.pitch) - 2, 68, column(s.pitch) + 2, 80)) < 20);
  }
}

TEST_CASE(
    "a wall that looks to the light and comes into sight is lighter than the gap was, one that looks away is darker") {
  options o = bare_strip();
  o.light.second = 0;
  o.light.step_shadow = 0.5;
  o.keys.wall = 0.9;
  for (const bool left : {true, false}) {
    CAPTURE(left);
    o.camera.eye = {left ? 100.0 : 1100.0, 100, 1200};  // sees the wall at the other border of the key
    const double border = column(65) + (left ? 8 : -8);
    for (const bool towards : {true, false}) {
      CAPTURE(towards);
      o.light.slope_x = left == towards ? 0.4 : -0.4;
      const frame rest = at(o, {{1, 3, 65, 80}}, 0), down = at(o, {{1, 3, 65, 80}}, 2);
      const double change =
          mean_of(down, border - 1, 68, border + 1, 80) - mean_of(rest, border - 1, 68, border + 1, 80);
      CHECK((towards ? change > 3 : change < -3));
    }
  }
}

TEST_CASE("a black key that goes down moves towards the point below the eye, and its front comes back") {
  options o = bare_strip();
  o.light.key_shadow = 0;
  const int pitch = 66;
  const auto edge = [&](const frame& f, double y0, double y1) {  // centre of the dark
    double sum = 0, weight = 0;
    const double c = column(pitch);
    for (index_t x = static_cast<index_t>(c - 12); x < static_cast<index_t>(c + 12); ++x) {
      double dark = 0;
      for (index_t y = static_cast<index_t>(y0); y < static_cast<index_t>(y1); ++y)
        dark += std::max(0, 150 - int(f.row(y)[x]));
      sum += dark * static_cast<double>(x), weight += dark;
    }
    return sum / weight;
  };
  for (const bool left : {true, false}) {
    o.camera.eye = {left ? 0.0 : 1222.0, 60, 900};
    renderer r({{1, 3, pitch, 80}}, o, 1);
    const double moved = edge(drawn(r, 60), 30, 48) - edge(drawn(r, 0), 30, 48);
    CHECK(moved * (left ? -1 : 1) > 0.3);
  }
}

TEST_CASE("shadows of black keys fall away from the light, and none without strength") {
  options o = bare_strip();
  const double c = column(61);
  o.light.key_shadow = 0;
  const frame none = at(o, {}, 0);
  for (const double slope : {-0.8, 0.8}) {
    o.light.key_shadow = 0.4;
    o.light.slope_x = slope;
    const frame f = at(o, {}, 0);
    const double l = mean_of(none, c - 10, 20, c - 5, 50) - mean_of(f, c - 10, 20, c - 5, 50);
    const double r = mean_of(none, c + 5, 20, c + 10, 50) - mean_of(f, c + 5, 20, c + 10, 50);
    CHECK((slope > 0 ? r - l : l - r) > 10);
  }
}

TEST_CASE("half of the change is there at the onset") {
  options o = bare_strip();
  o.picture.fps = 100;
  const std::vector<note> notes{{1, 3, 64, 64}};
  renderer r(notes, o, 4);
  const frame rest = drawn(r, 0);
  const double before = difference(rest, drawn(r, 90)), onset = difference(rest, drawn(r, 100)),
               after = difference(rest, drawn(r, 110));
  CHECK(before == 0);
  CHECK(onset > 0.25 * after);
  CHECK(onset < 0.8 * after);
}

TEST_CASE("motion blur is centred on the time of the frame") {
  options o = bare_strip();
  o.picture.fps = 100;
  o.hands.press_ms = 100;
  const std::vector<note> notes{{1, 3, 64, 64}};
  o.sensor.sub_frames = 8;
  o.sensor.exposure_ms = 20;
  const frame blurred = at(o, notes, 1);
  // Later and earlier moments differ from it alike.
  o.sensor.exposure_ms = 0;
  const double early = difference(blurred, at(o, notes, 0.99)), late = difference(blurred, at(o, notes, 1.01));
  CHECK(early == doctest::Approx(late).epsilon(0.35));
  CHECK(difference(blurred, at(o, notes, 1)) < early);
}

TEST_CASE("the truth of the keyboard is where the keys are painted: straightening gives the strip") {
  vmt::rng random(6);
  for (int trial = 0; trial < 6; ++trial) {
    options o = vmt::synth::clean();
    o.hands.count = 0;
    o.light.key_shadow = 0;
    o.picture.width = 1280, o.picture.height = 720, o.picture.seconds = 1;
    o.camera.eye = {611 + random.uniform(-200, 200), random.uniform(60, 400), random.uniform(1400, 1700)};
    o.camera.target = {611, 74, 0};
    o.camera.roll = random.uniform(-15, 15) + (trial % 2 == 0 ? 180 : 0);
    o.camera.focal = 0.95;
    o.camera.lens = trial % 3 == 0 ? -0.05 : 0;
    renderer seen({}, o, 1);
    const frame picture = drawn(seen, 0);
    const vmt::keyboard::straightener straighten(seen.keyboard(), 1280, 720);
    frame strip;
    straighten(picture, strip);
    o.picture.kind = picture_kind::paper_strip;
    o.picture.width = 800, o.picture.height = 145;
    const frame direct = at(o, {}, 0);
    CAPTURE(trial);
    CHECK(difference(strip, direct) < 4.5);
    // A pixel to either side fits worse.
    for (const index_t shift : {-1, 1}) {
      frame shifted = direct;
      for (index_t y = 0; y < 145; ++y) std::copy(direct.row(y) + 1, direct.row(y) + 799, shifted.row(y) + 1 + shift);
      CHECK(difference(strip, shifted) > 1.3 * difference(strip, direct));
    }
  }
}

TEST_CASE("spans are the tops of the keys") {
  const options o = bare_strip();
  renderer r({}, o, 1);
  const frame f = drawn(r, 0);
  REQUIRE(r.spans().size() == 88);
  for (const auto& s : r.spans()) {
    const double x = (s.top[0].x + s.top[1].x + s.top[2].x + s.top[3].x) / 4;
    const double mm = 23.5 * column(s.pitch) / 16;
    const auto seen = vmt::keyboard::on_white_plane(mm, 47, s.black ? 12.5 : 0, 611, 100, 1500);
    CHECK(x == doctest::Approx(seen.x / 23.5 * 16).epsilon(1e-9));
    const double tone = s.black ? mean_of(f, x - 1, 20, x + 1, 50) : mean_of(f, x - 4, 66, x + 4, 80);
    CHECK((s.black ? tone < 80 : tone > 150));
  }
}

TEST_CASE("each ingredient changes the picture, and is not there when it is off") {
  struct ingredient {
    const char* name;
    std::function<void(options&)> on;
  };
  options base = vmt::synth::clean();
  base.picture.width = 480, base.picture.height = 270, base.picture.seconds = 3;
  const auto notes = vmt::synth::exercise("chords", 2, 2.5);
  const std::vector<ingredient> all{
      {"keys.wear", [](options& o) { o.keys.wear = 1; }},
      {"keys.texture", [](options& o) { o.keys.texture = 0.05; }},
      {"keys.gloss", [](options& o) { o.keys.gloss = 120; }},
      {"keys.blotches", [](options& o) { o.keys.blotches = 4; }},
      {"light.second", [](options& o) { o.light.second = 1; }},
      {"light.gradient_x", [](options& o) { o.light.gradient_x = 0.2; }},
      {"light.glare", [](options& o) { o.light.glare = 0.5; }},
      {"light.flicker", [](options& o) { o.light.flicker = 0.2; }},
      {"light.drift", [](options& o) { o.light.drift = 0.2; }},
      {"light.big_shadow", [](options& o) { o.light.big_shadow = 0.5; }},
      {"light.blue", [](options& o) { o.light.blue = 0.4; }},
      {"hands.idle_touches", [](options& o) { o.hands.idle_touches = 5; }},
      {"hands.sleeve", [](options& o) { o.hands.sleeve = 20; }},
      {"hands.reflection", [](options& o) { o.hands.reflection = 100; }},
      {"room.floor_pattern", [](options& o) { o.room.floor_pattern = 60; }},
      {"room.panel", [](options& o) { o.room.panel = true; }},
      {"room.music", [](options& o) { o.room.music = true; }},
      {"room.hammers", [](options& o) { o.room.hammers = true; }},
      {"room.second_keyboard", [](options& o) { o.room.second_keyboard = true; }},
      {"effects.bars", [](options& o) { o.effects.bars = 200; }},
      {"effects.glow", [](options& o) { o.effects.glow = 100; }},
      {"effects.tint", [](options& o) { o.effects.tint = 0.7; }},
      {"effects.sparks", [](options& o) { o.effects.sparks = 200; }},
      {"effects.smoke", [](options& o) { o.effects.smoke = 120; }},
      {"effects.line", [](options& o) { o.effects.line = 200; }},
      {"effects.title", [](options& o) { o.effects.title = true; }},
      {"effects.inset", [](options& o) { o.effects.inset = true; }},
      {"sensor.exposure_ms", [](options& o) { o.sensor.exposure_ms = 60; }},
      {"sensor.rolling_ms", [](options& o) { o.sensor.rolling_ms = 40; }},
      {"sensor.focus", [](options& o) { o.sensor.focus = 1; }},
      {"sensor.noise", [](options& o) { o.sensor.noise = 4; }},
      {"sensor.noise_hold", [](options& o) { o.sensor.noise = 4, o.sensor.noise_hold = 9; }},
      {"sensor.vignette", [](options& o) { o.sensor.vignette = 0.5; }},
      {"sensor.veil", [](options& o) { o.sensor.veil = 20; }},
      {"sensor.gamma", [](options& o) { o.sensor.gamma = 1.4; }},
      {"sensor.detail", [](options& o) { o.sensor.detail = 0.5; }},
      {"sensor.rows", [](options& o) { o.sensor.rows = 0.5; }},
      {"sensor.blocks", [](options& o) { o.sensor.blocks = 15; }},
      {"motion.shake", [](options& o) { o.motion.shake = 2; }},
      {"motion.drift", [](options& o) { o.motion.drift = 2; }},
      {"motion.turn", [](options& o) { o.motion.turn = 0.5; }},
      {"motion.bump", [](options& o) { o.motion.bump = 20; }},
      {"motion.bump_turn", [](options& o) { o.motion.bump_turn = 2; }},
      {"sensor.interlace", [](options& o) { o.sensor.interlace = 1; }},
      {"sensor.repeat", [](options& o) { o.sensor.repeat = 0.5; }},
  };
  renderer plain(notes, base, 7);
  std::vector<frame> reference(40);
  for (index_t i = 0; i < 40; ++i) plain.draw(i + 20, reference[static_cast<std::size_t>(i)]);
  for (const ingredient& each : all) {
    CAPTURE(each.name);
    options o = base;
    each.on(o);
    renderer with(notes, o, 7);
    double most = 0;
    frame f;
    for (index_t i = 0; i < 40; i += 3) {
      with.draw(i + 20, f);
      most = std::max(most, difference(f, reference[static_cast<std::size_t>(i)]));
    }
    CHECK(most > 0.01);
  }
  options o = base;
  o.hands.count = 0;
  renderer without(notes, o, 7);
  CHECK(difference(drawn(without, 50), reference[30]) > 1);
}

TEST_CASE("noise has the stated strength, whatever its grain") {
  for (const double grain : {1.0, 3.0}) {
    options o = bare_strip();
    o.sensor.noise = 6;
    o.sensor.noise_size = grain;
    renderer r({}, o, 3);
    o.sensor.noise = 0;
    renderer still({}, o, 3);
    const frame clean = drawn(still, 5);
    double square = 0, neighbours = 0;
    int n = 0;
    for (index_t i = 5; i < 9; ++i) {
      const frame f = drawn(r, i);
      for (index_t y = 60; y < 80; ++y) {
        for (index_t x = 10; x < 810; ++x, ++n) {
          const double a = int(f.row(y)[x]) - int(clean.row(y)[x]), b = int(f.row(y)[x + 1]) - int(clean.row(y)[x + 1]);
          square += a * a, neighbours += a * b;
        }
      }
    }
    CHECK(std::sqrt(square / n) == doctest::Approx(6).epsilon(0.12));
    CHECK((grain > 1 ? neighbours / square > 0.4 : std::abs(neighbours / square) < 0.1));
  }
}

TEST_CASE("noise and blocks of an enlarged picture are as large as its pixels") {
  options o = bare_strip();
  o.sensor.noise = 6;
  o.sensor.detail = 0.4;
  renderer r({}, o, 3);
  o.sensor.noise = 0;
  renderer still({}, o, 3);
  const frame clean = drawn(still, 5), f = drawn(r, 5);
  double square = 0, neighbours = 0;
  for (index_t y = 60; y < 80; ++y) {
    for (index_t x = 10; x < 810; ++x) {
      const double a = int(f.row(y)[x]) - int(clean.row(y)[x]), b = int(f.row(y)[x + 1]) - int(clean.row(y)[x + 1]);
      square += a * a, neighbours += a * b;
    }
  }
  CHECK(neighbours / square > 0.6);
  // Ten pixels a white key: the gaps of 0.8 mm are fainter, the black keys are still there.
  o.sensor.detail = 1;
  const frame sharp = at(o, {}, 0);
  const auto depth = [](const frame& g) {
    int least = 255;
    for (index_t x = 410; x < 422; ++x) least = std::min<int>(least, g.row(70)[x]);
    return int(g.row(70)[408]) - least;
  };
  CHECK(depth(clean) < 0.8 * depth(sharp));
  CHECK(mean_of(clean, column(61) - 1, 20, column(61) + 1, 50) < 80);
}

TEST_CASE("effects come before or after their notes, or without any") {
  options o = bare_strip();
  o.picture.fps = 100;
  o.effects.glow = 200;
  const std::vector<note> notes{{1, 2, 64, 64}};
  const auto light = [&](double time) { return mean_of(at(o, notes, time), column(64) - 3, 6, column(64) + 3, 14); };
  const double dark = light(0.5);
  CHECK(light(0.95) == doctest::Approx(dark).epsilon(0.01));
  CHECK(light(1.05) > dark + 10);
  o.effects.lag_ms = -200;
  CHECK(light(0.95) > dark + 10);
  o.effects.lag_ms = 300;
  CHECK(light(1.2) < dark + 1);  // a key that is down may be darker
  CHECK(light(1.35) > dark + 10);
  o.effects.lag_ms = 0;
  o.effects.unrelated = 1;  // as many somewhere else
  renderer r(notes, o, 1);
  o.effects.glow = 0;
  renderer none(notes, o, 1);
  double most = 0;
  for (index_t i = 0; i < 100; i += 5) most = std::max(most, difference(drawn(r, i), drawn(none, i)));
  CHECK(most > 0);
}

TEST_CASE("a camera that moves tells where it sees the keys, at every time") {
  options o = vmt::synth::clean();
  o.hands.count = 0;
  o.picture.width = 640, o.picture.height = 360, o.picture.seconds = 3;
  o.motion.bump_at = 1;
  o.motion.bump = 30;
  o.motion.bump_turn = 2;
  o.motion.drift = 1;
  renderer r({}, o, 4);
  const frame before = drawn(r, 15), after = drawn(r, 75);
  CHECK(difference(before, after) > 5);
  frame first, second;
  vmt::keyboard::straightener(r.keyboard(0.5), 640, 360)(before, first);
  vmt::keyboard::straightener(r.keyboard(2.5), 640, 360)(after, second);
  CHECK(difference(first, second) < 6);
  vmt::keyboard::straightener(r.keyboard(0.5), 640, 360)(after, second);
  CHECK(difference(first, second) > 15);
  // In any order.
  renderer other({}, o, 4);
  CHECK(drawn(other, 75).pixels == after.pixels);
  CHECK(drawn(other, 15).pixels == before.pixels);
}

TEST_CASE("interlacing leaves the first field alone and shows the other one half a frame earlier") {
  options o = bare_strip();
  const std::vector<note> notes{{1, 3, 64, 64}};
  o.sensor.interlace = 1;
  const frame both = at(o, notes, 1);
  o.sensor.interlace = 0;
  const frame now = at(o, notes, 1);
  o.picture.fps = 60;
  renderer twice(notes, o, 1);
  const frame before = drawn(twice, 59);
  int wrong = 0;
  for (index_t y = 0; y < 96; ++y) {
    const frame& field = y % 2 == 0 ? now : before;
    wrong += std::equal(both.row(y), both.row(y) + 832, field.row(y)) ? 0 : 1;
  }
  CHECK(wrong == 0);
  CHECK(difference(both, now) > 0);
}

TEST_CASE("dropped frames are missing with their times, repeated ones show the picture before") {
  options o = bare_strip();
  o.sensor.drop = 0.3;
  renderer r({}, o, 8);
  frame f;
  index_t count = 0;
  double last = -1;
  while (r(f)) {
    CHECK(f.time == doctest::Approx(static_cast<double>(f.number) / 30));
    CHECK(f.time > last);
    last = f.time, ++count;
  }
  CHECK(r.frames() == 120);
  CHECK(count < 105);
  CHECK(count > 60);
}

TEST_CASE("an empty performance is a video of a quiet keyboard, and frames outside it are refused") {
  options o = bare_strip();
  o.picture.seconds = 0;
  renderer r({}, o);
  CHECK(r.frames() == 1);
  frame f;
  CHECK(r(f));
  CHECK_FALSE(r(f));
  CHECK_THROWS_AS(r.draw(1, f), vmt::error);
  CHECK_THROWS_AS(r.draw(-1, f), vmt::error);
  o.sensor.noise = -1;
  CHECK_THROWS_AS(renderer({}, o), vmt::error);
}

TEST_CASE("short keyboards take the columns of their keys, the rest of a strip is black") {
  options o = bare_strip();
  o.picture.kind = picture_kind::paper_strip;
  o.picture.width = 800, o.picture.height = 145;
  o.keys.lowest = 36, o.keys.highest = 96;
  const frame f = at(o, {}, 0);
  const double l = 800.0 / 52 * vmt::keyboard::white_keys_below(36),
               r = 800.0 / 52 * vmt::keyboard::white_keys_below(97);
  CHECK(mean_of(f, 0, 0, l - 2, 145) == 0);
  CHECK(mean_of(f, r + 2, 0, 800, 145) == 0);
  CHECK(mean_of(f, l + 2, 110, r - 2, 140) > 180);
}

TEST_CASE("pictures without a keyboard come in all kinds and sizes, and repeat for a seed") {
  frame a, b;
  for (std::uint64_t seed = 0; seed < 18; ++seed) {
    vmt::synth::draw_without_keyboard(seed, 320, 180, a);
    vmt::synth::draw_without_keyboard(seed, 320, 180, b);
    CHECK(a.pixels == b.pixels);
    vmt::synth::draw_without_keyboard(seed + 9, 320, 180, b);
    CHECK(difference(a, b) > 1);
  }
  CHECK_THROWS_AS(vmt::synth::draw_without_keyboard(1, 8, 180, a), vmt::error);
}
