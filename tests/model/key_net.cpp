// SPDX-License-Identifier: MIT
// The key-aligned network against PyTorch's: see tests/data/golden/README.md.
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/count_allocations.hpp"
#include "support/golden.hpp"
#include "support/key_net.hpp"
#include "support/trace.hpp"

#include <vmt/model/key_net.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

namespace {

key_net_options key_options_of(const golden& g) {
  key_net_options o;
  o.rows = g.integer("vmt.rows");
  o.features = g.integer("vmt.features");
  o.window = g.integer("vmt.window");
  o.future = g.integer("vmt.future");
  o.dropout = g.number("vmt.dropout");
  const std::string& text = g.text("vmt.channels");
  std::size_t at = 0;
  for (index_t& c : o.channels) {
    c = std::stol(text.substr(at));
    at = text.find(',', at) + 1;
  }
  return o;
}

template <class T>
key_net<T> key_network_of(const golden& weights) {
  key_net<T> net(key_options_of(weights));
  weights.fill<T>(net);
  return net;
}

std::vector<key_place> keys_of(const golden& trace) {
  const auto rows = trace.tensor<float, 2>("keys");
  std::vector<key_place> keys;
  for (index_t k = 0; k < rows.extent(0); ++k) keys.push_back({rows(k, 0), rows(k, 1) != 0.0F});
  return keys;
}

// The network for given keys, with the members that `testing::check_layer` calls.
struct with_keys {
  key_net<double>& net;
  std::vector<key_place> keys;
  template <class Context>
  void forward_train(Context& ctx, const_view<double, 5> x, tensor_view<double, 4> y) {
    net.forward_train(ctx, x, keys, y);
  }
  template <class Context>
  void backward(Context& ctx, const_view<double, 4> dy, tensor_view<double, 5> dx) {
    net.backward(ctx, dy, dx);
  }
  template <class F>
  void for_each_parameter(F&& f) {
    net.for_each_parameter(f);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("the network equals PyTorch's for every look-ahead: outputs, every gradient, running statistics", T,
                   float, double) {
  constexpr bool exact = std::is_same_v<T, double>;
  for (const char* const network :
       {"key_net_future_4", "key_net_future_2", "key_net_future_1", "key_net_future_0", "key_net_full_size"}) {
    const golden weights(network);
    const golden trace(std::string(network) + ".trace");
    const index_t samples = trace.integer("samples"), frames = trace.integer("frames");
    const extents<5> sizes{samples, frames, 3, trace.integer("vmt.rows"), trace.integer("width")};
    const auto images =
        hashed_input<T>(static_cast<std::uint32_t>(trace.integer("seed")), {samples * frames, 3, sizes[3], sizes[4]});
    const const_view<T, 5> x = images.view().reshaped(sizes);
    const auto keys = keys_of(trace);
    const auto dy = trace.tensor<T, 4>("dy");
    for_each_context(
        [&](auto& ctx) {
          auto net = key_network_of<T>(weights);
          auto y = unwritten<T>(extents<4>{samples, trace.integer("keys"), 5, frames});
          net.forward(ctx, x, keys, y);
          check_golden<T>(trace, "y", sampled(y.view().flat()), exact ? 1e-10 : 1e-5);
          y = unwritten<T>(y.extents());
          auto dx = unwritten<T>(sizes);
          net.forward_train(ctx, x, keys, y);
          net.backward(ctx, dy, dx.view());
          check_golden<T>(trace, "train_y", sampled(y.view().flat()), exact ? 1e-10 : 1e-4);
          std::vector<T> found;
          std::vector<double> expected;
          const auto compare = [&](const std::string& tensor, const std::vector<T>& part) {
            const auto reference = trace.numbers<double>(tensor);
            found.insert(found.end(), part.begin(), part.end());
            expected.insert(expected.end(), reference.begin(), reference.end());
            if (exact) check_golden<T>(trace, tensor, part, 1e-10);
          };
          compare("dx", sampled(dx.view().flat(), 101));
          net.for_each_parameter(
              [&](const std::string& name, auto& p) { compare("grad." + name, sampled(p.flat_gradient())); });
          // In single precision a ReLU's input that is nearly 0 may have the other sign: the largest gradient measures.
          CHECK(testing::normalised_difference(found, expected) <= (exact ? 1e-11 : 5e-4));
          net.for_each_buffer([&](const std::string& name, tensor_view<T, 1> b) {
            check_golden<T>(trace, "after." + name, sampled(b), exact ? 1e-10 : 1e-4);
          });
        },
        1);
  }
}

TEST_CASE("the gradients are right for every option, with and without dropout, by the input and by each parameter") {
  cpu_context ctx({.threads = 1});
  std::vector<key_net_options> all = all_key_options();
  all.push_back(all.front());
  all.back().dropout = 0.4;
  for (const key_net_options& o : all) {
    CAPTURE(o.future);
    CAPTURE(o.dropout);
    auto net = random_key_net<double>(o, 5);
    net.set_dropout(3, 8);
    const auto x = random_tensor<double, 5>({2, 5, 3, o.rows, 48}, 1, -1, 1);
    with_keys layer{net, random_keys(6, 48, 2)};
    const auto report = testing::check_layer(ctx, layer, x, extents<4>{2, 3, 5, 5}, {.step = 1e-5, .max_elements = 6});
    CAPTURE(report.where);
    CAPTURE(report.analytic);
    CAPTURE(report.numeric);
    CHECK(report.worst <= 1e-5);
    CHECK(report.checked > 60);
  }
}

TEST_CASE_TEMPLATE("a training step has the same bits for 1, 2 and 4 threads, dropout included", T, float, double) {
  key_net_options o{.rows = 32, .channels = {8, 8, 16, 16}, .features = 16, .window = 5, .dropout = 0.3};
  const auto x = random_tensor<T, 5>({2, 6, 3, 32, 96}, 1, -1, 1);
  const auto keys = random_keys(14, 96, 3);
  const auto dy = random_tensor<T, 4>({2, 7, 5, 6}, 4);
  std::vector<T> first;
  for (const int threads : {1, 2, 4}) {
    cpu_context ctx({.threads = threads});
    auto net = random_key_net<T>(o, 9);
    net.set_dropout(1, 2);
    cpu_tensor<T, 4> y(dy.extents());
    cpu_tensor<T, 5> dx(x.extents());
    net.forward_train(ctx, x, keys, y);
    net.backward(ctx, dy, dx.view());
    std::vector<T> all(y.span().begin(), y.span().end());
    const auto append = [&](auto numbers) { all.insert(all.end(), numbers.begin(), numbers.end()); };
    append(dx.span());
    append(net.gradients().span());
    net.for_each_buffer([&](const std::string&, tensor_view<T, 1> b) { append(b.span()); });
    net.forward(ctx, x, keys, y);
    append(y.span());
    if (threads == 1) first = all;
    CHECK(testing::same_bits(all, first));
  }
}

TEST_CASE("training does not allocate once its buffers are made, however many of the keys are white") {
  for (const int threads : {1, 2}) {
    cpu_context ctx({.threads = threads});
    auto net = random_key_net<float>({.rows = 16, .channels = {4, 4, 4, 4}, .features = 8, .window = 5}, 2);
    const auto x = random_tensor<float, 5>({2, 5, 3, 16, 64}, 1, -1, 1);
    const auto dy = random_tensor<float, 4>({2, 6, 5, 5}, 2);
    cpu_tensor<float, 4> y(dy.extents());
    const auto step = [&](int black) {
      auto keys = random_keys(12, 64, 1);
      for (std::size_t k = 0; k < keys.size(); ++k) keys[k].black = static_cast<int>(k) < black;
      const allocation_count before;
      net.forward_train(ctx, x, keys, y);
      net.backward(ctx, dy);
      return before.since();
    };
    for (const int black : {0, 12, 6}) CHECK(step(black) >= 0);
    for (const int black : {5, 0, 7, 12, 1}) CHECK(step(black) == 0);
  }
}

TEST_CASE("dropout is a function of seed and step, and inference has none") {
  cpu_context ctx({.threads = 1});
  auto net =
      random_key_net<float>({.rows = 16, .channels = {4, 4, 4, 4}, .features = 16, .window = 3, .dropout = 0.5}, 2);
  const auto x = random_tensor<float, 5>({1, 4, 3, 16, 64}, 1, -1, 1);
  const auto keys = random_keys(4, 64, 1);
  const auto train = [&](std::uint64_t seed, std::uint64_t step) {
    cpu_tensor<float, 4> y(1, 4, 5, 4);
    net.set_dropout(seed, step);
    net.forward_train(ctx, x, keys, y);
    return y;
  };
  const auto y = train(1, 1);
  CHECK(testing::same_bits(train(1, 1), y));
  CHECK_FALSE(testing::same_bits(train(1, 2), y));
  CHECK_FALSE(testing::same_bits(train(2, 1), y));
  CHECK_FALSE(testing::same_bits(train(1, (std::uint64_t{1} << 32) + 1), y));
  cpu_tensor<float, 4> a(1, 4, 5, 4), b(1, 4, 5, 4);
  net.forward(ctx, x, keys, a);
  net.set_dropout(7, 7);
  net.forward(ctx, x, keys, b);
  CHECK(testing::same_bits(a, b));
}

TEST_CASE("an output depends on no frame beyond the look-ahead, and on the last one within it") {
  ops::generic_context ctx;
  for (const key_net_options& o : all_key_options()) {
    CAPTURE(o.future);
    const auto net = random_key_net<double>(o, 6);
    CHECK(net.lookahead() <= o.future);
    if (o.future == 4 || o.future <= 2) CHECK(net.lookahead() == o.future);
    const auto keys = random_keys(3, 32, 5);
    auto x = random_tensor<double, 5>({1, 12, 3, o.rows, 32}, 1, -1, 1);
    cpu_tensor<double, 4> before(1, 3, 5, 12), after(1, 3, 5, 12);
    net.forward(ctx, x, keys, before);
    constexpr index_t changed = 8;
    for (double& v : x.view()[0][changed].span()) v = 0.5 - v;
    net.forward(ctx, x, keys, after);
    for (index_t t = 0; t < 12; ++t) {
      double moved = 0;
      for (index_t k = 0; k < 3; ++k)
        for (index_t i = 0; i < 5; ++i) moved = std::max(moved, std::abs(after(0, k, i, t) - before(0, k, i, t)));
      if (t + net.lookahead() < changed) CHECK(moved == 0);
      if (t + net.lookahead() == changed) CHECK(moved > 1e-9);
    }
  }
}

TEST_CASE("a key's answer depends on its own place and colour alone, not on the other keys or their order") {
  cpu_context ctx({.threads = 1});
  const auto net = random_key_net<float>(all_key_options().front(), 6);
  const auto x = random_tensor<float, 5>({1, 5, 3, 32, 64}, 1, -1, 1);
  std::vector<key_place> keys = {{8, false}, {20, true}, {24, false}, {24, true}};
  cpu_tensor<float, 4> all(1, 4, 5, 5), one(1, 1, 5, 5);
  net.forward(ctx, x, keys, all);
  for (index_t k = 0; k < 4; ++k) {
    net.forward(ctx, x, std::span(keys).subspan(static_cast<std::size_t>(k), 1), one);
    CHECK(testing::same_bits(one.view()[0][0], all.view()[0][k]));
  }
  CHECK(testing::normalised_difference(all.view()[0][2], all.view()[0][3]) > 1e-3);  // two matrices
}

TEST_CASE("a copy computes the same, has its own parameters and statistics, and shares nothing") {
  cpu_context ctx({.threads = 1});
  const key_net_options o = all_key_options().front();
  auto net = random_key_net<float>(o, 3);
  const auto x = random_tensor<float, 5>({1, 5, 3, 32, 64}, 1, -1, 1);
  const auto keys = random_keys(4, 64, 1);
  const auto answer = [&](const key_net<float>& n) {
    cpu_tensor<float, 4> y(1, 4, 5, 5);
    n.forward(ctx, x, keys, y);
    return y;
  };
  const auto train = [&](key_net<float>& n) {
    cpu_tensor<float, 4> y(1, 4, 5, 5);
    n.forward_train(ctx, x, keys, y);
    n.backward(ctx, y);
    nn::adam<float>(n.parameters().size()).update(ctx, n.parameters(), n.gradients());
  };
  const auto before = answer(net);
  key_net<float> copy = net;
  CHECK(copy.options() == o);
  CHECK(testing::same_bits(answer(copy), before));
  train(copy);
  const auto trained = answer(copy);
  CHECK_FALSE(testing::same_bits(trained, before));
  CHECK(testing::same_bits(answer(net), before));
  train(net);
  CHECK(testing::same_bits(answer(net), trained));
  key_net<float> other({.rows = 16, .features = 2});
  other = copy;
  CHECK(testing::same_bits(answer(other), trained));
  const key_net<float> moved = std::move(copy);
  CHECK(testing::same_bits(answer(moved), trained));
}

TEST_CASE("the network of the options' defaults has PyTorch's 203,541 parameters, and starts as PyTorch would") {
  key_net<float> net, other;
  CHECK(net.parameters().size() == 203'541);
  initialise(net, 1);
  initialise(other, 1);
  CHECK(testing::same_bits(net.parameters(), other.parameters()));
  initialise(other, 2);
  CHECK_FALSE(testing::same_bits(net.parameters(), other.parameters()));
  net.for_each_parameter([&](const std::string& name, nn::parameter<float, cpu>& p) {
    CAPTURE(name);
    double largest = 0, sum = 0;
    for (const float v : p.flat_value().span()) {
      largest = std::max(largest, std::abs(static_cast<double>(v)));
      sum += static_cast<double>(v);
    }
    if (name == "white.weight") CHECK(largest == doctest::Approx(1 / std::sqrt(832.0)).epsilon(0.01));
    if (name == "trunk.1.conv.weight") CHECK(largest == doctest::Approx(1 / 12.0).epsilon(0.01));
    if (name == "temporal.2.conv.weight") CHECK(largest == doctest::Approx(1 / std::sqrt(192.0)).epsilon(0.01));
    if (name == "black.bias") CHECK((largest > 0 && largest <= 1 / std::sqrt(832.0)));
    if (name == "norm.weight") CHECK(sum == 64);
    if (name == "temporal.0.bn.bias") CHECK(largest == 0);
    if (name == "head.bias") {
      for (const index_t i : {0, 1, 2}) CHECK(p.flat_value()(i) == -2.0F);
      for (const index_t i : {3, 4}) CHECK(std::abs(p.flat_value()(i)) <= 0.125F);
    }
  });
}

TEST_CASE("inputs, places and options that do not fit are refused with a sentence") {
  ops::generic_context ctx;
  key_net<float> net(all_key_options().front());
  const auto run = [&](const extents<5>& e, std::vector<key_place> keys, const extents<4>& out) {
    cpu_tensor<float, 5> x(e);
    cpu_tensor<float, 4> y(out);
    net.forward(ctx, x, keys, y);
  };
  const std::vector<key_place> two(2);
  CHECK_NOTHROW(run({2, 3, 3, 32, 32}, two, {2, 1, 5, 3}));
  CHECK_THROWS_WITH_AS(run({2, 3, 3, 32, 40}, two, {2, 1, 5, 3}),
                       "key_net: the input has sizes 2×3×3×32×40, expected samples×frames×3×32×width, the width a "
                       "multiple of 16",
                       error);
  CHECK_THROWS_AS(run({2, 3, 1, 32, 32}, two, {2, 1, 5, 3}), error);
  CHECK_THROWS_AS(run({2, 0, 3, 32, 32}, two, {2, 1, 5, 0}), error);
  CHECK_THROWS_WITH_AS(run({2, 3, 3, 32, 32}, two, {2, 2, 5, 3}), "key_net: output has sizes 2×2×5×3, expected 2×1×5×3",
                       error);
  CHECK_THROWS_WITH_AS(run({2, 3, 3, 32, 32}, std::vector<key_place>(3), {2, 1, 5, 3}),
                       "key_net: 3 key places for 2 samples; expected the same number for each", error);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(run({2, 3, 3, 32, 32}, {{0, false}, {nan, true}}, {2, 1, 5, 3}),
                       "key_net: the place of key 1 is not finite", error);
  CHECK_THROWS_WITH_AS(key_net<float>({.rows = 40}), "key_net: rows must be a multiple of 16 up to 1024, found 40",
                       error);
  CHECK_THROWS_AS(key_net<float>({.window = 4}), error);
  CHECK_THROWS_AS(key_net<float>({.future = 5}), error);
  CHECK_THROWS_AS(key_net<float>({.dropout = 1}), error);
}
