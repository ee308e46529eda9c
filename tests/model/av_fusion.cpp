// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"

#include <vmt/model/av_fusion.hpp>
#include <vmt/testing/compare.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

namespace {
constexpr av_fusion_options small{.audio_features = 5, .visual_features = 7, .hidden = 9, .keys = 4};
}

TEST_CASE("the gradients of the audio-visual perceptron are right") {
  for_each_context([](auto& ctx) {
    av_fusion<double> net(small);
    nn::initialise<double>(net, 1);
    const auto report =
        testing::check_layer(ctx, net, random_tensor<double, 2>({6, 12}, 1), extents<2>{6, 4}, {.max_elements = 200});
    CAPTURE(report.where);
    CHECK(report.checked == 6 * 12 + (12 + 1) * 9 + (9 + 1) * 9 + (9 + 1) * 4);
    CHECK(report.worst <= 1e-6);
  });
}

TEST_CASE("it is three layers with ReLU between them, as a sum written out gives") {
  for_each_context([](auto& ctx) {
    av_fusion<double> net(small);
    nn::initialise<double>(net, 2);
    const auto x = random_tensor<double, 2>({1, 12}, 1);
    std::vector<double> values(x.span().begin(), x.span().end());
    std::vector<std::vector<double>> numbers;
    net.for_each_parameter([&](const std::string&, nn::parameter<double, cpu>& p) {
      numbers.emplace_back(p.flat_value().span().begin(), p.flat_value().span().end());
    });
    REQUIRE(numbers.size() == 6);
    for (std::size_t layer = 0; layer < 3; ++layer) {
      std::vector<double> next = numbers[2 * layer + 1];
      for (std::size_t o = 0; o < next.size(); ++o) {
        for (std::size_t i = 0; i < values.size(); ++i)
          next[o] += numbers[2 * layer][o * values.size() + i] * values[i];
        if (layer < 2) next[o] = std::max(next[o], 0.0);
      }
      values = next;
    }
    cpu_tensor<double, 2> logits(1, 4), trained(1, 4);
    net.forward(ctx, x, logits);
    net.forward_train(ctx, x, trained);
    CHECK(testing::normalised_difference(logits, values) <= 1e-13);
    CHECK(testing::same_bits(trained, logits));
  });
}

TEST_CASE("the default sizes are those of the paper's features, and senseless ones are refused") {
  const av_fusion<float> net;
  CHECK(net.parameters().size() == (1024 + 1) * 512 + (512 + 1) * 512 + (512 + 1) * 88);
  CHECK_THROWS_WITH_AS(av_fusion<float>({.hidden = 0}), "av_fusion: sizes must be 1 … 65536, found 0", error);
  CHECK_THROWS_AS(av_fusion<float>({.keys = 70000}), error);
}

TEST_CASE("copies have the same parameters and share nothing; an assignment replaces all") {
  av_fusion<float> net(small);
  nn::initialise<float>(net, 3);
  av_fusion<float> copy = net;
  CHECK(testing::same_bits(copy.parameters(), net.parameters()));
  copy.parameters()(0) += 1;
  CHECK_FALSE(testing::same_bits(copy.parameters(), net.parameters()));
  av_fusion<float> other({.audio_features = 1, .visual_features = 1, .hidden = 1, .keys = 1});
  other = net;
  CHECK(other.options() == net.options());
  CHECK(testing::same_bits(other.parameters(), net.parameters()));
  const float* const memory = net.parameters().data_handle();
  const av_fusion<float> moved = std::move(net);
  CHECK(moved.parameters().data_handle() == memory);
}
