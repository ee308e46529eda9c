// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/tensor_view.hpp>
#include <vmt/train/key_targets.hpp>

#include <array>

namespace vmt::inline VMT_ABI::train {

/// The shares of the five outputs in the loss, and how much more its positive targets weigh.
struct key_loss_options {
  std::array<double, 5> share{1.0, 0.7, 0.4, 0.5, 0.1};  ///< onset, held, release, velocity, place
  std::array<double, 3> positive{3.0, 0.5, 2.0};         ///< onset, held, release: a target t weighs 1 + this · t
  index_t edge = 2;                                      ///< frames at each end of a window that do not count
};

/// The loss of `key_net`, and its gradient.
///   y: B × K × 5 × T; targets: B rows, see `key_targets`; dy: B × K × 5 × T, overwritten.
///   loss = Σ over the outputs o of share[o] · (sum of the terms) / (number of elements that count)
///   onset, held, release  (1 + positive · t) BCE(y, t), over all keys, frames and samples; held without t < 0
///   velocity              BCE(y, t)     where the onset's target is above 0
///   place                 smooth L1 (`torch.nn.functional.smooth_l1_loss`, beta 1) at the same elements
/// An output of which nothing counts adds 0. The first and last `edge` frames never count. Sums are in double and in
/// the order of the memory. Throws `shape_mismatch`, `invalid_argument` where the edges leave no frame.
template <class T>
double key_loss(const_view<T, 4> y, const_view<T, 2> targets, tensor_view<T, 4> dy, const key_loss_options& o = {}) {
  const index_t keys = y.extent(1), frames = y.extent(3);
  if (y.extent(2) != key_outputs || dy.extents() != y.extents() || targets.extent(0) != y.extent(0) ||
      targets.extent(1) != key_targets<const T>::size(keys, frames)) {
    throw error(errc::shape_mismatch, "key_loss: outputs of sizes " + to_string(y.extents()) + ", gradients of " +
                                          to_string(dy.extents()) + " and targets of " + to_string(targets.extents()) +
                                          " do not go together");
  }
  if (o.edge < 0 || frames <= 2 * o.edge) {
    throw error(errc::invalid_argument,
                "key_loss: edges of " + std::to_string(o.edge) + " frames leave none of " + std::to_string(frames));
  }
  const auto row = [&](index_t b) { return key_targets<const T>(targets.slice(b, 1).span(), keys, frames); };
  const auto counts = [&](const key_targets<const T>& t, index_t key, std::size_t output, index_t frame) {
    if (output == static_cast<std::size_t>(key_output::held)) return t.at(key, key_output::held, frame) >= T(0);
    if (output < 3) return true;
    return t.at(key, key_output::onset, frame) > T(0);
  };
  std::array<double, 5> counted{}, sums{};
  for (index_t b = 0; b < y.extent(0); ++b) {
    const key_targets<const T> t = row(b);
    for (index_t k = 0; k < keys; ++k) {
      for (std::size_t out = 0; out < counted.size(); ++out) {
        for (index_t f = o.edge; f < frames - o.edge; ++f) counted[out] += counts(t, k, out, f) ? 1.0 : 0.0;
      }
    }
  }
  std::fill(dy.span().begin(), dy.span().end(), T(0));
  std::size_t line = 0;  // of y: sample, key, output
  for (index_t b = 0; b < y.extent(0); ++b) {
    const key_targets<const T> t = row(b);
    for (index_t k = 0; k < keys; ++k) {
      for (std::size_t out = 0; out < counted.size(); ++out, ++line) {
        const std::size_t begin = line * static_cast<std::size_t>(frames);
        for (index_t f = o.edge; f < frames - o.edge; ++f) {
          if (!counts(t, k, out, f)) continue;
          const std::size_t i = begin + static_cast<std::size_t>(f);
          const double z = static_cast<double>(y.span()[i]);
          const double target = static_cast<double>(t.at(k, static_cast<key_output>(out), f));
          double slope = 0;
          if (out == static_cast<std::size_t>(key_output::place)) {
            const double off = z - target;
            const bool near = std::abs(off) < 1;
            sums[out] += near ? 0.5 * off * off : std::abs(off) - 0.5;
            slope = near ? off : (off > 0 ? 1.0 : -1.0);
          } else {
            const double weight = out < o.positive.size() ? 1 + o.positive[out] * target : 1;
            const double e = std::exp(-std::abs(z));
            // −t·log σ(z) − (1−t)·log(1−σ(z)), written so that no exponential overflows.
            sums[out] += weight * ((z > 0 ? z : 0.0) - z * target + std::log1p(e));
            slope = weight * ((z > 0 ? 1 / (1 + e) : e / (1 + e)) - target);
          }
          dy.span()[i] = static_cast<T>(o.share[out] * slope / counted[out]);
        }
      }
    }
  }
  double loss = 0;
  for (std::size_t out = 0; out < sums.size(); ++out) {
    if (counted[out] > 0) loss += o.share[out] * sums[out] / counted[out];
  }
  return loss;
}

}  // namespace vmt::inline VMT_ABI::train
