// SPDX-License-Identifier: MIT
// The whole network against PyTorch's: see tests/data/golden/README.md.
#include <doctest/doctest.h>

#include "support/contexts.hpp"
#include "support/golden.hpp"
#include "support/random_net.hpp"
#include "support/trace.hpp"

#include <vmt/model/onset_net.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

namespace {

const char* const networks[] = {
    "onset_net_resnet",
    "onset_net_aggregation_conv1_channelwise",
    "onset_net_aggregation_conv1_dense",
    "onset_net_aggregation_layer1_channelwise",
    "onset_net_aggregation_layer1_dense",
    "onset_net_slope_conv1_channelwise",
    "onset_net_slope_conv1_dense",
    "onset_net_slope_layer1_channelwise",
    "onset_net_slope_layer1_dense",
};

onset_net_options onset_options_of(const golden& g) {
  onset_net_options o;
  for (const onset_variant v : {onset_variant::resnet, onset_variant::aggregation, onset_variant::slope}) {
    if (g.text("vmt.variant") == name(v)) o.variant = v;
  }
  REQUIRE(g.text("vmt.variant") == name(o.variant));
  o.stem = g.text("vmt.stem") == "layer1" ? onset_stem::layer1 : onset_stem::conv1;
  o.aggregation =
      g.text("vmt.aggregation") == "dense" ? nn::aggregation_kind::dense : nn::aggregation_kind::channelwise;
  o.width = g.integer("vmt.width");
  o.frames = g.integer("vmt.frames");
  o.keys = g.integer("vmt.keys");
  return o;
}

template <class T>
onset_net<T> onset_network_of(const golden& weights) {
  onset_net<T> net(onset_options_of(weights));
  weights.fill<T>(net);
  return net;
}

template <class T>
cpu_tensor<T, 4> input_of(const golden& trace) {
  return hashed_input<T>(
      static_cast<std::uint32_t>(trace.integer("seed")),
      {trace.integer("samples"), trace.integer("vmt.frames"), trace.integer("height"), trace.integer("width")});
}

void clear_gradients(auto& net) {
  for (auto& v : net.gradients().span()) v = 0;
}

}  // namespace

TEST_CASE("the hashed input is the one of the traces") {
  const auto x = hashed_input<double>(1, {3, 5, 41, 96});
  CHECK(x.span()[0] == 0.3319421410560608);
  CHECK(x.span()[1] == 0.6431061625480652);
  CHECK(x.span()[59039] == 0.317446768283844);
}

TEST_CASE_TEMPLATE("networks of every kind equal PyTorch's: logits, feature, every gradient, ten steps of Adam", T,
                   float, double) {
  constexpr bool exact = std::is_same_v<T, double>;
  for (const char* const network : networks) {
    const golden weights(network);
    const golden trace(std::string(network) + ".trace");
    const auto x = input_of<T>(trace);
    const auto targets = trace.tensor<T, 2>("targets");
    for_each_context(
        [&](auto& ctx) {
          auto net = onset_network_of<T>(weights);
          auto logits = unwritten<T>(targets.extents()), d = logits;
          auto features = unwritten<T>(extents<2>{x.extent(0), net.features()});
          net.forward(ctx, x, logits, features);
          check_golden<T>(trace, "logits", logits, exact ? 1e-10 : 1e-5);
          check_golden<T>(trace, "features", features, exact ? 1e-10 : 1e-5);

          nn::adam<T> adam(net.parameters().size(), {.learning_rate = trace.number("lr")});
          std::vector<double> losses;
          for (index_t step = 0; step < trace.integer("steps"); ++step) {
            net.forward_train(ctx, x, logits);
            losses.push_back(ops::balanced_bce(ctx, logits, targets, d));
            clear_gradients(net);
            net.backward(ctx, d);
            if (step == 0) {
              check_golden<T>(trace, "train_logits", logits, exact ? 1e-10 : 1e-4);
              std::vector<T> found;
              std::vector<double> expected;
              net.for_each_parameter([&](const std::string& parameter, auto& p) {
                const auto part = sampled(p.flat_gradient());
                const auto reference = trace.numbers<double>("grad." + parameter);
                found.insert(found.end(), part.begin(), part.end());
                expected.insert(expected.end(), reference.begin(), reference.end());
                if (exact) check_golden<T>(trace, "grad." + parameter, part, 1e-10);
              });
              // In single precision some gradients are rests of much larger sums, and a ReLU's input that is nearly 0
              // may have the other sign: there the largest gradient of the network is the measure.
              CHECK(testing::normalised_difference(found, expected) <= (exact ? 1e-11 : 5e-4));
            }
            adam.update(ctx, net.parameters(), net.gradients());
          }
          check_golden<T>(trace, "losses", losses, exact ? 1e-10 : 1e-4);
          // In single precision a gradient that is all rounding moves its weight as far as any other: only losses
          // compare.
          if constexpr (exact) {
            net.for_each_parameter([&](const std::string& parameter, auto& p) {
              check_golden<T>(trace, "after." + parameter, sampled(p.flat_value()), 1e-10);
            });
            net.for_each_buffer([&](const std::string& buffer, tensor_view<T, 1> b) {
              check_golden<T>(trace, "after." + buffer, sampled(b), 1e-10);
            });
          }
        },
        1);
  }
}

