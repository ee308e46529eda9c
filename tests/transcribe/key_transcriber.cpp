// SPDX-License-Identifier: MIT
#include <vmt/backend/cuda/gpu.hpp>
#include <vmt/backend/cuda/simulated.hpp>
#include <vmt/engine/gpu_key_engine.hpp>
#include <vmt/eval/report.hpp>
#include <vmt/model/key_weights.hpp>
#include <vmt/synth/synth.hpp>
#include <vmt/transcribe/key_transcriber.hpp>

#include "../support/count_allocations.hpp"
#include "../support/key_net.hpp"

#include <doctest/doctest.h>

#include <cmath>

using vmt::frame;
using vmt::index_t;
using vmt::note;
using vmt::transcribe::key_transcriber;
using vmt::transcribe::transcribe_options;
using vmt::transcribe::transcription_result;

namespace {

/// A rendered video, and what is played in it.
struct clip {
  std::vector<frame> frames;
  std::vector<note> notes;
  vmt::keyboard::keyboard where;
};

clip rendered(double fps, double seconds) {
  vmt::synth::options o = vmt::synth::clean();
  o.picture.width = 640;
  o.picture.height = 360;
  o.picture.fps = fps;
  o.picture.seconds = seconds;
  vmt::synth::renderer r(vmt::synth::exercise("scales", 5, seconds - 1), o, 5);
  clip c{{}, r.notes(), r.keyboard()};
  for (frame f; r(f);) c.frames.push_back(f);
  return c;
}

const clip& usual_clip() {
  static const clip c = rendered(30, 5);
  return c;
}

/// Few channels: what these tests ask does not depend on them.
const vmt::key_net<float>& small_net() {
  static const auto net = vmt_test::random_key_net<float>(
      {.rows = 96, .channels = {4, 4, 4, 4}, .features = 8, .window = 5, .future = 2, .dropout = 0}, 3);
  return net;
}

transcribe_options options_of(const clip& c) {
  transcribe_options o;
  o.keyboard = c.where;
  o.plate_ahead = 0.5;
  o.notes.threshold = 0.05;  // an untrained network is sure of nothing
  o.notes.gate = 0;
  return o;
}

struct heard {
  std::vector<note> notes;
  std::vector<double> times;
  std::vector<float> probabilities;
  transcription_result result;
};

heard listen(const std::vector<frame>& frames, transcribe_options o, const vmt::key_net<float>& net = small_net(),
             int threads = 1) {
  heard h;
  o.on_probabilities = [&](double time, std::span<const float> p) {
    h.times.push_back(time);
    h.probabilities.insert(h.probabilities.end(), p.begin(), p.end());
  };
  vmt::cpu_context ctx({.threads = threads});
  std::size_t next = 0;
  const auto source = [&](frame& f) {
    if (next == frames.size()) return false;
    f = frames[next++];
    return true;
  };
  h.result = vmt::transcribe::transcribe(ctx, net, source, [&](const note& n) { h.notes.push_back(n); }, o);
  return h;
}

}  // namespace

TEST_CASE("the released weights find the notes of a rendered video, and when they end") {
  const clip& c = usual_clip();
  transcribe_options o;
  o.keyboard = c.where;
  const heard h = listen(c.frames, o, vmt::load_key_net<float>("models/key_net.safetensors"));
  const auto e = vmt::eval::evaluate(c.notes, h.notes);
  CHECK(c.notes.size() > 10);
  CHECK(e.onset_50ms.f1 > 0.8);
  CHECK(e.onset_offset_100ms.f1 > 0.5);
  CHECK(h.result.frames == 150);
  CHECK(h.result.windows == 150);
  CHECK(h.result.unseen == 0);
  CHECK(h.result.notes == std::ssize(h.notes));
}

