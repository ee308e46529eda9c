// SPDX-License-Identifier: MIT
#include "bench.hpp"

#include <vmt/core/rng.hpp>
#include <vmt/engine/onset_engine.hpp>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace tool {

// The engine's own convolutions, each alone; what is before them is the rest of a new frame's time.
std::string layer_times(vmt::cpu_context& ctx, const vmt::onset_net<float>& net, double seconds) {
  constexpr vmt::index_t height = 145;
  constexpr vmt::index_t width = 800;
  vmt::onset_engine engine(ctx, net, height, width);
  vmt::index_t largest = 0;
  vmt::index_t count = 2;
  engine.for_each_conv([&](const std::string&, const vmt::engine::fast_conv& conv, vmt::index_t images) {
    largest = std::max({largest, images * conv.in().size(), images * conv.out().size()});
    ++count;
  });
  const double share = seconds / static_cast<double>(count);
  vmt::host_buffer<float> x(largest), y(largest);
  vmt::rng random(1);
  for (vmt::index_t i = 0; i < largest; ++i) x.data()[i] = static_cast<float>(random.uniform());

  std::string text = "layer                   method           ms   million multiply-adds   per ns   weights MB\n";
  double all_ms = 0;
  engine.for_each_conv([&](const std::string& name, const vmt::engine::fast_conv& conv, vmt::index_t images) {
    const double ms = measure(share, [&] { conv.run(ctx, x.data(), y.data(), true, images); }).median_ms;
    const double products = static_cast<double>(images * conv.products()) / 1e6;
    char line[128];
    std::snprintf(line, sizeof line, "%-22s  %-12s %7.3f  %22.1f  %7.1f  %11.1f\n", name.c_str(),
                  vmt::engine::name(conv.method()).c_str(), ms, products, ms > 0 ? products / ms : 0.0,
                  static_cast<double>(conv.weight_bytes()) / 1e6);
    text += line;
    all_ms += ms;
  });
  vmt::cpu_tensor<float, 3> frames(engine.frames(), height, width);
  for (float& v : frames.span()) v = static_cast<float>(random.uniform());
  std::vector<float> logits(static_cast<std::size_t>(engine.keys()));
  for (vmt::index_t f = 0; f < engine.frames(); ++f) engine.push(ctx, frames[f]);
  const double frame_ms = measure(share, [&] {
                            engine.push(ctx, frames[0]);
                            engine.run(ctx, logits);
                          }).median_ms;
  const double window_ms = measure(share, [&] { engine.run_windows(ctx, frames, logits); }).median_ms;
  char last[160];
  std::snprintf(last, sizeof last,
                "sum                                  %7.3f\nnew frame                            %7.3f\n"
                "window                               %7.3f\n",
                all_ms, frame_ms, window_ms);
  return text + last;
}

}  // namespace tool
