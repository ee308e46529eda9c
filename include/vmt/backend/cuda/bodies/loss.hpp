// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/bodies/sums.hpp>

#include <cmath>  // exp, log1p

namespace vmt::inline VMT_ABI::gpu {

/// How many targets are positive.
template <class T>
struct count_positive_body {
  using kind = reduce_kind;
  using sum = double_sum;
  static constexpr const char* name = "balanced_bce_count";
  input_span<T> targets;
  int size;
  device_span<double> positives;  ///< one number
  [[nodiscard]] VMT_HOST_DEVICE int count(int) const { return size; }
  VMT_HOST_DEVICE void add(int, int i, sum& s) const { s.value += targets[i] > T(0.5) ? 1.0 : 0.0; }
  VMT_HOST_DEVICE void finish(int, const sum& s) const { positives.set(0, s.value); }
};

/// The class-balanced cross-entropy and its gradient (`ops::balanced_bce`).
template <class T>
struct balanced_bce_body {
  using kind = reduce_kind;
  using sum = double_sum;
  static constexpr const char* name = "balanced_bce";
  input_span<T> logits, targets;
  input_span<double> positives;
  int size;
  device_span<T> dlogits;
  device_span<double> loss;
  [[nodiscard]] VMT_HOST_DEVICE int count(int) const { return size; }
  VMT_HOST_DEVICE void add(int, int i, sum& s) const {
    const double all = static_cast<double>(size);
    const double ones = positives[0];
    const double zeros = all - ones;
    const double z = static_cast<double>(logits[i]);
    const double t = static_cast<double>(targets[i]);
    const double of_kind = t > 0.5 ? ones : zeros;
    const double weight = ones > 0 && zeros > 0 ? all / (2 * of_kind) : 1.0;
    const double e = std::exp(z > 0 ? -z : z);
    // −t·log σ(z) − (1−t)·log(1−σ(z)), written so that no exponential overflows.
    s.value += weight * ((z > 0 ? z : 0.0) - z * t + std::log1p(e));
    const double probability = (z > 0 ? 1.0 : e) / (1.0 + e);
    dlogits.set(i, static_cast<T>(weight * (probability - t) / all));
  }
  VMT_HOST_DEVICE void finish(int, const sum& s) const { loss.set(0, s.value / static_cast<double>(size)); }
};

}  // namespace vmt::inline VMT_ABI::gpu
