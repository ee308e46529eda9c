// SPDX-License-Identifier: MIT
#include "cli.hpp"
#include "command.hpp"
#include "engine_choice.hpp"

#include <vmt/engine/onset_engine.hpp>
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

/// A line of the table of facts: a word, padded, and what it is.
std::string fact(std::string word, const std::string& value) {
  word.resize(13, ' ');
  return word + value + "\n";
}

std::string facts(const vmt::onset_net_options& o) {
  return fact("model", "onset_net") + fact("variant", std::string(name(o.variant))) +
         fact("stem", std::string(name(o.stem))) + fact("aggregation", std::string(name(o.aggregation))) +
         fact("width", std::to_string(o.width)) + fact("frames", std::to_string(o.frames)) +
         fact("keys", std::to_string(o.keys)) + "\none window of " + std::to_string(o.frames) + " frames of 800x145\n";
}

std::string facts(const vmt::key_net_options& o) {
  std::string channels;
  for (const vmt::index_t c : o.channels) channels += (channels.empty() ? "" : ", ") + std::to_string(c);
  return fact("model", "key_net") + fact("rows", std::to_string(o.rows)) + fact("channels", channels) +
         fact("features", std::to_string(o.features)) + fact("window", std::to_string(o.window)) +
         fact("future", std::to_string(o.future)) + "\none frame of 832x" + std::to_string(o.rows) + " with 88 keys\n";
}

std::string table(const std::vector<vmt::layer_summary>& layers) {
  std::string text;
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
  for (const vmt::layer_summary& l : layers) {
    std::string out;
    for (std::size_t r = 0; r < 4; ++r) out += (r == 0 ? "" : "x") + std::to_string(l.out[r]);
    row(l.name, out, grouped(l.parameters), grouped(l.multiply_adds));
    parameters += l.parameters;
    products += l.multiply_adds;
  }
  row("total", "", grouped(parameters), grouped(products));
  return text;
}

/// How the engine computes each convolution behind the first on this machine.
std::string methods(const model& m, const std::string& precision, vmt::index_t windows) {
  vmt::cpu_context ctx({.threads = 1});
  vmt::onset_engine_options options = engine_options(m, precision);
  options.windows = windows;
  const vmt::onset_engine engine(ctx, std::get<vmt::onset_net<float>>(m.net), options);
  std::string text = "\nengine for " + std::string(name(ctx.isa())) + ", " + std::to_string(windows) +
                     (windows == 1 ? " window" : " windows") + " at once\n" +
                     "convolution             method             output  weights MB\n";
  engine.for_each_conv([&](const std::string& layer, const auto& conv, vmt::index_t) {
    const std::string out = std::to_string(conv.out().channels) + "x" + std::to_string(conv.out().height) + "x" +
                            std::to_string(conv.out().width);
    char line[128];
    std::snprintf(line, sizeof line, "%-22s  %-12s  %11s  %10.1f\n", layer.c_str(), conv.method().c_str(), out.c_str(),
                  static_cast<double>(conv.weight_bytes()) / 1e6);
    text += line;
  });
  return text;
}

struct info_options {
  std::string path, precision = "f32";
  bool engine = false;
  vmt::index_t windows = 1;
};

int run(const info_options& o) {
  const model m = load_model(o.path);
  std::visit(
      [&](const auto& net) {
        std::string text = (o.path.empty() ? "the released weights" : o.path) + "\n" + facts(net.options()) +
                           table(vmt::summarise(net.options()));
        if (o.engine) {
          if constexpr (std::is_same_v<std::decay_t<decltype(net)>, vmt::key_net<float>>) {
            throw vmt::error(vmt::errc::invalid_argument,
                             "--engine is for an onset_net; these weights are a key_net's");
          } else {
            text += methods(m, o.precision, o.windows);
          }
        }
        print(text);
      },
      m.net);
  return done;
}

}  // namespace

command add_info(parser& app) {
  const auto o = std::make_shared<info_options>();
  parser* const c = app.add_subcommand("info", "Shows the layers of a network: shapes, parameters, multiply-adds");
  c->add_option("W", o->path, "weights, a safetensors file; without it the released ones");
  c->add_flag("--engine", o->engine, "how the engine computes each convolution on this machine");
  add_precision_option(*c, o->precision);
  c->add_option("--windows", o->windows, "that the engine takes at once")
      ->check(number_in(1, 64))
      ->capture_default_str();
  return {c, [o] { return run(*o); }};
}

}  // namespace tool
