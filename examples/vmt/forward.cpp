// SPDX-License-Identifier: MIT
#include "cli.hpp"
#include "command.hpp"
#include "model.hpp"
#include "paths.hpp"

#include <vmt/backend/cpu/cpu.hpp>

#include <memory>

namespace tool {
namespace {

struct options {
  std::string model, input, output;
  int threads = 0;
};

/// The tensor `x` of a file: N×frames×H×W.
vmt::cpu_tensor<float, 4> load_windows(const std::filesystem::path& path) {
  return read_input(path, [](const std::filesystem::path& p) {
    const vmt::io::tensor_file file = vmt::io::tensor_file::load(p);
    const std::vector<vmt::index_t>& shape = file.at("x").shape;
    if (shape.size() != 4 || file.at("x").size() == 0) {
      throw vmt::error(vmt::errc::shape_mismatch, "'" + p.string() + "': the tensor x has " +
                                                      std::to_string(shape.size()) + " dimensions and " +
                                                      std::to_string(file.at("x").size()) +
                                                      " numbers, expected windows x frames x height x width");
    }
    vmt::cpu_tensor<float, 4> x(shape[0], shape[1], shape[2], shape[3]);
    const std::vector<float> values = file.read<float>("x");
    std::copy(values.begin(), values.end(), x.span().begin());
    return x;
  });
}

int run(const options& o) {
  check_outputs({{"--model", o.model}, {"--input", o.input}}, {{"--output", o.output}});
  const vmt::onset_net<float> net = load_model(o.model).net;
  const vmt::cpu_tensor<float, 4> x = load_windows(o.input);
  const vmt::index_t n = x.extent(0);
  static_cast<void>(net.sizes(x.extents()));  // refuses what does not fit before memory is taken
  vmt::cpu_context ctx({.threads = o.threads});
  vmt::cpu_tensor<float, 2> logits(n, net.options().keys);
  vmt::cpu_tensor<float, 2> features(n, net.features());
  for (vmt::index_t i = 0; i < n; ++i) {  // one by one: the memory of one window, whatever the file holds
    net.forward(ctx, x.view().slice(i, 1), logits.view().slice(i, 1), features.view().slice(i, 1));
  }
  vmt::io::tensor_file file;
  file.add<float>("logits", std::vector<vmt::index_t>{n, logits.extent(1)}, std::as_const(logits).span());
  file.add<float>("features", std::vector<vmt::index_t>{n, features.extent(1)}, std::as_const(features).span());
  file.save(o.output);
  return done;
}

}  // namespace

command add_forward(CLI::App& app) {
  const auto o = std::make_shared<options>();
  CLI::App* const c = app.add_subcommand("forward", "Runs a network on tensors of a safetensors file");
  c->add_option("--model", o->model, "weights, a safetensors file")->required();
  c->add_option("--input", o->input,
                "a safetensors file with the tensor x: windows x frames x height x width, gray 0 to 1")
      ->required();
  c->add_option("--output", o->output, "gets the tensors logits (windows x keys) and features")->required();
  c->add_option("--threads", o->threads, "0: one for each processor")->check(number_in(0, 1024))->capture_default_str();
  return {c, [o] { return run(*o); }};
}

}  // namespace tool