TEST_CASE_TEMPLATE("the paper's input size gives PyTorch's logits and feature", T, float, double) {
  const golden weights("onset_net_full_size");
  const golden trace("onset_net_full_size.trace");
  const auto x = input_of<T>(trace);
  const auto net = onset_network_of<T>(weights);
  REQUIRE(x.extents() == extents<4>{1, 5, 145, 800});
  for_each_context(
      [&](auto& ctx) {
        auto logits = unwritten<T>(extents<2>{1, 88});
        auto features = unwritten<T>(extents<2>{1, 32});
        net.forward(ctx, x, logits, features);
        check_golden<T>(trace, "logits", logits, std::is_same_v<T, double> ? 1e-10 : 1e-5);
        check_golden<T>(trace, "features", features, std::is_same_v<T, double> ? 1e-10 : 1e-5);
      },
      1);
}

TEST_CASE("the gradients of whole networks are right for every option, by the input and by each parameter") {
  cpu_context ctx({.threads = 1});
  for (const onset_net_options& o : all_options()) {
    CAPTURE(name(o.variant));
    CAPTURE(name(o.stem));
    CAPTURE(name(o.aggregation));
    auto net = random_net<double>(o, 5);
    const auto x = random_tensor<double, 4>({2, o.frames, 33, 36}, 1, 0, 1);
    const auto report = testing::check_layer(ctx, net, x, extents<2>{2, o.keys}, {.step = 1e-6, .max_elements = 2});
    CAPTURE(report.where);
    CAPTURE(report.analytic);
    CAPTURE(report.numeric);
    CHECK(report.worst <= 1e-5);
  }
}

TEST_CASE_TEMPLATE("a training step has the same bits for 1, 2 and 4 threads", T, float, double) {
  for (const onset_net_options& o : all_options()) {
    onset_net_options wide = o;
    wide.width = 8;
    const auto x = random_tensor<T, 4>({3, o.frames, 37, 64}, 1, 0, 1);
    cpu_tensor<T, 2> targets(3, o.keys);
    for (index_t i = 0; i < targets.size(); i += 5) targets.span()[static_cast<std::size_t>(i)] = 1;
    std::vector<T> first;
    for (const int threads : {1, 2, 4}) {
      cpu_context ctx({.threads = threads});
      auto net = random_net<T>(wide, 9);
      cpu_tensor<T, 2> logits(3, o.keys), d(3, o.keys);
      nn::adam<T> adam(net.parameters().size());
      net.forward_train(ctx, x, logits);
      const double loss = ops::balanced_bce(ctx, logits, targets, d);
      net.backward(ctx, d);
      adam.update(ctx, net.parameters(), net.gradients());
      std::vector<T> all = {static_cast<T>(loss)};
      const auto append = [&](auto numbers) { all.insert(all.end(), numbers.begin(), numbers.end()); };
      append(logits.span());
      append(net.gradients().span());
      append(net.parameters().span());
      net.for_each_buffer([&](const std::string&, tensor_view<T, 1> b) { append(b.span()); });
      if (threads == 1) first = all;
      CHECK(testing::same_bits(all, first));
    }
  }
}

