// SPDX-License-Identifier: MIT
#include "device.hpp"
#include "model.hpp"
#include "paths.hpp"
#include "train.hpp"

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/media/stb.hpp>
#include <vmt/core/crc32.hpp>
#include <vmt/train/key_clip_file.hpp>
#include <vmt/train/key_clips.hpp>
#include <vmt/train/key_data.hpp>
#include <vmt/train/key_task.hpp>
#include <vmt/train/rendered_clip.hpp>

namespace tool {
namespace {

namespace fs = std::filesystem;

/// The network to begin with: that of the weights file, else one with random weights.
vmt::key_net<float> first_key_net(const train_options& o) {
  if (!o.from.empty()) {
    tool::network found = load_model(o.from).net;
    if (auto* const net = std::get_if<vmt::key_net<float>>(&found)) return std::move(*net);
    throw vmt::error(vmt::errc::inconsistent, "'" + o.from + "' holds no key_net; leave out --model key-net");
  }
  vmt::key_net<float> net({.future = o.future});
  vmt::initialise(net, o.trainer.seed);
  return net;
}

std::vector<vmt::train::key_clip> real_clips(const train_options& o, vmt::train::subset use) {
  if (o.data.empty()) return {};
  progress line;
  vmt::train::key_clips_options clips{.use = use, .cache = o.cache, .fps = o.fps};
  clips.on_progress = [&](const std::string& clip, vmt::index_t frames) {
    if (stop_requested()) {
      throw vmt::error(vmt::errc::stopped, "stopped while cutting the strips of '" + clip + "'; start again to go on");
    }
    line.update("cutting strips of " + clip + ", frame " + std::to_string(frames));
  };
  return read_input(
      o.data, [&](const fs::path& root) { return vmt::train::load_key_clips(root, clips, vmt::media::stb_decoder{}); });
}

/// Rendered segments; those to validate with are others, and the same in each epoch.
vmt::train::made_clips rendered(const train_options& o, const vmt::train::performances& pieces, bool training) {
  const vmt::train::render_options look{.seed = o.trainer.seed + (training ? 0 : 0x76616C6964ULL)};
  vmt::train::made_clips made;
  made.make = [look, &pieces](vmt::index_t i) { return vmt::train::render_key_clip(i, look, pieces); };
  made.stamp = pieces.fingerprint() + look.seed;
  if (!o.rendered.empty()) {
    // What the renderer makes of the first segment tells renderers apart too.
    const vmt::train::key_clip first = made.make(0);
    const auto bytes = std::as_bytes(std::span(first.pixels));
    made.make = vmt::train::stored_clips(made.make, o.rendered, made.stamp ^ vmt::crc32(bytes));
  }
  made.pool = training ? o.render : std::min<vmt::index_t>(o.render, 24);
  made.fresh = training ? o.fresh : 0;
  made.threads = o.render_threads;
  return made;
}

}  // namespace

int train_key_net(train_options o) {
  if (o.data.empty() && o.render == 0) {
    throw vmt::error(vmt::errc::invalid_argument, "key-net needs --data, or --render, or both");
  }
  check_train_folders(o);
  vmt::key_net<float> net = first_key_net(o);
  vmt::train::performances pieces;
  if (!o.midi.empty()) {
    read_input(o.midi, [&](const fs::path& folder) { pieces = vmt::train::performances(folder); });
  }
  if (o.cache.empty()) o.cache = (fs::path(o.out) / "strips").string();
  o.trainer.folder = o.out;

  vmt::train::key_data_options train{
      .samples = o.trainer.samples_per_epoch, .real_share = o.mix, .seed = o.trainer.seed};
  train.augment.swapped = o.swap;
  vmt::train::key_data_options check = train;
  check.samples = o.trainer.validation_samples;
  check.seed = o.trainer.seed + 1;
  // Real clips are what counts where there are any.
  const bool check_rendered = o.data.empty();
  const vmt::train::key_data training(real_clips(o, vmt::train::subset::train),
                                      o.render > 0 ? rendered(o, pieces, true) : vmt::train::made_clips{}, train);
  const vmt::train::key_data validation(real_clips(o, vmt::train::subset::validation),
                                        check_rendered ? rendered(o, pieces, false) : vmt::train::made_clips{}, check);
  o.trainer.samples_per_epoch = o.trainer.validation_samples = 0;  // the sources have as many

  if (o.device.cuda()) return train_on_cuda(o, net, training, validation);
  vmt::train::key_task task(net, {}, o.trainer.seed);
  vmt::cpu_context ctx({.threads = o.threads});
  return train_to_the_end(ctx, o, task, net, training, validation);
}

}  // namespace tool
