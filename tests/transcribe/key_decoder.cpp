// SPDX-License-Identifier: MIT
#include <vmt/transcribe/key_decoder.hpp>

#include "../support/count_allocations.hpp"

#include <doctest/doctest.h>

#include <cmath>

using vmt::index_t;
using vmt::key_output;
using vmt::note;
using vmt::transcribe::key_decoder;
using vmt::transcribe::key_decoder_options;

namespace {

constexpr double frame_period = 1.0 / 30;

/// What the network would say of a performance if it knew all: the targets that it is trained for.
class outputs {
 public:
  outputs(index_t keys, index_t frames) : keys_(keys), frames_(frames) {
    values_.resize(static_cast<std::size_t>(frames * 5 * keys));
  }

  float& at(index_t frame, key_output o, index_t key) {
    return values_[static_cast<std::size_t>((frame * 5 + static_cast<index_t>(o)) * keys_ + key)];
  }
  outputs& play(index_t key, double onset, double offset, double velocity = 64.0 / 127) {
    for (index_t f = 0; f < frames_; ++f) {
      const double t = static_cast<double>(f) * frame_period;
      const auto near = [&](double event) {
        return static_cast<float>(std::max(0.0, 1 - std::abs(t - event) / (1.5 * frame_period)));
      };
      at(f, key_output::onset, key) = std::max(at(f, key_output::onset, key), near(onset));
      at(f, key_output::release, key) = std::max(at(f, key_output::release, key), near(offset));
      if (t >= onset && t < offset) at(f, key_output::held, key) = 0.9F;
      if (near(onset) > 0) at(f, key_output::velocity, key) = static_cast<float>(velocity);
    }
    return *this;
  }

  std::vector<note> decode(key_decoder& d, std::vector<note>* onsets = nullptr) const {
    std::vector<note> notes;
    const auto sink = [&](const note& n) { notes.push_back(n); };
    const auto on_onset = [&](const note& n) {
      if (onsets != nullptr) onsets->push_back(n);
    };
    for (index_t f = 0; f < frames_; ++f) d.push(static_cast<double>(f) * frame_period, frame(f), on_onset, sink);
    d.finish(on_onset, sink);
    return notes;
  }
  [[nodiscard]] std::span<const float> frame(index_t f) const {
    return std::span(values_).subspan(static_cast<std::size_t>(f * 5 * keys_), static_cast<std::size_t>(5 * keys_));
  }
  std::vector<note> decode(const key_decoder_options& o = {}) const {
    key_decoder d(keys_, 21, o);
    return decode(d);
  }

 private:
  index_t keys_, frames_;
  std::vector<float> values_;
};

const auto ignore = [](const note&) {};

}  // namespace

TEST_CASE("a press and a release become one whole note between the frames") {
  const auto notes = outputs(3, 60).play(1, 0.512, 1.234, 0.75).decode();
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].pitch == 22);
  CHECK(std::abs(notes[0].onset - 0.512) < frame_period / 4);
  CHECK(std::abs(notes[0].offset - 1.234) < frame_period / 4);
  CHECK(notes[0].velocity == 95);
  CHECK(notes[0].confidence > 0.6);
}

TEST_CASE("eight repeats a second come through, each ending where the next begins") {
  outputs o(2, 90);
  for (int i = 0; i < 12; ++i) o.play(0, 0.5 + 0.125 * i, 0.5 + 0.125 * (i + 1));
  const auto notes = o.decode();
  REQUIRE(notes.size() == 12);
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(std::abs(notes[i].onset - (0.5 + 0.125 * static_cast<double>(i))) < frame_period / 3);
    if (i > 0) CHECK(notes[i - 1].offset <= notes[i].onset);
  }
}

TEST_CASE("notes come in the order of their onsets, however long they last") {
  outputs o(4, 120);
  o.play(3, 0.40, 3.5).play(0, 0.41, 0.6).play(1, 1.0, 1.2).play(2, 1.001, 1.1);
  key_decoder d(4);
  std::vector<note> onsets;
  const auto notes = o.decode(d, &onsets);
  REQUIRE(notes.size() == 4);
  CHECK(std::is_sorted(notes.begin(), notes.end()));
  CHECK(notes[0].pitch == 24);
  CHECK(notes[0].offset > 3.4);
  CHECK(onsets.size() == 4);
  CHECK(notes == o.decode(d));  // as new after the end
}

