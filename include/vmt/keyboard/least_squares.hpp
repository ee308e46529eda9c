// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <array>  // matrix
#include <cmath>  // sqrt

namespace vmt::inline VMT_ABI::keyboard {

/// Weighted linear least squares in N unknowns, fed one equation a time: minimises Σ w (row·x − value)². Only the
/// normal equations are kept, so feeding does not allocate.
template <std::size_t N>
class least_squares {
 public:
  using vector = std::array<double, N>;

  void add(const vector& row, double value, double weight = 1) noexcept {
    for (std::size_t i = 0; i < N; ++i) {
      const double wi = weight * row[i];
      if (wi == 0) continue;
      for (std::size_t j = 0; j <= i; ++j) matrix_[i][j] += wi * row[j];
      right_[i] += wi * value;
    }
  }

  /// The equation x[i] = value alone: a prior.
  void add_prior(std::size_t i, double value, double weight) noexcept {
    matrix_[i][i] += weight;
    right_[i] += weight * value;
  }

  /// The minimum, by Cholesky's decomposition; false, and x as it was, where the equations do not determine it.
  [[nodiscard]] bool solve(vector& x) const noexcept {
    auto l = matrix_;
    for (std::size_t i = 0; i < N; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = l[i][j];
        for (std::size_t k = 0; k < j; ++k) sum -= l[i][k] * l[j][k];
        if (i != j) {
          l[i][j] = sum / l[j][j];
        } else {
          if (!(sum > 1e-12 * matrix_[i][i])) return false;
          l[i][i] = std::sqrt(sum);
        }
      }
    }
    vector y = right_;
    for (std::size_t i = 0; i < N; ++i) {
      for (std::size_t k = 0; k < i; ++k) y[i] -= l[i][k] * y[k];
      y[i] /= l[i][i];
    }
    for (std::size_t i = N; i-- > 0;) {
      for (std::size_t k = i + 1; k < N; ++k) y[i] -= l[k][i] * y[k];
      y[i] /= l[i][i];
    }
    for (const double v : y) {
      if (!std::isfinite(v)) return false;
    }
    x = y;
    return true;
  }

 private:
  std::array<std::array<double, N>, N> matrix_{};
  vector right_{};
};

}  // namespace vmt::inline VMT_ABI::keyboard
