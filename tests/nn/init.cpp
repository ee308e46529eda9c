// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/nn/nn.hpp>
#include <vmt/testing/compare.hpp>

#include <cmath>

using namespace vmt;

namespace {

template <class Layer>
std::vector<float> all_values(Layer& layer) {
  std::vector<float> all;
  layer.for_each_parameter([&](const std::string&, nn::parameter<float, cpu>& p) {
    all.insert(all.end(), p.flat_value().span().begin(), p.flat_value().span().end());
  });
  return all;
}

struct statistics {
  double mean = 0, variance = 0, largest = 0, kurtosis = 0;
};
statistics of(std::span<const float> values) {
  statistics s;
  const double n = static_cast<double>(values.size());
  for (const float v : values) s.mean += static_cast<double>(v) / n;
  for (const float v : values) {
    const double d = static_cast<double>(v) - s.mean;
    s.variance += d * d / n;
    s.kurtosis += d * d * d * d / n;
    s.largest = std::max(s.largest, std::abs(static_cast<double>(v)));
  }
  s.kurtosis /= s.variance * s.variance;
  return s;
}

}  // namespace

TEST_CASE("fans count what feeds an output, and what an input feeds") {
  CHECK(nn::fan_in({64, 3, 7, 5}) == 3 * 35);
  CHECK(nn::fan_out({64, 3, 7, 5}) == 64 * 35);
  CHECK(nn::fan_in({88, 512}) == 512);
  CHECK(nn::fan_out({88, 512}) == 88);
}

TEST_CASE("a convolution without bias starts normal with variance 2 / fan_out") {
  nn::conv2d<float> layer(32, 48, 3, 1);  // 13824 weights
  nn::initialise<float>(layer, 1);
  const statistics s = of(all_values(layer));
  const double variance = 2.0 / (48 * 9);
  CHECK(std::abs(s.mean) <= 5 * std::sqrt(variance / 13824));
  CHECK(s.variance == doctest::Approx(variance).scale(0).epsilon(5 * std::sqrt(2.0 / 13824)));
  CHECK(s.kurtosis == doctest::Approx(3).scale(0).epsilon(0.07));  // a normal distribution's
}

TEST_CASE("layers with a bias start uniform in ±1 / √fan_in, weights and biases") {
  nn::linear<float> layer(100, 500);
  nn::initialise<float>(layer, 1);
  layer.for_each_parameter([](const std::string& name, nn::parameter<float, cpu>& p) {
    CAPTURE(name);
    const statistics s = of(p.flat_value().span());
    CHECK(s.largest <= 0.1);
    CHECK(s.largest >= 0.099);
    CHECK(s.variance == doctest::Approx(0.01 / 3).scale(0).epsilon(name == "bias" ? 0.15 : 0.02));
    CHECK(s.kurtosis ==
          doctest::Approx(1.8).scale(0).epsilon(name == "bias" ? 0.15 : 0.02));  // a uniform distribution's
  });
  nn::conv2d<float> with_bias({20, 40, 3, 3, {1, 1, 1, 1}, true});
  nn::initialise<float>(with_bias, 1);
  const double bound = 1 / std::sqrt(180.0);
  CHECK(of(with_bias.weight().span()).largest <= bound);
  CHECK(of(with_bias.weight().span()).largest >= 0.99 * bound);
  CHECK(of(with_bias.bias().span()).largest <= bound);
  CHECK(of(with_bias.bias().span()).largest >= 0.8 * bound);
}

TEST_CASE("batch norm and aggregation keep their constants") {
  nn::batch_norm<float> norm(8);
  nn::aggregation<float> aggregation(4, 5, nn::aggregation_kind::channelwise);
  const auto norm_before = all_values(norm);
  const auto aggregation_before = all_values(aggregation);
  nn::initialise<float>(norm, 1);
  nn::initialise<float>(aggregation, 1);
  CHECK(testing::same_bits(all_values(norm), norm_before));
  CHECK(testing::same_bits(all_values(aggregation), aggregation_before));
  CHECK(aggregation_before == std::vector<float>(20, 0.2F));
}

TEST_CASE("the same seed gives the same numbers, another seed and another parameter others") {
  nn::basic_block<float> a(4, 8, 2), b(4, 8, 2), c(4, 8, 2);
  nn::initialise<float>(a, 7);
  nn::initialise<float>(b, 7);
  nn::initialise<float>(c, 8);
  CHECK(testing::same_bits(all_values(a), all_values(b)));
  CHECK_FALSE(testing::same_bits(all_values(a), all_values(c)));
  nn::residual_stage<float> stage(4, 4, 1);  // four weights of one shape
  nn::initialise<float>(stage, 7);
  std::vector<float> firsts;
  stage.for_each_parameter([&](const std::string&, nn::parameter<float, cpu>& p) {
    if (p.shape().size() == 4) firsts.push_back(p.flat_value()(0));
  });
  REQUIRE(firsts.size() == 4);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < i; ++j) CHECK(firsts[i] != firsts[j]);
}