TEST_CASE("the network sees of every frame the strip, the plate at that moment, and the frame before") {
  const clip& c = usual_clip();
  transcribe_options o = options_of(c);
  o.plate_ahead = 0;
  const std::vector<frame> frames(c.frames.begin(), c.frames.begin() + 20);
  const heard h = listen(frames, o);

  vmt::keyboard::tracked_strip straight(c.where, 640, 360);
  vmt::cpu_tensor<float, 5> x(1, 20, 3, 96, 832);
  frame strip;
  std::vector<std::uint8_t> before;
  for (index_t i = 0; i < 20; ++i) {
    straight(frames[static_cast<std::size_t>(i)], strip);
    const auto levels = vmt::keyboard::estimate_levels(straight.plate());
    const std::vector<float> plate(straight.plate().pixels.begin(), straight.plate().pixels.end());
    vmt::key_channels(strip.pixels, before, plate, levels.white, levels.range, x[0][i].span());
    before = strip.pixels;
  }
  const auto keys = vmt::transcribe::key_places(straight.layout());
  vmt::cpu_tensor<float, 4> y(1, 88, 5, 20);
  vmt::cpu_context ctx({.threads = 1});
  small_net().forward(ctx, x, keys, y);
  REQUIRE(h.probabilities.size() == 20 * 88);
  for (index_t f = 0; f < 20; ++f) {
    CHECK(h.times[static_cast<std::size_t>(f)] == frames[static_cast<std::size_t>(f)].time);
    for (index_t k = 0; k < 88; ++k) {
      const float p = 1 / (1 + std::exp(-y(index_t{0}, k, index_t{0}, f)));
      REQUIRE(h.probabilities[static_cast<std::size_t>(f * 88 + k)] == doctest::Approx(p).epsilon(1e-4));
    }
  }
}

TEST_CASE("with the engine of a device the network says the same of each frame, across a gap as well") {
  const clip& c = usual_clip();
  std::vector<frame> frames(c.frames.begin(), c.frames.begin() + 5);
  frames.insert(frames.end(), c.frames.begin() + 20, c.frames.begin() + 23);
  transcribe_options o = options_of(c);
  o.plate_ahead = 0;
  const heard h = listen(frames, o);
  vmt::simulated_context device;
  std::vector<float> found;
  std::vector<note> notes;
  o.on_probabilities = [&](double, std::span<const float> p) { found.insert(found.end(), p.begin(), p.end()); };
  auto source = [&, next = std::size_t{0}](frame& f) mutable {
    if (next == frames.size()) return false;
    f = frames[next++];
    return true;
  };
  const auto result = vmt::transcribe::transcribe<vmt::gpu_key_engine<vmt::simulated_runtime>>(
      device, small_net(), source, [&](const note& n) { notes.push_back(n); }, o);
  CHECK(result.windows == 8);
  CHECK(result.gaps == 1);
  CHECK(notes.size() == h.notes.size());
  REQUIRE(found.size() == h.probabilities.size());
  for (std::size_t i = 0; i < found.size(); ++i) REQUIRE(found[i] == doctest::Approx(h.probabilities[i]).epsilon(1e-4));
}

TEST_CASE("frame by frame and threads give the same notes, and it can start again") {
  const clip& c = usual_clip();
  const heard whole = listen(c.frames, options_of(c));
  REQUIRE(whole.notes.size() > 5);
  CHECK(std::is_sorted(whole.notes.begin(), whole.notes.end()));
  const heard four = listen(c.frames, options_of(c), small_net(), 4);
  CHECK(four.notes == whole.notes);
  CHECK(four.probabilities == whole.probabilities);

  vmt::cpu_context ctx({.threads = 1});
  transcribe_options o = options_of(c);
  std::size_t onsets = 0;
  o.on_onset = [&](const note&) { ++onsets; };
  key_transcriber t(ctx, small_net(), o);
  std::vector<note> notes;
  const auto sink = [&](const note& n) { notes.push_back(n); };
  for (const frame& f : c.frames) t.push(f, sink);
  CHECK(notes.size() < whole.notes.size());  // some still wait
  t.finish(sink);
  CHECK(notes == whole.notes);
  CHECK(onsets == notes.size());
  for (const frame& f : c.frames) t.push(f, sink);
  t.finish(sink);
  CHECK(t.result().frames == 300);
}

TEST_CASE("of sixty frames a second every second one is seen") {
  const clip fast = rendered(60, 3);
  std::vector<frame> slow;
  for (std::size_t i = 0; i < fast.frames.size(); i += 2) slow.push_back(fast.frames[i]);
  const heard h = listen(fast.frames, options_of(fast));
  CHECK(h.result.frames == 180);
  CHECK(h.result.windows == 90);
  CHECK(h.result.gaps == 0);
  CHECK(h.notes == listen(slow, options_of(fast)).notes);
}

TEST_CASE("a gap cuts the video: what comes after it does not change what came before") {
  const clip& c = usual_clip();
  std::vector<frame> frames = c.frames;
  frames.erase(frames.begin() + 70, frames.begin() + 80);
  transcribe_options o = options_of(c);
  o.plate_ahead = 0;  // else the plate before the gap knows what comes after it
  const heard h = listen(frames, o);
  const heard first = listen({c.frames.begin(), c.frames.begin() + 70}, o);
  CHECK(h.result.gaps == 1);
  CHECK(h.result.windows == 140);
  REQUIRE(h.notes.size() > first.notes.size());
  CHECK(std::equal(first.notes.begin(), first.notes.end(), h.notes.begin()));
}

