// SPDX-License-Identifier: MIT
#pragma once

#if !defined(__CUDACC__)
#error "<vmt/backend/cuda/kernels.cuh> is for CUDA compilers; a .cpp file includes <vmt/backend/cuda/gpu.hpp>"
#endif

#include <vmt/backend/cuda/body.hpp>

/// \file
/// The kernels: one for each kind of body, the same loops as `run_on_host`.

namespace vmt::inline VMT_ABI::gpu {

template <class Body>
__global__ void __launch_bounds__(256) map_kernel(const Body body, const int n) {
  const long long stride = static_cast<long long>(gridDim.x) * blockDim.x;
  long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if constexpr (has_value<Body>) {
    for (; i + 3 * stride < n; i += 4 * stride) {
      const auto a = body.value(static_cast<int>(i));
      const auto b = body.value(static_cast<int>(i + stride));
      const auto c = body.value(static_cast<int>(i + 2 * stride));
      const auto d = body.value(static_cast<int>(i + 3 * stride));
      body.keep(static_cast<int>(i), a);
      body.keep(static_cast<int>(i + stride), b);
      body.keep(static_cast<int>(i + 2 * stride), c);
      body.keep(static_cast<int>(i + 3 * stride), d);
    }
  }
  for (; i < n; i += stride) body(static_cast<int>(i));
}

template <class Body>
__global__ void __launch_bounds__(256) reduce_kernel(const Body body) {
  using sum = typename Body::sum;
  __shared__ sum shared[256];
  const int group = static_cast<int>(blockIdx.x);
  const int thread = static_cast<int>(threadIdx.x);
  sum own{};
  const int count = body.count(group);
  for (int i = thread; i < count; i += 256) body.add(group, i, own);
  shared[thread] = own;
  __syncthreads();
  for (int half = 128; half > 0; half /= 2) {
    if (thread < half) shared[thread].add(shared[thread + half]);
    __syncthreads();
  }
  if (thread == 0) body.finish(group, shared[0]);
}

template <class Body>
__global__ void __launch_bounds__(Body::threads, Body::blocks) tile_kernel(const Body body) {
  __shared__ __align__(128) typename Body::shared_memory shared;
  const block_index block{static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y), static_cast<int>(blockIdx.z)};
  const int thread = static_cast<int>(threadIdx.x);
  typename Body::registers own;
  const int steps = body.steps(block);
  body.fetch(0, block, thread, own);
  body.put(0, thread, shared, own);
  __syncthreads();
  for (int k = 0; k < steps; ++k) {
    if (k + 1 < steps) body.fetch(k + 1, block, thread, own);
    body.multiply(k, thread, shared, own);
    if (k + 1 < steps) body.put(k + 1, thread, shared, own);
    __syncthreads();
  }
  body.spill(thread, shared, own);
  __syncthreads();
  body.finish(block, thread, shared);
}

/// Puts the launch of a body into a stream.
template <class Body>
void launch_kernel(const Body& body, index_t n, const launch_shape& s, cudaStream_t stream) {
  const dim3 blocks(static_cast<unsigned>(s.blocks_x), static_cast<unsigned>(s.blocks_y),
                    static_cast<unsigned>(s.blocks_z));
  const unsigned threads = static_cast<unsigned>(s.threads);
  if constexpr (is_kind<Body, map_kind>) {
    map_kernel<Body><<<blocks, threads, 0, stream>>>(body, static_cast<int>(n));
  } else if constexpr (is_kind<Body, reduce_kind>) {
    reduce_kernel<Body><<<blocks, threads, 0, stream>>>(body);
  } else {
    tile_kernel<Body><<<blocks, threads, 0, stream>>>(body);
  }
}

}  // namespace vmt::inline VMT_ABI::gpu
