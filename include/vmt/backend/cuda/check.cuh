// SPDX-License-Identifier: MIT
#pragma once

#if !defined(__CUDACC__)
#error "<vmt/backend/cuda/check.cuh> is for CUDA compilers"
#endif

#include <vmt/core/error.hpp>

#include <cublas_v2.h>
#include <cuda_runtime.h>

namespace vmt::inline VMT_ABI::gpu {

inline void require(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw error(status == cudaErrorMemoryAllocation ? errc::limit_exceeded : errc::io_failure,
              std::string("CUDA: ") + what + " failed: " + cudaGetErrorString(status));
}
inline void require(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw error(errc::io_failure, std::string("cuBLAS: ") + what + " failed: " + cublasGetStatusString(status));
}

}  // namespace vmt::inline VMT_ABI::gpu

/// Throws `vmt::error` with the call and the driver's words unless it succeeded.
#define VMT_CUDA_CHECK(call) ::vmt::gpu::require((call), #call)
#define VMT_CUBLAS_CHECK(call) ::vmt::gpu::require((call), #call)
