// SPDX-License-Identifier: MIT
// Whole networks on the simulated device against the plain loops on the host: what `onset_net<float, cuda>` does on a
// GPU, launch by launch.
#include <doctest/doctest.h>

#include <vmt/backend/cuda/gpu.hpp>
#include <vmt/backend/cuda/simulated.hpp>
#include <vmt/model/av_fusion.hpp>
#include <vmt/nn/adam.hpp>

#include "support/count_allocations.hpp"
#include "support/key_net.hpp"
#include "support/op_cases.hpp"
#include "support/random_net.hpp"

#include <map>

using namespace vmt;
using vmt_test::case_tensor;
using vmt_test::distance;
using vmt_test::joined;
using vmt_test::there;

namespace {

template <class T, class Backend, std::size_t R>
std::vector<T> numbers(tensor_view<T, R> v) {
  std::vector<std::remove_const_t<T>> all(static_cast<std::size_t>(v.size()));
  Backend::read(v.data_handle(), all.data(), v.size());
  return all;
}

/// Everything that a training step changes.
template <class Net>
std::vector<float> state(Net& net) {
  using backend = typename Net::backend;
  std::vector<float> all = numbers<float, backend>(net.parameters());
  const std::vector<float> g = numbers<float, backend>(net.gradients());
  all.insert(all.end(), g.begin(), g.end());
  net.for_each_buffer([&](const std::string&, tensor_view<float, 1> b) {
    const std::vector<float> v = numbers<float, backend>(b);
    all.insert(all.end(), v.begin(), v.end());
  });
  return all;
}

/// Logits of a training step, then the network's state after it.
template <class Net, class Context>
std::vector<float> onset_step(Net& net, Context& ctx, const cpu_tensor<float, 4>& x,
                              const cpu_tensor<float, 2>& targets, nn::adam<float, typename Net::backend>& adam) {
  const auto in = there(ctx, x);
  auto logits = there(ctx, targets), d = there(ctx, targets);
  ops::fill(ctx, net.gradients(), 0.0F);
  net.forward_train(ctx, in, logits);
  const double loss = ops::balanced_bce(ctx, logits, there(ctx, targets), d);
  net.backward(ctx, d);
  adam.update(ctx, net.parameters(), net.gradients());
  std::vector<float> found = joined<float>(logits);
  found.push_back(static_cast<float>(loss));
  return found;
}

cpu_tensor<float, 2> some_targets(index_t n, index_t keys) {
  auto t = case_tensor<float>(extents<2>{n, keys}, 5);
  for (float& v : t.span()) v = v > 0.6F ? 1.0F : 0.0F;
  return t;
}

}  // namespace

TEST_CASE("every onset_net answers alike on the device and on the host") {
  ops::generic_context host;
  simulated_context device;
  for (const onset_net_options& o : vmt_test::all_options()) {
    CAPTURE(name(o.variant));
    const onset_net<float> net = vmt_test::random_net<float>(o, 3);
    onset_net<float, simulated> far(o);
    nn::copy_weights(net, far);
    const auto x = case_tensor<float>(extents<4>{2, o.frames, 33, 64}, 1, 0, 1);
    cpu_tensor<float, 2> logits(2, o.keys);
    net.forward(host, x, logits);
    tensor<float, 2, simulated> there_logits(2, o.keys);
    far.forward(device, there(device, x), there_logits);
    CHECK(distance(joined<float>(there_logits), joined<float>(logits)) < 1e-5);
    const onset_net<float, simulated> copy(far);
    tensor<float, 2, simulated> again(2, o.keys);
    copy.forward(device, there(device, x), again);
    CHECK(joined<float>(again) == joined<float>(there_logits));
  }
}

TEST_CASE("a forward pass on the device has no pass of its own for batch norm, ReLU or the addition of a shortcut") {
  simulated_context device;
  device.runtime().remember(true);
  for (const onset_net_options& o : vmt_test::all_options()) {
    CAPTURE(name(o.variant));
    onset_net<float, simulated> net(o);
    nn::initialise<float, simulated>(net, 1);
    const auto x = there(device, case_tensor<float>(extents<4>{2, o.frames, 33, 64}, 1, 0, 1));
    tensor<float, 2, simulated> logits(2, o.keys);
    device.runtime().forget();
    net.forward(device, x, logits);
    std::map<std::string, index_t> launches;
    for (const auto& e : device.runtime().events()) ++launches[e.name];
    const bool aggregates = o.variant != onset_variant::resnet && o.stem == onset_stem::conv1 &&
                            o.aggregation == nn::aggregation_kind::channelwise;
    CHECK(launches["norm_aggregate"] == (aggregates ? 1 : 0));  // all of the stem behind its convolution
    CHECK(launches["aggregate"] == (o.variant != onset_variant::resnet && o.stem == onset_stem::layer1 &&
                                            o.aggregation == nn::aggregation_kind::channelwise
                                        ? 1
                                        : 0));
    CHECK(launches["batch_norm_fold"] == (aggregates ? 19 : 20));  // conv1, two of each block, three shortcuts
    CHECK(launches["batch_norm_affine"] == 0);
    CHECK(launches["add"] == 0);
    CHECK(launches["relu"] == (o.variant == onset_variant::slope ? 1 : 0));  // the slope module's
  }
}

