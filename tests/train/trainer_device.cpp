// SPDX-License-Identifier: MIT
// The trainer with a network in the memory of a device, simulated on the host.
#include <doctest/doctest.h>

#include <vmt/backend/cuda/gpu.hpp>
#include <vmt/backend/cuda/simulated.hpp>
#include <vmt/model/onset_net.hpp>
#include <vmt/nn/init.hpp>
#include <vmt/train/dataset.hpp>
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

/// A data set of one clip of noise, 40 frames of 48×33 pixels; all that an augmentation can do is done to its windows.
struct noisy_clip {
  vmt_test::temp_dir dir;

  noisy_clip() {
    rng random(8);
    std::string times;
    for (int i = 0; i < 40; ++i) {
      std::string image = "P5\n48 33\n255\n";
      for (int p = 0; p < 48 * 33; ++p) image += static_cast<char>(random.below(256));
      std::filesystem::create_directories(dir / "set/a/frames");
      write_file(dir / ("set/a/frames/" + std::to_string(i) + ".pgm"), std::string_view(image));
      times += std::to_string(i) + "," + std::to_string(i * 0.04) + "\n";
    }
    write_file(dir / "set/a/frames/times.csv", std::string_view(times));
    write_file(dir / "set/a/notes.csv", std::string_view("onset,offset,pitch\n0.4,0.5,60\n0.2,0.3,62\n1.3,1.4,63\n"));
    write_file(dir / "set/split.csv", std::string_view("clip,split,start,end\na,train,0,1\na,validation,1,\n"));
  }
  [[nodiscard]] train::video_data windows(train::subset use) const {
    return train::video_data(
        dir / "set", {.use = use,
                      .cache = dir / "cache",
                      .frames = 3,
                      .height = 33,
                      .width = 48,
                      .keys = 6,
                      .targets = {.lowest_key = 60},
                      .augment = {.noise_share = 0.5, .noise_deviation = 0.1, .splice_share = 0.5, .shift_keys = 1}});
  }
};

/// The same windows from a source that makes the numbers itself.
struct numbers_only {
  const train::video_data& data;
  [[nodiscard]] index_t size() const { return data.size(); }
  [[nodiscard]] index_t keys() const { return data.keys(); }
  [[nodiscard]] extents<3> input_sizes() const { return data.input_sizes(); }
  [[nodiscard]] std::uint64_t fingerprint() const { return data.fingerprint(); }
  void load(index_t sample, std::uint32_t epoch, bool augment, std::span<float> x, std::span<float> targets) const {
    data.load(sample, epoch, augment, x, targets);
  }
};
static_assert(train::window_source<train::video_data>);
static_assert(train::data_source<numbers_only, 3> && !train::window_source<numbers_only>);

}  // namespace

TEST_CASE("a device makes windows from bytes as the host does, to the bit, whatever the augmentation") {
  const noisy_clip clip;
  for (const bool augment : {true, false}) {
    const train::video_data data = clip.windows(augment ? train::subset::train : train::subset::validation);
    const auto s = data.window_sizes();
    CHECK(s.in_height == (augment ? 38 : 33));
    const index_t n = data.size();
    REQUIRE(n > 10);
    cpu_tensor<std::uint8_t, 4> bytes(n, s.frames, s.in_height, s.in_width);
    cpu_tensor<float, 4> expected(n, s.frames, s.height, s.width);
    cpu_tensor<float, 2> targets(n, 6), wanted(n, 6);
    std::vector<ops::window_crop> crops;
    std::vector<std::int32_t> rows(static_cast<std::size_t>(n * s.frames * s.height));
    index_t noisy = 0;
    for (index_t i = 0; i < n; ++i) {
      data.load(i, 4, augment, expected[i].span(), wanted[i].span());
      const auto of_window = static_cast<std::size_t>(s.frames * s.height);
      crops.push_back(data.load_bytes(i, 4, augment, bytes[i].span(),
                                      std::span(rows).subspan(static_cast<std::size_t>(i) * of_window, of_window),
                                      targets[i].span()));
      noisy += crops.back().noise > 0 ? 1 : 0;
    }
    CHECK((noisy > 0) == augment);
    CHECK(noisy < n);
    CHECK(std::equal(targets.span().begin(), targets.span().end(), wanted.span().begin()));
    simulated_context ctx;
    tensor<float, 1, simulated> normals(std::ssize(data.normals()));
    simulated::write(normals.data_handle(), data.normals().data(), normals.size());
    tensor<float, 4, simulated> x(expected.extents());
    ops::window_input(ctx, bytes, crops, rows, const_view<float, 1>(normals.view()), x);
    std::vector<float> found(static_cast<std::size_t>(x.size()));
    simulated::read(x.data_handle(), found.data(), x.size());
    CHECK(std::equal(found.begin(), found.end(), expected.span().begin()));
  }
}

TEST_CASE("a training on a device sends windows as bytes and learns the same as from numbers") {
  const noisy_clip clip;
  const train::video_data data = clip.windows(train::subset::train);
  const train::video_data validation = clip.windows(train::subset::validation);
  const auto run = [&](const auto& training, const auto& judged, index_t& copied) {
    simulated_context ctx;
    ctx.runtime().remember(true);
    onset_net<float, simulated> net({.width = 2, .frames = 3, .keys = 6});
    nn::initialise<float, simulated>(net, 1);
    train::trainer_options o;
    o.batch = 6;
    o.epochs = 2;
    train::trainer trainer(net, o);
    trainer.run(ctx, training, judged);
    copied = 0;
    for (const auto& e : ctx.runtime().events()) copied += e.name == "copy_in" ? e.bytes : 0;
    std::vector<float> weights;
    train::append_numbers<simulated>(weights, net.parameters());
    return weights;
  };
  index_t as_bytes = 0, as_numbers = 0;
  const std::vector<float> expected = run(numbers_only{data}, numbers_only{validation}, as_numbers);
  CHECK(run(data, validation, as_bytes) == expected);
  CHECK(as_bytes < as_numbers * 2 / 5);  // these windows are small; of the paper's it is a quarter
}

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
