// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/contexts.hpp"

#include <vmt/testing/compare.hpp>
#include <vmt/testing/gradient_check.hpp>

using namespace vmt;
using namespace vmt_test;

namespace {

constexpr ops::conv2d_params conv_params{2, 2, 3, 3};

// A stem of 3 channels over windows of 4 frames, with all that its two operations read and write.
template <class T>
struct stem {
  cpu_tensor<T, 4> x, conv, dconv, y, dx;
  cpu_tensor<T, 1> gamma, beta, dgamma, dbeta, running_mean, running_variance, mean, inverse;
  cpu_tensor<T, 2> weight, dweight;

  explicit stem(index_t samples = 2, index_t height = 13, index_t width = 38)
      : x(random_tensor<T, 4>({samples, 4, height, width}, 1, 0, 1)),
        conv(random_tensor<T, 4>({3, 1, 7, 7}, 2)),
        dconv(conv.extents()),
        y(samples, 3, conv_params.out_height(height, 7), conv_params.out_width(width, 7)),
        dx(x.extents()),
        gamma(random_tensor<T, 1>({3}, 3, 0.5, 1.5)),
        beta(random_tensor<T, 1>({3}, 4)),
        dgamma(3),
        dbeta(3),
        running_mean(3),
        running_variance(3),
        mean(3),
        inverse(3),
        weight(random_tensor<T, 2>({3, 4}, 5)),
        dweight(3, 4) {
    gamma(1) = -gamma(1);
    for (T& v : running_variance.span()) v = T(1);
  }
  [[nodiscard]] ops::frame_stem_parameters<T> parameters() const { return {conv, conv_params, gamma, beta, weight}; }
  [[nodiscard]] ops::frame_stem_gradients<T> gradients() { return {dconv, dgamma, dbeta, dweight}; }
  [[nodiscard]] ops::batch_norm_statistics<T> statistics() { return {running_mean, running_variance, mean, inverse}; }
  template <class Context>
  void forward(Context& ctx, ops::frame_stem_memory<cpu>* memory = nullptr) {
    ops::frame_stem_train(ctx, x, parameters(), statistics(), y, memory);
  }
  template <class Context>
  void backward(Context& ctx, const cpu_tensor<T, 4>& dy, ops::frame_stem_memory<cpu>* memory = nullptr) {
    ops::frame_stem_backward(ctx, x, dy, parameters(), mean.view(), inverse.view(), gradients(), dx.view(), memory);
  }
  [[nodiscard]] extents<4> images() const { return {x.extent(0) * 4, 1, x.extent(2), x.extent(3)}; }
  [[nodiscard]] extents<5> frames() const { return {x.extent(0), 4, 3, y.extent(2), y.extent(3)}; }
  [[nodiscard]] extents<4> maps() const { return {x.extent(0) * 4, 3, y.extent(2), y.extent(3)}; }
};

}  // namespace

TEST_CASE_TEMPLATE("the stem of frames for inference is its operations one after the other", T, float, double) {
  stem<T> s;
  for (T& v : s.running_mean.span()) v = T(0.2);
  for_each_context([&](auto& ctx) {
    auto y = unwritten<T>(s.y.extents()), expected = unwritten<T>(s.y.extents());
    ops::frame_stem(ctx, s.x, s.parameters(), s.running_mean.view(), s.running_variance.view(), 1e-5, y);
    auto maps = unwritten<T>(s.maps());
    ops::conv2d(ctx, s.x.view().reshaped(s.images()), s.conv, {}, maps, conv_params);
    ops::batch_norm(ctx, maps, s.gamma, s.beta, s.running_mean, s.running_variance, 1e-5, maps);
    ops::relu(ctx, maps, maps);
    ops::aggregate(ctx, maps.view().reshaped(s.frames()), s.weight, expected);
    CHECK(testing::same_bits(y, expected));
  });
}

