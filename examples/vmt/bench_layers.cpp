// SPDX-License-Identifier: MIT
#include "bench.hpp"

#include <vmt/core/rng.hpp>
#include <vmt/engine/onset_engine.hpp>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace tool {

// The engine's own convolutions, each alone; what is before them is the rest of a new frame's time.
std::string layer_times(vmt::cpu_context& ctx, const vmt::onset_net<float>& net,
                        const vmt::onset_engine_options& options, double seconds) {
  vmt::onset_engine engine(ctx, net, options);
  vmt::index_t count = 2;
  engine.for_each_conv([&](const std::string&, const auto&, vmt::index_t) { ++count; });
  const double share = seconds / static_cast<double>(count);
  vmt::rng random(1);

  std::string text = "layer                   method           ms   million multiply-adds   per ns   weights MB\n";
  double all_ms = 0;
  engine.for_each_conv([&](const std::string& name, const auto& conv, vmt::index_t images) {
    using number = typename std::decay_t<decltype(conv)>::number;
    vmt::host_buffer<number> x(images * conv.in().size() + conv.slack), y(images * conv.out().size() + conv.slack);
    for (vmt::index_t i = 0; i < images * conv.in().size(); ++i) {
      x.data()[i] = conv.stored(static_cast<float>(random.uniform()), {0, 1});
    }
    const double ms = measure(share, [&] { conv.run(ctx, x.data(), y.data(), true, images); }).median_ms;
    const double products = static_cast<double>(images * conv.products()) / 1e6;
    char line[128];
    std::snprintf(line, sizeof line, "%-22s  %-12s %7.3f  %22.1f  %7.1f  %11.1f\n", name.c_str(), conv.method().c_str(),
                  ms, products, ms > 0 ? products / ms : 0.0, static_cast<double>(conv.weight_bytes()) / 1e6);
    text += line;
    all_ms += ms;
  });
  vmt::cpu_tensor<float, 3> frames(engine.frames(), engine.height(), engine.width());
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
