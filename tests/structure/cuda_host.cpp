// SPDX-License-Identifier: MIT
// The half of the program that the C++ compiler makes.
#include <vmt/vmt.hpp>

#include "cuda_host.hpp"

#include <cstdio>

std::vector<float> answers_of_cu();
std::vector<std::size_t> sizes_of_cu();
vmt::cpu_tensor<float, 1> tensor_of_cu();

int main() {
  const bool same = answers_of_cu() == cuda_host::answers() && sizes_of_cu() == cuda_host::sizes();
  const bool handed_over = tensor_of_cu()(2) == 5.0F;
  std::puts(same && handed_over ? "both compilers agree" : "the two compilers disagree");
  return same && handed_over ? 0 : 1;
}
