// SPDX-License-Identifier: MIT
#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/model/av_fusion.hpp>
#include <vmt/model/onset_net.hpp>
#include <vmt/train/feature_data.hpp>
#include <vmt/train/trainer.hpp>

#include "support/code_of.hpp"
#include "support/temp_dir.hpp"
#include "train/toy_data.hpp"
#include "train/training.hpp"

#include <doctest/doctest.h>

#include <limits>

using vmt::errc;
using vmt::index_t;
using vmt::onset_net;
using vmt::train::batch_info;
using vmt::train::epoch_info;
using vmt::train::stop_reason;
using vmt::train::trainer;
using vmt::train::trainer_options;
using vmt_test::code_of;
using vmt_test::stop_after_batches;
using vmt_test::toy_data;
using vmt_test::weights_of;

namespace {

onset_net<float> small_onset_net() {
  onset_net<float> net({.width = 2, .frames = 3, .keys = 4});
  vmt::nn::initialise<float>(net, 3);
  return net;
}

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("training gives the same bits with 1, 2 and 4 threads") {
  const toy_data train{.count = 13};
  const toy_data validation{.count = 5, .seed = 2};
  std::vector<float> expected;
  for (const int threads : {1, 2, 4}) {
    vmt::cpu_context ctx({.threads = threads});
    onset_net<float> net = small_onset_net();
    trainer t(net, {.batch = 4, .epochs = 2});
    CHECK(t.run(ctx, train, validation) == stop_reason::epochs);
    const std::vector<float> found = weights_of(net);
    if (expected.empty()) expected = found;
    CHECK(found == expected);
  }
  onset_net<float> untrained = small_onset_net();
  CHECK(expected != weights_of(untrained));
}

TEST_CASE("training stopped anywhere and resumed ends bitwise as if it never stopped") {
  const toy_data train{.count = 14};
  const toy_data validation{.count = 5, .seed = 2};
  trainer_options options{.batch = 4, .epochs = 3, .plateau = {.factor = 0.5, .patience = 0, .threshold = 0.9}};
  SUBCASE("rate by plateau") {}
  SUBCASE("rate by cosine, weights decay") {
    options.schedule = vmt::train::learning_rate_schedule::cosine;
    options.cosine.warm_up = 3;
    options.adam.weight_decay = 0.1;
  }
  SUBCASE("weights averaged") {
    options.average = 0.9;
    options.plateau.factor = 0.3;
  }
  vmt::cpu_context ctx({.threads = 1});
  onset_net<float> whole = small_onset_net();
  trainer reference(whole, options);
  static_cast<void>(reference.run(ctx, train, validation));
  const std::vector<float> expected = weights_of(whole);
  reference.restore_best();
  const std::vector<float> expected_best = weights_of(whole);
  CHECK(reference.state().learning_rate < 1e-3);  // the schedule had something to do

  vmt::rng random(5);
  for (int round = 0; round < 6; ++round) {
    const vmt_test::temp_dir dir;
    trainer_options resumed = options;
    resumed.folder = dir / "run";
    resumed.resume = true;
    std::vector<float> found, best;
    for (int parts = 0;; ++parts) {
      REQUIRE(parts < 20);
      onset_net<float> net({.width = 2, .frames = 3, .keys = 4});  // whatever it holds is replaced by the checkpoint
      if (parts == 0) net = small_onset_net();
      trainer t(net, resumed);
      stop_after_batches stop{1 + random.below(5)};
      if (t.run(ctx, train, validation, stop) == stop_reason::callback) continue;
      found = weights_of(net);
      CHECK(t.state().curves.size() == 3);
      CHECK(t.state().curves[1].train_loss == reference.state().curves[1].train_loss);
      CHECK(t.state().curves[2].validation_loss == reference.state().curves[2].validation_loss);
      t.restore_best();
      best = weights_of(net);
      CHECK(parts > 0);
      break;
    }
    CHECK(found == expected);
    CHECK(best == expected_best);
  }
}

TEST_CASE("a checkpoint within an epoch is enough after a crash") {
  const toy_data train{.count = 14};
  const toy_data validation{.count = 5, .seed = 2};
  vmt::cpu_context ctx({.threads = 1});
  onset_net<float> whole = small_onset_net();
  static_cast<void>(trainer(whole, {.batch = 2, .epochs = 1}).run(ctx, train, validation));

  const vmt_test::temp_dir dir;
  trainer_options options{.batch = 2, .epochs = 1, .folder = dir / "run", .resume = true, .checkpoint_batches = 2};
  struct crash {
    index_t left;
    void on_batch(const batch_info&) {
      if (--left == 0) throw std::runtime_error("power");
    }
  };
  onset_net<float> first = small_onset_net();
  crash at_fifth{5};
  CHECK_THROWS_AS(static_cast<void>(trainer(first, options).run(ctx, train, validation, at_fifth)), std::runtime_error);
  onset_net<float> second = small_onset_net();
  trainer again(second, options);
  static_cast<void>(again.run(ctx, train, validation));
  CHECK(weights_of(second) == weights_of(whole));
}

TEST_CASE("averaged weights are those of the formula, and what is validated") {
  const toy_data train{.count = 4};
  const toy_data validation{.count = 5, .seed = 2};
  vmt::cpu_context ctx({.threads = 1});
  struct seen {
    onset_net<float>& net;
    std::vector<float> shown = {};
    double loss = 0;
    void on_epoch(const epoch_info& e) {
      shown = weights_of(net);
      loss = e.record.validation_loss;
    }
  };
  const auto after = [&](index_t epochs, double average, seen* watch) {
    onset_net<float> net = small_onset_net();
    trainer t(net, {.batch = 4, .epochs = epochs, .average = average});
    seen s{net};
    static_cast<void>(t.run(ctx, train, validation, s));
    if (watch != nullptr) {
      watch->shown = s.shown;
      watch->loss = s.loss;
    }
    return weights_of(net);
  };
  onset_net<float> unused = small_onset_net();
  seen averaged{unused}, last{unused};
  const std::vector<float> raw = after(3, 0.2, &averaged);
  CHECK(raw == after(3, 0, &last));  // the training itself is the same
  CHECK(last.shown == raw);
  // One step an epoch. The first is taken whole, then (n + 1)/(n + 10) is above the limit of 0.2.
  std::vector<float> expected = after(1, 0, nullptr);
  for (const index_t epochs : {2, 3}) {
    const std::vector<float> now = after(epochs, 0, nullptr);
    for (std::size_t i = 0; i < now.size(); ++i) expected[i] += 0.8F * (now[i] - expected[i]);
  }
  REQUIRE(averaged.shown.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(averaged.shown[i] == doctest::Approx(expected[i]).epsilon(1e-5));
  }
  CHECK(averaged.loss != last.loss);
}

TEST_CASE("a tiny problem is learnt") {
  const toy_data data{.count = 16};
  vmt::cpu_context ctx({.threads = 1});
  onset_net<float> net({.width = 4, .frames = 3, .keys = 4});
  vmt::nn::initialise<float>(net, 1);
  trainer t(net, {.batch = 8, .epochs = 60, .adam = {.learning_rate = 3e-3}});
  const double before = t.validate(ctx, data);
  static_cast<void>(t.run(ctx, data, data));
  CHECK(before > 0.5);
  CHECK(t.state().best_loss < 0.1);
  t.restore_best();
  CHECK(t.validate(ctx, data) == t.state().best_loss);
}

TEST_CASE("a NaN in input or target is skipped, counted and leaves no trace") {
  const toy_data validation{.count = 5, .seed = 2};
  vmt::cpu_context ctx({.threads = 1});
  for (const bool in_input : {true, false}) {
    CAPTURE(in_input);
    toy_data train{.count = 12};
    train.spoil = [&](index_t sample, std::uint32_t, std::span<float> x, std::span<float> y) {
      if (sample == 7) (in_input ? x : y)[0] = not_a_number;
    };
    onset_net<float> net = small_onset_net();
    trainer t(net, {.batch = 4, .epochs = 2});
    struct watch {
      onset_net<float>& net;
      std::vector<float> before;
      int skipped = 0;
      void on_batch(const batch_info& info) {
        const std::vector<float> now = weights_of(net);
        CHECK((now == before) == info.skipped);
        skipped += info.skipped ? 1 : 0;
        before = now;
      }
    } watch{net, weights_of(net)};
    static_cast<void>(t.run(ctx, train, validation, watch));
    CHECK(watch.skipped == 2);
    CHECK(t.state().skipped == 2);
    CHECK(t.state().curves[0].skipped == 1);
    for (const float v : weights_of(net)) REQUIRE(std::isfinite(v));
  }
}

TEST_CASE("training gives up after the stated number of skipped steps and names the last checkpoint") {
  const vmt_test::temp_dir dir;
  toy_data train{.count = 8};
  train.spoil = [](index_t, std::uint32_t epoch, std::span<float> x, std::span<float>) {
    if (epoch > 0) x[5] = std::numeric_limits<float>::infinity();
  };
  const toy_data validation{.count = 5, .seed = 2};
  vmt::cpu_context ctx({.threads = 1});
  onset_net<float> net = small_onset_net();
  trainer t(net, {.batch = 4, .epochs = 9, .max_skipped = 3, .folder = dir / "run"});
  CHECK(code_of([&] { static_cast<void>(t.run(ctx, train, validation)); }, "checkpoint.") == errc::not_finite);
  CHECK(t.state().skipped == 3);

  onset_net<float> broken = small_onset_net();
  broken.parameters().span()[10] = not_a_number;
  const toy_data good{.count = 8};
  trainer b(broken, {.batch = 4, .epochs = 9, .max_skipped = 2});
  CHECK(code_of([&] { static_cast<void>(b.run(ctx, good, validation)); }, "no checkpoint yet") == errc::not_finite);
}

TEST_CASE("a validation loss that is not finite stops the training") {
  toy_data validation{.count = 5, .seed = 2};
  validation.spoil = [](index_t, std::uint32_t, std::span<float>, std::span<float> y) { y[1] = not_a_number; };
  vmt::cpu_context ctx({.threads = 1});
  onset_net<float> net = small_onset_net();
  trainer t(net, {.batch = 4, .epochs = 9});
  CHECK(code_of([&] { static_cast<void>(t.run(ctx, toy_data{.count = 4}, validation)); }, "validation") ==
        errc::not_finite);
}

TEST_CASE("a resume with other options or data is refused, and so is a used folder without resume") {
  const vmt_test::temp_dir dir;
  const toy_data train{.count = 4};
  const toy_data validation{.count = 4, .seed = 2};
  vmt::cpu_context ctx({.threads = 1});
  const trainer_options options{.batch = 2, .epochs = 1, .folder = dir / "run"};
  onset_net<float> net = small_onset_net();
  static_cast<void>(trainer(net, options).run(ctx, train, validation));
  const std::vector<float> trained = weights_of(net);
  const auto attempt = [&](trainer_options o, const toy_data& data) {
    onset_net<float> other = small_onset_net();
    static_cast<void>(trainer(other, o).run(ctx, data, validation));
    return weights_of(other);
  };
  CHECK(code_of([&] { attempt(options, train); }, "already holds a training") == errc::inconsistent);
  trainer_options resume = options;
  resume.resume = true;
  CHECK(attempt(resume, train) == trained);  // nothing is left to do
  CHECK(code_of([&] { attempt(resume, toy_data{.count = 5}); }, "other data") == errc::inconsistent);
  resume.batch = 4;
  CHECK(code_of([&] { attempt(resume, train); }, "other options") == errc::inconsistent);
}

TEST_CASE("early stopping, callbacks and curves") {
  const vmt_test::temp_dir dir;
  const toy_data train{.count = 4};
  const toy_data validation{.count = 4, .seed = 2};
  vmt::cpu_context ctx({.threads = 1});
  onset_net<float> net = small_onset_net();
  struct epochs {
    int seen = 0;
    int improved = 0;
    index_t last_epoch = -1;
    void on_epoch(const epoch_info& info) {
      ++seen;
      improved += info.improved ? 1 : 0;
      last_epoch = info.record.epoch;
    }
  } watch;
  // With a learning rate that large, no epoch can stay better for long.
  trainer t(net, {.batch = 2, .epochs = 200, .stop_after = 2, .adam = {.learning_rate = 1.0}, .folder = dir / "run"});
  CHECK(t.run(ctx, train, validation, watch) == stop_reason::no_improvement);
  CHECK(watch.seen < 200);
  CHECK(watch.last_epoch == t.state().best_epoch + 2);
  CHECK(watch.improved >= 1);
  const auto bytes = vmt::read_file(dir / "run/curves.csv");
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  CHECK(text.starts_with("epoch,learning_rate,train_loss,validation_loss,seconds,skipped\n0,1,"));
  CHECK(std::count(text.begin(), text.end(), '\n') == watch.seen + 1);
}

TEST_CASE("a last batch of one sample is left out, a smaller one is not") {
  vmt::cpu_context ctx({.threads = 1});
  struct counter {
    int batches = 0;
    void on_batch(const batch_info&) { ++batches; }
  };
  for (const auto& [samples, batches] : {std::pair{9, 2}, std::pair{10, 3}, std::pair{3, 1}, std::pair{1, 1}}) {
    onset_net<float> net = small_onset_net();
    counter c;
    trainer t(net, {.batch = 4, .epochs = 1});
    static_cast<void>(t.run(ctx, toy_data{.count = samples}, toy_data{.count = 1, .seed = 2}, c));
    CHECK(c.batches == batches);
  }
}

TEST_CASE("an epoch may take a random part of the samples") {
  const auto a = vmt::train::shuffled(100, 10, 1, 0);
  CHECK(a.size() == 10);
  CHECK(a != vmt::train::shuffled(100, 10, 1, 1));
  CHECK(a != vmt::train::shuffled(100, 10, 2, 0));
  auto all = vmt::train::shuffled(100, 0, 1, 0);
  CHECK(std::equal(a.begin(), a.end(), all.begin()));
  std::sort(all.begin(), all.end());
  for (std::uint32_t i = 0; i < 100; ++i) CHECK(all[i] == i);
}

TEST_CASE("errors of a data source come out of the training") {
  toy_data train{.count = 8};
  train.spoil = [](index_t sample, std::uint32_t, std::span<float>, std::span<float>) {
    if (sample == 3) throw vmt::error(errc::io_failure, "the disk is gone");
  };
  vmt::cpu_context ctx({.threads = 1});
  onset_net<float> net = small_onset_net();
  trainer t(net, {.batch = 2, .epochs = 1});
  CHECK(code_of([&] { static_cast<void>(t.run(ctx, train, toy_data{.count = 2})); }, "disk") == errc::io_failure);
}

TEST_CASE("the fusion perceptron learns from features of a file") {
  const vmt_test::temp_dir dir;
  vmt::rng random(11);
  const auto write = [&](const std::string& name, float bad) {
    vmt::io::tensor_file file;
    std::vector<float> audio, visual, targets;
    for (int i = 0; i < 200; ++i) {
      for (int k = 0; k < 3; ++k) {
        targets.push_back(random.uniform() < 0.3 ? 1.0F : 0.0F);
        audio.push_back(targets.back() * 0.5F + static_cast<float>(random.normal() * 0.3));
        visual.push_back(targets.back() * 0.5F + static_cast<float>(random.normal() * 0.3));
      }
    }
    targets[0] = bad;
    const std::array<index_t, 2> shape{200, 3};
    file.add<float>("audio", shape, audio);
    file.add<float>("visual", shape, visual);
    file.add<float>("targets", shape, targets);
    file.save(dir / name);
  };
  write("train.safetensors", 1.0F);
  write("validation.safetensors", 0.0F);
  write("bad.safetensors", 0.5F);
  const vmt::train::feature_data train(dir / "train.safetensors"), validation(dir / "validation.safetensors");
  vmt::cpu_context ctx({.threads = 1});
  vmt::av_fusion<float> net({.audio_features = 3, .visual_features = 3, .hidden = 16, .keys = 3});
  vmt::nn::initialise<float>(net, 1);
  trainer t(net, {.batch = 8, .epochs = 60, .adam = {.learning_rate = 3e-3}});
  const double before = t.validate(ctx, validation);
  static_cast<void>(t.run(ctx, train, validation));
  CHECK(before > 0.6);
  CHECK(t.state().best_loss < 0.45);
  CHECK(train.fingerprint() != validation.fingerprint());
  CHECK(code_of([&] { vmt::train::feature_data(dir / "bad.safetensors"); }, "bad.safetensors") == errc::bad_format);

  vmt::io::tensor_file file;
  const std::array<index_t, 2> two{2, 1}, three{3, 1};
  file.add<float>("audio", two, std::array<float, 2>{});
  CHECK(code_of([&] { vmt::train::feature_data{file}; }, "visual") == errc::not_found);
  file.add<float>("visual", three, std::array<float, 3>{});
  CHECK(code_of([&] { vmt::train::feature_data{file}; }, "3 samples") == errc::shape_mismatch);
}
