// SPDX-License-Identifier: MIT
#include "cli.hpp"
#include "command.hpp"
#include "model.hpp"

#include <vmt/model/summary.hpp>

#include <cstdio>
#include <memory>

namespace tool {
namespace {

/// 1234567 → "1,234,567".
std::string grouped(vmt::index_t n) {
  std::string text = std::to_string(n);
  for (std::ptrdiff_t at = std::ssize(text) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

int run(const std::string& path) {
  const vmt::onset_net<float> net = load_model(path).net;
  const vmt::onset_net_options& o = net.options();
  constexpr vmt::index_t height = 145;
  constexpr vmt::index_t width = 800;
  std::string text = (path.empty() ? "the released weights" : path) + "\nmodel        onset_net\n";
  text += "variant      " + std::string(name(o.variant)) + "\nstem         " + std::string(name(o.stem)) +
          "\naggregation  " + std::string(name(o.aggregation)) + "\nwidth        " + std::to_string(o.width) +
          "\nframes       " + std::to_string(o.frames) + "\nkeys         " + std::to_string(o.keys) +
          "\n\none window of " + std::to_string(o.frames) + " frames of " + std::to_string(width) + "x" +
          std::to_string(height) + "\n";
  const auto row = [&](const std::string& layer, const std::string& out, const std::string& parameters,
                       const std::string& products) {
    char line[160];
    std::snprintf(line, sizeof line, "%-12s  %-14s  %12s  %16s\n", layer.c_str(), out.c_str(), parameters.c_str(),
                  products.c_str());
    text += line;
  };
  row("layer", "output", "parameters", "multiply-adds");
  vmt::index_t parameters = 0;
  vmt::index_t products = 0;
  for (const vmt::layer_summary& l : vmt::summarise(o, height, width)) {
    std::string out;
    for (std::size_t r = 0; r < 4; ++r) out += (r == 0 ? "" : "x") + std::to_string(l.out[r]);
    row(l.name, out, grouped(l.parameters), grouped(l.multiply_adds));
    parameters += l.parameters;
    products += l.multiply_adds;
  }
  row("total", "", grouped(parameters), grouped(products));
  print(text);
  return done;
}

}  // namespace

command add_info(CLI::App& app) {
  const auto path = std::make_shared<std::string>();
  CLI::App* const c = app.add_subcommand("info", "Shows the layers of a network: shapes, parameters, multiply-adds");
  c->add_option("W", *path, "weights, a safetensors file; without it the released ones");
  return {c, [path] { return run(*path); }};
}

}  // namespace tool
