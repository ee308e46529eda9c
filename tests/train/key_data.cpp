// SPDX-License-Identifier: MIT
#include <vmt/train/key_data.hpp>

#include "train/toy_clip.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace vmt;
using namespace vmt::train;
using vmt_test::toy_clip;

namespace {

struct sample {
  std::vector<float> x, targets;
  friend bool operator==(const sample&, const sample&) = default;
};

sample load_sample(const key_data& data, index_t i, std::uint32_t epoch = 0, bool augment = true) {
  sample s{std::vector<float>(static_cast<std::size_t>(data.input_sizes().size())),
           std::vector<float>(static_cast<std::size_t>(data.keys()))};
  data.load(i, epoch, augment, s.x, s.targets);
  return s;
}

made_clips toy_clips(int threads = 1) {
  made_clips m;
  m.make = [](index_t i) { return toy_clip(i); };
  m.pool = 4;
  m.fresh = 2;
  m.threads = threads;
  return m;
}

}  // namespace

TEST_CASE("a window is the same for the same seed, epoch and sample, whatever the threads and the order") {
  std::vector<key_clip> real;
  real.push_back(toy_clip(100, 60));
  const key_data one(real, toy_clips(1), {.samples = 12});
  const key_data other(real, toy_clips(3), {.samples = 12});
  std::vector<sample> forwards;
  for (index_t i = 0; i < 6; ++i) forwards.push_back(load_sample(one, i, 3));
  std::vector<sample> backwards(6);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 6; i-- > 0;) {
        if (i % 2 == t) backwards[i] = load_sample(other, static_cast<index_t>(i), 3);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(forwards == backwards);
  CHECK(one.fingerprint() == other.fingerprint());
  CHECK(load_sample(one, 0, 4) != forwards[0]);
  CHECK(load_sample(one, 1, 3) != forwards[0]);
  const sample plain = load_sample(one, 0, 3, false);
  CHECK(plain == load_sample(one, 0, 0, false));
  CHECK(key_data(real, toy_clips(), {.samples = 12, .seed = 2}).fingerprint() != one.fingerprint());
}

TEST_CASE("without augmentation the keys that are struck look it, where the targets say") {
  const key_data data({toy_clip(3)}, {}, {.samples = 10});
  index_t struck = 0;
  for (index_t i = 0; i < 10; ++i) {
    const sample s = load_sample(data, i, 0, false);
    const key_targets<const float> t(s.targets, 28, 16);
    for (index_t k = 0; k < 28; ++k) {
      for (index_t f = 0; f < 16; ++f) {
        const float held = t.at(k, key_output::held, f);
        if (held < 0) continue;
        const auto column = static_cast<index_t>(t.place(k));
        const index_t row = t.black(k) > 0 ? 65 : 70;  // before the black keys
        const float change = s.x[static_cast<std::size_t>(((f * 3 + 1) * 96 + row) * 320 + column)];
        CHECK(((held > 0) == (change < -0.5F)));
        struck += held > 0 ? 1 : 0;
      }
    }
  }
  CHECK(struck > 20);
}

TEST_CASE("numbers stay in their ranges under augmentation, and it does something") {
  const key_data data({toy_clip(3)}, {}, {.samples = 30});
  for (index_t i = 0; i < 30; ++i) {
    const sample s = load_sample(data, i);
    bool good = true;  // NaN fails the comparison too
    for (std::size_t j = 0; j < s.x.size(); ++j) {
      const bool gray = j / (96 * 320) % 3 == 0;
      good = good && std::abs(s.x[j]) <= (gray ? 15.0F : 1.5F);
    }
    CHECK(good);
    const key_targets<const float> t(s.targets, 28, 16);
    for (index_t k = 0; k < 28; ++k) {
      REQUIRE(t.place(k) >= 20);
      REQUIRE(t.place(k) <= 300);
    }
    CHECK(s.x != load_sample(data, i, 0, false).x);
  }
}

TEST_CASE("real windows go to a made keyboard of the same keys") {
  std::vector<key_clip> real;
  real.push_back(toy_clip(100, 60));
  made_clips made = toy_clips();
  made.make = [](index_t i) {
    key_clip c = toy_clip(i);
    c.layout = {50, 93};  // a white key further: one octave later the keys are of the same kinds
    for (std::uint8_t& v : c.plate) v = static_cast<std::uint8_t>(v / 2);
    return c;
  };
  key_data_options o{.samples = 40, .real_share = 1};
  o.window.width = 256;
  o.augment = {.geometry = {0, 0, 0, 0, 0, 0},
               .light = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0},
               .plate = {0, 0, 0, 0},
               .rear = {0, 0, 0}};
  o.augment.swapped = 0;
  const key_data never(real, made, o);
  o.augment.swapped = 1;
  const key_data always(real, made, o);
  CHECK(never.fingerprint() != always.fingerprint());
  int changed = 0;
  for (index_t i = 0; i < 40; ++i) {
    const sample a = load_sample(never, i), b = load_sample(always, i);
    CHECK(a.targets == b.targets);
    changed += a.x != b.x ? 1 : 0;
  }
  CHECK(changed > 10);  // windows at the edge of the one have no counterpart in the other
}

TEST_CASE("what cannot work is refused with a word about it") {
  CHECK_THROWS_AS(key_data({}, {}, {}), error);
  CHECK_THROWS_AS(key_data({toy_clip()}, {}, {.samples = 0}), error);
  made_clips large = toy_clips();
  large.memory = 1 << 20;
  CHECK_THROWS_AS(key_data({}, large, {}), error);
  key_clip broken = toy_clip();
  broken.pixels.pop_back();
  CHECK_THROWS_AS(key_data({broken}, {}, {}), error);
  const key_data too_short({toy_clip(0, 12)}, {}, {});
  CHECK_THROWS_AS(static_cast<void>(load_sample(too_short, 0)), error);
}
