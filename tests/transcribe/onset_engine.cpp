// SPDX-License-Identifier: MIT
#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/core/rng.hpp>
#include <vmt/engine/onset_engine.hpp>
#include <vmt/transcribe/transcriber.hpp>

#include "support/count_allocations.hpp"
#include "support/random_net.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using vmt::index_t;

namespace {

constexpr index_t little_height = 29, little_width = 96;

std::vector<vmt::frame> video(int n) {
  vmt::rng random(3);
  std::vector<vmt::frame> frames(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i].resize(little_width, little_height);
    frames[i].time = 0.04 * static_cast<double>(i);
    for (std::uint8_t& p : frames[i].pixels) p = static_cast<std::uint8_t>(random.below(256));
  }
  return frames;
}

}  // namespace

static_assert(vmt::transcribe::streaming_engine<vmt::onset_engine, vmt::cpu_context>);

TEST_CASE("the probabilities are those of the network on every window, the ends repeated") {
  const vmt::onset_net<float> net = vmt_test::random_net<float>({.width = 4}, 7);
  vmt::cpu_context context({.threads = 2});
  vmt::onset_engine engine(context, net, little_height, little_width);
  for (const int n : {1, 3, 9}) {
    CAPTURE(n);
    const std::vector<vmt::frame> frames = video(n);
    std::vector<std::vector<float>> found;
    vmt::transcribe::transcribe_options options;
    options.on_probabilities = [&](double time, std::span<const float> p) {
      CHECK(time == frames[found.size()].time);
      found.emplace_back(p.begin(), p.end());
    };
    std::size_t next = 0;
    const auto source = [&](vmt::frame& f) {
      if (next == frames.size()) return false;
      f = frames[next++];
      return true;
    };
    const auto result = vmt::transcribe::transcribe(
        context, engine, source, [](const vmt::note&) {}, options);
    CHECK(result.windows == n);
    REQUIRE(found.size() == frames.size());
    for (int i = 0; i < n; ++i) {
      vmt::cpu_tensor<float, 4> x(1, 5, little_height, little_width);
      vmt::cpu_tensor<float, 2> logits(1, 88);
      for (int j = 0; j < 5; ++j) {
        const vmt::frame& f = frames[static_cast<std::size_t>(std::clamp(i + j - 2, 0, n - 1))];
        for (std::size_t k = 0; k < f.pixels.size(); ++k) {
          x.span()[static_cast<std::size_t>(j) * f.pixels.size() + k] = static_cast<float>(f.pixels[k]) / 255.0F;
        }
      }
      net.forward(context, x, logits);
      double worst = 0;
      for (std::size_t k = 0; k < 88; ++k) {
        const double expected = 1 / (1 + std::exp(-static_cast<double>(logits.span()[k])));
        worst = std::max(worst, std::abs(static_cast<double>(found[static_cast<std::size_t>(i)][k]) - expected));
      }
      CHECK(worst < 1e-5);
    }
  }
}

TEST_CASE("with the network too, nothing is allocated for a frame") {
  const vmt::onset_net<float> net = vmt_test::random_net<float>({.width = 2}, 7);
  vmt::cpu_context context({.threads = 2});
  vmt::onset_engine engine(context, net, little_height, little_width);
  vmt::transcribe::transcriber t(context, engine, vmt::transcribe::peak_decoder(88, 21, {.threshold = 0.01}));
  const std::vector<vmt::frame> frames = video(120);
  index_t notes = 0;
  const auto sink = [&](const vmt::note&) { ++notes; };
  for (int i = 0; i < 40; ++i) t.push(frames[static_cast<std::size_t>(i)], sink);
  const long before = vmt_test::allocations().load();
  for (int i = 40; i < 120; ++i) t.push(frames[static_cast<std::size_t>(i)], sink);
  CHECK(vmt_test::allocations().load() == before);
  t.finish(sink);
  CHECK(notes > 0);
}
