// SPDX-License-Identifier: MIT
// The convolution kernels of the engine by shape: GFLOP/s by the definition of a convolution ("effective": Winograd needs
// fewer products, so it may exceed the peak) and their share of the peak, which is measured in the same run, right before
// each of them, so that a clock that changes or a busy neighbour falls on both.

#include <vmt/backend/cpu/winograd.hpp>

#include <benchmark/benchmark.h>

#include <chrono>

namespace {

using vmt::index_t;
using vmt::detail::group_map;

/// A tile whose operands stay in the first cache: multiply-adds and nothing else.
double peak_gflops(vmt::cpu_context& ctx) {
  const vmt::group_kernels& k = ctx.groups();
  const index_t depth = 8 * k.group;
  vmt::host_buffer<float> x(depth + k.pixels), w(depth * k.group), y(k.pixels * k.group);
  const index_t offset = 0;
  const vmt::detail::pixel_tile_job job{1, &offset, depth, 1, w.data(), x.data(), y.data(), {}};
  double best = 0;
  for (int repeat = 0; repeat < 50; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) k.tile[k.pixels](&job);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 100.0 * 2.0 * static_cast<double>(k.pixels * k.group * depth) / seconds / 1e9);
  }
  return best;
}

struct shape {
  const char* name;
  index_t channels, outputs, height, width, taps, stride;
};
constexpr shape shapes[] = {{"layer1", 64, 64, 37, 200, 3, 1},   {"layer2/2", 64, 128, 37, 200, 3, 2},
                            {"layer2", 128, 128, 19, 100, 3, 1}, {"layer3/2", 128, 256, 19, 100, 3, 2},
                            {"layer3", 256, 256, 10, 50, 3, 1},  {"layer4/2", 256, 512, 10, 50, 3, 2},
                            {"layer4", 512, 512, 5, 25, 3, 1},   {"shortcut4", 256, 512, 10, 50, 1, 2}};

void convolution(benchmark::State& state, const shape& s, vmt::cpu_isa isa, int method) {
  vmt::cpu_context ctx({.threads = 1, .isa = isa});
  const index_t group = ctx.groups().group;
  const index_t height = (s.height - 1) / s.stride + 1;
  const index_t width = (s.width - 1) / s.stride + 1;
  const group_map in = group_map::bordered(group, s.channels, s.height, s.width);
  const group_map out = group_map::bordered(group, s.outputs, height, width);
  vmt::host_buffer<float> x(in.size()), y(out.size()), bias(out.groups() * group);
  const index_t taps = s.taps * s.taps;
  vmt::host_buffer<float> w(vmt::detail::group_weights_size(group, s.outputs, in.groups() * group * taps));
  std::fill_n(x.data(), x.size(), 0.5F);
  std::fill_n(w.data(), w.size(), 0.25F);
  std::vector<index_t> offsets;
  for (index_t g = 0; g < in.groups(); ++g)
    for (index_t t = 0; t < taps; ++t) offsets.push_back(in.at(g, t / s.taps - s.taps / 2, t % s.taps - s.taps / 2));
  const vmt::detail::tile_end end{bias.data(), nullptr, true};
  const double peak = peak_gflops(ctx);
  for (auto _ : state) {
    if (method < 0) {
      vmt::detail::run_group_conv(ctx, {std::ssize(offsets), offsets.data(), group, s.stride * group, w.data(), 1, x.data(),
                                        s.stride * in.row_size(), in.size(), s.stride * in.row_size() * in.groups(), out,
                                        y.data(), end});
    } else {
      vmt::detail::run_winograd(
          ctx, {static_cast<vmt::winograd_shape>(method), w.data(), 1, in, x.data(), out, y.data(), end});
    }
    benchmark::DoNotOptimize(y.data());
  }
  const double flops = 2.0 * static_cast<double>(s.channels * s.outputs * taps * height * width);
  state.counters["GFLOP/s"] = benchmark::Counter(flops / 1e9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["peak"] = peak;
  state.counters["of_peak"] = benchmark::Counter(flops / 1e9 / peak, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

int main(int argc, char** argv) {
  for (const vmt::cpu_isa isa : {vmt::cpu_isa::avx512, vmt::cpu_isa::avx2, vmt::cpu_isa::portable}) {
    if (!vmt::supported(isa)) continue;
    for (const shape& s : shapes)
      for (int method = -1; method < (s.taps == 3 ? vmt::winograd_shapes : 0); ++method) {
        if (method >= 0 && vmt::sizes_of(static_cast<vmt::winograd_shape>(method)).stride != s.stride) continue;
        const std::string kind = method < 0 ? "direct" : std::string(name(static_cast<vmt::winograd_shape>(method)));
        const std::string title = std::string(name(isa)) + "/" + s.name + "/" + kind;
        benchmark::RegisterBenchmark(title.c_str(), [=](benchmark::State& state) { convolution(state, s, isa, method); })
            ->Unit(benchmark::kMillisecond);
      }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
