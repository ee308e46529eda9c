// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/nn/parameter.hpp>

#include <algorithm>  // max, min
#include <cmath>      // abs
#include <limits>     // infinity
#include <span>       // numbers
#include <string>     // place

/// \file
/// Is an analytic gradient right? Compares it with central differences, in double.

namespace vmt::inline VMT_ABI::testing {

/// How `check_gradient` and `check_layer` work.
struct gradient_options {
  double step = 1e-5;          ///< h of (f(x + h) − f(x − h)) / 2h
  index_t max_elements = 100;  ///< of each tensor; of a larger one, this many elements spread over it are checked
  std::uint64_t seed = 1;      ///< chooses these elements and, in `check_layer`, the gradient of the output
};

/// The worst element found.
struct gradient_report {
  double worst = 0;  ///< relative error |a − n| / max(|a|, |n|, 1e-3 · max |a|); infinite where a or n is not finite
  std::string where{};  ///< "[3]", in `check_layer` "input[3]" or "conv1.weight[3]"; the index is in memory order
  double analytic = 0;  ///< a at that place
  double numeric = 0;   ///< n at that place
  index_t checked = 0;  ///< elements checked
};

namespace detail {

/// Puts a number back at the end of the scope.
class restored {
 public:
  explicit restored(double& place) noexcept : place_(place), value_(place) {}
  restored(const restored&) = delete;
  restored& operator=(const restored&) = delete;
  ~restored() { place_ = value_; }

