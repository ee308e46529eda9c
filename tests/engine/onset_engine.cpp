// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/engine/onset_engine.hpp>

#include <cstring>
#include <vector>

#include "support/count_allocations.hpp"
#include "support/near_f32.hpp"
#include "support/noise_video.hpp"
#include "support/random_net.hpp"

using namespace vmt;
using vmt_test::noise_height;
using vmt_test::noise_width;

TEST_CASE("the engine, frame by frame, equals the network on every window, for every option") {
  cpu_context ctx({.threads = 2});
  const index_t count = 9;
  const auto frames = vmt_test::noise_video(count, noise_height, noise_width);
  for (const onset_net_options& o : vmt_test::all_options()) {
    CAPTURE(name(o.variant));
    CAPTURE(name(o.stem));
    CAPTURE(name(o.aggregation));
    const onset_net<float> net = vmt_test::random_net<float>(o, 11);
    onset_engine engine(ctx, net, noise_height, noise_width);
    std::vector<float> logits(static_cast<std::size_t>(o.keys));
    std::vector<float> features(static_cast<std::size_t>(net.features()));
    CHECK_THROWS_AS(engine.run(ctx, logits), error);
    for (index_t f = 0; f < count; ++f) {
      engine.push(ctx, frames[f]);
      REQUIRE(engine.ready() == (f >= o.frames - 1));
      if (!engine.ready()) continue;
      engine.run(ctx, logits, features);
      const const_view<float, 4> x =
          frames.view().slice(f - o.frames + 1, o.frames).reshaped(extents<4>{1, o.frames, noise_height, noise_width});
      cpu_tensor<float, 2> y(1, o.keys);
      cpu_tensor<float, 2> z(1, net.features());
      net.forward(ctx, x, y, z);
      double worst = 0;
      double largest = 0;
      for (index_t k = 0; k < o.keys; ++k) {
        worst = std::max(worst, static_cast<double>(std::abs(logits[static_cast<std::size_t>(k)] - y(0, k))));
        largest = std::max(largest, static_cast<double>(std::abs(y(0, k))));
      }
      CHECK(worst <= 2e-5 * largest);
      for (index_t k = 0; k < net.features(); ++k) {
        CHECK(features[static_cast<std::size_t>(k)] == doctest::Approx(z(0, k)).epsilon(1e-4));
      }
    }
    engine.reset();
    CHECK_FALSE(engine.ready());
  }
}

TEST_CASE("logits are within 1e-4 of the network in double, on every instruction set") {
  const auto frames = vmt_test::noise_video(5, noise_height, noise_width);
  const onset_net_options o{.width = 16};
  const onset_net<float> net = vmt_test::random_net<float>(o, 8);
  onset_net<double> exact(o);
  std::copy(net.parameters().span().begin(), net.parameters().span().end(), exact.parameters().span().begin());
  std::vector<double> state;
  const_cast<onset_net<float>&>(net).for_each_buffer(
      [&](const std::string&, tensor_view<float, 1> b) { state.insert(state.end(), b.span().begin(), b.span().end()); });
  auto at = state.begin();
  exact.for_each_buffer([&](const std::string&, tensor_view<double, 1> b) {
    std::copy_n(at, b.size(), b.span().begin());
    at += b.size();
  });
  cpu_tensor<double, 4> x(1, 5, noise_height, noise_width);
  std::copy(frames.span().begin(), frames.span().end(), x.span().begin());
  cpu_tensor<double, 2> oracle(1, o.keys);
  cpu_context plain({.threads = 1, .isa = cpu_isa::portable});
  exact.forward(plain, x, oracle);
  for (const cpu_isa isa : {cpu_isa::portable, cpu_isa::avx2, cpu_isa::avx512}) {
    if (!supported(isa)) continue;
    cpu_context ctx({.threads = 2, .isa = isa});
    onset_engine engine(ctx, net, noise_height, noise_width);
    std::vector<float> y(static_cast<std::size_t>(o.keys));
    for (index_t f = 0; f < 5; ++f) engine.push(ctx, frames[f]);
    engine.run(ctx, y);
    double worst = 0, largest = 0;
    for (index_t k = 0; k < o.keys; ++k) {
      worst = std::max(worst, std::abs(static_cast<double>(y[static_cast<std::size_t>(k)]) - oracle(0, k)));
      largest = std::max(largest, std::abs(oracle(0, k)));
    }
    CAPTURE(name(isa));
    CHECK(worst <= 1e-5 * largest);
  }
}

TEST_CASE("the engine gives the same bits for 1, 2 and 4 threads") {
  const auto frames = vmt_test::noise_video(6, noise_height, noise_width);
  const onset_net<float> net = vmt_test::random_net<float>({.width = 8}, 5);
  std::vector<std::vector<float>> all;
  for (const int threads : {1, 2, 4}) {
    cpu_context ctx({.threads = threads});
    onset_engine engine(ctx, net, noise_height, noise_width);
    std::vector<float> logits(88);
    for (index_t f = 0; f < 6; ++f) engine.push(ctx, frames[f]);
    engine.run(ctx, logits);
    all.push_back(logits);
  }
  CHECK(std::memcmp(all[0].data(), all[1].data(), 88 * sizeof(float)) == 0);
  CHECK(std::memcmp(all[0].data(), all[2].data(), 88 * sizeof(float)) == 0);
}

