// SPDX-License-Identifier: MIT
#include <vmt/core/rng.hpp>
#include <vmt/transcribe/transcriber.hpp>

#include "support/count_allocations.hpp"
#include "fake_engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

using vmt::errc;
using vmt::frame;
using vmt::index_t;
using vmt::note;
using vmt::transcribe::paper_decoder;
using vmt::transcribe::paper_options;
using vmt::transcribe::peak_decoder;
using vmt::transcribe::transcribe_options;
using vmt::transcribe::transcriber;
using vmt::transcribe::transcription_result;
using vmt_test::fake_context;
using vmt_test::fake_engine;

namespace {

static_assert(vmt::transcribe::streaming_engine<fake_engine, fake_context>);
static_assert(!vmt::transcribe::streaming_engine<int, fake_context>);

constexpr index_t fake_keys = 4;

/// A video of `n` frames of one row: gray is the onset probability. Random bumps, frames 30 to 50 ms apart.
std::vector<frame> fake_video(int n, std::uint64_t seed = 1, double time = 0) {
  vmt::rng random(seed);
  std::vector<frame> frames(static_cast<std::size_t>(n));
  std::array<int, fake_keys> level{};
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i].resize(fake_keys, 1);
    frames[i].time = time;
    frames[i].number = static_cast<std::int64_t>(i);
    time += random.uniform(0.035, 0.045);
    for (std::size_t k = 0; k < fake_keys; ++k) {
      level[k] = random.below(8) == 0 ? 250 : level[k] * 3 / 5;
      frames[i].pixels[k] = static_cast<std::uint8_t>(2 + level[k]);
    }
  }
  return frames;
}

auto source_of(const std::vector<frame>& frames) {
  return [&frames, i = std::size_t{0}](frame& out) mutable {
    if (i == frames.size()) return false;
    out = frames[i++];
    return true;
  };
}

struct outcome {
  std::vector<note> found;
  transcription_result result;
};

outcome run(const std::vector<frame>& frames, const transcribe_options& options = {}, index_t window = 5) {
  fake_context context;
  fake_engine engine(fake_keys, window);
  vmt_test::collected<note> sink;
  const transcription_result result = vmt::transcribe::transcribe(context, engine, source_of(frames), sink, options);
  CHECK(result.windows == context.runs);
  CHECK(result.notes == static_cast<index_t>(sink.notes.size()));
  return {sink.notes, result};
}

template <class F>
errc code_of(F&& f) {
  try {
    f();
  } catch (const vmt::error& e) {
    return e.code();
  }
  return errc{};
}

/// The windows by their definition: the frames around each frame, ends repeated; then the decoder, fed directly.
template <class D>
std::vector<note> by_definition(const std::vector<frame>& frames, D decoder, index_t window) {
  vmt_test::collected<note> sink;
  const auto n = static_cast<index_t>(frames.size());
  for (index_t i = 0; i < n; ++i) {
    fake_context context;
    fake_engine engine(fake_keys, window);
    std::vector<float> row(fake_keys), p(fake_keys);
    for (index_t j = i - (window - 1) / 2; j < i - (window - 1) / 2 + window; ++j) {
      const frame& f = frames[static_cast<std::size_t>(std::clamp<index_t>(j, 0, n - 1))];
      for (std::size_t k = 0; k < fake_keys; ++k) row[k] = static_cast<float>(f.pixels[k]) / 255.0F;
      engine.push(context, {row.data(), vmt::extents<2>{1, fake_keys}});
    }
    engine.run(context, p);
    for (float& v : p) v = 1 / (1 + std::exp(-v));
    decoder.push(frames[static_cast<std::size_t>(i)].time, p, sink);
  }
  decoder.finish(sink);
  return sink.notes;
}

}  // namespace

