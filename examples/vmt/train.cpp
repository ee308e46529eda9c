// SPDX-License-Identifier: MIT
#include "cli.hpp"
#include "command.hpp"
#include "device.hpp"
#include "model.hpp"
#include "paths.hpp"
#include "train.hpp"

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/media/stb.hpp>
#include <vmt/nn/init.hpp>
#include <vmt/train/dataset.hpp>
#include <vmt/train/trainer.hpp>

#include <cstdio>
#include <map>
#include <memory>

namespace tool {
namespace {

namespace fs = std::filesystem;

vmt::train::video_data load(const train_options& o, vmt::train::subset use) {
  vmt::train::video_data_options data;
  data.use = use;
  data.cache = o.cache;
  data.frames = o.net.frames;
  data.keys = o.net.keys;
  data.fps = o.fps;
  data.seed = o.trainer.seed;
  data.augment = o.augment;
  data.targets = o.targets;
  data.margin = o.margin;
  data.augment.crop = o.margin > 0;
  if (use == vmt::train::subset::train) data.onset_repeats = o.onset_repeats;
  progress line;
  data.on_progress = [&](const std::string& clip, vmt::index_t frames) {
    if (stop_requested()) {
      throw vmt::error(vmt::errc::stopped, "stopped while cutting the strips of '" + clip + "'; start again to go on");
    }
    line.update("cutting strips of " + clip + ", frame " + std::to_string(frames));
  };
  return read_input(o.data,
                    [&](const fs::path& p) { return vmt::train::video_data(p, data, vmt::media::stb_decoder{}); });
}

/// The network to begin with: that of the weights file, else one with random weights.
vmt::onset_net<float> first_onset_net(const train_options& o) {
  if (!o.from.empty()) return load_onset_net(o.from);
  vmt::onset_net<float> net(o.net);
  vmt::nn::initialise<float>(net, o.trainer.seed);
  return net;
}

int run(train_options o) {
  vmt::check(o.net);
  check_train_folders(o);
  vmt::onset_net<float> net = first_onset_net(o);
  o.net = net.options();
  const bool own_cache = o.cache.empty();
  if (own_cache) o.cache = (fs::path(o.out) / "strips").string();
  o.trainer.folder = o.out;
  try {
    const vmt::train::video_data training = load(o, vmt::train::subset::train);
    const vmt::train::video_data validation = load(o, vmt::train::subset::validation);
    std::fprintf(stderr, "%lld windows to train with, %lld to validate with\n", static_cast<long long>(training.size()),
                 static_cast<long long>(validation.size()));
    if (o.device.cuda()) return train_on_cuda(o, net, training, validation);
    vmt::cpu_context ctx({.threads = o.threads});
    return train_to_the_end(ctx, o, net, net, training, validation);
  } catch (...) {
    std::error_code ignored;  // folders that nothing came into
    if (own_cache) fs::remove(o.cache, ignored);
    fs::remove(o.out, ignored);
    throw;
  }
}

/// The recipe of key_net, where an option was not given.
void use_key_net_defaults(const parser& c, train_options& o) {
  const auto unless_given = [&](const char* option, auto& value, auto usual) {
    if (!c.given(option)) value = usual;
  };
  vmt::train::trainer_options& t = o.trainer;
  unless_given("--batch", t.batch, 6);
  unless_given("--learning-rate", t.adam.learning_rate, 2e-3);
  unless_given("--weight-decay", t.adam.weight_decay, 1e-4);
  unless_given("--schedule", t.schedule, vmt::train::learning_rate_schedule::cosine);
  unless_given("--warm-up", t.cosine.warm_up, 50);
  unless_given("--clip-norm", t.clip_norm, 5.0);
  unless_given("--average", t.average, 0.998);
  unless_given("--stop-after", t.stop_after, 0);
  unless_given("--epochs", o.trainer.epochs, 15);
  unless_given("--samples-per-epoch", t.samples_per_epoch, 600);
  unless_given("--validation-samples", t.validation_samples, 120);
}

}  // namespace

void check_train_folders(const train_options& o) {
  const auto refuse = [](vmt::errc code, const std::string& text) { throw vmt::error(code, text); };
  std::error_code failure;
  const fs::path out = o.out;
  if (!o.data.empty() && fs::equivalent(o.data, out, failure)) {
    refuse(vmt::errc::invalid_argument, "--out '" + o.out + "' is the data set; choose another folder");
  }
  if (fs::exists(out, failure) && !fs::is_directory(out, failure)) {
    refuse(vmt::errc::invalid_argument, "--out '" + o.out + "' is a file; name a folder");
  }
  const fs::path parent = fs::absolute(out / "").lexically_normal().parent_path().parent_path();
  if (!fs::is_directory(parent, failure)) {
    refuse(vmt::errc::not_found, "--out '" + o.out + "': there is no folder '" + parent.string() + "'; make it first");
  }
  for (const char* const name : {"checkpoint.a.safetensors", "checkpoint.b.safetensors"}) {
    if (o.trainer.resume || !fs::exists(out / name, failure)) continue;
    refuse(vmt::errc::invalid_argument,
           "--out '" + o.out + "' holds a training already; add --resume, or choose another folder");
  }
  if (o.data.empty()) return;
  read_input(o.data, [](const fs::path& data) {
    bool training = false, validation = false;
    for (const vmt::train::clip_part& part : vmt::train::load_split(data / "split.csv")) {
      static_cast<void>(vmt::train::clip_folder(data, part.clip).notes());
      training = training || part.use == vmt::train::subset::train;
      validation = validation || part.use == vmt::train::subset::validation;
    }
    if (training && validation) return;
    throw vmt::error(vmt::errc::inconsistent, "'" + (data / "split.csv").string() +
                                                  "' has no part for training or none for validation; name both");
  });
}

command add_train(parser& app) {
  using enum vmt::onset_variant;
  const auto o = std::make_shared<train_options>();
  o->trainer.stop_after = 25;
  parser* const c =
      app.add_subcommand("train", "Trains a network on a data set; writes checkpoints, the best weights, curves");
  c->add_option("--data", o->data, "a folder with split.csv and a folder for each clip; key-net can do without");
  c->add_option("--out", o->out, "a folder for checkpoints, best.safetensors, last.safetensors and curves.csv")
      ->required();
  c->add_option("--model", o->model,
                "onset-net, or key-net, whose defaults are --batch 6 --learning-rate 0.002 "
                "--weight-decay 0.0001 --schedule cosine --warm-up 50 --clip-norm 5 --average 0.998")
      ->check(one_of({"onset-net", "key-net"}))
      ->capture_default_str();
  option* const from = c->add_option(
      "--from", o->from, "weights to begin from; variant, stem, aggregation and width are then the file's");
  const auto choice = [&](const char* option, auto& value, const char* what, auto... choices) {
    return c->add_choice(option, value, what, {{std::string(name(choices)), choices}...});
  };
  using vmt::nn::aggregation_kind;
  choice("--variant", o->net.variant, "row of the paper's table; default slope", resnet, aggregation, slope)
      ->excludes(from);
  choice("--stem", o->net.stem, "layers that each frame passes alone; default conv1", vmt::onset_stem::conv1,
         vmt::onset_stem::layer1)
      ->excludes(from);
  choice("--aggregation", o->net.aggregation, "of the frames' maps; default channelwise", aggregation_kind::channelwise,
         aggregation_kind::dense)
      ->excludes(from);
  const auto number = [&](const char* name, auto& value, double low, double high, const char* what) {
    return c->add_option(name, value, what)->check(number_in(low, high))->capture_default_str();
  };
  number("--width", o->net.width, 1, 256, "channels of the first layer")->excludes(from);
  number("--epochs", o->trainer.epochs, 0, 1e6, "stop after so many");
  number("--stop-after", o->trainer.stop_after, 0, 1e6,
         "stop after so many epochs without a better validation loss; 0: never");
  number("--batch", o->trainer.batch, 2, 65536, "windows in a step");
  number("--samples-per-epoch", o->trainer.samples_per_epoch, 0, 1e12, "windows in an epoch; 0: all");
  number("--validation-samples", o->trainer.validation_samples, 0, 1e12, "windows to validate with; 0: all");
  number("--learning-rate", o->trainer.adam.learning_rate, 1e-12, 10, "of Adam, at the start");
  choice("--schedule", o->trainer.schedule, "of the learning rate; default plateau",
         vmt::train::learning_rate_schedule::plateau, vmt::train::learning_rate_schedule::cosine);
  number("--warm-up", o->trainer.cosine.warm_up, 0, 1e9, "steps in which the learning rate of --schedule cosine rises");
  number("--weight-decay", o->trainer.adam.weight_decay, 0, 1, "decoupled, as AdamW's");
  number("--patience", o->trainer.plateau.patience, 0, 1e6,
         "epochs without a better validation loss until the learning rate falls to a tenth");
  number("--onset-repeats", o->onset_repeats, 1, 1000, "how often a window with an onset counts");
  choice("--targets", o->targets.kind, "what an output learns: its key is struck now, or is down; default onset",
         vmt::train::target_kind::onset, vmt::train::target_kind::held);
  number("--margin", o->margin, 0, 64,
         "augmentation: training strips are so much larger each way, to be cropped at random");
  number("--brightness", o->augment.brightness_range, 0, 0.9, "augmentation: a factor uniform in 1 ± this");
  number("--splices", o->augment.splice_share, 0, 1,
         "augmentation: the share of windows whose right part is that of another window, with its notes");
  number("--shifts", o->augment.shift_keys, 0, 51,
         "augmentation: windows and their notes are moved by up to so many white keys");
  number("--seed", o->trainer.seed, 0, 1e18, "of the first weights, the order and the augmentation");
  number("--threads", o->threads, 0, 1024, "0: one for each processor");
  number("--fps", o->fps, 0, 1e6, "frames a second, for frame folders without times.csv");
  c->add_option("--cache", o->cache,
                "folder for the straightened strips, which trainings may share; default OUT/strips");
  number("--clip-norm", o->trainer.clip_norm, 0, 1e9, "gradients are shortened to this norm; 0: never");
  number("--average", o->trainer.average, 0, 0.99999,
         "decay of the running average of the weights, which are then what is kept; 0: none");
  add_device_options(*c, o->device);
  number("--loader-threads", o->trainer.loader_threads, 1, 256, "that load windows");
  number("--render", o->render, 0, 100000, "key-net: segments of rendered video that an epoch uses");
  number("--fresh", o->fresh, 0, 100000, "key-net: segments that are new in each epoch");
  c->add_option("--midi", o->midi, "key-net: a folder of MIDI files for the rendered hands to play");
  c->add_option("--rendered", o->rendered,
                "key-net: a folder that keeps rendered segments for later trainings, 5 MB each");
  number("--mix", o->mix, 0, 1, "key-net: the share of windows from --data, beside rendered ones");
  number("--swap", o->swap, 0, 1, "key-net: the share of these whose hands go to a rendered keyboard");
  number("--future", o->future, 0, 4, "key-net: frames that an output may look ahead")->excludes(from);
  number("--render-threads", o->render_threads, 1, 256, "key-net: that render");
  c->add_flag("--resume", o->trainer.resume, "go on from the checkpoint in OUT; start if there is none");
  return {c, [o, c] {
            finish_on_signals();
            if (o->model == "key-net") {
              if (c->given("--targets")) {
                throw vmt::error(vmt::errc::invalid_argument,
                                 "--targets is for onset-net; key-net learns onsets and what is held at once");
              }
              use_key_net_defaults(*c, *o);
              return train_key_net(*o);
            }
            if (o->data.empty()) {
              throw vmt::error(vmt::errc::invalid_argument, "--data is required: a folder with split.csv");
            }
            return run(*o);
          }};
}

}  // namespace tool
