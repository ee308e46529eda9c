// SPDX-License-Identifier: MIT
#include "bench.hpp"

#include "cli.hpp"
#include "command.hpp"
#include "engine_choice.hpp"

#include <vmt/engine/calibrator.hpp>
#include <vmt/engine/onset_engine.hpp>
#include <vmt/nn/adam.hpp>
#include <vmt/nn/init.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>

namespace tool {
namespace {

struct bench_options {
  std::string use = "window", model = "slope", precision = "f32";
  vmt::index_t network_width = 64, batch = 0;
  int threads = 0;
  double seconds = 5;
  bool layers = false, json = false;
};

/// A name of a variant gives random weights, anything else is a weights file.
model chosen_model(const bench_options& o) {
  for (const auto v : {vmt::onset_variant::resnet, vmt::onset_variant::aggregation, vmt::onset_variant::slope}) {
    if (o.model != name(v)) continue;
    vmt::onset_net<float> net({.variant = v, .width = o.network_width});
    vmt::nn::initialise<float>(net, 1);
    return {std::move(net), {}};
  }
  model m = load_model(o.model);
  if (m.keys() != nullptr) static_cast<void>(load_onset_net(o.model));  // says what it is
  return m;
}

/// Gray noise; the kernels take the same time for any picture.
vmt::cpu_tensor<float, 4> noise(vmt::index_t windows, vmt::index_t frames) {
  vmt::cpu_tensor<float, 4> x(windows, frames, paper_height, paper_width);
  vmt::rng random(1);
  for (float& v : x.span()) v = static_cast<float>(random.uniform());
  return x;
}

/// What the engine is made for. Random weights in int8 have the ranges of the noise, which no time depends on.
vmt::onset_engine_options engine_of(vmt::cpu_context& ctx, const model& m, const bench_options& o) {
  const auto& net = std::get<vmt::onset_net<float>>(m.net);
  vmt::onset_engine_options made;
  if (o.precision == "int8" && m.metadata.empty()) {
    vmt::calibrator seen;
    vmt::onset_engine exact(ctx, net, {.height = paper_height, .width = paper_width});
    exact.watch(std::ref(seen));
    std::vector<float> logits(static_cast<std::size_t>(exact.keys()));
    exact.run_windows(ctx, noise(1, exact.frames())[0], logits);
    made = {.height = paper_height, .width = paper_width, .precision = vmt::engine_precision::int8};
    made.ranges = seen.ranges(vmt::range_rule::all);
  } else {
    made = engine_options(m, o.precision, paper_height, paper_width);
  }
  made.windows = o.use == "chunk" ? o.batch : 1;
  return made;
}

timing inference(vmt::cpu_context& ctx, const vmt::onset_net<float>& net, const vmt::onset_engine_options& made,
                 const bench_options& o) {
  const vmt::index_t windows = made.windows;
  vmt::onset_engine engine(ctx, net, made);
  const vmt::cpu_tensor<float, 4> x = noise(1, engine.frames() + windows - 1);
  std::vector<float> logits(static_cast<std::size_t>(windows * engine.keys()));
  if (o.use == "stream") {
    vmt::index_t next = 0;
    const auto push = [&] { engine.push(ctx, x[0][next++ % engine.frames()]); };
    while (!engine.ready()) push();
    return measure(o.seconds, [&] {
      push();
      engine.run(ctx, logits);
    });
  }
  timing t = measure(o.seconds, [&] {
    for (vmt::index_t b = 0; b < o.batch; b += windows) engine.run_windows(ctx, x[0], logits);
  });
  t.min_ms /= static_cast<double>(o.batch);
  t.median_ms /= static_cast<double>(o.batch);
  return t;
}

timing training(vmt::cpu_context& ctx, vmt::onset_net<float>& net, const bench_options& o) {
  const vmt::cpu_tensor<float, 4> x = noise(o.batch, net.options().frames);
  vmt::cpu_tensor<float, 2> logits(o.batch, net.options().keys), targets(logits.extents()), gradient(logits.extents());
  vmt::rng random(2);
  for (float& t : targets.span()) t = random.uniform() < 0.05 ? 1.0F : 0.0F;
  vmt::nn::adam<float> adam(net.parameters().size());
  return measure(o.seconds, [&] {
    std::fill(net.gradients().span().begin(), net.gradients().span().end(), 0.0F);
    net.forward_train(ctx, x, logits);
    vmt::ops::balanced_bce(ctx, logits, targets, gradient);
    net.backward(ctx, gradient);
    adam.update(ctx, net.parameters(), net.gradients());
  });
}

/// The largest resident memory of this process so far; 0 where the system does not tell.
double peak_rss_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes / 1024;
  }
  return 0;
}

