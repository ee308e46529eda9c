// SPDX-License-Identifier: MIT
// A layer of one's own, and its unit test: is the gradient right? A test that cannot fail proves nothing, so the second
// layer has a mistake, and the check must find it.

#include <vmt/testing/gradient_check.hpp>
#include <vmt/vmt.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>

namespace {

/// y = a · x · sigmoid(x), "swish" with a learnable scale.
template <class T>
class swish {
 public:
  explicit swish(bool with_mistake = false) : scale_(vmt::extents<1>{1}), mistake_(with_mistake) {
    scale_.flat_value().span()[0] = T(1.5);
  }

  template <class Context>
  void forward(Context&, vmt::const_view<T, 2> x, vmt::tensor_view<T, 2> y) const {
    const T a = scale_.flat_value().span()[0];
    for (std::size_t i = 0; i < x.span().size(); ++i) y.span()[i] = a * x.span()[i] * sigmoid(x.span()[i]);
  }

  /// Adds the gradient of the scale, and sets dx.
  template <class Context>
  void backward(Context&, vmt::const_view<T, 2> x, vmt::const_view<T, 2> dy, vmt::tensor_view<T, 2> dx) {
    const T a = scale_.flat_value().span()[0];
    T& da = scale_.flat_gradient().span()[0];
    for (std::size_t i = 0; i < x.span().size(); ++i) {
      const T v = x.span()[i];
      const T s = sigmoid(v);
      da += dy.span()[i] * v * s;
      const T slope = mistake_ ? s : s + v * s * (1 - s);  // the product rule, forgotten
      dx.span()[i] = dy.span()[i] * a * slope;
    }
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("scale", scale_);
  }

 private:
  static T sigmoid(T v) { return 1 / (1 + std::exp(-v)); }
  vmt::nn::parameter<T, vmt::cpu> scale_;
  bool mistake_;
};

bool passes(const char* name, swish<double> layer) {
  vmt::cpu_context context({.threads = 1});
  vmt::cpu_tensor<double, 2> x(4, 7);
  vmt::rng random(1);
  for (double& v : x.span()) v = random.uniform(-3, 3);
  const auto report = vmt::testing::check_layer(context, layer, x, x.extents());
  const bool good = report.worst <= 1e-6;
  std::printf("%-22s %td gradients, worst relative error %.1e at %s: %s\n", name, report.checked, report.worst,
              report.where.c_str(), good ? "right" : "WRONG");
  return good;
}

}  // namespace

int main() {
  const bool right = passes("swish", swish<double>());
  const bool wrong = passes("swish with a mistake", swish<double>(true));
  return right && !wrong ? 0 : 1;
}