TEST_CASE("every onset_net learns alike on the device and on the host") {
  ops::generic_context host;
  simulated_context device;
  for (const onset_net_options& o : vmt_test::all_options()) {
    CAPTURE(name(o.variant));
    onset_net<float> net = vmt_test::random_net<float>(o, 3);
    onset_net<float, simulated> far(o);
    nn::copy_weights(net, far);
    nn::adam<float> adam(net.parameters().size());
    nn::adam<float, simulated> far_adam(net.parameters().size());
    const auto x = case_tensor<float>(extents<4>{3, o.frames, 33, 64}, 1, 0, 1);
    const auto targets = some_targets(3, o.keys);
    for (int step = 0; step < 2; ++step) {
      const auto expected = onset_step(net, host, x, targets, adam);
      const auto found = onset_step(far, device, x, targets, far_adam);
      CHECK(distance(found, expected) < (step == 0 ? 1e-5 : 2e-3));
      // Adam divides by the root of a gradient's square: where a gradient is rounding, so is the step.
      CHECK(distance(state(far), state(net)) < 2e-3);
    }
  }
}

TEST_CASE("a network is initialised alike on the device and on the host") {
  const onset_net_options o{.width = 4, .keys = 12};
  onset_net<float> net(o);
  onset_net<float, simulated> far(o);
  nn::initialise<float>(net, 9);
  nn::initialise<float, simulated>(far, 9);
  CHECK(state(net) == state(far));
  key_net<float> keys({.rows = 32});
  key_net<float, simulated> far_keys({.rows = 32});
  initialise(keys, 4);
  initialise(far_keys, 4);
  CHECK(state(keys) == state(far_keys));
}

TEST_CASE("every key_net answers and learns alike on the device and on the host") {
  ops::generic_context host;
  simulated_context device;
  for (key_net_options o : vmt_test::all_key_options()) {
    CAPTURE(o.future);
    o.dropout = 0.15;
    key_net<float> net = vmt_test::random_key_net<float>(o, 3);
    key_net<float, simulated> far(o);
    nn::copy_weights(net, far);
    const auto x = case_tensor<float>(extents<5>{2, 5, 3, o.rows, 64}, 1);
    const std::vector<key_place> keys = vmt_test::random_keys(12, 64, 2);
    const auto dy = case_tensor<float>(extents<4>{2, 6, key_outputs, 5}, 4);
    const auto in = there(device, x);
    const auto far_dy = there(device, dy);
    auto y = dy;
    auto far_y = there(device, dy);
    net.forward(host, x, keys, y);
    far.forward(device, in, keys, far_y);
    CHECK(distance(joined<float>(far_y), joined<float>(y)) < 1e-5);
    net.set_dropout(7, 3);
    far.set_dropout(7, 3);
    net.forward_train(host, x, keys, y);
    far.forward_train(device, in, keys, far_y);
    CHECK(distance(joined<float>(far_y), joined<float>(y)) < 1e-5);
    net.backward(host, dy);
    far.backward(device, far_dy);
    CHECK(distance(state(far), state(net)) < 1e-4);
  }
}

TEST_CASE("av_fusion answers and learns alike on the device and on the host") {
  ops::generic_context host;
  simulated_context device;
  av_fusion<float> net({.audio_features = 6, .visual_features = 5, .hidden = 7, .keys = 8});
  nn::initialise<float>(net, 2);
  av_fusion<float, simulated> far(net.options());
  nn::copy_weights(net, far);
  const auto x = case_tensor<float>(extents<2>{4, 11}, 1);
  const auto dy = case_tensor<float>(extents<2>{4, 8}, 2);
  const auto in = there(device, x);
  auto y = dy;
  auto far_y = there(device, dy);
  net.forward_train(host, x, y);
  far.forward_train(device, in, far_y);
  CHECK(distance(joined<float>(far_y), joined<float>(y)) < 1e-5);
  net.backward(host, dy);
  far.backward(device, there(device, dy));
  CHECK(distance(state(far), state(net)) < 1e-5);
}

