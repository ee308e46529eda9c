// SPDX-License-Identifier: MIT
// The trainer with a network in the memory of a device, simulated on the host.
#include <doctest/doctest.h>

#include <vmt/backend/cuda/gpu.hpp>
#include <vmt/backend/cuda/simulated.hpp>
#include <vmt/model/onset_net.hpp>
#include <vmt/nn/init.hpp>
#include <vmt/train/key_task.hpp>
#include <vmt/train/trainer.hpp>

#include "support/temp_dir.hpp"

using namespace vmt;

namespace {

/// Windows of noise with a mark where a key is struck; sample i is a function of i alone.
class marks {
 public:
  explicit marks(index_t size) : size_(size) {}
  [[nodiscard]] index_t size() const { return size_; }
  [[nodiscard]] index_t keys() const { return 6; }
  [[nodiscard]] extents<3> input_sizes() const { return {3, 33, 48}; }
  [[nodiscard]] std::uint64_t fingerprint() const { return 7; }
  void load(index_t sample, std::uint32_t epoch, bool augment, std::span<float> x, std::span<float> targets) const {
    rng random(3, augment ? epoch + 1 : 0, static_cast<std::uint32_t>(sample));
    for (float& v : x) v = static_cast<float>(random.uniform(0, 0.1));
    for (std::size_t k = 0; k < 6; ++k) {
      targets[k] = random.uniform() < 0.3 ? 1.0F : 0.0F;
      for (std::size_t r = 0; r < 33 && targets[k] > 0; ++r)
        for (std::size_t c = 0; c < 8; ++c) x[(33 + r) * 48 + 8 * k + c] += 0.8F;
    }
  }

 private:
  index_t size_;
};

template <class Backend, class Context>
std::vector<train::epoch_record> curves(const std::filesystem::path& folder, index_t epochs, bool resume) {
  Context ctx;
  onset_net<float, Backend> net({.width = 2, .frames = 3, .keys = 6});
  nn::initialise<float, Backend>(net, 1);
  train::trainer_options o;
  o.batch = 4;
  o.epochs = epochs;
  o.adam.learning_rate = 3e-3;
  o.clip_norm = 1;
  o.average = 0.5;
  o.folder = folder;
  o.resume = resume;
  train::trainer trainer(net, o);
  trainer.run(ctx, marks(14), marks(5));
  trainer.restore_best();
  return trainer.state().curves;
}

}  // namespace

TEST_CASE("a network on a device is trained as one on the host, and resumes bit for bit") {
  const vmt_test::temp_dir host, device, resumed;
  const auto expected = curves<cpu, ops::generic_context>(host.path(), 3, false);
  const auto found = curves<simulated, simulated_context>(device.path(), 3, false);
  REQUIRE(found.size() == 3);
  for (std::size_t e = 0; e < 3; ++e) {
    CHECK(found[e].train_loss == doctest::Approx(expected[e].train_loss).epsilon(2e-3));
    CHECK(found[e].validation_loss == doctest::Approx(expected[e].validation_loss).epsilon(1e-2));
  }
  CHECK(found[2].train_loss < found[0].train_loss);
  static_cast<void>(curves<simulated, simulated_context>(resumed.path(), 1, false));
  const auto again = curves<simulated, simulated_context>(resumed.path(), 3, true);
  REQUIRE(again.size() == 3);
  CHECK(again[2].train_loss == found[2].train_loss);
  CHECK(again[2].validation_loss == found[2].validation_loss);
}

TEST_CASE("a key_net on a device has the loss and the gradient of one on the host") {
  const key_net_options o{.rows = 16, .channels = {2, 2, 3, 3}, .features = 5, .window = 3, .future = 4};
  key_net<float> net(o);
  initialise(net, 2);
  key_net<float, simulated> far(o);
  nn::copy_weights(net, far);
  train::key_task task(net, {}, 5);
  train::key_task far_task(far, {}, 5);
  cpu_tensor<float, 5> x(1, 8, 3, 16, 48);
  rng random(1);
  for (float& v : x.span()) v = static_cast<float>(random.uniform(-1, 1));
  cpu_tensor<float, 2> targets(1, 3 * (2 + key_outputs * 8));
  const train::key_targets<float> t(targets.span(), 3, 8);
  for (index_t k = 0; k < 3; ++k) {
    t.place(k) = static_cast<float>(8 + 16 * k);
    t.black(k) = k == 1 ? 1.0F : 0.0F;
    t.at(k, key_output::onset, 3) = 1;
    t.at(k, key_output::held, 4) = 1;
  }
  ops::generic_context plain;
  simulated_context device;
  task.begin_step(3);
  far_task.begin_step(3);
  const double loss = task.train_step(plain, x, targets);
  CHECK(far_task.train_step(device, x, targets) == doctest::Approx(loss).epsilon(1e-6));
  std::vector<float> there;
  train::append_numbers<simulated>(there, far.gradients());
  const auto here = net.gradients().span();
  double off = 0, norm = 0;
  for (std::size_t i = 0; i < there.size(); ++i) {
    off += static_cast<double>((there[i] - here[i]) * (there[i] - here[i]));
    norm += static_cast<double>(here[i] * here[i]);
  }
  CHECK(norm > 0);
  CHECK(off < 1e-8 * norm);
  CHECK(far_task.loss(device, x, targets) == doctest::Approx(task.loss(plain, x, targets)).epsilon(1e-3));
}