TEST_CASE("every frame is judged once in its own window, for clips of every length and windows of every size") {
  transcribe_options paper;
  paper.decoder = paper_options{.sigma = 1};
  std::size_t peaks = 0, runs = 0;
  for (const index_t window : {1, 2, 3, 5, 8}) {
    for (const int n : {0, 1, 2, 3, 4, 5, 6, 20, 200}) {
      CAPTURE(window);
      CAPTURE(n);
      const std::vector<frame> frames = fake_video(n);
      const outcome peak = run(frames, {}, window);
      CHECK(peak.found == by_definition(frames, peak_decoder(fake_keys), window));
      CHECK(peak.result.frames == n);
      CHECK(peak.result.windows == n);
      CHECK(peak.result.gaps == 0);
      const outcome run_of_ones = run(frames, paper, window);
      CHECK(run_of_ones.found == by_definition(frames, paper_decoder(fake_keys, 21, {.sigma = 1}), window));
      peaks += peak.found.size();
      runs += run_of_ones.found.size();
    }
  }
  CHECK(peaks > 200);
  CHECK(runs > 50);
}

TEST_CASE("frame by frame gives the notes of the whole video, with the stated delay, and can start again") {
  const std::vector<frame> frames = fake_video(300, 7);
  const outcome batch = run(frames);
  fake_context context;
  fake_engine engine(fake_keys);
  vmt_test::collected<note> sink;
  transcriber stream(context, engine, peak_decoder(fake_keys));
  for (int round = 1; round <= 2; ++round) {
    sink.notes.clear();
    double time = 0;
    for (const frame& f : frames) {
      stream.push(f, sink);
      if (!sink.notes.empty()) CHECK(sink.notes.back().onset + 0.3 <= f.time);
      time = f.time;
    }
    // All that began 0.3 s, two frames for the window and one for the maximum before the end is out by now.
    for (std::size_t i = sink.notes.size(); i < batch.found.size(); ++i) {
      CHECK(batch.found[i].onset + 0.3 + 4 * 0.045 > time);
    }
    stream.finish(sink);
    CHECK(sink.notes == batch.found);
    CHECK(stream.result().frames == 300 * round);
  }
}

TEST_CASE("a gap cuts the video into parts that are transcribed each for itself") {
  std::vector<frame> first = fake_video(40, 1), second = fake_video(1, 2, 5.0), third = fake_video(33, 3, 6.0);
  std::vector<frame> all = first;
  all.insert(all.end(), second.begin(), second.end());
  all.insert(all.end(), third.begin(), third.end());
  for (const bool paper : {false, true}) {
    transcribe_options options;
    if (paper) options.decoder = paper_options{.sigma = 1};
    std::vector<note> expected = run(first, options).found;
    for (const auto* part : {&second, &third}) {
      for (const note& n : run(*part, options).found) expected.push_back(n);
    }
    const outcome whole = run(all, options);
    CHECK(whole.found == expected);
    CHECK(whole.result.gaps == 2);
    CHECK(whole.result.windows == 74);
    options.gap_factor = std::numeric_limits<double>::infinity();
    const outcome across = run(all, options);
    CHECK(across.result.gaps == 0);
    CHECK(across.found != expected);
  }
}

TEST_CASE("one missing frame is a gap, jitter and another frame rate are none for long") {
  std::vector<frame> frames = fake_video(100);
  frames.erase(frames.begin() + 50);
  CHECK(run(frames).result.gaps == 1);
  frames = fake_video(100);
  for (int i = 0; i < 100; ++i) frames[static_cast<std::size_t>(i)].time = i < 50 ? 0.02 * i : 1 + 0.05 * (i - 50);
  const index_t gaps = run(frames).result.gaps;  // 50 to 20 frames a second
  CHECK(gaps >= 1);
  CHECK(gaps <= 5);
}

