// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/model/key_net.hpp>
#include <vmt/model/onset_net.hpp>

#include <map>
#include <vector>

namespace vmt::inline VMT_ABI {

/// One line of a model's description, for one window of `onset_net` or one frame of `key_net`.
struct layer_summary {
  std::string name;
  extents<4> out;  ///< of the layer, for all frames that it treats: frames × C × H × W
  index_t parameters = 0;
  index_t multiply_adds = 0;  ///< with the products that fall on padding
};

/// The layers of an `onset_net` at one frame size, in the order of the data. The stem counts all frames of a window.
[[nodiscard]] inline std::vector<layer_summary> summarise(const onset_net_options& o, index_t height = 145,
                                                          index_t width = 800) {
  onset_net<float> net(o);
  const auto s = net.sizes({1, o.frames, height, width});
  std::map<std::string, index_t> parameters;  // by the first part of the name
  net.for_each_parameter([&](const std::string& name, const nn::parameter<float, cpu>& p) {
    parameters[name.substr(0, name.find('.'))] += p.size();
  });
  const index_t w = o.width;
  const auto pixels = [](const extents<4>& e) { return e[0] * e[2] * e[3]; };
  // Two basic blocks with 3×3 kernels, and the 1×1 shortcut where the number of channels changes.
  const auto stage = [&](index_t in, index_t out) { return out * (9 * in + 27 * out) + (in == out ? 0 : in * out); };
  std::vector<layer_summary> all;
  const auto add = [&](const std::string& name, const extents<4>& out, index_t per_pixel) {
    all.push_back({name, out, parameters[name], per_pixel * pixels(out)});
  };
  add("conv1", s.stem, w * 49 * (o.variant == onset_variant::resnet ? o.frames : 1));
  all.back().parameters += parameters["bn1"];
  if (o.stem == onset_stem::layer1) add("layer1", s.stem, stage(w, w));
  if (o.variant != onset_variant::resnet) {
    add("aggregation", s.map, w * o.frames * (o.aggregation == nn::aggregation_kind::dense ? w : 1));
  }
  add("maxpool", s.pooled, 0);
  if (o.stem == onset_stem::conv1) add("layer1", s.pooled, stage(w, w));
  add("layer2", s.layer2, stage(w, 2 * w));
  add("layer3", s.layer3, stage(2 * w, 4 * w));
  if (o.variant == onset_variant::slope) {
    all.push_back({"slope", s.slope, parameters["slope"], o.keys * (3 * w + 3 * w * w)});
    add("fuse", s.layer3, 4 * w * 5 * w * 9);
  }
  add("layer4", s.layer4, stage(4 * w, 8 * w));
  add("avgpool", {1, 8 * w, 1, 1}, 0);
  add("fc", {1, o.keys, 1, 1}, 8 * w * o.keys);
  return all;
}

/// The layers of a `key_net` for one frame of a strip of `width` pixels with `keys` keys. A key costs the same whether
/// it is white or black: `white` counts all of them, `black` has only its parameters.
[[nodiscard]] inline std::vector<layer_summary> summarise(const key_net_options& o, index_t width = 832,
                                                          index_t keys = 88) {
  key_net<float> net(o);
  const auto s = net.sizes({1, 1, 3, o.rows, width});
  std::map<std::string, index_t> parameters;  // by the name of the layer: "trunk.0", "columns"
  net.for_each_parameter([&](const std::string& name, const nn::parameter<float, cpu>& p) {
    const bool numbered = name.starts_with("trunk.") || name.starts_with("temporal.");
    parameters[name.substr(0, name.find('.', numbered ? name.find('.') + 1 : 0))] += p.size();
  });
  std::vector<layer_summary> all;
  const auto add = [&](const std::string& name, const extents<4>& out, index_t per_pixel) {
    all.push_back({name, out, parameters[name], per_pixel * out[2] * out[3]});
  };
  for (std::size_t i = 0; i < 5; ++i) {
    const const_view<float, 4> w = (i < 4 ? net.trunk()[i] : net.columns()).conv().weight();
    add(i < 4 ? "trunk." + std::to_string(i) : "columns", s.map[i], w.size());
  }
  const index_t f = o.features;
  add("white", {1, f, keys, 1}, f * f * o.window);
  add("black", {1, f, keys, 1}, 0);
  add("norm", {1, f, keys, 1}, 0);
  for (std::size_t i = 0; i < net.temporal().size(); ++i) {
    add("temporal." + std::to_string(i), {1, f, keys, 1}, 3 * f * f);
  }
  add("head", {1, key_outputs, keys, 1}, key_outputs * f);
  return all;
}

}  // namespace vmt::inline VMT_ABI
