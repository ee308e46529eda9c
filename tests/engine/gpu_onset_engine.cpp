// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/backend/cuda/gpu.hpp>
#include <vmt/backend/cuda/simulated.hpp>
#include <vmt/engine/gpu_onset_engine.hpp>
#include <vmt/transcribe/engine_concept.hpp>

#include "support/count_allocations.hpp"
#include "support/op_cases.hpp"
#include "support/random_net.hpp"

using namespace vmt;

namespace {

using device_onset_engine = gpu_onset_engine<simulated_runtime>;
static_assert(transcribe::streaming_engine<device_onset_engine, simulated_context>);

constexpr index_t small_height = 33, small_width = 64;

/// What the network itself says of the window that begins with frame `first` of a video.
struct window_answer {
  cpu_tensor<float, 2> logits, features;
};
window_answer ask(const onset_net<float>& net, const cpu_tensor<float, 4>& video, index_t first) {
  ops::generic_context plain;
  const index_t frames = net.options().frames;
  window_answer a{cpu_tensor<float, 2>(1, net.options().keys), cpu_tensor<float, 2>(1, net.features())};
  const const_view<float, 4> window(video.view().slice(first, frames).data_handle(),
                                    {1, frames, small_height, small_width});
  net.forward(plain, window, a.logits, a.features.view());
  return a;
}

}  // namespace

TEST_CASE("the device engine answers as the network for every window of a video, around the ring and after a cut") {
  for (const onset_net_options& o : vmt_test::all_options()) {
    CAPTURE(name(o.variant));
    simulated_context ctx;
    const onset_net<float> net = vmt_test::random_net<float>(o, 3);
    device_onset_engine engine(ctx, net, small_height, small_width);
    const auto video = vmt_test::case_tensor<float>(extents<4>{o.frames + 7, 1, small_height, small_width}, 1, 0, 1);
    std::vector<float> logits(static_cast<std::size_t>(o.keys)), features(static_cast<std::size_t>(net.features()));
    for (index_t f = 0; f < video.extent(0); ++f) {
      engine.push(ctx, video[f][0]);
      CHECK(engine.ready() == (f + 1 >= o.frames));
      if (!engine.ready()) continue;
      engine.run(ctx, logits, features);
      const window_answer a = ask(net, video, f + 1 - o.frames);
      CHECK(vmt_test::distance(logits, vmt_test::joined<float>(a.logits)) < 1e-5);
      CHECK(vmt_test::distance(features, vmt_test::joined<float>(a.features)) < 1e-5);
    }
    engine.reset();
    for (index_t f = 0; f < o.frames; ++f) {
      CHECK_THROWS_AS(engine.run(ctx, logits), error);
      engine.push(ctx, video[f][0]);
    }
    engine.run(ctx, logits);
    CHECK(vmt_test::distance(logits, vmt_test::joined<float>(ask(net, video, 0).logits)) < 1e-5);
  }
}

TEST_CASE("in the steady state a frame costs a copy to the device, two replays and a copy back, and no allocation") {
  simulated_context ctx;
  const onset_net_options o{.width = 3, .keys = 12};
  device_onset_engine engine(ctx, vmt_test::random_net<float>(o, 3), small_height, small_width);
  const auto frame = vmt_test::case_tensor<float>(extents<2>{small_height, small_width}, 1);
  std::vector<float> logits(12);
  for (index_t f = 0; f < o.frames; ++f) engine.push(ctx, frame);
  engine.run(ctx, logits);
  ctx.runtime().run_kernels(false);  // those that run on the host need its memory
  const vmt_test::allocation_count allocations;
  for (int i = 0; i < 20; ++i) {
    engine.push(ctx, frame);
    engine.run(ctx, logits);
  }
  CHECK(allocations.since() == 0);
  ctx.runtime().remember(true);
  engine.push(ctx, frame);
  engine.run(ctx, logits);
  std::vector<std::string> told;
  for (const auto& e : ctx.runtime().events()) {
    if (e.name == "copy_in" || e.name == "copy_out" || e.name == "replay") told.push_back(e.name);
  }
  CHECK(told == std::vector<std::string>{"copy_in", "replay", "replay", "copy_out"});
}

TEST_CASE("many frames may be pushed before anybody asks") {
  simulated_context ctx;
  const onset_net_options o{.width = 3, .keys = 12};
  const onset_net<float> net = vmt_test::random_net<float>(o, 3);
  device_onset_engine engine(ctx, net, small_height, small_width);
  const auto video = vmt_test::case_tensor<float>(extents<4>{21, 1, small_height, small_width}, 1, 0, 1);
  for (index_t f = 0; f < 21; ++f) engine.push(ctx, video[f][0]);
  std::vector<float> logits(12);
  engine.run(ctx, logits);
  CHECK(vmt_test::distance(logits, vmt_test::joined<float>(ask(net, video, 16).logits)) < 1e-5);
}

TEST_CASE("the tensor cores' rounding moves the answers no further than it must") {
  const onset_net_options o{.width = 5, .frames = 3, .keys = 12};
  const onset_net<float> net = vmt_test::random_net<float>(o, 3);
  const auto video = vmt_test::case_tensor<float>(extents<4>{3, 1, small_height, small_width}, 1, 0, 1);
  const auto expected = vmt_test::joined<float>(ask(net, video, 0).logits);
  for (const gpu::precision p : {gpu::precision::tf32, gpu::precision::bf16}) {
    simulated_context ctx({.precision = p});
    device_onset_engine engine(ctx, net, small_height, small_width);
    for (index_t f = 0; f < 3; ++f) engine.push(ctx, video[f][0]);
    std::vector<float> logits(12);
    engine.run(ctx, logits);
    const double off = vmt_test::distance(logits, expected);
    CHECK(off > 1e-6);
    CHECK(off < (p == gpu::precision::tf32 ? 3e-3 : 3e-2));
  }
}