TEST_CASE("damaged frames are used, skipped as a gap, or refused") {
  std::vector<frame> frames = fake_video(60);
  std::vector<frame> tail(frames.begin() + 32, frames.end());
  std::vector<frame> head(frames.begin(), frames.begin() + 30);
  frames[30].damaged = frames[31].damaged = true;
  const outcome used = run(frames);
  CHECK(used.result == transcription_result{60, 60, static_cast<index_t>(used.found.size()), 0, 2, false});
  CHECK(used.found == run(fake_video(60)).found);

  transcribe_options options;
  options.damaged = vmt::media::damage_policy::skip;
  const outcome skipped = run(frames, options);
  std::vector<note> expected = run(head).found;
  for (const note& n : run(tail).found) expected.push_back(n);
  CHECK(skipped.found == expected);
  CHECK(skipped.result == transcription_result{60, 58, static_cast<index_t>(expected.size()), 1, 2, false});
  frames[0].damaged = frames[59].damaged = true;  // no gap: nothing lies beyond
  CHECK(run(frames, options).result.gaps == 1);

  options.damaged = vmt::media::damage_policy::fail;
  CHECK(code_of([&] { run(frames, options); }) == errc::bad_format);
}

TEST_CASE("the stop callback ends the video cleanly, progress and probabilities are told frame by frame") {
  const std::vector<frame> frames = fake_video(50);
  transcribe_options options;
  index_t asked = 0, done = 0;
  std::vector<double> times;
  std::vector<std::int64_t> strips;
  options.total_frames = 50;
  options.stop = [&] { return ++asked > 20; };
  options.on_progress = [&](index_t d, index_t total) {
    CHECK(d == ++done);
    CHECK(total == 50);
  };
  options.on_strip = [&](const frame& f) { strips.push_back(f.number); };
  options.on_probabilities = [&](double time, std::span<const float> p) {
    times.push_back(time);
    CHECK(p.size() == fake_keys);
  };
  const outcome stopped = run(frames, options);
  CHECK(stopped.result.stopped);
  CHECK(stopped.result.frames == 20);
  CHECK(done == 20);
  CHECK(strips.size() == 20);
  REQUIRE(times.size() == 20);
  for (std::size_t i = 0; i < times.size(); ++i) CHECK(times[i] == frames[i].time);
  CHECK(stopped.found == run({frames.begin(), frames.begin() + 20}).found);
  CHECK_FALSE(run(frames).result.stopped);
}

TEST_CASE("the lag is taken from both ends of a note, but not beyond time 0") {
  const std::vector<frame> frames = fake_video(50);
  transcribe_options options;
  options.lag_seconds = 0.5;
  options.lowest_key = 60;
  const std::vector<note> plain = run(frames).found, shifted = run(frames, options).found;
  REQUIRE(plain.size() == shifted.size());
  REQUIRE(plain.front().onset < 0.5);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CHECK(shifted[i].onset == std::max(0.0, plain[i].onset - 0.5));
    CHECK(shifted[i].offset == std::max(0.0, plain[i].offset - 0.5));
    CHECK(shifted[i].pitch == plain[i].pitch + 39);
  }
}

TEST_CASE("frames are straightened where a keyboard is given, and keys that it does not have stay silent") {
  fake_context context;
  fake_engine engine(88);
  std::vector<frame> frames(12);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i].resize(352, 4);
    frames[i].time = 0.04 * static_cast<double>(i);
    std::fill(frames[i].pixels.begin(), frames[i].pixels.end(), static_cast<std::uint8_t>(i == 6 ? 250 : 5));
  }
  transcribe_options options;
  options.keyboard = vmt::keyboard::whole_picture(352, 4);
  vmt_test::collected<note> sink;
  index_t strips = 0;
  options.on_strip = [&](const frame& f) { strips += f.width == 88 && f.height == 1 ? 1 : 0; };
  vmt::transcribe::transcribe(context, engine, source_of(frames), sink, options);
  CHECK(strips == 12);
  CHECK(sink.notes.size() == 88);
  sink.notes.clear();
  options.keyboard->lowest_key = 36;
  options.keyboard->highest_key = 84;
  vmt::transcribe::transcribe(context, engine, source_of(frames), sink, options);
  REQUIRE(!sink.notes.empty());
  for (const note& n : sink.notes) {
    CHECK(n.pitch >= 36);
    CHECK(n.pitch <= 84);
  }
}

