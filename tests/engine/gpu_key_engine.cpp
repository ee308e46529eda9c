// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/backend/cuda/gpu.hpp>
#include <vmt/backend/cuda/simulated.hpp>
#include <vmt/engine/gpu_key_engine.hpp>
#include <vmt/engine/key_engine.hpp>

#include "support/count_allocations.hpp"
#include "support/key_stream.hpp"
#include "support/op_cases.hpp"

using namespace vmt;
using vmt_test::all_key_options;
using vmt_test::case_tensor;
using vmt_test::distance;
using vmt_test::joined;
using vmt_test::random_key_net;
using vmt_test::random_keys;

namespace {

using device_key_engine = gpu_key_engine<simulated_runtime>;

constexpr index_t keys_width = 80;

cpu_tensor<float, 5> keys_video(index_t frames, index_t rows) {
  return case_tensor<float>(extents<5>{1, frames, 3, rows, keys_width}, 3);
}

template <class Engine, class Context>
std::vector<float> joined_stream(Context& ctx, Engine& engine, const cpu_tensor<float, 5>& frames) {
  return joined<float>(vmt_test::stream(ctx, engine, frames));
}

}  // namespace

TEST_CASE("the device engine, frame by frame, equals network and CPU engine, for every option and length") {
  cpu_context host({.threads = 1});
  for (const key_net_options& o : all_key_options()) {
    CAPTURE(o.future);
    simulated_context ctx;
    const auto net = random_key_net<float>(o, 7);
    const auto keys = random_keys(9, keys_width, 4);
    device_key_engine engine(ctx, net, keys_width, keys);
    key_engine cpu(host, net, keys_width, keys);
    CHECK(engine.lookahead() == net.lookahead());
    for (const index_t count : {1, 2, 3, 5, 13}) {  // shorter than the look-ahead, too
      CAPTURE(count);
      const auto frames = keys_video(count, o.rows);
      cpu_tensor<float, 4> expected(1, 9, key_outputs, count);
      net.forward(host, frames, keys, expected);
      const std::vector<float> found = joined_stream(ctx, engine, frames);
      CHECK(distance(found, joined<float>(expected)) <= 1e-5);
      CHECK(distance(found, joined_stream(host, cpu, frames)) <= 1e-5);
      engine.reset();
      cpu.reset();
    }
  }
}

TEST_CASE("the layers of the released sizes, which go tap by tap, answer like the network") {
  cpu_context host({.threads = 1});
  simulated_context ctx;
  const auto net = random_key_net<float>({.rows = 32, .dropout = 0}, 7);
  const auto keys = random_keys(9, keys_width, 4);
  device_key_engine engine(ctx, net, keys_width, keys);
  const auto frames = keys_video(7, 32);
  cpu_tensor<float, 4> expected(1, 9, key_outputs, 7);
  net.forward(host, frames, keys, expected);
  CHECK(distance(joined_stream(ctx, engine, frames), joined<float>(expected)) <= 1e-5);
}

TEST_CASE("on a device keys of one colour alone work, and a video is not touched by the one before") {
  cpu_context host({.threads = 1});
  simulated_context ctx;
  const auto net = random_key_net<float>(all_key_options().front(), 7);
  for (const bool black : {false, true}) {
    auto keys = random_keys(4, keys_width, 4);
    for (key_place& k : keys) k.black = black;
    device_key_engine engine(ctx, net, keys_width, keys);
    const auto frames = keys_video(6, 32);
    cpu_tensor<float, 4> expected(1, 4, key_outputs, 6);
    net.forward(host, frames, keys, expected);
    const auto first = joined_stream(ctx, engine, frames);
    CHECK(distance(first, joined<float>(expected)) <= 1e-5);
    engine.reset();
    for (index_t t = 0; t < 4; ++t) engine.push(ctx, frames.view()[0][t + 1]);  // a video that is cut short
    engine.reset();
    CHECK(joined_stream(ctx, engine, frames) == first);
  }
}