TEST_CASE("with maps and products in bf16 the answers are no further off than the rounding moves them") {
  ops::generic_context host;
  simulated_context device({.precision = gpu::precision::bf16});
  for (const onset_net_options& o : vmt_test::all_options()) {
    CAPTURE(name(o.variant));
    const onset_net<float> net = vmt_test::random_net<float>(o, 3);
    onset_net<float, simulated> far(o);
    nn::copy_weights(net, far);
    const auto x = case_tensor<float>(extents<4>{2, o.frames, 33, 64}, 1, 0, 1);
    cpu_tensor<float, 2> logits(2, o.keys);
    net.forward(host, x, logits);
    tensor<float, 2, simulated> found(2, o.keys);
    far.forward(device, there(device, x), found);
    const double off = distance(joined<float>(found), joined<float>(logits));
    CHECK(off > 1e-6);
    CHECK(off < 3e-2);
  }
}

TEST_CASE("maps and products in bf16 with weights, their gradients and optimiser in float still learn") {
  simulated_context device({.precision = gpu::precision::bf16});
  ops::generic_context host;
  for (const onset_net_options& every : vmt_test::all_options()) {
    onset_net_options o = every;
    o.width = 4;
    CAPTURE(name(o.variant));
    onset_net<float> net(o);
    nn::initialise<float>(net, 1);
    onset_net<float, simulated> far(o);
    nn::copy_weights(net, far);
    nn::adam<float> adam(net.parameters().size(), {.learning_rate = 3e-3});
    nn::adam<float, simulated> far_adam(net.parameters().size(), {.learning_rate = 3e-3});
    const auto x = case_tensor<float>(extents<4>{4, o.frames, 33, 64}, 1, 0, 1);
    const auto targets = some_targets(4, o.keys);
    float first = 0, last = 0, exact = 0;
    for (int step = 0; step < 8; ++step) {
      last = onset_step(far, device, x, targets, far_adam).back();
      exact = onset_step(net, host, x, targets, adam).back();
      if (step == 0) first = last;
      if (step == 0) CHECK(last == doctest::Approx(exact).epsilon(0.02));
    }
    CHECK(last < 0.7F * first);
    CHECK(last == doctest::Approx(exact).epsilon(0.15));
  }
}

TEST_CASE("maps kept in bf16 cannot be gone back through in another precision") {
  const onset_net_options o{.width = 4, .frames = 3, .keys = 12};
  onset_net<float, simulated> net(o);
  nn::initialise<float, simulated>(net, 1);
  simulated_context narrow({.precision = gpu::precision::bf16}), wide;
  const auto x = there(narrow, case_tensor<float>(extents<4>{2, 3, 33, 64}, 1, 0, 1));
  tensor<float, 2, simulated> logits(2, o.keys), d(2, o.keys);
  net.forward_train(narrow, x, logits);
  net.backward(narrow, d);
  CHECK_THROWS_AS(net.backward(wide, d), error);
}

TEST_CASE("in the steady state a training step copies nothing but what it is given and the loss") {
  simulated_context device;
  const onset_net_options o{.variant = onset_variant::slope, .width = 4, .frames = 3, .keys = 12};
  onset_net<float, simulated> net(o);
  nn::initialise<float, simulated>(net, 1);
  nn::adam<float, simulated> adam(net.parameters().size());
  const auto x = there(device, case_tensor<float>(extents<4>{2, 3, 33, 64}, 1, 0, 1));
  const auto targets = there(device, some_targets(2, o.keys));
  tensor<float, 2, simulated> logits(2, o.keys), d(2, o.keys);
  const auto step = [&] {
    ops::fill(device, net.gradients(), 0.0F);
    net.forward_train(device, x, logits);
    const double loss = ops::balanced_bce(device, logits, targets, d);
    net.backward(device, d);
    adam.update(device, net.parameters(), net.gradients());
    return loss;
  };
  const double first = step();
  const index_t held = device.scratch().capacity();
  device.runtime().remember(true);
  const double second = step();
  CHECK(second < first);
  CHECK(device.scratch().capacity() == held);
  int copies = 0;
  for (const auto& e : device.runtime().events()) {
    if (e.name.rfind("copy", 0) != 0) continue;
    ++copies;
    CHECK(e.name == "copy_out");
    CHECK(e.bytes == 8);
  }
  CHECK(copies == 1);
  device.runtime().remember(false);
  device.runtime().run_kernels(false);  // those that run on the host need its memory
  const vmt_test::allocation_count allocations;
  static_cast<void>(step());
  CHECK(allocations.since() == 0);
}
