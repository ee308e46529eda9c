// SPDX-License-Identifier: MIT
#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/train/key_data.hpp>
#include <vmt/train/key_task.hpp>
#include <vmt/train/trainer.hpp>

#include "support/temp_dir.hpp"
#include "train/toy_clip.hpp"
#include "train/training.hpp"

#include <doctest/doctest.h>

using namespace vmt;
using namespace vmt::train;
using vmt_test::stop_after_batches;
using vmt_test::toy_clip;
using vmt_test::weights_of;

namespace {

constexpr key_net_options small_key_options{.channels = {4, 4, 6, 6}, .features = 8, .window = 7};

key_net<float> small_key_net() {
  key_net<float> net(small_key_options);
  initialise(net, 3);
  return net;
}

key_data toys(index_t samples, std::uint64_t seed) {
  made_clips m;
  m.make = [](index_t i) { return toy_clip(i); };
  m.pool = 3;
  m.fresh = 2;
  key_data_options o{.samples = samples, .seed = seed};
  o.window = {.frames = 8, .width = 96, .keys = 6};
  return {{}, m, o};
}

}  // namespace

TEST_CASE("key_net is trained to the same bits by any number of threads and loaders, and after any resume") {
  const key_data data = toys(7, 1), check = toys(4, 2);
  trainer_options options{.batch = 2, .epochs = 2, .clip_norm = 0.5};
  options.schedule = learning_rate_schedule::cosine;
  std::vector<float> expected;
  for (const int threads : {1, 3}) {
    cpu_context ctx({.threads = threads});
    key_net<float> net = small_key_net();
    key_task task(net);
    options.loader_threads = threads;
    CHECK(trainer(task, options).run(ctx, data, check) == stop_reason::epochs);
    const std::vector<float> found = weights_of(net);
    if (expected.empty()) expected = found;
    CHECK(found == expected);
  }
  const vmt_test::temp_dir dir;
  options.folder = dir / "run";
  options.resume = true;
  cpu_context ctx({.threads = 1});
  for (int parts = 0;; ++parts) {
    REQUIRE(parts < 9);
    key_net<float> net = small_key_net();
    key_task task(net);
    stop_after_batches stop{2};
    if (trainer(task, options).run(ctx, data, check, stop) == stop_reason::callback) continue;
    CHECK(weights_of(net) == expected);
    CHECK(parts > 0);
    break;
  }
  key_net<float> net = small_key_net();
  key_task other_loss(net, {.edge = 1});
  CHECK_THROWS_AS(static_cast<void>(trainer(other_loss, options).run(ctx, data, check)), error);
}

TEST_CASE("key_net learns which keys of a toy piano are struck") {
  const key_data data = toys(96, 1), check = toys(24, 2);
  cpu_context ctx({.threads = 1});
  key_net<float> net = small_key_net();
  key_task task(net);
  trainer_options options{.batch = 6, .epochs = 10, .clip_norm = 5};
  options.adam.learning_rate = 1e-2;
  trainer t(task, options);
  const double before = t.validate(ctx, check);
  static_cast<void>(t.run(ctx, data, check));
  CHECK(before > 0.3);
  CHECK(t.state().best_loss < 0.6 * before);
}

TEST_CASE("a clipped gradient changes the training, a large limit does not") {
  const key_data data = toys(4, 1);
  cpu_context ctx({.threads = 1});
  std::vector<std::vector<float>> found;
  for (const double limit : {0.0, 1e6, 1e-9}) {
    key_net<float> net = small_key_net();
    key_task task(net);
    trainer_options options{.batch = 2, .epochs = 1, .clip_norm = limit};
    static_cast<void>(trainer(task, options).run(ctx, data, data));
    found.push_back(weights_of(net));
  }
  CHECK(found[0] == found[1]);
  CHECK(found[0] != found[2]);
}

TEST_CASE("an input and targets that do not go together are refused") {
  key_net<float> net = small_key_net();
  key_task task(net);
  cpu_context ctx({.threads = 1});
  cpu_tensor<float, 5> x(1, 8, 3, 96, 96);
  cpu_tensor<float, 2> targets(1, key_targets<float>::size(6, 8) + 1);
  CHECK_THROWS_AS(static_cast<void>(task.train_step(ctx, x, targets)), error);
}
