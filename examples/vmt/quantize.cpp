// SPDX-License-Identifier: MIT
#include "cli.hpp"
#include "command.hpp"
#include "engine_choice.hpp"
#include "paths.hpp"
#include "progress.hpp"
#include "stop.hpp"
#include "transcribe.hpp"
#include "video.hpp"

#include <vmt/engine/calibrator.hpp>
#include <vmt/keyboard/straighten.hpp>
#include <vmt/media/stb.hpp>
#include <vmt/train/dataset.hpp>

#include <cmath>
#include <cstdio>
#include <deque>
#include <limits>
#include <memory>

namespace tool {
namespace {

struct quantize_options {
  std::string weights, out, data, cache;
  transcribe_command video;  // the part of it that says where frames come from and where the keyboard is
  vmt::index_t windows = 200;
};

/// Windows of gray strips, frames one after another, a byte a pixel.
using window = std::vector<std::uint8_t>;

/// Spread evenly over a video whose length is not known: where there are twice as many as wanted, every other one goes.
std::vector<window> windows_of(const transcribe_command& o, vmt::index_t frames, vmt::index_t most) {
  const auto source = part_of(open_video(o.in, o.frames), o.start, o.end);
  std::optional<vmt::keyboard::straightener> straighten;
  std::deque<std::vector<std::uint8_t>> last;
  std::vector<window> all;
  vmt::index_t every = 1, count = 0;
  progress line;
  vmt::frame picture, strip;
  while (source(picture)) {
    if (count == 0) {
      if (const auto where = keyboard_in(picture, o)) straighten.emplace(*where, picture.width, picture.height);
    }
    if (straighten) (*straighten)(picture, strip);
    const vmt::frame& shown = straighten ? strip : picture;
    if (shown.width != paper_width || shown.height != paper_height) {
      throw vmt::error(vmt::errc::shape_mismatch, "frame " + std::to_string(picture.number) + " has " +
                                                      std::to_string(shown.width) + "x" + std::to_string(shown.height) +
                                                      " pixels, the first one had 800x145");
    }
    last.push_back(shown.pixels);
    if (std::ssize(last) > frames) last.pop_front();
    if (std::ssize(last) == frames && count % every == 0) {
      window w;
      for (const auto& f : last) w.insert(w.end(), f.begin(), f.end());
      all.push_back(std::move(w));
    }
    if (std::ssize(all) > 2 * most) {
      for (std::size_t i = 0; 2 * i < all.size(); ++i) all[i] = std::move(all[2 * i]);
      all.resize((all.size() + 1) / 2);
      every *= 2;
    }
    line.update("frame " + std::to_string(++count));
  }
  return all;
}

std::vector<window> windows_of(const std::string& folder, const std::string& cache, double fps, vmt::index_t frames,
                               vmt::index_t most) {
  vmt::train::video_data_options choice;
  choice.cache = cache;
  choice.frames = frames;
  choice.fps = fps;
  const auto data = read_input(folder, [&](const std::filesystem::path& p) {
    return vmt::train::video_data(p, choice, vmt::media::stb_decoder{});
  });
  std::vector<window> all;
  std::vector<float> x(static_cast<std::size_t>(frames * paper_height * paper_width)),
      targets(static_cast<std::size_t>(data.keys()));
  const vmt::index_t count = (std::min)(data.size(), 2 * most);
  for (vmt::index_t i = 0; i < count && !stop_requested(); ++i) {
    data.load(data.size() * i / count, 0, false, x, targets);
    window w;
    for (const float v : x) w.push_back(static_cast<std::uint8_t>(std::lround(v * 255)));
    all.push_back(std::move(w));
  }
  return all;
}

/// The logits of every other window, beginning with the one of that parity, one after another.
std::vector<float> logits_of(vmt::cpu_context& ctx, vmt::onset_engine& engine, const std::vector<window>& windows,
                             std::size_t parity) {
  std::vector<float> all;
  std::vector<float> y(static_cast<std::size_t>(engine.keys()));
  vmt::cpu_tensor<float, 3> x(engine.frames(), paper_height, paper_width);
  for (std::size_t i = parity; i < windows.size() && !stop_requested(); i += 2) {
    std::transform(windows[i].begin(), windows[i].end(), x.data_handle(),
                   [](std::uint8_t v) { return static_cast<float>(v) / 255.0F; });
    engine.run_windows(ctx, x, y);
    all.insert(all.end(), y.begin(), y.end());
  }
  return all;
}

struct difference {
  double rms = 0, worst = 0;
};

difference compare(const std::vector<float>& found, const std::vector<float>& expected) {
  difference d;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double e = std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
    d.rms += e * e;
    d.worst = (std::max)(d.worst, e);
  }
  d.rms = std::sqrt(d.rms / static_cast<double>(expected.size()));
  return d;
}

std::string text_of(const char* format, const std::string& word, double a, double b) {
  char line[120];
  std::snprintf(line, sizeof line, format, word.c_str(), a, b);
  return line;
}

int run(quantize_options o) {
  if (o.data.empty() == o.video.in.empty()) {
    throw vmt::error(vmt::errc::invalid_argument, "give frames to look at: either --video or --data");
  }
  check_outputs({{"WEIGHTS", o.weights}, {"--video", o.video.in}}, {{"OUT", o.out}});
  const model m = load_model(o.weights);
  const auto* const net = std::get_if<vmt::onset_net<float>>(&m.net);
  if (net == nullptr) {
    throw vmt::error(vmt::errc::unsupported,
                     "'" + o.weights + "' holds the weights of a key_net; int8 is for those of an onset_net");
  }
  const bool own_cache = o.cache.empty();
  if (own_cache) o.cache = o.out + ".strips";
  const vmt::index_t frames = net->options().frames;
  const std::vector<window> windows = o.data.empty()
                                          ? windows_of(o.video, frames, o.windows)
                                          : windows_of(o.data, o.cache, o.video.frames.fps, frames, o.windows);
  std::error_code ignored;
  if (own_cache && !o.data.empty()) std::filesystem::remove_all(o.cache, ignored);
  if (windows.size() < 2) {
    throw vmt::error(vmt::errc::inconsistent,
                     "there are fewer than " + std::to_string(frames + 1) + " consecutive frames to look at");
  }

  vmt::cpu_context ctx({.threads = o.video.threads});
  vmt::calibrator seen;
  vmt::onset_engine exact(ctx, *net, {.height = paper_height, .width = paper_width});
  const std::vector<float> expected = logits_of(ctx, exact, windows, 1);
  exact.watch(std::ref(seen));
  static_cast<void>(logits_of(ctx, exact, windows, 0));

  // Each rule is judged by windows that the ranges are not from. Without VNNI there is nothing to judge with.
  std::string text = "rule          error of logits: rms      largest\n";
  vmt::range_rule best = vmt::range_rule::least_error;
  double least = std::numeric_limits<double>::infinity();
  for (const auto rule : {vmt::range_rule::all, vmt::range_rule::percentile, vmt::range_rule::least_error}) {
    if (!vmt::make_int8_kernels(ctx.isa()).usable()) break;
    vmt::onset_engine fast(ctx, *net,
                           {.height = paper_height,
                            .width = paper_width,
                            .precision = vmt::engine_precision::int8,
                            .ranges = seen.ranges(rule)});
    const difference d = compare(logits_of(ctx, fast, windows, 1), expected);
    text += text_of("%-12s  %20.4f  %11.4f\n", std::string(name(rule)), d.rms, d.worst);
    if (d.rms >= least) continue;
    least = d.rms;
    best = rule;
  }
  if (stop_requested()) throw vmt::error(vmt::errc::stopped, "stopped; nothing was written");
  const vmt::activation_ranges ranges = seen.ranges(best);
  text += "\nmap                     from        to   (" + std::string(name(best)) + ")\n";
  for (const auto& [map, r] : ranges) {
    text += text_of("%-22s %9.4f %9.4f\n", map, static_cast<double>(r.low), static_cast<double>(r.high));
  }
  vmt::io::tensor_file file = vmt::io::tensor_file::load(o.weights);
  add_to_metadata(ranges, file.metadata);
  file.save(o.out);
  print(std::to_string(windows.size()) + " windows, every other one for the ranges, the rest for the errors\n\n" +
        text);
  return done;
}

}  // namespace

