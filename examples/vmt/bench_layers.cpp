// SPDX-License-Identifier: MIT
#include "bench.hpp"

#include <vmt/core/rng.hpp>
#include <vmt/engine/packed_conv.hpp>
#include <vmt/engine/stem_pool.hpp>
#include <vmt/model/summary.hpp>

#include <cstdio>
#include <string_view>
#include <vector>

namespace tool {

// Each layer alone, with the engine's own kernels; a window's five stems count as one layer.
std::string layer_times(vmt::cpu_context& ctx, const vmt::onset_net<float>& net, double seconds) {
  namespace engine = vmt::engine;
  constexpr vmt::index_t height = 145;
  constexpr vmt::index_t width = 800;
  const vmt::onset_net_options& o = net.options();
  const auto s = net.sizes({1, o.frames, height, width});
  const bool per_frame = o.variant != vmt::onset_variant::resnet;
  const auto& kernel = ctx.kernel<float>();
  const std::vector<vmt::layer_summary> layers = vmt::summarise(o, height, width);
  const double share = seconds / static_cast<double>(layers.size());

  vmt::index_t largest = o.frames * height * width;
  for (const vmt::layer_summary& l : layers) largest = std::max(largest, l.out.size());
  std::vector<vmt::host_buffer<float>> maps(5, vmt::host_buffer<float>(largest));
  vmt::rng random(1);
  for (vmt::index_t i = 0; i < largest; ++i) maps[0].data()[i] = static_cast<float>(random.uniform());
  const float* const x = maps[0].data();
  float* const y = maps[1].data();

  std::string text = "layer            ms  million multiply-adds   per ns\n";
  double all_ms = 0;
  vmt::index_t all_products = 0;
  const auto row = [&](const char* name, double ms, vmt::index_t products) {
    char line[96];
    const auto n = static_cast<double>(products);
    std::snprintf(line, sizeof line, "%-12s %7.3f  %21.1f  %7.1f\n", name, ms, n / 1e6, ms > 0 ? n / (1e6 * ms) : 0.0);
    text += line;
  };
  const auto add = [&](const char* name, const std::function<void()>& work) {
    const double ms = measure(share, work).median_ms;
    vmt::index_t products = 0;
    for (const vmt::layer_summary& l : layers) products += l.name == name ? l.multiply_adds : 0;
    // The engine has the slope module's share of `fuse`, w of 5 w channels, as a constant.
    if (std::string_view(name) == "fuse") products = products / 5 * 4;
    row(name, ms, products);
    all_ms += ms;
    all_products += products;
  };
  const auto stage = [&](const char* name, const vmt::nn::residual_stage<float>& layer, vmt::index_t times,
                         const vmt::extents<4>& in) {
    const engine::packed_block first(kernel, layer.first(), in[1], in[2], in[3]);
    const vmt::extents<4> out = first.out();
    const engine::packed_block second(kernel, layer.second(), out[1], out[2], out[3]);
    add(name, [&] {
      for (vmt::index_t i = 0; i < times; ++i) {
        first.run(ctx, x, y, maps[2].data(), maps[3].data());
        second.run(ctx, y, maps[4].data(), maps[2].data(), maps[3].data());
      }
    });
  };

  const vmt::index_t stems = per_frame ? o.frames : 1;
  const engine::packed_conv conv1(kernel, net.conv1(), &net.bn1(), per_frame ? 1 : o.frames, height, width);
  add("conv1", [&] {
    for (vmt::index_t f = 0; f < stems; ++f) conv1.run(ctx, x, y, nullptr, true);
  });
  const vmt::extents<4> map{1, o.width, s.map[2], s.map[3]};
  if (o.stem == vmt::onset_stem::layer1) stage("layer1", net.layer1(), stems, map);
  vmt::cpu_tensor<float, 4> aggregated(map);
  if (per_frame && o.aggregation == vmt::nn::aggregation_kind::dense) {
    vmt::cpu_tensor<float, 5> window(1, o.frames, map[1], map[2], map[3]);
    add("aggregation", [&] { net.aggregation().forward(ctx, window, aggregated); });
  }
  const bool fused = per_frame && o.aggregation == vmt::nn::aggregation_kind::channelwise;
  const engine::stem_pool pool(net.pool().params(), map, o.frames);
  const vmt::const_view<float, 2> weight = fused ? net.aggregation().channel_weight() : vmt::const_view<float, 2>();
  const vmt::index_t plane = fused ? map.size() : 0;  // where one map is pooled there are no frames
  add(fused ? "aggregation" : "maxpool", [&] {
    pool.run(
        ctx, y, [&](vmt::index_t f) { return x + f * plane; }, weight);
  });
  if (o.stem == vmt::onset_stem::conv1) stage("layer1", net.layer1(), 1, s.pooled);
  stage("layer2", net.layer2(), 1, s.pooled);
  stage("layer3", net.layer3(), 1, s.layer2);
  if (o.variant == vmt::onset_variant::slope) {
    const engine::packed_conv fuse(kernel, net.fuse(), nullptr, s.layer3[1], s.layer3[2], s.layer3[3]);
    add("fuse", [&] { fuse.run(ctx, x, y, maps[2].data(), false); });
  }
  stage("layer4", net.layer4(), 1, s.layer3);
  row("total", all_ms, all_products);
  return text;
}

}  // namespace tool