TEST_CASE("after the first window the engine does not allocate") {
  cpu_context ctx({.threads = 2});
  const auto frames = vmt_test::noise_video(12, noise_height, noise_width);
  for (const onset_net_options& o : vmt_test::all_options()) {
    const onset_net<float> net = vmt_test::random_net<float>(o, 5);
    onset_engine engine(ctx, net, noise_height, noise_width);
    std::vector<float> logits(static_cast<std::size_t>(o.keys));
    for (index_t f = 0; f < o.frames; ++f) engine.push(ctx, frames[f]);
    engine.run(ctx, logits);
    const vmt_test::allocation_count before;
    for (index_t f = o.frames; f < 12; ++f) {
      engine.push(ctx, frames[f]);
      engine.run(ctx, logits);
    }
    CHECK(before.since() == 0);
  }
}

TEST_CASE("windows at once equal the same windows of a stream, for every option") {
  cpu_context ctx({.threads = 3});
  const auto frames = vmt_test::noise_video(12, noise_height, noise_width);
  for (const onset_net_options& o : vmt_test::all_options()) {
    CAPTURE(name(o.variant));
    CAPTURE(name(o.stem));
    const onset_net<float> net = vmt_test::random_net<float>(o, 6);
    onset_engine stream(ctx, net, noise_height, noise_width);
    onset_engine chunk(ctx, net, {.height = noise_height, .width = noise_width, .windows = 4});
    const auto keys = static_cast<std::size_t>(o.keys);
    const auto features = static_cast<std::size_t>(net.features());
    std::vector<float> expected(keys), expected_feature(features), y(4 * keys), z(4 * features);
    for (const index_t windows : {1, 3, 4}) {
      const index_t first = windows;  // anywhere
      const vmt_test::allocation_count before;
      chunk.run_windows(ctx, frames.view().slice(first, o.frames + windows - 1),
                        std::span(y).first(static_cast<std::size_t>(windows) * keys),
                        std::span(z).first(static_cast<std::size_t>(windows) * features));
      CHECK(before.since() == 0);
      stream.reset();
      for (index_t f = 0; f < o.frames + windows - 1; ++f) {
        stream.push(ctx, frames[first + f]);
        if (!stream.ready()) continue;
        stream.run(ctx, expected, expected_feature);
        const auto w = static_cast<std::size_t>(f - o.frames + 1);
        double worst = 0, largest = 0;
        for (std::size_t i = 0; i < keys; ++i) {
          worst = std::max(worst, static_cast<double>(std::abs(y[w * keys + i] - expected[i])));
          largest = std::max(largest, static_cast<double>(std::abs(expected[i])));
        }
        CHECK(worst <= 1e-5 * largest);  // they may choose other methods
        CHECK(z[w * features] == doctest::Approx(expected_feature[0]).epsilon(1e-4));
      }
    }
    CHECK_FALSE(chunk.ready());
    CHECK_THROWS_AS(chunk.run_windows(ctx, frames.view().slice(0, o.frames + 4), y), error);
    CHECK_THROWS_AS(chunk.run_windows(ctx, frames.view().slice(0, o.frames - 1), y), error);
    CHECK_THROWS_AS(chunk.run_windows(ctx, frames.view().slice(0, o.frames), y), error);
  }
}

TEST_CASE("in bf16 the engine's logits stay near those in f32, where the processor has it") {
  cpu_context ctx({.threads = 2});
  const auto frames = vmt_test::noise_video(7, noise_height, noise_width);
  for (const onset_net_options& o : vmt_test::all_options()) {
    CAPTURE(name(o.variant));
    CAPTURE(name(o.stem));
    const onset_net<float> net = vmt_test::random_net<float>(o, 6);
    const onset_engine_options wish{
        .height = noise_height, .width = noise_width, .windows = 3, .precision = engine_precision::bf16};
    if (!make_bf16_kernels(ctx.isa()).usable()) {
      CHECK_THROWS_AS(onset_engine(ctx, net, wish), error);
      continue;
    }
    vmt_test::check_near_f32(ctx, net, wish, frames, 0.03);
  }
}

TEST_CASE("the engine refuses frames of another size and contexts with other kernels") {
  cpu_context ctx({.threads = 1});
  const onset_net<float> net = vmt_test::random_net<float>({.width = 2}, 5);
  onset_engine engine(ctx, net, noise_height, noise_width);
  CHECK_THROWS_WITH_AS(engine.push(ctx, cpu_tensor<float, 2>(noise_height, noise_width + 1)),
                       "onset_engine: frame has sizes 45×121, expected 45×120", error);
  if (ctx.isa() != cpu_isa::portable) {
    cpu_context other({.threads = 1, .isa = cpu_isa::portable});
    CHECK_THROWS_AS(engine.push(other, cpu_tensor<float, 2>(noise_height, noise_width)), error);
  }
}