command add_quantize(parser& app) {
  const auto o = std::make_shared<quantize_options>();
  parser* const c = app.add_subcommand("quantize", "Adds to weights what --precision int8 has to know of activations");
  c->add_option("WEIGHTS", o->weights, "of an onset_net, a safetensors file")->required();
  c->add_option("OUT", o->out, "the weights again, with the ranges of activations in the metadata")->required();
  c->add_option("--video", o->video.in, "a folder of frames, a video file, or - for Y4M on standard input");
  c->add_option("--keyboard", o->video.keyboard, "of --video, as of vmt transcribe");
  c->add_option("--start", o->video.start, "seconds of the video's clock to start at")->check(number_in(0, 1e9));
  c->add_option("--end", o->video.end, "seconds of the video's clock to end at")->check(number_in(0, 1e9));
  c->add_option("--data", o->data, "a data set as of vmt train; its training part is looked at");
  c->add_option("--cache", o->cache, "folder for the strips of --data; default: a folder beside OUT that is removed");
  c->add_option("--fps", o->video.frames.fps, "frames a second, for frame folders without times.csv")
      ->check(number_in(1e-3, 1e6));
  c->add_option("--windows", o->windows, "about so many windows of frames, spread over what there is")
      ->check(number_in(1, 10000))
      ->capture_default_str();
  c->add_option("--threads", o->video.threads, "0: one for each processor")
      ->check(number_in(0, 1024))
      ->capture_default_str();
  return {c, [o] {
            finish_on_signals();
            return run(*o);
          }};
}

}  // namespace tool
