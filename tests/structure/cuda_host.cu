// SPDX-License-Identifier: MIT
// The headers under nvcc, and beside a .cpp file of the same program: types have the same sizes, and the kernel bodies
// give the same bits on the host. EIGEN_NO_CUDA comes from the target vmt::cuda; without it Eigen's vector code is off.
#include <vmt/backend/cuda/cuda.cuh>
#include <vmt/vmt.hpp>

#include "cuda_host.hpp"

#if !defined(EIGEN_NO_CUDA)
#error "vmt::cuda does not hand on EIGEN_NO_CUDA"
#endif

std::vector<float> answers_of_cu() {
  return cuda_host::answers();
}
std::vector<std::size_t> sizes_of_cu() {
  return cuda_host::sizes();
}
vmt::cpu_tensor<float, 1> tensor_of_cu() {
  vmt::cpu_tensor<float, 1> t(3);
  t(2) = 5;
  return t;
}