TEST_CASE_TEMPLATE("the stem of frames is its operations one after the other, forwards and backwards", T, float,
                   double) {
  // The second size has whole runs of the vector kernels, and a rest.
  for (const auto& [samples, height, width] : {std::array<index_t, 3>{2, 13, 38}, std::array<index_t, 3>{3, 41, 260}}) {
    for_each_context([&, samples = samples, height = height, width = width](auto& ctx) {
      stem<T> one(samples, height, width), apart(samples, height, width);
      const auto dy = random_tensor<T>(one.y.extents(), 7);
      one.forward(ctx);
      one.backward(ctx, dy);

      cpu_tensor<T, 4> a(apart.maps()), r(a.extents()), da(a.extents());
      ops::conv2d(ctx, apart.x.view().reshaped(apart.images()), apart.conv, {}, a, conv_params);
      ops::batch_norm_train(ctx, a, apart.gamma, apart.beta, apart.statistics(), r, true);
      ops::aggregate(ctx, r.view().reshaped(apart.frames()), apart.weight, apart.y);
      ops::aggregate_backward(ctx, r.view().reshaped(apart.frames()), dy, apart.weight, apart.dweight,
                              da.view().reshaped(apart.frames()));
      ops::batch_norm_backward(ctx, a, da, apart.gamma, apart.mean, apart.inverse, apart.dgamma, apart.dbeta, da,
                               apart.beta.view());
      ops::conv2d_backward_weight(ctx, apart.x.view().reshaped(apart.images()), da, apart.dconv, conv_params);
      ops::conv2d_backward_input(ctx, da, apart.conv, apart.dx.view().reshaped(apart.images()), conv_params);

      const double tolerance = std::is_same_v<T, float> ? 3e-6 : 1e-13;
      const auto same = [&](const auto& found, const auto& expected) {
        CHECK(testing::normalised_difference(found, expected) <= tolerance);
      };
      same(one.y, apart.y);
      same(one.mean, apart.mean);
      same(one.inverse, apart.inverse);
      same(one.running_mean, apart.running_mean);
      same(one.running_variance, apart.running_variance);
      same(one.dweight, apart.dweight);
      same(one.dgamma, apart.dgamma);
      same(one.dbeta, apart.dbeta);
      same(one.dconv, apart.dconv);
      same(one.dx, apart.dx);
    });
  }
}

TEST_CASE("what the stem keeps for its gradient changes nothing") {
  for (const auto& [samples, height, width] : {std::array<index_t, 3>{2, 13, 38}, std::array<index_t, 3>{3, 41, 260}}) {
    for_each_context([&, samples = samples, height = height, width = width](auto& ctx) {
      stem<float> with(samples, height, width), without(samples, height, width);
      const auto dy = random_tensor<float>(with.y.extents(), 7);
      ops::frame_stem_memory<cpu> memory;
      for (int twice = 0; twice < 2; ++twice) {  // it grows once
        with.forward(ctx, &memory);
        without.forward(ctx);
        CHECK(testing::same_bits(with.y, without.y));
        with.backward(ctx, dy, &memory);
        without.backward(ctx, dy);
        const auto near = [&](const auto& found, const auto& expected) {
          CHECK(testing::normalised_difference(found, expected) <= 1e-6);
        };
        near(with.dconv, without.dconv);
        near(with.dgamma, without.dgamma);
        near(with.dbeta, without.dbeta);
        near(with.dweight, without.dweight);
        near(with.dx, without.dx);
        for (float& v : with.x.span()) v = 1 - v;
        without.x = with.x;
      }
    });
  }
}

TEST_CASE("the gradients of the stem of frames are right, and those of parameters are added to") {
  for_each_context([](auto& ctx) {
    stem<double> s;
    const auto dy = random_tensor<double>(s.y.extents(), 7);
    s.forward(ctx);
    s.backward(ctx, dy);
    const auto loss = [&] {
      stem<double> again = s;
      again.forward(ctx);
      double sum = 0;
      for (std::size_t i = 0; i < dy.span().size(); ++i) sum += again.y.span()[i] * dy.span()[i];
      return sum;
    };
    const auto check = [&](const char* what, auto variable, auto gradient) {
      const std::vector<double> analytic(gradient.begin(), gradient.end());
      const auto report = testing::check_gradient(variable, analytic, loss, {.step = 1e-6, .max_elements = 12});
      CAPTURE(what);
      CAPTURE(report.where);
      CHECK(report.checked > 0);
      CHECK(report.worst <= 1e-5);
    };
    check("x", s.x.span(), s.dx.span());
    check("conv", s.conv.span(), s.dconv.span());
    check("gamma", s.gamma.span(), s.dgamma.span());
    check("beta", s.beta.span(), s.dbeta.span());
    check("weight", s.weight.span(), s.dweight.span());

    std::vector<double> twice;
    for (const auto& v : {s.dconv.span(), s.dgamma.span(), s.dbeta.span(), s.dweight.span()}) {
      for (const double d : v) twice.push_back(2 * d);
    }
    s.forward(ctx);
    s.backward(ctx, dy);
    std::vector<double> found;
    for (const auto& v : {s.dconv.span(), s.dgamma.span(), s.dbeta.span(), s.dweight.span()}) {
      found.insert(found.end(), v.begin(), v.end());
    }
    CHECK(testing::normalised_difference(found, twice) <= 1e-14);
  });
}

