// SPDX-License-Identifier: MIT
// What happens to each frame between the camera and the network, from 1280x720 pictures, on one core.
#include <vmt/core/rng.hpp>
#include <vmt/keyboard/levels.hpp>
#include <vmt/keyboard/straighten.hpp>
#include <vmt/keyboard/tracked_strip.hpp>

#include <benchmark/benchmark.h>

namespace {

vmt::frame noise(vmt::index_t width, vmt::index_t height) {
  vmt::frame f;
  f.resize(width, height);
  vmt::rng random(1);
  for (auto& v : f.pixels) v = static_cast<std::uint8_t>(random.bits() >> 24);
  return f;
}

vmt::keyboard::keyboard somewhere() {
  vmt::keyboard::keyboard k = vmt::keyboard::whole_picture(1280, 720);
  k.corners = {{{8, 286}, {1277, 298}, {1264, 451}, {20, 437}}};
  k.lens = -0.05;
  return k;
}

/// An empty keyboard: bars of its keys.
vmt::frame keys() {
  const vmt::keyboard::strip_layout layout;
  vmt::frame f;
  f.resize(layout.width(), layout.height());
  for (vmt::index_t y = 0; y < f.height; ++y) {
    for (vmt::index_t x = 0; x < f.width; ++x) {
      f.row(y)[x] = y < 4 || y >= 84 ? 30 : layout.black_at(x, y) ? 40 : x % 16 == 0 ? 120 : 210;
    }
  }
  return f;
}

void paper_strip(benchmark::State& state) {
  const vmt::keyboard::straightener straight(somewhere(), 1280, 720);
  const vmt::frame picture = noise(1280, 720);
  vmt::frame strip;
  for (auto _ : state) straight(picture, strip);
  state.SetItemsProcessed(state.iterations());
}

void key_strip(benchmark::State& state) {
  const vmt::keyboard::key_strip straight(somewhere(), 1280, 720);
  const vmt::frame picture = noise(1280, 720);
  vmt::frame strip;
  for (auto _ : state) straight(picture, strip);
  state.SetItemsProcessed(state.iterations());
}

void make_key_strip(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(vmt::keyboard::key_strip(somewhere(), 1280, 720));
}

void running_plate(benchmark::State& state) {
  vmt::keyboard::running_plate plate;
  const vmt::frame strip = keys();
  for (int i = 0; i < 3000; ++i) plate.push(strip);  // until its memory is full
  for (auto _ : state) plate.push(strip);
  state.SetItemsProcessed(state.iterations());
}

void whole_plate(benchmark::State& state) {
  vmt::keyboard::plate plate;
  const vmt::frame strip = keys();
  for (int i = 0; i < 160; ++i) plate.push(strip);
  vmt::frame result;
  for (auto _ : state) plate.estimate(result);
}

void levels(benchmark::State& state) {
  const vmt::frame plate = keys();
  vmt::keyboard::levels result;
  for (auto _ : state) vmt::keyboard::estimate_levels(plate, result);
}

void track(benchmark::State& state) {
  const vmt::frame plate = keys();
  vmt::keyboard::tracker tracker(somewhere(), 1280, 720);
  tracker.refer_to(plate);
  for (auto _ : state) benchmark::DoNotOptimize(tracker.push(plate));
  state.SetItemsProcessed(state.iterations());
}

void search(benchmark::State& state) {
  const vmt::frame plate = keys();
  vmt::keyboard::strip_aligner aligner{vmt::keyboard::strip_layout{}};
  aligner.refer_to(plate);
  for (auto _ : state) benchmark::DoNotOptimize(aligner.search(plate));
}

}  // namespace

BENCHMARK(paper_strip)->Unit(benchmark::kMicrosecond);
BENCHMARK(key_strip)->Unit(benchmark::kMicrosecond);
BENCHMARK(make_key_strip)->Unit(benchmark::kMicrosecond);
BENCHMARK(running_plate)->Unit(benchmark::kMicrosecond);
BENCHMARK(whole_plate)->Unit(benchmark::kMicrosecond);
BENCHMARK(levels)->Unit(benchmark::kMicrosecond);
BENCHMARK(track)->Unit(benchmark::kMicrosecond);
BENCHMARK(search)->Unit(benchmark::kMicrosecond);

BENCHMARK_MAIN();