TEST_CASE("damaged frames are used, skipped as a gap, or refused") {
  const clip& c = usual_clip();
  std::vector<frame> frames(c.frames.begin(), c.frames.begin() + 60);
  frames[30].damaged = true;
  transcribe_options o = options_of(c);
  CHECK(listen(frames, o).result.windows == 60);
  o.damaged = vmt::media::damage_policy::skip;
  const auto skipped = listen(frames, o).result;
  CHECK(skipped.windows == 59);
  CHECK(skipped.gaps == 1);
  CHECK(skipped.damaged == 1);
  o.damaged = vmt::media::damage_policy::fail;
  CHECK_THROWS_WITH_AS(listen(frames, o), doctest::Contains("damaged"), vmt::error);
}

TEST_CASE("no notes are found where the keyboard is out of sight") {
  const clip& c = usual_clip();
  std::vector<frame> frames = c.frames;
  for (std::size_t i = 60; i < 150; ++i) {  // a title card
    for (std::size_t p = 0; p < frames[i].pixels.size(); ++p) {
      frames[i].pixels[p] = static_cast<std::uint8_t>(40 + (p / 640 / 40 + p % 640 / 90) % 2 * 90);
    }
  }
  transcribe_options o = options_of(c);
  o.plate_ahead = 2;
  const heard h = listen(frames, o);
  CHECK(h.result.unseen > 80);
  CHECK(h.result.windows + h.result.unseen == 150);
  for (const note& n : h.notes) CHECK(n.onset < 2.2);
}

TEST_CASE("a shorter keyboard has its own keys") {
  clip c = usual_clip();
  const double width = c.where.corners[1].x - c.where.corners[0].x;
  const double white = width / 52;
  c.where.corners[0].x += 2 * white;  // from C1 …
  c.where.corners[3].x += 2 * white;
  c.where.corners[1].x -= 14 * white;  // … to C6
  c.where.corners[2].x -= 14 * white;
  c.where.lowest_key = 24;
  c.where.highest_key = 84;
  c.where.keys.clear();
  const heard h = listen(c.frames, options_of(c));
  CHECK(h.probabilities.size() == 150 * 61);
  for (const note& n : h.notes) CHECK((n.pitch >= 24 && n.pitch <= 84));
}

TEST_CASE("the lag is taken away and the stop callback ends the video cleanly") {
  const clip& c = usual_clip();
  transcribe_options o = options_of(c);
  const heard usual = listen(c.frames, o);
  o.lag_seconds = -1;
  const heard later = listen(c.frames, o);
  REQUIRE(later.notes.size() == usual.notes.size());
  CHECK(later.notes.back().onset == doctest::Approx(usual.notes.back().onset + 1));
  o.lag_seconds = 0;
  int asked = 0;
  o.stop = [&] { return ++asked > 50; };
  const heard part = listen(c.frames, o);
  CHECK(part.result.stopped);
  CHECK(part.result.windows == 50);
}

TEST_CASE("what cannot be right is refused with its reason") {
  const clip& c = usual_clip();
  CHECK_THROWS_WITH_AS(listen(c.frames, {}), doctest::Contains("keyboard"), vmt::error);
  transcribe_options o = options_of(c);
  o.plate_ahead = -1;
  CHECK_THROWS_WITH_AS(listen(c.frames, o), doctest::Contains("plate_ahead"), vmt::error);
  auto broken = small_net();
  broken.for_each_parameter([](const std::string& name, vmt::nn::parameter<float, vmt::cpu>& p) {
    if (name.starts_with("head")) p.flat_value().span()[0] = NAN;
  });
  CHECK_THROWS_WITH_AS(listen(c.frames, options_of(c), broken), doctest::Contains("NaN"), vmt::error);
  std::vector<frame> frames(c.frames.begin(), c.frames.begin() + 3);
  frames[2].resize(320, 180);
  CHECK_THROWS_AS(listen(frames, options_of(c)), vmt::error);
}

TEST_CASE("nothing is allocated for a frame once the transcriber runs") {
  const clip& c = usual_clip();
  vmt::cpu_context ctx({.threads = 1});
  transcribe_options o = options_of(c);
  o.notes.threshold = 1;  // notes that are held take room
  key_transcriber t(ctx, small_net(), o);
  const auto sink = [](const note&) {};
  for (std::size_t i = 0; i < 110; ++i) t.push(c.frames[i], sink);
  const vmt_test::allocation_count count;
  for (std::size_t i = 110; i < 150; ++i) t.push(c.frames[i], sink);
  CHECK(count.since() == 0);
}
