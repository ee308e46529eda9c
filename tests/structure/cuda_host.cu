// SPDX-License-Identifier: MIT
// The headers under nvcc. EIGEN_NO_CUDA comes from the target vmt::cuda; without it Eigen's vector code is off.
#include <vmt/vmt.hpp>

#if !defined(EIGEN_NO_CUDA)
#error "vmt::cuda does not hand on EIGEN_NO_CUDA"
#endif

int main() {
  vmt::rng random(42);
  return random.bits() == vmt::rng(42).bits() ? 0 : 1;
}
