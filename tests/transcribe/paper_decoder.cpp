// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/transcribe/paper_decoder.hpp>

#include "fake_engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>

using vmt::index_t;
using vmt::note;
using vmt::transcribe::paper_decoder;
using vmt::transcribe::paper_options;

namespace {

static_assert(vmt::transcribe::decoder<paper_decoder>);

constexpr int keys = 3;
using signal = std::vector<std::array<float, keys>>;

std::vector<note> decode(paper_decoder& d, const signal& x, const std::vector<double>& times) {
  vmt_test::collected<note> sink;
  for (std::size_t i = 0; i < x.size(); ++i) d.push(times[i], x[i], sink);
  d.finish(sink);
  return sink.notes;
}

/// The definition, on the whole signal at once: mirror by walking to and fro, filter, threshold, runs.
std::vector<note> by_definition(const signal& x, const std::vector<double>& times, double period) {
  const auto n = static_cast<int>(x.size());
  std::vector<double> w(21);
  double sum = 0;
  for (int j = -20; j <= 20; ++j) sum += std::exp(-0.5 * j * j / 25.0);
  for (int j = 0; j <= 20; ++j) w[static_cast<std::size_t>(j)] = std::exp(-0.5 * j * j / 25.0) / sum;
  const auto at = [&](int i, std::size_t key) {
    while (i < 0 || i >= n) i = i < 0 ? -1 - i : 2 * n - 1 - i;
    return static_cast<double>(x[static_cast<std::size_t>(i)][key]);
  };
  std::vector<note> found;
  for (std::size_t key = 0; key < keys; ++key) {
    bool on = false;
    for (int i = 0; i <= n; ++i) {
      double y = 0;
      for (int j = -20; i < n && j <= 20; ++j) y += w[static_cast<std::size_t>(std::abs(j))] * at(i + j, key);
      const double now = i < n ? times[static_cast<std::size_t>(i)] : times.back() + period;
      if (y > 0.4 && !on) found.push_back({now, 0, 21 + static_cast<int>(key), 80, 0});
      if (y > 0.4) found.back().confidence = std::max(found.back().confidence, y);
      if (!(y > 0.4) && on) found.back().offset = now;
      on = y > 0.4;
    }
  }
  std::sort(found.begin(), found.end(), [](const note& a, const note& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.pitch < b.pitch;
  });
  return found;
}

}  // namespace

TEST_CASE("a stream of any length gives the runs of the definition, in the order of their ends") {
  vmt::rng random(5);
  index_t total = 0;
  paper_decoder decoder(keys);  // used again and again: finish starts anew
  for (int n = 1; n < 400; n += n < 45 ? 1 : 71) {
    CAPTURE(n);
    signal x(static_cast<std::size_t>(n));
    std::vector<double> times;
    double time = random.uniform(0, 10), period = 0.04;
    while (times.size() < x.size()) {
      times.push_back(time);
      time += period = random.uniform(0.02, 0.06);
    }
    for (std::size_t key = 0; key < keys; ++key) {
      float level = 0;
      for (auto& frame : x) {
        if (random.below(12) == 0) level = static_cast<float>(random.uniform());
        frame[key] = level;
      }
    }
    if (n > 1) period = times.back() - times[times.size() - 2];
    const std::vector<note> expected = by_definition(x, times, n > 1 ? period : 0.04);
    const std::vector<note> found = decode(decoder, x, times);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i].onset == expected[i].onset);
      CHECK(found[i].offset == expected[i].offset);
      CHECK(found[i].pitch == expected[i].pitch);
      CHECK(std::abs(found[i].confidence - expected[i].confidence) < 1e-14);
    }
    total += static_cast<index_t>(found.size());
  }
  CHECK(total > 100);
}

TEST_CASE("a note comes out twenty frames after the first frame below the threshold") {
  paper_decoder decoder(1, 60);
  CHECK(decoder.latency_frames() == 20);
  CHECK(decoder.latency_seconds() == 0);
  vmt_test::collected<note> sink;
  for (int i = 0; i < 200; ++i) {
    const float x[] = {i >= 50 && i < 100 ? 1.0F : 0.0F};
    decoder.push(i * 0.04, x, sink);
    // Half of the filter's weight lies on each side of an edge, 0.4 is reached a frame (0.25 σ) outside: 49 … 100.
    CHECK(sink.notes.size() == (i < 101 + 20 ? 0U : 1U));
  }
  REQUIRE(sink.notes.size() == 1);
  CHECK(sink.notes[0].onset == 49 * 0.04);
  CHECK(sink.notes[0].offset == 101 * 0.04);
  CHECK(sink.notes[0].pitch == 60);
  CHECK(sink.notes[0].velocity == 80);
}

TEST_CASE("nothing comes of nothing, a single frame lasts the stated period, reset drops what is pending") {
  paper_options options;
  options.period = 0.5;
  paper_decoder decoder(1, 21, options);
  vmt_test::collected<note> sink;
  decoder.finish(sink);
  CHECK(sink.notes.empty());
  const float x[] = {0.9F};
  decoder.push(3, x, sink);
  decoder.reset();
  decoder.finish(sink);
  CHECK(sink.notes.empty());
  decoder.push(2, x, sink);
  decoder.finish(sink);
  REQUIRE(sink.notes.size() == 1);
  CHECK(sink.notes[0].onset == 2);
  CHECK(sink.notes[0].offset == 2.5);
  CHECK(std::abs(sink.notes[0].confidence - static_cast<double>(0.9F)) < 1e-15);
}

TEST_CASE("frames that break the contract are refused") {
  vmt_test::collected<note> sink;
  const auto code = [&](double time, std::vector<float> x) {
    paper_decoder decoder(2);
    decoder.push(1, std::vector<float>{0, 0}, sink);
    try {
      decoder.push(time, x, sink);
    } catch (const vmt::error& e) {
      return e.code();
    }
    return vmt::errc{};
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(code(2, {0, 1}) == vmt::errc{});
  CHECK(code(2, {0}) == vmt::errc::shape_mismatch);
  CHECK(code(2, {0, nan}) == vmt::errc::not_finite);
  CHECK(code(2, {0, 1.5F}) == vmt::errc::invalid_argument);
  CHECK(code(2, {-0.1F, 0}) == vmt::errc::invalid_argument);
  CHECK(code(1, {0, 0}) == vmt::errc::inconsistent);
  CHECK(code(static_cast<double>(nan), {0, 0}) == vmt::errc::not_finite);
  CHECK_THROWS_AS(paper_decoder(88, 41), vmt::error);
  CHECK_NOTHROW(paper_decoder(88, 40));
  CHECK_THROWS_AS(paper_decoder(1, -1), vmt::error);
  CHECK_THROWS_AS(paper_decoder(1, 0, {.threshold = 1}), vmt::error);
  CHECK_THROWS_AS(paper_decoder(1, 0, {.period = 0}), vmt::error);
  CHECK_THROWS_AS(paper_decoder(1, 0, {.velocity = 128}), vmt::error);
}
