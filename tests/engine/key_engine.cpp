// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/engine/key_engine.hpp>
#include <vmt/testing/compare.hpp>

#include <vector>

#include "support/contexts.hpp"
#include "support/count_allocations.hpp"
#include "support/key_stream.hpp"

using namespace vmt;
using namespace vmt_test;

namespace {

constexpr index_t strip_width = 80;

cpu_tensor<float, 5> strip_video(index_t frames, index_t rows) {
  return random_tensor<float, 5>({1, frames, 3, rows, strip_width}, 3, -1, 1);
}

}  // namespace

TEST_CASE("the engine, frame by frame, equals the network on the whole video, for every option and length") {
  for (const cpu_isa isa : {cpu_isa::portable, cpu_isa::avx2, cpu_isa::avx512}) {
    if (!supported(isa)) continue;
    cpu_context ctx({.threads = 2, .isa = isa});
    for (const key_net_options& o : all_key_options()) {
      CAPTURE(o.future);
      const auto net = random_key_net<float>(o, 7);
      const auto keys = random_keys(9, strip_width, 4);
      key_engine engine(ctx, net, strip_width, keys);
      CHECK(engine.lookahead() == net.lookahead());
      for (const index_t count : {1, 2, 3, 5, 13}) {  // shorter than the look-ahead, too
        CAPTURE(count);
        const auto frames = strip_video(count, o.rows);
        cpu_tensor<float, 4> expected(1, 9, 5, count);
        net.forward(ctx, frames, keys, expected);
        CHECK(testing::normalised_difference(stream(ctx, engine, frames), expected) <= 1e-5);
        engine.reset();
      }
    }
  }
}

TEST_CASE("keys of one colour alone work, and a video after reset() is not touched by the one before") {
  cpu_context ctx({.threads = 1});
  const auto net = random_key_net<float>(all_key_options().front(), 7);
  for (const bool black : {false, true}) {
    auto keys = random_keys(4, strip_width, 4);
    for (key_place& k : keys) k.black = black;
    key_engine engine(ctx, net, strip_width, keys);
    const auto frames = strip_video(6, 32);
    cpu_tensor<float, 4> expected(1, 4, 5, 6);
    net.forward(ctx, frames, keys, expected);
    const auto first = stream(ctx, engine, frames);
    CHECK(testing::normalised_difference(first, expected) <= 1e-5);
    engine.reset();
    engine.push(ctx, frames.view()[0][3]);  // a video that is cut short
    engine.reset();
    CHECK(testing::same_bits(stream(ctx, engine, frames), first));
  }
}

TEST_CASE("the engine gives the same bits for 1, 2 and 4 threads") {
  const auto net = random_key_net<float>({.rows = 32, .channels = {8, 16, 16, 16}, .features = 32, .window = 7}, 5);
  const auto frames = strip_video(7, 32);
  const auto keys = random_keys(30, strip_width, 4);
  cpu_tensor<float, 4> first;
  for (const int threads : {1, 2, 4}) {
    cpu_context ctx({.threads = threads});
    key_engine engine(ctx, net, strip_width, keys);
    const auto y = stream(ctx, engine, frames);
    if (threads == 1) first = y;
    CHECK(testing::same_bits(y, first));
  }
}

TEST_CASE("after construction the engine does not allocate") {
  cpu_context ctx({.threads = 2});
  for (const key_net_options& o : all_key_options()) {
    const auto net = random_key_net<float>(o, 5);
    const auto frames = strip_video(8, o.rows);
    key_engine engine(ctx, net, strip_width, random_keys(9, strip_width, 4));
    std::vector<float> numbers(45);
    const allocation_count before;
    for (index_t t = 0; t < 8; ++t) {
      engine.push(ctx, frames.view()[0][t]);
      if (engine.ready()) engine.run(ctx, numbers);
    }
    engine.flush(ctx);
    while (engine.ready()) engine.run(ctx, numbers);
    engine.reset();
    CHECK(before.since() == 0);
  }
}

TEST_CASE("the engine refuses what does not fit, and calls out of order") {
  cpu_context ctx({.threads = 1});
  const auto net = random_key_net<float>({.rows = 32, .channels = {2, 2, 2, 2}, .features = 3, .future = 0}, 5);
  const auto keys = random_keys(2, strip_width, 4);
  key_engine engine(ctx, net, strip_width, keys);
  const cpu_tensor<float, 3> frame(3, 32, strip_width), wrong(3, 32, strip_width + 16);
  std::vector<float> numbers(10), few(9);
  CHECK_THROWS_WITH_AS(engine.push(ctx, wrong), "key_engine: frame has sizes 3×32×96, expected 3×32×80", error);
  CHECK_THROWS_WITH_AS(engine.run(ctx, numbers),
                       "key_engine: no answer waits; frame 0 needs 0 frames after it, or flush()", error);
  engine.push(ctx, frame);
  CHECK_THROWS_WITH_AS(engine.push(ctx, frame), "key_engine: an answer waits; take it with run() before push()", error);
  CHECK_THROWS_WITH_AS(engine.run(ctx, few), "key_engine: needs room for 5 × 2 numbers, found 9", error);
  engine.run(ctx, numbers);
  engine.flush(ctx);
  CHECK_FALSE(engine.ready());
  CHECK_THROWS_WITH_AS(engine.push(ctx, frame), "key_engine: the video was ended with flush(); reset() first", error);
  CHECK_THROWS_AS(key_engine(ctx, net, strip_width + 8, keys), error);
  CHECK_THROWS_AS(key_engine(ctx, net, strip_width, {}), error);
  if (ctx.isa() != cpu_isa::portable) {
    cpu_context other({.threads = 1, .isa = cpu_isa::portable});
    engine.reset();
    CHECK_THROWS_AS(engine.push(other, frame), error);
  }
}