TEST_CASE("what cannot be right is refused with its reason") {
  std::vector<frame> frames = fake_video(10);
  frames[5].time = frames[4].time;
  CHECK(code_of([&] { run(frames); }) == errc::inconsistent);
  frames[5].time = std::numeric_limits<double>::infinity();
  CHECK(code_of([&] { run(frames); }) == errc::not_finite);
  frames = fake_video(10);
  frames[5].resize(fake_keys + 1, 1);
  CHECK(code_of([&] { run(frames); }) == errc::shape_mismatch);
  frames[5].resize(fake_keys, 1);
  frames[5].pixels.pop_back();
  CHECK(code_of([&] { run(frames); }) == errc::shape_mismatch);
  transcribe_options options;
  options.gap_factor = 1;
  CHECK(code_of([&] { run({}, options); }) == errc::invalid_argument);
  options.gap_factor = 1.5;
  options.lag_seconds = std::nan("");
  CHECK(code_of([&] { run({}, options); }) == errc::not_finite);
  options.lag_seconds = 0;
  options.lowest_key = 126;
  CHECK(code_of([&] { run({}, options); }) == errc::invalid_argument);

  fake_context context;
  fake_engine engine(fake_keys);
  CHECK(code_of([&] { transcriber(context, engine, peak_decoder(fake_keys + 1)); }) == errc::shape_mismatch);
  struct broken : fake_engine {
    using fake_engine::fake_engine;
    void run(fake_context&, std::span<float> logits) { logits[2] = std::nanf(""); }
  } nan(fake_keys);
  vmt_test::collected<note> sink;
  CHECK(code_of([&] { vmt::transcribe::transcribe(context, nan, source_of(fake_video(9)), sink); }) ==
        errc::not_finite);
}

TEST_CASE("an error of the source or the sink goes through") {
  fake_context context;
  fake_engine engine(fake_keys);
  const std::vector<frame> frames = fake_video(100);
  auto good = source_of(frames);
  int left = 30;
  const auto breaks = [&](frame& f) { return --left > 0 ? good(f) : throw vmt::error(errc::io_failure, "cable"); };
  vmt_test::collected<note> sink;
  CHECK(code_of([&] { vmt::transcribe::transcribe(context, engine, breaks, sink); }) == errc::io_failure);
  const auto full = [](const note&) { throw vmt::error(errc::io_failure, "disk"); };
  CHECK(code_of([&] { vmt::transcribe::transcribe(context, engine, source_of(frames), full); }) == errc::io_failure);
}

TEST_CASE("nothing is allocated for a frame once the transcriber runs") {
  const std::vector<frame> frames = fake_video(3000);
  const auto count = [&](auto decoder) {
    fake_context context;
    fake_engine engine(fake_keys);
    index_t found = 0;
    const auto sink = [&](const note&) { ++found; };
    transcribe_options options;
    double sum = 0;
    options.on_probabilities = [&](double, std::span<const float> p) { sum += static_cast<double>(p[0]); };
    transcriber t(context, engine, std::move(decoder), options);
    for (std::size_t i = 0; i < 100; ++i) t.push(frames[i], sink);
    const long before = vmt_test::allocations().load();
    for (std::size_t i = 100; i < frames.size(); ++i) t.push(frames[i], sink);
    const long after = vmt_test::allocations().load();
    t.finish(sink);
    CHECK(found > 100);
    CHECK(sum > 0);
    return after - before;
  };
  CHECK(vmt_test::allocations().load() > 0);  // the counter counts
  CHECK(count(peak_decoder(fake_keys)) == 0);
  CHECK(count(paper_decoder(fake_keys, 21, {.sigma = 1})) == 0);
}