TEST_CASE("an onset is told four frames after its own") {
  outputs o(1, 30);
  o.play(0, 10 * frame_period, 20 * frame_period);
  key_decoder d(1);
  index_t told = -1;
  for (index_t f = 0; f < 30; ++f) {
    d.push(
        static_cast<double>(f) * frame_period, o.frame(f), [&](const note&) { told = f; }, ignore);
  }
  CHECK(told == 10 + key_decoder::lookahead);
}

TEST_CASE("an onset without a press is none, unless the gate is open") {
  outputs o(1, 40);
  o.play(0, 0.5, 0.9);
  for (index_t f = 0; f < 40; ++f) o.at(f, key_output::held, 0) = 0.1F;
  CHECK(o.decode().empty());
  CHECK(o.decode({.gate = 0}).size() == 1);
}

TEST_CASE("the release decides over the fall of held where both are seen, else the fall does") {
  outputs o(1, 60);
  o.play(0, 0.5, 1.0);
  for (index_t f = 0; f < 60; ++f) o.at(f, key_output::release, 0) = 0;
  const double fall = o.decode()[0].offset;
  CHECK(std::abs(fall - 1.0) < frame_period);
  o.at(33, key_output::release, 0) = 0.8F;
  CHECK(o.decode()[0].offset == doctest::Approx(33 * frame_period).epsilon(1e-9));
}

TEST_CASE("a flicker of held ends no note") {
  outputs o(1, 60);
  o.play(0, 0.5, 1.5);
  o.at(25, key_output::held, 0) = 0;
  CHECK(o.decode()[0].offset > 1.4);
}

TEST_CASE("what is held at the end, or for too long, is let go") {
  CHECK(outputs(1, 60).play(0, 1.0, 9.0).decode()[0].offset == doctest::Approx(60 * frame_period));
  CHECK(outputs(1, 60).play(0, 0.5, 9.0).decode({.longest = 0.5})[0].offset == doctest::Approx(1.0).epsilon(0.02));
}

TEST_CASE("the confidence is the calibrated probability") {
  outputs o(1, 40);
  o.play(0, 0.512, 1);
  const double p = o.decode()[0].confidence;
  const double c = o.decode({.confidence_scale = 0.5, .confidence_shift = -1})[0].confidence;
  CHECK(c == doctest::Approx(1 / (1 + std::exp(-0.5 * std::log(p / (1 - p)) + 1))).epsilon(1e-6));
}

TEST_CASE("times may be uneven, and must rise") {
  key_decoder d(1);
  std::vector<float> silent(5);
  d.push(0.0, silent, ignore, ignore);
  CHECK_THROWS_WITH_AS(d.push(0.0, silent, ignore, ignore), doctest::Contains("must rise"), vmt::error);
  silent[0] = std::nanf("");
  CHECK_THROWS_WITH_AS(d.push(1.0, silent, ignore, ignore), doctest::Contains("probability"), vmt::error);
  silent[0] = 0;
  silent[4] = -0.7F;  // a place is no probability
  d.push(1.0, silent, ignore, ignore);
  CHECK_THROWS_WITH_AS(d.push(2.0, std::span(silent).first(4), ignore, ignore), doctest::Contains("5 for each key"),
                       vmt::error);
}

TEST_CASE("options out of range are refused") {
  for (const key_decoder_options& o : {key_decoder_options{.threshold = 0}, {.gate = 1}, {.up = -0.1},
                                       {.refractory = -1}, {.shortest = 2, .longest = 1}, {.period = INFINITY}}) {
    CHECK_THROWS_AS(key_decoder(88, 21, o), vmt::error);
  }
  CHECK_THROWS_AS(key_decoder(88, 60), vmt::error);
}

TEST_CASE("nothing is allocated for a frame") {
  outputs o(88, 300);
  for (index_t k = 0; k < 88; ++k) {
    for (double t = 0.1 + 0.01 * static_cast<double>(k); t < 9; t += 0.5) o.play(k, t, t + 0.3);
  }
  key_decoder d(88);
  const vmt_test::allocation_count count;
  index_t notes = 0;
  for (index_t f = 0; f < 300; ++f) {
    d.push(static_cast<double>(f) * frame_period, o.frame(f), ignore, [&](const note&) { ++notes; });
  }
  CHECK(count.since() == 0);
  CHECK(notes > 1000);
}
