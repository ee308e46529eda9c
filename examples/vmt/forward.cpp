// SPDX-License-Identifier: MIT
#include "cli.hpp"
#include "command.hpp"
#include "engine_choice.hpp"
#include "paths.hpp"

#include <vmt/backend/cpu/cpu.hpp>

#include <memory>

namespace tool {
namespace {

struct forward_options {
  std::string model, input, output, precision = "f32";
  int threads = 0;
};

/// The tensor `x` of a file; `sizes` says in words what its dimensions are.
template <std::size_t Rank>
vmt::cpu_tensor<float, Rank> tensor_of(const vmt::io::tensor_file& file, const std::filesystem::path& path,
                                       const char* sizes) {
  const std::vector<vmt::index_t>& shape = file.at("x").shape;
  if (shape.size() != Rank || file.at("x").size() == 0) {
    throw vmt::error(vmt::errc::shape_mismatch,
                     "'" + path.string() + "': the tensor x has " + std::to_string(shape.size()) + " dimensions and " +
                         std::to_string(file.at("x").size()) + " numbers, expected " + sizes);
  }
  std::array<vmt::index_t, Rank> e{};
  std::copy(shape.begin(), shape.end(), e.begin());
  vmt::cpu_tensor<float, Rank> x{vmt::extents<Rank>(e)};
  const std::vector<float> values = file.read<float>("x");
  std::copy(values.begin(), values.end(), x.span().begin());
  return x;
}

vmt::io::tensor_file outputs(vmt::cpu_context& ctx, const vmt::onset_net<float>& net, const model& m,
                             const std::string& precision, const std::filesystem::path& path) {
  const auto x = read_input(path, [](const std::filesystem::path& p) {
    return tensor_of<4>(vmt::io::tensor_file::load(p), p, "windows x frames x height x width");
  });
  const vmt::index_t n = x.extent(0);
  static_cast<void>(net.sizes(x.extents()));  // refuses what does not fit before memory is taken
  vmt::cpu_tensor<float, 2> logits(n, net.options().keys);
  vmt::cpu_tensor<float, 2> features(n, net.features());
  // One by one: the memory of one window, whatever the file holds.
  if (precision == "f32") {
    for (vmt::index_t i = 0; i < n; ++i) {
      net.forward(ctx, x.view().slice(i, 1), logits.view().slice(i, 1), features.view().slice(i, 1));
    }
  } else {
    vmt::onset_engine engine(ctx, net, engine_options(m, precision, x.extent(2), x.extent(3)));
    for (vmt::index_t i = 0; i < n; ++i) engine.run_windows(ctx, x[i], logits[i].span(), features[i].span());
  }
  vmt::io::tensor_file file;
  file.add<float>("logits", std::vector<vmt::index_t>{n, logits.extent(1)}, std::as_const(logits).span());
  file.add<float>("features", std::vector<vmt::index_t>{n, features.extent(1)}, std::as_const(features).span());
  return file;
}

vmt::io::tensor_file outputs(vmt::cpu_context& ctx, const vmt::key_net<float>& net, const model&,
                             const std::string& precision, const std::filesystem::path& path) {
  if (precision != "f32") {
    throw vmt::error(vmt::errc::invalid_argument, "--precision is for an onset_net; these weights are a key_net's");
  }
  std::vector<vmt::key_place> keys;
  const auto x = read_input(path, [&](const std::filesystem::path& p) {
    const vmt::io::tensor_file file = vmt::io::tensor_file::load(p);
    keys = vmt::detail::key_places_of<float>(file.read<float>("keys"), file.at("keys").shape, "'" + p.string() + "'");
    return tensor_of<5>(file, p, "samples x frames x 3 x rows x width");
  });
  static_cast<void>(net.sizes(x.extents()));
  const vmt::index_t n = x.extent(0);
  const vmt::index_t each = std::ssize(keys) / n;
  if (each * n != std::ssize(keys)) {
    throw vmt::error(vmt::errc::shape_mismatch, "'" + path.string() + "': the tensor keys has " +
                                                    std::to_string(keys.size()) + " rows for " + std::to_string(n) +
                                                    " samples, expected the same number for each");
  }
  vmt::cpu_tensor<float, 4> y(n, each, vmt::key_outputs, x.extent(1));
  for (vmt::index_t i = 0; i < n; ++i) {
    net.forward(ctx, x.view().slice(i, 1),
                std::span(keys).subspan(static_cast<std::size_t>(i * each), static_cast<std::size_t>(each)),
                y.view().slice(i, 1));
  }
  vmt::io::tensor_file file;
  file.add<float>("y", std::vector<vmt::index_t>{n, each, vmt::key_outputs, x.extent(1)}, std::as_const(y).span());
  return file;
}

int run(const forward_options& o) {
  check_outputs({{"--model", o.model}, {"--input", o.input}}, {{"--output", o.output}});
  vmt::cpu_context ctx({.threads = o.threads});
  const model m = load_model(o.model);
  std::visit([&](const auto& net) { outputs(ctx, net, m, o.precision, o.input).save(o.output); }, m.net);
  return done;
}

}  // namespace

command add_forward(parser& app) {
  const auto o = std::make_shared<forward_options>();
  parser* const c = app.add_subcommand("forward", "Runs a network on tensors of a safetensors file");
  c->add_option("--model", o->model, "weights, a safetensors file")->required();
  c->add_option("--input", o->input,
                "a safetensors file with the tensor x: windows x frames x height x width, gray 0 to 1; for a key_net "
                "x: samples x frames x 3 x rows x width, and keys: (samples x keys) x 2, centre in pixels, 1 if black")
      ->required();
  c->add_option("--output", o->output,
                "gets the tensors logits (windows x keys) and features; of a key_net y: samples x keys x 5 x frames")
      ->required();
  add_precision_option(*c, o->precision);
  c->add_option("--threads", o->threads, "0: one for each processor")->check(number_in(0, 1024))->capture_default_str();
  return {c, [o] { return run(*o); }};
}

}  // namespace tool
