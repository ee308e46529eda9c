// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/dispatch.hpp>
#include <vmt/ops/generic/activation.hpp>

#include <cmath>  // log1p, exp, sqrt, pow

namespace vmt::inline VMT_ABI::ops {

/// The hyper-parameters of Adam (Kingma and Ba 2014), with the values of the paper, section 4.2.
struct adam_params {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< decoupled (Loshchilov and Hutter 2019; `torch.optim.AdamW`)
};

namespace generic {

template <class T>
double balanced_bce(std::span<const T> logits, std::span<const T> targets, std::span<T> dlogits) {
  const double all = static_cast<double>(logits.size());
  double positives = 0;
  for (const T t : targets) positives += t > T(0.5) ? 1.0 : 0.0;
  const double negatives = all - positives;
  const bool both = positives > 0 && negatives > 0;
  const double positive_weight = both ? all / (2 * positives) : 1.0;
  const double negative_weight = both ? all / (2 * negatives) : 1.0;
  double loss = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double z = static_cast<double>(logits[i]);
    const double t = static_cast<double>(targets[i]);
    const double weight = t > 0.5 ? positive_weight : negative_weight;
    // −t·log σ(z) − (1−t)·log(1−σ(z)), written so that no exponential overflows.
    loss += weight * ((z > 0 ? z : 0.0) - z * t + std::log1p(std::exp(z > 0 ? -z : z)));
    dlogits[i] = static_cast<T>(weight * (logistic(z) - t) / all);
  }
  return loss / all;
}

template <class T>
void adam_step(std::span<T> parameters, std::span<const T> gradients, std::span<T> m, std::span<T> v, index_t step,
               const adam_params& p) {
  const double t = static_cast<double>(step);
  const T step_size = static_cast<T>(p.learning_rate / (1.0 - std::pow(p.beta1, t)));
  const T correction = static_cast<T>(std::sqrt(1.0 - std::pow(p.beta2, t)));
  const T b1 = static_cast<T>(p.beta1);
  const T b2 = static_cast<T>(p.beta2);
  const T rest1 = static_cast<T>(1.0 - p.beta1);
  const T rest2 = static_cast<T>(1.0 - p.beta2);
  const T epsilon = static_cast<T>(p.epsilon);
  const T kept = static_cast<T>(1.0 - p.learning_rate * p.weight_decay);  // exactly 1 without decay
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const T g = gradients[i];
    m[i] = b1 * m[i] + rest1 * g;
    v[i] = b2 * v[i] + rest2 * (g * g);
    parameters[i] = kept * parameters[i] - step_size * m[i] / (std::sqrt(v[i]) / correction + epsilon);
  }
}

}  // namespace generic
}  // namespace vmt::inline VMT_ABI::ops
