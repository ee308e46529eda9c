// SPDX-License-Identifier: MIT
// Training a tiny network on pictures that the program draws itself: a key goes dark when it is pressed.

#include <vmt/train/trainer.hpp>
#include <vmt/vmt.hpp>

#include <cstdio>

namespace {

using vmt::index_t;

constexpr index_t keys = 8, frames = 3, height = 33, width = 64;

/// Windows of three frames; in the middle one, each key is pressed with probability 1/4, and stays down in the last
/// one. Sample i is a function of i alone, so that a training can be repeated bit for bit.
class strips {
 public:
  strips(index_t size, std::uint64_t seed) : size_(size), seed_(seed) {}

  [[nodiscard]] index_t size() const { return size_; }
  [[nodiscard]] index_t keys() const { return ::keys; }
  [[nodiscard]] vmt::extents<3> input_sizes() const { return {frames, height, width}; }
  [[nodiscard]] std::uint64_t fingerprint() const { return seed_; }

  void load(index_t sample, std::uint32_t epoch, bool augment, std::span<float> x, std::span<float> targets) const {
    vmt::rng random(seed_, augment ? epoch + 1 : 0, static_cast<std::uint32_t>(sample));
    for (float& v : x) v = static_cast<float>(0.8 + 0.02 * random.normal());
    for (index_t key = 0; key < ::keys; ++key) {
      const bool pressed = random.uniform() < 0.25;
      targets[static_cast<std::size_t>(key)] = pressed ? 1.0F : 0.0F;
      if (!pressed) continue;
      for (index_t f = 1; f < frames; ++f) {
        for (index_t y = 8; y < height; ++y) {
          for (index_t c = 0; c < width / ::keys; ++c) {
            x[static_cast<std::size_t>((f * height + y) * width + key * (width / ::keys) + c)] -= 0.3F;
          }
        }
      }
    }
  }

 private:
  index_t size_;
  std::uint64_t seed_;
};

/// A callback: any object with `on_batch` or `on_epoch`; returning true would stop the training.
struct show {
  void on_epoch(const vmt::train::epoch_info& e) const {
    std::printf("epoch %td: training loss %.3f, validation loss %.3f%s\n", e.record.epoch, e.record.train_loss,
                e.record.validation_loss, e.improved ? " (best)" : "");
  }
};

}  // namespace

int main() {
  try {
    vmt::cpu_context context;
    vmt::onset_net<float> net({.variant = vmt::onset_variant::slope, .width = 4, .frames = frames, .keys = keys});
    vmt::nn::initialise<float>(net, 1);

    const strips training(256, 1), validation(64, 2);
    vmt::train::trainer_options options;
    options.batch = 16;
    options.epochs = 8;
    options.adam.learning_rate = 3e-3;
    vmt::train::trainer trainer(net, options);
    show callback;
    trainer.run(context, training, validation, callback);
    trainer.restore_best();

    index_t right = 0;
    vmt::cpu_tensor<float, 4> x(1, frames, height, width);
    vmt::cpu_tensor<float, 2> logits(1, keys), targets(1, keys);
    for (index_t i = 0; i < validation.size(); ++i) {
      validation.load(i, 0, false, x.span(), targets.span());
      net.forward(context, x, logits);
      for (index_t k = 0; k < keys; ++k)
        right += (logits(index_t{0}, k) > 0) == (targets(index_t{0}, k) > 0.5F) ? 1 : 0;
    }
    const double share = static_cast<double>(right) / static_cast<double>(validation.size() * keys);
    std::printf("%.1f %% of the keys are told right; always saying \"not pressed\" would get 75 %%\n", 100 * share);
    return share > 0.9 ? 0 : 1;
  } catch (const vmt::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