TEST_CASE("the parameters at width 64 are as many as PyTorch's, in one buffer without gaps") {
  const auto count = [](onset_variant v) { return onset_net<float>({.variant = v}).parameters().size(); };
  CHECK(count(onset_variant::resnet) == 11'227'928);
  CHECK(count(onset_variant::aggregation) == 11'215'704);
  CHECK(count(onset_variant::slope) == 11'965'848);
  onset_net<float> net({.width = 3});
  const float* value = net.parameters().data_handle();
  const float* gradient = net.gradients().data_handle();
  net.for_each_parameter([&](const std::string& name, nn::parameter<float, cpu>& p) {
    CAPTURE(name);
    CHECK(p.flat_value().data_handle() == value);
    CHECK(p.flat_gradient().data_handle() == gradient);
    value += p.size();
    gradient += p.size();
  });
  CHECK(value == net.parameters().data_handle() + net.parameters().size());
  CHECK(gradient == net.gradients().data_handle() + net.gradients().size());
}

TEST_CASE("a copy computes the same, has its own parameters and statistics, and shares nothing") {
  cpu_context ctx({.threads = 1});
  for (const onset_net_options& o : all_options()) {
    auto net = random_net<float>(o, 3);
    const auto x = random_tensor<float, 4>({2, o.frames, 37, 40}, 1, 0, 1);
    const auto logits_of = [&](const onset_net<float>& n) {
      cpu_tensor<float, 2> logits(2, o.keys);
      n.forward(ctx, x, logits);
      return logits;
    };
    const auto before = logits_of(net);
    onset_net<float> copy = net;
    CHECK(copy.options() == o);
    CHECK(testing::same_bits(logits_of(copy), before));
    // Training one moves its parameters and statistics; the other stays. Then the other way round.
    const auto train = [&](onset_net<float>& n) {
      cpu_tensor<float, 2> logits(2, o.keys), d(2, o.keys);
      n.forward_train(ctx, x, logits);
      ops::balanced_bce(ctx, logits, cpu_tensor<float, 2>(2, o.keys), d);
      n.backward(ctx, d);
      nn::adam<float>(n.parameters().size()).update(ctx, n.parameters(), n.gradients());
    };
    train(copy);
    const auto trained = logits_of(copy);
    CHECK_FALSE(testing::same_bits(trained, before));
    CHECK(testing::same_bits(logits_of(net), before));
    train(net);
    CHECK(testing::same_bits(logits_of(copy), trained));
    CHECK(testing::same_bits(logits_of(net), trained));  // the same step from the same state
    onset_net<float> other({.variant = onset_variant::resnet, .width = 1, .keys = 2});
    other = copy;
    CHECK(testing::same_bits(logits_of(other), trained));
    const onset_net<float> moved = std::move(copy);
    CHECK(testing::same_bits(logits_of(moved), trained));
  }
}

TEST_CASE("initialisation is a function of the seed") {
  onset_net<float> a({.width = 4}), b({.width = 4}), c({.width = 4});
  nn::initialise<float>(a, 1);
  nn::initialise<float>(b, 1);
  nn::initialise<float>(c, 2);
  CHECK(testing::same_bits(a.parameters(), b.parameters()));
  CHECK_FALSE(testing::same_bits(a.parameters(), c.parameters()));
  index_t constant = 0;
  a.for_each_parameter([&](const std::string&, nn::parameter<float, cpu>& p) {
    for (const float v : p.flat_value().span()) constant += v == 0.0F ? 1 : 0;
  });
  index_t biases_of_norms = 0;
  a.for_each_parameter([&](const std::string& name, nn::parameter<float, cpu>& p) {
    if (name.ends_with("bias") &&
        (name.find("bn") != std::string::npos || name.find("downsample") != std::string::npos)) {
      biases_of_norms += p.size();
    }
  });
  CHECK(constant == biases_of_norms);  // nothing else was forgotten
}