std::string json_line(const bench_options& o, int threads, const timing& t) {
  std::string line = "{\"use\": \"" + o.use + "\", \"precision\": \"" + o.precision +
                     "\", \"threads\": " + std::to_string(threads) + ", \"batch\": " + std::to_string(o.batch) +
                     ", \"n\": " + std::to_string(t.n);
  const auto add = [&](const char* key, double value) {
    line.append(", \"").append(key).append("\": ");
    vmt::io::append_number(line, value, 4);
  };
  add("min_ms", t.min_ms);
  add("median_ms", t.median_ms);
  add("peak_rss_mb", peak_rss_mb());
  return line + "}\n";
}

int run(bench_options o) {
  const auto refuse = [](const std::string& text) { throw vmt::error(vmt::errc::invalid_argument, text); };
  if (o.precision != "f32" && o.use == "train") refuse("--use train computes in f32; leave out --precision");
  if (o.use == "stream" && o.batch > 1) refuse("--use stream takes frames one by one; leave out --batch");
  if (o.layers && o.use == "train") refuse("--layers shows inference; leave out --use train");
  if (o.batch == 0) o.batch = o.use == "train" ? 24 : o.use == "chunk" ? 8 : 1;
  vmt::cpu_context ctx({.threads = o.threads});
  model m = chosen_model(o);
  auto& net = std::get<vmt::onset_net<float>>(m.net);
  if (o.layers) {
    print(layer_times(ctx, net, engine_of(ctx, m, o), o.seconds));
    return done;
  }
  const timing t = o.use == "train" ? training(ctx, net, o) : inference(ctx, net, engine_of(ctx, m, o), o);
  const std::string line = json_line(o, ctx.threads().size(), t);
  if (o.json) {
    print(line);
    return done;
  }
  const char* const unit = o.use == "train" ? "training step" : o.use == "stream" ? "new frame" : "window";
  char text[200];
  std::snprintf(text, sizeof text, "%.3f ms per %s (median of %lld, fastest %.3f), %d threads, batch %lld, %.0f MB\n",
                t.median_ms, unit, static_cast<long long>(t.n), t.min_ms, ctx.threads().size(),
                static_cast<long long>(o.batch), peak_rss_mb());
  print(text);
  return done;
}

}  // namespace

timing measure(double seconds, const std::function<void()>& work) {
  using clock = std::chrono::steady_clock;
  work();
  std::vector<double> all;
  const clock::time_point start = clock::now();
  while (all.size() < 3 || std::chrono::duration<double>(clock::now() - start).count() < seconds) {
    const clock::time_point begin = clock::now();
    work();
    all.push_back(std::chrono::duration<double, std::milli>(clock::now() - begin).count());
  }
  std::sort(all.begin(), all.end());
  const std::size_t half = all.size() / 2;
  const double median = all.size() % 2 == 1 ? all[half] : 0.5 * (all[half - 1] + all[half]);
  return {std::ssize(all), all.front(), median};
}

command add_bench(parser& app) {
  const auto o = std::make_shared<bench_options>();
  parser* const c = app.add_subcommand("bench", "Measures the speed of a network on this machine");
  c->add_option(
       "--use", o->use,
       "window: all of a window anew; stream: one new frame; chunk: consecutive windows at once; train: one step")
      ->check(one_of({"window", "stream", "chunk", "train"}))
      ->capture_default_str();
  c->add_option("--model", o->model, "weights, or resnet, aggregation, slope with random weights")
      ->capture_default_str();
  c->add_option("--width", o->network_width, "channels of the first layer, for random weights")
      ->check(number_in(1, 256))
      ->capture_default_str();
  add_precision_option(*c, o->precision);
  c->add_option("--threads", o->threads, "0: one for each processor")->check(number_in(0, 1024))->capture_default_str();
  c->add_option("--batch", o->batch, "windows at a time; default 1, chunk 8, training 24")->check(number_in(1, 1024));
  c->add_option("--seconds", o->seconds, "how long to measure")->check(number_in(0, 86400))->capture_default_str();
  option* const layers = c->add_flag("--layers", o->layers, "a table by layer");
  c->add_flag("--json", o->json, "one JSON line")->excludes(layers);
  return {c, [o] { return run(*o); }};
}

}  // namespace tool