TEST_CASE("in the steady state a frame of key_net costs a copy in, a replay and a copy out, and no allocation") {
  for (const key_net_options& o : all_key_options()) {
    CAPTURE(o.future);
    simulated_context ctx;
    const auto frames = keys_video(8, o.rows);
    device_key_engine engine(ctx, random_key_net<float>(o, 5), keys_width, random_keys(9, keys_width, 4));
    std::vector<float> numbers(45);
    const index_t held = ctx.scratch().capacity();
    for (index_t t = 0; t < 8; ++t) {
      engine.push(ctx, frames.view()[0][t]);
      if (engine.ready()) engine.run(ctx, numbers);
    }
    ctx.runtime().remember(true);
    engine.push(ctx, frames.view()[0][0]);
    engine.run(ctx, numbers);
    std::vector<std::string> told;
    index_t copied = 0, launches = 0;
    bool replayed = false;
    for (const auto& e : ctx.runtime().events()) {
      replayed = replayed || e.name == "replay";
      if (e.name == "copy_in" || e.name == "copy_out" || e.name == "replay") {
        told.push_back(e.name);
        copied += e.bytes;
      } else {
        CHECK(replayed);  // only what was recorded is launched
        ++launches;
      }
    }
    CHECK(told == std::vector<std::string>{"copy_in", "replay", "copy_out"});
    CHECK(copied == 4 * (3 * o.rows * keys_width + 45));
    CHECK(launches > 14);
    ctx.runtime().remember(false);
    CHECK(ctx.scratch().capacity() == held);

    ctx.runtime().run_kernels(false);  // those that run on the host need its memory
    const vmt_test::allocation_count allocations;
    for (index_t t = 0; t < 8; ++t) {
      engine.push(ctx, frames.view()[0][t]);
      engine.run(ctx, numbers);
    }
    engine.flush(ctx);
    while (engine.ready()) engine.run(ctx, numbers);
    engine.reset();
    for (index_t t = 0; t < 8; ++t) {
      engine.push(ctx, frames.view()[0][t]);
      if (engine.ready()) engine.run(ctx, numbers);
    }
    CHECK(allocations.since() == 0);
    CHECK(ctx.scratch().capacity() == held);
  }
}

TEST_CASE("the tensor cores' rounding moves the answers of key_net no further than it must") {
  cpu_context host({.threads = 1});
  const key_net_options o{.rows = 32, .channels = {8, 16, 32, 32}, .features = 32, .window = 5, .dropout = 0};
  const auto net = random_key_net<float>(o, 7);
  const auto keys = random_keys(9, keys_width, 4);
  const auto frames = keys_video(6, 32);
  cpu_tensor<float, 4> expected(1, 9, key_outputs, 6);
  net.forward(host, frames, keys, expected);
  for (const gpu::precision p : {gpu::precision::tf32, gpu::precision::bf16}) {
    simulated_context ctx({.precision = p});
    device_key_engine engine(ctx, net, keys_width, keys);
    const double off = distance(joined_stream(ctx, engine, frames), joined<float>(expected));
    CHECK(off > 1e-6);
    CHECK(off < (p == gpu::precision::tf32 ? 3e-3 : 3e-2));
  }
}

TEST_CASE("the device engine of key_net refuses what does not fit, and calls out of order") {
  simulated_context ctx;
  const auto net =
      random_key_net<float>({.rows = 32, .channels = {2, 2, 2, 2}, .features = 3, .window = 5, .future = 0}, 5);
  const auto keys = random_keys(2, keys_width, 4);
  device_key_engine engine(ctx, net, keys_width, keys);
  const cpu_tensor<float, 3> frame(3, 32, keys_width), wrong(3, 32, keys_width + 16);
  std::vector<float> numbers(10), few(9);
  CHECK_THROWS_WITH_AS(engine.push(ctx, wrong), "gpu_key_engine: frame has sizes 3×32×96, expected 3×32×80", error);
  CHECK_THROWS_WITH_AS(engine.run(ctx, numbers),
                       "gpu_key_engine: no answer waits; frame 0 needs 0 frames after it, or flush()", error);
  engine.push(ctx, frame);
  CHECK_THROWS_WITH_AS(engine.push(ctx, frame), "gpu_key_engine: an answer waits; take it with run() before push()",
                       error);
  CHECK_THROWS_WITH_AS(engine.run(ctx, few), "gpu_key_engine: needs room for 5 × 2 numbers, found 9", error);
  engine.run(ctx, numbers);
  engine.flush(ctx);
  CHECK_FALSE(engine.ready());
  CHECK_THROWS_WITH_AS(engine.push(ctx, frame), "gpu_key_engine: the video was ended with flush(); reset() first",
                       error);
  CHECK_THROWS_AS(device_key_engine(ctx, net, keys_width + 8, keys), error);
  CHECK_THROWS_AS(device_key_engine(ctx, net, keys_width, {}), error);
}
