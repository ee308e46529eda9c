// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/transcribe/peak_decoder.hpp>

#include "fake_engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using vmt::index_t;
using vmt::note;
using vmt::transcribe::peak_decoder;
using vmt::transcribe::peak_options;

namespace {

static_assert(vmt::transcribe::decoder<peak_decoder>);

/// One key, frames of 40 ms unless times are given.
std::vector<note> decode(const std::vector<float>& x, const peak_options& options = {},
                         std::vector<double> times = {}) {
  peak_decoder decoder(1, 60, options);
  vmt_test::collected<note> sink;
  for (std::size_t i = 0; i < x.size(); ++i) {
    decoder.push(times.empty() ? 0.04 * static_cast<double>(i) : times[i], std::span(&x[i], 1), sink);
  }
  decoder.finish(sink);
  return sink.notes;
}

}  // namespace

TEST_CASE("the vertex of a parabola is found between the frames, whatever their distances") {
  vmt::rng random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> times;
    for (double t = 0; t < 2; t += random.uniform(0.02, 0.06)) times.push_back(t);
    const double truth = random.uniform(0.5, 1.5);
    std::vector<float> x;
    for (const double t : times) x.push_back(static_cast<float>(std::max(0.0, 0.95 - 40 * (t - truth) * (t - truth))));
    const std::vector<note> found = decode(x, {}, times);
    REQUIRE(found.size() == 1);
    CHECK(std::abs(found[0].onset - truth) < 1e-4);  // single precision; a frame is 20 to 60 ms
    CHECK(found[0].offset == found[0].onset + 0.3);
    CHECK(found[0].confidence == static_cast<double>(*std::max_element(x.begin(), x.end())));
    CHECK(found[0].pitch == 60);
    CHECK(found[0].velocity == 80);
  }
}

TEST_CASE("the threshold includes its value, plateaus count once, valleys and slopes not at all") {
  CHECK(decode({0, 0.5F, 0}, {.threshold = 0.5}).size() == 1);
  CHECK(decode({0, 0.49F, 0}, {.threshold = 0.5}).empty());
  CHECK(decode({0.9F, 0.8F, 0.7F, 0.8F, 0.9F}).size() == 2);  // both ends, which have one neighbour only
  CHECK(decode({0.5F, 0.5F, 0.5F}).size() == 1);
  const std::vector<note> two_equal = decode({0, 1, 1, 0});
  REQUIRE(two_equal.size() == 1);
  CHECK(two_equal[0].onset == doctest::Approx(0.06));
  CHECK(decode({0, 1, 1, 1, 1, 1, 1, 1, 1, 0}).size() == 1);
}

TEST_CASE("clips of one to three frames have ends, not neighbours") {
  CHECK(decode({}).empty());
  CHECK(decode({0.3F}).empty());
  CHECK(decode({0.8F}) == std::vector<note>{{0, 0.04, 60, 80, static_cast<double>(0.8F)}});
  CHECK(decode({0.5F, 0.8F}, {}, {1, 1.25}) == std::vector<note>{{1.25, 1.5, 60, 80, static_cast<double>(0.8F)}});
  CHECK(decode({0.8F, 0.5F}, {}, {1, 1.25}) == std::vector<note>{{1, 1.3, 60, 80, static_cast<double>(0.8F)}});
  CHECK(decode({0, 0.75F, 0}, {}, {1, 1.25, 1.5}) == std::vector<note>{{1.25, 1.55, 60, 80, 0.75}});
}

TEST_CASE("a key cannot be struck twice within the refractory time, and a repeat ends the note before") {
  const std::vector<float> x{0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const std::vector<note> two = decode(x);  // 80 ms apart
  REQUIRE(two.size() == 2);
  CHECK(two[0].offset == two[1].onset);
  CHECK(two[1].offset == two[1].onset + 0.3);
  CHECK(decode(x, {.refractory = 0.09}).size() == 1);
  const std::vector<note> now = decode(x, {.immediate = true});
  REQUIRE(now.size() == 2);
  CHECK(now[0].offset == now[0].onset + 0.3);
}

TEST_CASE("notes come out one frame after the first frame at onset + default length; at once if immediate") {
  for (const bool immediate : {false, true}) {
    peak_decoder decoder(1, 60, {.default_length = 0.25, .immediate = immediate});
    CHECK(decoder.latency_frames() == 1);
    CHECK(decoder.latency_seconds() == (immediate ? 0 : 0.25));
    vmt_test::collected<note> sink;
    for (int i = 0; i < 20; ++i) {
      const float x[] = {i == 8 ? 0.75F : 0.0F};
      decoder.push(i / 16.0, x, sink);  // onset 0.5, offset 0.75 = frame 12, out with frame 13
      CHECK(sink.notes.size() == (i >= (immediate ? 9 : 13) ? 1U : 0U));
    }
  }
}

TEST_CASE("many keys at random times: sorted, all found, none invented") {
  constexpr index_t keys = 88;
  vmt::rng random(9);
  std::vector<double> next(keys), times;
  std::vector<std::vector<double>> truth(keys);
  for (auto& n : next) n = random.uniform(0.1, 2);
  peak_decoder decoder(keys);
  vmt_test::collected<note> sink;
  std::vector<float> x(keys);
  double t = 0;
  for (int i = 0; i < 3000; ++i, t += random.uniform(0.03, 0.045)) {
    for (std::size_t k = 0; k < keys; ++k) {
      if (t > next[k] + 0.15) {
        truth[k].push_back(next[k]);
        next[k] += random.uniform(0.32, 3);
      }
      const double d = t - next[k];
      x[k] = static_cast<float>(std::exp(-d * d / (2 * 0.03 * 0.03)));
    }
    decoder.push(t, x, sink);
  }
  decoder.finish(sink);
  CHECK(std::is_sorted(sink.notes.begin(), sink.notes.end()));
  std::vector<std::vector<double>> found(keys);
  for (const note& n : sink.notes) found[static_cast<std::size_t>(n.pitch - 21)].push_back(n.onset);
  double worst = 0;
  for (std::size_t k = 0; k < keys; ++k) {
    REQUIRE(found[k].size() >= truth[k].size());
    REQUIRE(found[k].size() <= truth[k].size() + 1);  // the last may be under way
    for (std::size_t i = 0; i < truth[k].size(); ++i) worst = std::max(worst, std::abs(found[k][i] - truth[k][i]));
  }
  CHECK(sink.notes.size() > 5000);
  CHECK(worst < 0.01);  // a Gaussian is no parabola; a frame is 30 to 45 ms
}

TEST_CASE("reset drops what is pending, bad options are refused") {
  peak_decoder decoder(1);
  vmt_test::collected<note> sink;
  const float x[] = {1};
  decoder.push(5, x, sink);
  decoder.reset();
  decoder.push(1, x, sink);  // an earlier time: a new video
  decoder.finish(sink);
  REQUIRE(sink.notes.size() == 1);
  CHECK(sink.notes[0].onset == 1);
  decoder.push(1.001, x, sink);  // the refractory time does not reach into a new segment
  decoder.finish(sink);
  CHECK(sink.notes.size() == 2);
  CHECK_THROWS_AS(peak_decoder(1, 21, {.threshold = 0}), vmt::error);
  CHECK_THROWS_AS(peak_decoder(1, 21, {.refractory = -1}), vmt::error);
  CHECK_THROWS_AS(peak_decoder(1, 21, {.default_length = 0}), vmt::error);
  CHECK_THROWS_AS(peak_decoder(1, 21, {.period = std::nan("")}), vmt::error);
  CHECK_THROWS_AS(peak_decoder(0), vmt::error);
}
