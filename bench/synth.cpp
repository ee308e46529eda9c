// SPDX-License-Identifier: MIT
// Frames a second of the renderer on one core: registered strips for training, and camera pictures.

#include <vmt/synth/synth.hpp>

#include <benchmark/benchmark.h>

namespace {

/// Runs through videos of several seeds, so that no single look decides.
template <class Preset>
void render(benchmark::State& state, Preset&& preset) {
  std::vector<std::unique_ptr<vmt::synth::renderer>> videos;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    vmt::synth::options o = preset(seed);
    o.picture.seconds = 20;
    const auto notes = vmt::synth::exercise("mixed", seed, 20, o.keys.lowest, o.keys.highest);
    videos.push_back(std::make_unique<vmt::synth::renderer>(notes, o, seed));
  }
  vmt::frame f;
  vmt::index_t number = 0;
  for (auto _ : state) {
    auto& video = *videos[static_cast<std::size_t>(number / 20) % videos.size()];
    video.draw(number / 200 * 20 % (video.frames() - 20) + number % 20, f);
    benchmark::DoNotOptimize(f.pixels.data());
    ++number;
  }
  state.SetItemsProcessed(state.iterations());
}

void key_strip_832x96(benchmark::State& state) {
  render(state, [](std::uint64_t seed) { return vmt::synth::wild(seed); });
}
void key_strip_416x96(benchmark::State& state) {
  render(state, [](std::uint64_t seed) {
    vmt::synth::options o = vmt::synth::wild(seed);
    o.picture.width = 416;
    o.picture.white_keys = 26;
    o.picture.first_white = static_cast<double>(seed % 27);
    return o;
  });
}
void paper_strip_800x145(benchmark::State& state) {
  render(state, [](std::uint64_t seed) { return vmt::synth::paper(seed); });
}
void camera_1280x720(benchmark::State& state) {
  render(state, [](std::uint64_t seed) { return vmt::synth::wild_camera(seed, 1280, 720); });
}

BENCHMARK(key_strip_832x96)->Unit(benchmark::kMillisecond)->Iterations(400);
BENCHMARK(key_strip_416x96)->Unit(benchmark::kMillisecond)->Iterations(400);
BENCHMARK(paper_strip_800x145)->Unit(benchmark::kMillisecond)->Iterations(400);
BENCHMARK(camera_1280x720)->Unit(benchmark::kMillisecond)->Iterations(100);

}  // namespace

BENCHMARK_MAIN();
