// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"
#include "device_choice.hpp"
#include "progress.hpp"
#include "stop.hpp"

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/model/onset_net_options.hpp>
#include <vmt/train/augment.hpp>
#include <vmt/train/targets.hpp>
#include <vmt/train/trainer.hpp>

#include <cstdio>
#include <filesystem>

namespace tool {

/// What `vmt train` was asked for.
struct train_options {
  std::string data, out, model = "onset-net", cache, from;
  vmt::onset_net_options net;
  vmt::train::trainer_options trainer;
  vmt::train::augment_options augment;
  vmt::index_t onset_repeats = 1, margin = 5;
  double fps = 0;
  int threads = 0;
  device_choice device;

  // key-net
  std::string midi, rendered;
  vmt::index_t render = 0, fresh = 20, future = 4;
  double mix = 0.5, swap = 0.45;
  int render_threads = 1;

  // onset-net
  vmt::train::target_options targets;
};

/// Trains a `key_net`; returns the exit status.
int train_key_net(train_options o);

/// What can be wrong with the folders before anything is made.
void check_train_folders(const train_options& o);

/// Shows how far a training is, keeps the best weights on disk, and ends it when a signal asks for that. `Net` is any
/// network with `vmt::save_weights`.
template <class Net>
class train_watcher {
 public:
  /// \param fetch  called before weights are saved, where `net` is a copy of what is trained
  train_watcher(const train_options& o, const Net& net, std::function<void()> fetch = {})
      : o_(o), net_(net), fetch_(std::move(fetch)) {}

  bool on_batch(const vmt::train::batch_info& b) {
    char words[120];
    std::snprintf(words, sizeof words, "epoch %lld of %lld, batch %lld of %lld, loss %.4f",
                  static_cast<long long>(b.epoch), static_cast<long long>(o_.trainer.epochs),
                  static_cast<long long>(b.batch), static_cast<long long>(b.batches), b.loss);
    const double epochs =
        static_cast<double>(b.epoch) + static_cast<double>(b.batch + 1) / static_cast<double>(b.batches);
    line_.update(words, epochs / static_cast<double>(o_.trainer.epochs));
    return stop_requested();
  }
  bool on_epoch(const vmt::train::epoch_info& e) {
    line_.clear();
    const vmt::train::epoch_record& r = e.record;
    std::fprintf(stderr, "epoch %lld: training loss %.4f, validation loss %.4f%s, %.0f s\n",
                 static_cast<long long>(r.epoch), r.train_loss, r.validation_loss, e.improved ? " (best)" : "",
                 r.seconds);
    if (e.improved) save("best.safetensors", r.epoch, r.validation_loss);
    save("last.safetensors", r.epoch, r.validation_loss);
    return stop_requested();
  }
  void save(const char* file, vmt::index_t epoch, double validation_loss) const {
    if (fetch_) fetch_();
    std::string loss;
    vmt::io::append_number(loss, validation_loss);
    vmt::save_weights(net_, std::filesystem::path(o_.out) / file,
                      {.metadata = {{"train.seed", std::to_string(o_.trainer.seed)},
                                    {"train.epoch", std::to_string(epoch)},
                                    {"train.validation_loss", loss}}});
  }

 private:
  const train_options& o_;
  const Net& net_;
  std::function<void()> fetch_;
  progress line_;
};

/// Trains to the end or until a signal; returns the exit status. See `train_watcher` for `fetch`.
template <class Context, class Trainable, class Net, class Data>
int train_to_the_end(Context& ctx, const train_options& o, Trainable& model, const Net& net, const Data& training,
                     const Data& validation, std::function<void()> fetch = {}) {
  vmt::train::trainer trainer(model, o.trainer);
  train_watcher watch(o, net, std::move(fetch));
  const vmt::train::stop_reason reason = trainer.run(ctx, training, validation, watch);
  if (trainer.state().best_epoch >= 0) {
    trainer.restore_best();
    watch.save("best.safetensors", trainer.state().best_epoch, trainer.state().best_loss);
  }
  if (reason != vmt::train::stop_reason::callback) return done;
  complain("stopped; the same command with --resume goes on from the checkpoint in '" + o.out + "'");
  return stopped_early;
}

}  // namespace tool
