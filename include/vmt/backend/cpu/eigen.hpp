// SPDX-License-Identifier: MIT
#pragma once

// The one place that includes Eigen. A CUDA compiler would otherwise switch Eigen's vectorisation off and so give its
// inline functions other code than the C++ compiler does.
#if defined(__CUDACC__) && !defined(EIGEN_NO_CUDA)
#if defined(EIGEN_GPUCC)
#error "include vmt before Eigen in CUDA sources, or define EIGEN_NO_CUDA: Eigen must not compile itself for the device"
#endif
#define EIGEN_NO_CUDA
#endif

#include <Eigen/Core>

#include <vmt/core/index.hpp>

namespace vmt::inline VMT_ABI::detail {

/// A flat run of numbers as an Eigen array; no alignment is promised, so any part of a buffer can be mapped.
template <class T>
using array_map = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
template <class T>
using const_array_map = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
template <class T>
using matrix_map = Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
template <class T>
using const_matrix_map = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

}  // namespace vmt::inline VMT_ABI::detail