TEST_CASE("gradients are added to, and inference neither needs nor moves anything of the training") {
  cpu_context ctx({.threads = 1});
  auto net = random_net<double>({.width = 2, .keys = 12}, 3);
  const auto x = random_tensor<double, 4>({2, 5, 37, 40}, 1, 0, 1);
  cpu_tensor<double, 2> logits(2, 12), other(2, 12);
  const auto d = random_tensor<double, 2>({2, 12}, 2);
  net.forward_train(ctx, x, logits);
  net.backward(ctx, d);
  const std::vector<double> once(net.gradients().span().begin(), net.gradients().span().end());
  net.forward_train(ctx, x, logits);
  const auto more = random_tensor<double, 4>({1, 5, 50, 45}, 3, 0, 1);
  cpu_tensor<double, 2> between(1, 12), again(1, 12);
  net.forward(ctx, more, between);  // between forward_train and backward
  net.forward(ctx, more, again);
  CHECK(testing::same_bits(again, between));
  net.backward(ctx, d);
  std::vector<double> twice = once;
  for (double& v : twice) v *= 2;
  CHECK(testing::normalised_difference(net.gradients(), twice) <= 1e-12);
}

TEST_CASE("inputs and options that do not fit are refused with a sentence") {
  ops::generic_context ctx;
  onset_net<float> net({.width = 1, .keys = 4});
  cpu_tensor<float, 2> logits(1, 4), wrong(1, 5);
  const auto run = [&](const extents<4>& e, cpu_tensor<float, 2>& out) {
    cpu_tensor<float, 4> x(e);
    net.forward(ctx, x, out);
  };
  CHECK_NOTHROW(run({1, 5, 40, 40}, logits));
  CHECK_THROWS_WITH_AS(run({1, 3, 40, 40}, logits),
                       "onset_net: the input has sizes 1×3×40×40, expected N×5×height×width (frames, not channels)",
                       error);
  CHECK_THROWS_WITH_AS(run({1, 5, 0, 40}, logits), "onset_net: the input 1×5×0×40 is too small for five halvings",
                       error);
  CHECK_THROWS_WITH_AS(run({1, 5, 40, 40}, wrong), "linear: output has sizes 1×5, expected 1×4", error);
  CHECK_THROWS_WITH_AS(onset_net<float>({.width = 0}), "onset_net: width must be 1 … 256, found 0", error);
  CHECK_THROWS_WITH_AS(onset_net<float>({.frames = 4}), "onset_net: frames must be an odd number up to 31, found 4",
                       error);
  CHECK_THROWS_WITH_AS(onset_net<float>({.keys = 513}), "onset_net: keys must be 1 … 512, found 513", error);
  CHECK_THROWS_WITH_AS(onset_net<float>({.variant = onset_variant::resnet, .stem = onset_stem::layer1}),
                       "onset_net: the variant resnet has no per-frame stem; use stem conv1", error);
}

TEST_CASE("one sample that leaves layer4 a single pixel cannot be trained on, but can be recognised") {
  ops::generic_context ctx;
  onset_net<float> net({.width = 1, .keys = 4});
  nn::initialise<float>(net, 1);
  cpu_tensor<float, 4> one(1, 5, 20, 30), two(2, 5, 20, 30);
  cpu_tensor<float, 2> a(1, 4), b(2, 4);
  REQUIRE(net.sizes(one.extents()).layer4 == extents<4>{1, 8, 1, 1});
  CHECK_THROWS_WITH_AS(net.forward_train(ctx, one, a),
                       "batch_norm_train: needs more than one value per channel to estimate a variance", error);
  CHECK_NOTHROW(net.forward_train(ctx, two, b));
  CHECK_NOTHROW(net.forward(ctx, one, a));
}
