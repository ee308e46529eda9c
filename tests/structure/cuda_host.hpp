// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/gpu.hpp>
#include <vmt/backend/cuda/simulated.hpp>
#include <vmt/model/onset_net.hpp>

#include <vector>

// What both files of the program compute.
namespace cuda_host {

inline std::vector<float> answers() {
  using namespace vmt;
  simulated_context ctx({.precision = gpu::precision::bf16});
  onset_net<float, simulated> net({.width = 2, .frames = 3, .keys = 5});
  nn::initialise<float, simulated>(net, 1);
  tensor<float, 4, simulated> x(1, 3, 33, 64);
  ops::fill(ctx, x, 0.25F);
  tensor<float, 2, simulated> logits(1, 5);
  net.forward(ctx, x, logits);
  std::vector<float> found(5);
  simulated::read(logits.data_handle(), found.data(), 5);
  return found;
}

inline std::vector<std::size_t> sizes() {
  using namespace vmt;
  using math = gpu::exact<float>;
  using out = gpu::sum_out<float, gpu::map_out<float>>;
  return {sizeof(onset_net<float>),
          sizeof(onset_net<float, simulated>),
          sizeof(simulated_context),
          sizeof(gpu::conv_sizes),
          sizeof(gpu::product_tile<gpu::conv_weight<float>, gpu::conv_input_by_tap<float>, out, math>),
          sizeof(gpu::sample_columns_backward_body<float>),
          sizeof(gpu::adam_body<double>)};
}

}  // namespace cuda_host
