// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/nn/nn.hpp>
#include <vmt/testing/compare.hpp>
#include <vmt/testing/gradient_check.hpp>

#include <cmath>
#include <stdexcept>
#include <vector>

using namespace vmt;

namespace {

// Σ sin(i·x_i) · x_{i+1}: every element has its own gradient, and two elements meet in each term.
struct tangled {
  std::vector<double> x;
  explicit tangled(std::size_t n) : x(n) {
    rng r(3);
    for (double& v : x) v = r.uniform(-1, 1);
  }
  [[nodiscard]] double value() const {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::sin(static_cast<double>(i + 1) * x[i]) * next(i);
    return sum;
  }
  [[nodiscard]] std::vector<double> gradient() const {
    std::vector<double> g(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double k = static_cast<double>(i + 1);
      g[i] += k * std::cos(k * x[i]) * next(i);
      g[(i + 1) % x.size()] += std::sin(k * x[i]);
    }
    return g;
  }
  [[nodiscard]] double next(std::size_t i) const { return x[(i + 1) % x.size()]; }
  [[nodiscard]] testing::gradient_report check(const std::vector<double>& g, index_t most = 100) {
    return testing::check_gradient(x, g, [this] { return value(); }, {.max_elements = most});
  }
};

enum class defect { none, sign, factor, bias_forgotten, overwritten_element };

// A fully connected layer of the user's, right or wrong.
class user_layer : public nn::linear<double> {
 public:
  explicit user_layer(defect d) : nn::linear<double>(4, 3), defect_(d) { nn::initialise<double>(*this, 5); }
  template <class Context>
  void backward(Context& ctx, const_view<double, 2> x, const_view<double, 2> dy, tensor_view<double, 2> dx) {
    nn::linear<double>::backward(ctx, x, dy, dx);
    for_each_parameter([&](const std::string& name, nn::parameter<double, cpu>& p) {
      if (defect_ == defect::bias_forgotten && name == "bias") ops::fill(ctx, p.flat_gradient(), 0.0);
    });
    for (double& v : dx.span()) {
      if (defect_ == defect::sign) v = -v;
      if (defect_ == defect::factor) v *= 2;
    }
    if (defect_ == defect::overwritten_element) dx(1, 2) = 0;
  }

 private:
  defect defect_;
};

testing::gradient_report check_user_layer(defect d) {
  ops::generic_context ctx;
  user_layer layer(d);
  cpu_tensor<double, 2> x(2, 4);
  rng r(1);
  for (double& v : x.span()) v = r.uniform(-1, 1);
  return testing::check_layer(ctx, layer, x, extents<2>{2, 3});
}

}  // namespace

TEST_CASE("a right gradient passes, and every element of a small tensor is checked") {
  tangled f(20);
  const auto report = f.check(f.gradient());
  CHECK(report.worst <= 1e-7);
  CHECK(report.checked == 20);
}

TEST_CASE("a wrong gradient fails: sign, factor, one element, a shift, NaN") {
  tangled f(20);
  const std::vector<double> right = f.gradient();
  auto wrong = right;
  for (double& v : wrong) v = -v;
  CHECK(f.check(wrong).worst == doctest::Approx(2).scale(0).epsilon(1e-6));
  wrong = right;
  for (double& v : wrong) v *= 1.001;
  CHECK(f.check(wrong).worst == doctest::Approx(1e-3).scale(0).epsilon(0.01));
  wrong.assign(right.begin() + 1, right.end());
  wrong.push_back(right.front());
  CHECK(f.check(wrong).worst > 0.5);
  for (std::size_t i = 0; i < right.size(); ++i) {
    wrong = right;
    wrong[i] += 0.5;
    const auto report = f.check(wrong);
    CHECK(report.worst > 1e-2);
    CHECK(report.where == "[" + std::to_string(i) + "]");
    CHECK(report.analytic == wrong[i]);
    CHECK(report.numeric == doctest::Approx(right[i]).scale(0).epsilon(1e-6));
    wrong[i] = std::nan("");
    CHECK(f.check(wrong).worst == std::numeric_limits<double>::infinity());
  }
  CHECK(f.check(std::vector<double>(20)).worst == 1);
}

TEST_CASE("of a large tensor, elements from end to end are checked, as many as asked for") {
  tangled f(1000);
  auto g = f.gradient();
  CHECK(f.check(g, 10).checked == 10);
  CHECK(f.check(g, 10).worst <= 1e-6);
  for (std::size_t i = 900; i < 1000; ++i) g[i] = -g[i];
  CHECK(f.check(g, 10).worst > 1);
  g = f.gradient();
  for (std::size_t i = 0; i < 100; ++i) g[i] = -g[i];
  CHECK(f.check(g, 10).worst > 1);
}

TEST_CASE("the variable has its bits back, also when the loss throws") {
  tangled f(50);
  f.x[7] = 1.0 / 3.0;
  const std::vector<double> before = f.x;
  static_cast<void>(f.check(f.gradient()));
  CHECK(testing::same_bits(f.x, before));
  const auto fails = [] { return testing::gradient_report{}.checked == 0 ? throw std::runtime_error("no loss") : 0.0; };
  CHECK_THROWS_WITH(static_cast<void>(testing::check_gradient(f.x, before, fails)), "no loss");
  CHECK(testing::same_bits(f.x, before));
}

TEST_CASE("a kink near by is no error, a wrong slope beside it is") {
  std::vector<double> x = {3e-6};  // within the step of 1e-5
  const auto relu = [&] { return std::max(x[0], 0.0); };
  CHECK(testing::check_gradient(x, std::vector<double>{1.0}, relu).worst <= 1e-6);
  CHECK(testing::check_gradient(x, std::vector<double>{0.5}, relu).worst >= 0.2);
}

TEST_CASE("senseless arguments are refused") {
  std::vector<double> x(3);
  const std::vector<double> g(2);
  const auto loss = [] { return 0.0; };
  CHECK_THROWS_WITH_AS(static_cast<void>(testing::check_gradient(x, g, loss)),
                       "check_gradient: the gradient has 2 elements, the variable 3", error);
  CHECK_THROWS_AS(static_cast<void>(testing::check_gradient(x, x, loss, {.step = 0})), error);
  CHECK_THROWS_AS(static_cast<void>(testing::check_gradient(x, x, loss, {.max_elements = 0})), error);
}

TEST_CASE("a whole layer is checked with all its parameters, and the report names what is wrong") {
  const auto right = check_user_layer(defect::none);
  CHECK(right.worst <= 1e-8);
  CHECK(right.checked == 2 * 4 + 3 * 4 + 3);
  CHECK(check_user_layer(defect::sign).worst == doctest::Approx(2).scale(0).epsilon(1e-6));
  CHECK(check_user_layer(defect::sign).where.starts_with("input["));
  CHECK(check_user_layer(defect::factor).worst == doctest::Approx(0.5).scale(0).epsilon(1e-6));
  CHECK(check_user_layer(defect::bias_forgotten).worst == 1);
  CHECK(check_user_layer(defect::bias_forgotten).where.starts_with("bias["));
  CHECK(check_user_layer(defect::overwritten_element).worst == 1);
  CHECK(check_user_layer(defect::overwritten_element).where == "input[6]");
}
