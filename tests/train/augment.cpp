// SPDX-License-Identifier: MIT
#include <vmt/train/augment.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

using vmt::index_t;
using vmt::train::augment_options;
using vmt::train::augmenter;

namespace {

constexpr augmenter::sizes sizes{3, 25, 45, 20, 40};

/// Each pixel tells its place; the frames are equal.
std::vector<std::uint8_t> gradient() {
  std::vector<std::uint8_t> bytes;
  for (index_t f = 0; f < sizes.frames; ++f) {
    for (index_t y = 0; y < sizes.in_height; ++y) {
      for (index_t x = 0; x < sizes.in_width; ++x) bytes.push_back(static_cast<std::uint8_t>(40 + 4 * x + y));
    }
  }
  return bytes;
}

std::vector<float> room() {
  return std::vector<float>(static_cast<std::size_t>(sizes.frames * sizes.height * sizes.width));
}

std::vector<float> augmented(const augment_options& options, std::uint64_t seed, std::uint32_t epoch, index_t sample,
                             const std::vector<std::uint8_t>& bytes = gradient()) {
  std::vector<float> out = room();
  augmenter(options, seed)(bytes, sizes, epoch, sample, out);
  return out;
}

}  // namespace

TEST_CASE("the plain window is the centre crop in 0 to 1") {
  std::vector<float> out = room();
  augmenter().plain(gradient(), sizes, out);
  CHECK(out[0] == doctest::Approx((40 + 4 * 2 + 2) / 255.0));
  CHECK(out.back() == doctest::Approx((40 + 4 * 41 + 21) / 255.0));
}

TEST_CASE("the same seed, epoch and sample give the same window, others another") {
  const auto a = augmented({}, 1, 2, 3);
  CHECK(a == augmented({}, 1, 2, 3));
  CHECK(a != augmented({}, 2, 2, 3));
  CHECK(a != augmented({}, 1, 3, 3));
  CHECK(a != augmented({}, 1, 2, 4));
}

TEST_CASE("crops reach every place and are the same for all frames of a window") {
  const augment_options only_crop{.brightness_range = 0, .noise_share = 0};
  std::vector<int> seen(36);
  const index_t area = sizes.height * sizes.width;
  for (index_t sample = 0; sample < 500; ++sample) {
    const auto out = augmented(only_crop, 1, 0, sample);
    const auto corner =
        static_cast<index_t>(std::lround(out[0] * 255)) - 40;  // 4 left + top; ambiguous but for the next
    const auto last = static_cast<index_t>(std::lround(out[static_cast<std::size_t>(sizes.width * 5)] * 255)) - 40;
    CHECK(last == corner + 5);
    CHECK(corner >= 0);
    CHECK(corner <= 25);
    ++seen[static_cast<std::size_t>(corner)];
    CHECK(std::memcmp(out.data(), out.data() + area, static_cast<std::size_t>(area) * sizeof(float)) == 0);
    CHECK(std::memcmp(out.data(), out.data() + 2 * area, static_cast<std::size_t>(area) * sizeof(float)) == 0);
  }
  for (std::size_t value = 0; value <= 25; ++value) CHECK(seen[value] > 0);
}

TEST_CASE("brightness multiplies within its range and values stay in 0 to 1") {
  const augment_options only_light{.crop = false, .brightness_range = 0.3, .noise_share = 0};
  std::vector<float> plain = room();
  augmenter().plain(gradient(), sizes, plain);
  float low = 9;
  float high = 0;
  for (index_t sample = 0; sample < 300; ++sample) {
    const auto out = augmented(only_light, 1, 0, sample);
    const float factor = out[0] / plain[0];
    low = std::min(low, factor);
    high = std::max(high, factor);
    for (std::size_t i = 0; i < out.size(); i += 97) {
      CHECK(static_cast<double>(std::abs(out[i] - std::min(1.0F, plain[i] * factor))) < 1e-5);
    }
  }
  CHECK(low >= 0.6999F);
  CHECK(low < 0.72F);
  CHECK(high <= 1.3001F);
  CHECK(high > 1.28F);
}

TEST_CASE("noise has its deviation, hits its share of the windows and differs from frame to frame") {
  const augment_options only_noise{.crop = false, .brightness_range = 0, .noise_share = 0.4, .noise_deviation = 0.01};
  const std::vector<std::uint8_t> gray(gradient().size(), 128);
  int noisy = 0;
  double squares = 0;
  double sum = 0;
  index_t count = 0;
  for (index_t sample = 0; sample < 400; ++sample) {
    const auto out = augmented(only_noise, 7, 1, sample, gray);
    if (out[0] == out[1] && out[1] == out[2]) continue;
    ++noisy;
    CHECK(std::memcmp(out.data(), out.data() + sizes.height * sizes.width, 64) != 0);
    for (const float v : out) {
      const double difference = static_cast<double>(v) - 128.0 / 255;
      sum += difference;
      squares += difference * difference;
      ++count;
    }
  }
  CHECK(noisy > 120);
  CHECK(noisy < 200);
  const double deviation = std::sqrt(squares / static_cast<double>(count));
  const double expected = 0.01 * 128 / 255;
  CHECK(std::abs(deviation - expected) < 0.02 * expected);
  CHECK(std::abs(sum / static_cast<double>(count)) < 0.02 * deviation);
}

TEST_CASE("with everything off the augmented window is the plain one") {
  std::vector<float> plain = room();
  augmenter().plain(gradient(), sizes, plain);
  CHECK(augmented({.crop = false, .brightness_range = 0, .noise_share = 0}, 1, 0, 5) == plain);
}

TEST_CASE("splices hit their share of the windows and reach every window and place") {
  const augmenter splicing({.splice_share = 0.5});
  int spliced = 0;
  std::vector<int> others(7), places(4);
  for (index_t sample = 0; sample < 400; ++sample) {
    CHECK(!augmenter().splice_of(3, sample, 7));
    const auto s = splicing.splice_of(3, sample, 7);
    if (!s) continue;
    ++spliced;
    ++others.at(static_cast<std::size_t>(s->other));
    ++places.at(static_cast<std::size_t>(4 * s->place));
    CHECK(splicing.splice_of(3, sample, 7)->place == s->place);
  }
  CHECK(spliced > 160);
  CHECK(spliced < 240);
  for (const int n : others) CHECK(n > 10);
  for (const int n : places) CHECK(n > 25);
}

TEST_CASE("wrong sizes and options are refused") {
  std::vector<float> out = room();
  const std::vector<std::uint8_t> bytes = gradient();
  CHECK_THROWS_AS(augmenter().plain(std::span(bytes).first(10), sizes, out), vmt::error);
  CHECK_THROWS_AS(augmenter().plain(bytes, {3, 25, 45, 26, 40}, out), vmt::error);
  CHECK_THROWS_AS(augmenter({.brightness_range = 1}), vmt::error);
  CHECK_THROWS_AS(augmenter({.noise_share = 1.5}), vmt::error);
  CHECK_THROWS_AS(augmenter({.noise_deviation = -1}), vmt::error);
  CHECK_THROWS_AS(augmenter({.splice_share = 1.5}), vmt::error);
  CHECK_THROWS_AS(augmenter({.shift_keys = -1}), vmt::error);
}