TEST_CASE("the statistics of the stem hold for pictures of little contrast") {
  for_each_context([](auto& ctx) {
    stem<float> s(2, 41, 260);
    for (float& v : s.x.span()) v = 0.9F + 1e-3F * v;
    // Padding sees no edge of the picture where taps beyond it are 0.
    for (index_t c = 0; c < 3; ++c) {
      for (index_t r = 0; r < 7; ++r)
        for (index_t t = 0; t < 7; ++t)
          if (r != 3 || t != 3) s.conv(c, 0, r, t) = 0;
    }
    s.forward(ctx);
    for (index_t c = 0; c < 3; ++c) {
      double sum = 0, squares = 0, count = 0;
      for (index_t i = 0; i < 8; ++i)
        for (index_t h = 0; h < 41; h += 2)
          for (index_t w = 0; w < 260; w += 2) {
            const double a = static_cast<double>(s.conv(c, 0, 3, 3)) * static_cast<double>(s.x(i / 4, i % 4, h, w));
            sum += a, squares += a * a, ++count;
          }
      const double variance = squares / count - sum / count * (sum / count);
      CHECK(static_cast<double>(s.mean(c)) == doctest::Approx(sum / count).epsilon(1e-6));
      CHECK(static_cast<double>(s.inverse(c)) == doctest::Approx(1 / std::sqrt(variance + 1e-5)).epsilon(1e-5));
    }
  });
}

TEST_CASE("a number that is not finite is not lost in the stem") {
  for_each_context([](auto& ctx) {
    stem<float> s;
    s.x(0, 1, 4, 9) = std::numeric_limits<float>::quiet_NaN();
    s.forward(ctx);
    CHECK(std::isnan(s.y(0, 0, 2, 4)));
  });
}

TEST_CASE("a stem whose tensors do not fit is refused") {
  ops::generic_context ctx;
  stem<float> s;
  cpu_tensor<float, 4> wrong(2, 3, 7, 18);
  CHECK_THROWS_WITH_AS(ops::frame_stem_train(ctx, s.x, s.parameters(), s.statistics(), wrong),
                       "frame_stem_train: output has sizes 2×3×7×18, expected 2×3×7×19", error);
  cpu_tensor<float, 2> turned(4, 3);
  auto p = s.parameters();
  p.weight = turned;
  CHECK_THROWS_WITH_AS(ops::frame_stem_train(ctx, s.x, p, s.statistics(), s.y),
                       "frame_stem_train: weight (channels × frames) has sizes 4×3, expected 3×4", error);
  auto d = s.gradients();
  d.weight = turned;
  CHECK_THROWS_WITH_AS(ops::frame_stem_backward(ctx, s.x, s.y, s.parameters(), s.mean.view(), s.inverse.view(), d),
                       "frame_stem_backward: gradient of the weight has sizes 4×3, expected 3×4", error);
  d = s.gradients();
  d.gamma = s.dweight.view().flat();
  CHECK_THROWS_AS(ops::frame_stem_backward(ctx, s.x, s.y, s.parameters(), s.mean.view(), s.inverse.view(), d), error);
  CHECK_THROWS_AS(ops::frame_stem_backward(ctx, s.x, s.y, s.parameters(), s.mean.view(), s.inverse.view(),
                                           s.gradients(), wrong.view()),
                  error);
}