 private:
  double& place_;
  double value_;
};

template <class Loss>
[[nodiscard]] double central_difference(double& variable, double step, Loss& loss) {
  const restored at_end(variable);
  const double x = variable;
  variable = x + step;
  const double high = variable;
  const double above = loss();
  variable = x - step;
  const double below = loss();
  return (above - below) / (high - variable);  // the step that was taken, after rounding
}

[[nodiscard]] inline double relative_error(double analytic, double numeric, double floor) noexcept {
  if (!std::isfinite(analytic) || !std::isfinite(numeric)) return std::numeric_limits<double>::infinity();
  const double scale = (std::max)({std::abs(analytic), std::abs(numeric), floor});
  return scale > 0 ? std::abs(analytic - numeric) / scale : 0.0;
}

/// Takes over the worse finding of `part`, whose places lie in the tensor `name`.
inline void merge(gradient_report& all, const gradient_report& part, const std::string& name) {
  if (part.checked == 0) return;
  const index_t checked = all.checked + part.checked;
  if (part.worst > all.worst || all.where.empty()) {
    all = part;
    all.where = name + part.where;
  }
  all.checked = checked;
}

}  // namespace detail

/// Compares `analytic`, the gradient of the number `loss()` by `variable`, with central differences. `loss` must be a
/// pure function of the variable, which has its old value afterwards, also if `loss` throws.
///
/// Where the two differ, the step is divided by 8 and by 64, and the best agreement counts: the loss may have a kink (a
/// ReLU, a change of maximum) within the first step, while a wrong gradient is wrong at any step.
/// Throws `shape_mismatch` if the sizes differ, `invalid_argument` for a step or number of elements that is not
/// positive.
template <class Loss>
[[nodiscard]] gradient_report check_gradient(std::span<double> variable, std::span<const double> analytic, Loss&& loss,
                                             const gradient_options& options = {}) {
  if (variable.size() != analytic.size()) {
    throw error(errc::shape_mismatch, "check_gradient: the gradient has " + std::to_string(analytic.size()) +
                                          " elements, the variable " + std::to_string(variable.size()));
  }
  if (!(options.step > 0) || options.max_elements < 1) {
    throw error(errc::invalid_argument, "check_gradient: step and max_elements must be positive");
  }
  constexpr double good_enough = 1e-7;
  double floor = 0;
  for (const double a : analytic) floor = (std::max)(floor, 1e-3 * std::abs(a));
  const auto size = static_cast<index_t>(variable.size());
  const index_t count = (std::min)(size, options.max_elements);
  rng random(options.seed);
  gradient_report report;
  for (index_t k = 0; k < count; ++k) {
    // One element from each of `count` equal ranges: all of them where there are no more.
    const index_t begin = size / count * k + (std::min)(k, size % count);
    const index_t room = size / count + (k < size % count ? 1 : 0);
    const auto i = static_cast<std::size_t>(begin + random.below(room));
    gradient_report here{std::numeric_limits<double>::infinity(), "[" + std::to_string(i) + "]", analytic[i], 0, 1};
    for (const double divisor : {1.0, 8.0, 64.0}) {
      const double numeric = detail::central_difference(variable[i], options.step / divisor, loss);
      const double found = detail::relative_error(analytic[i], numeric, floor);
      if (divisor == 1.0 || found < here.worst) {
        here.worst = found;
        here.numeric = numeric;
      }
      if (here.worst <= good_enough) break;
    }
    detail::merge(report, here, "");
  }
  return report;
}

/// Checks the gradients of a layer or model by its input x and by each of its parameters, for the loss Σ y·g with a
/// random g. A layer has `forward_train(ctx, x, y)` or else `forward(ctx, x, y)`; one of `backward(ctx, x, y, dy, dx)`,
/// `backward(ctx, x, dy, dx)`, `backward(ctx, dy, dx)`; and, if it has parameters, `for_each_parameter(f)` with
/// f(name, nn::parameter<double, cpu>&). Keep x away from kinks: where a ReLU's input is 0 there is no derivative.
///
///     nn::conv2d<double> layer(3, 8, 3, 1);
///     nn::initialise<double>(layer, 1);
///     const auto report = testing::check_layer(ctx, layer, x, layer.out_extents(x.extents()));
///     CHECK(report.worst <= 1e-6);
///
/// Leaves the gradients of the parameters as computed, for this loss.
template <class Context, class Layer, std::size_t In, std::size_t Out>
[[nodiscard]] gradient_report check_layer(Context& ctx, Layer& layer, tensor<double, In, cpu> x,
                                          const extents<Out>& y_extents, const gradient_options& options = {}) {
  using parameter = nn::parameter<double, cpu>;
  cpu_tensor<double, Out> y(y_extents), g(y_extents);
  rng random(options.seed, 1);
  for (double& v : g.span()) v = random.uniform(-1, 1);
  cpu_tensor<double, In> dx(x.extents());
  const const_view<double, In> in = x.view();
  const const_view<double, Out> out = y.view();
  const const_view<double, Out> dy = g.view();
  const auto for_each_parameter = [&](auto f) {
    if constexpr (requires { layer.for_each_parameter(f); }) layer.for_each_parameter(f);
  };
  const auto forward = [&] {
    if constexpr (requires { layer.forward_train(ctx, in, y.view()); }) {
      layer.forward_train(ctx, in, y.view());
    } else {
      layer.forward(ctx, in, y.view());
    }
  };
  const auto loss = [&] {
    forward();
    double sum = 0;
    for (std::size_t i = 0; i < y.span().size(); ++i) sum += y.span()[i] * g.span()[i];
    return sum;
  };

  for_each_parameter([](const std::string&, parameter& p) {
    for (double& v : p.flat_gradient().span()) v = 0;
  });
  forward();
  if constexpr (requires { layer.backward(ctx, in, out, dy, dx.view()); }) {
    layer.backward(ctx, in, out, dy, dx.view());
  } else if constexpr (requires { layer.backward(ctx, in, dy, dx.view()); }) {
    layer.backward(ctx, in, dy, dx.view());
  } else {
    layer.backward(ctx, dy, dx.view());
  }

  gradient_report report;
  detail::merge(report, check_gradient(x.span(), dx.span(), loss, options), "input");
  for_each_parameter([&](const std::string& name, parameter& p) {
    detail::merge(report, check_gradient(p.flat_value().span(), p.flat_gradient().span(), loss, options), name);
  });
  return report;
}

}  // namespace vmt::inline VMT_ABI::testing
