// SPDX-License-Identifier: MIT
#pragma once

#if !defined(__CUDACC__)
#error "<vmt/backend/cuda/cuda.cuh> is for CUDA compilers: compile this file with nvcc and link vmt::cuda"
#endif

#include <vmt/backend/cuda/check.cuh>
#include <vmt/backend/cuda/gpu.hpp>
#include <vmt/backend/cuda/kernels.cuh>
#include <vmt/backend/cuda/memory.cuh>
#include <vmt/backend/cuda/tensor_math.cuh>

#include <memory>  // unique_ptr

/// \file
/// The CUDA backend: `cuda_context`, tensors in device memory, every operation. Write `onset_net<float, cuda>` where
/// you wrote `onset_net<float, cpu>`.

namespace vmt::inline VMT_ABI {

/// Sees what a runtime puts into its stream, for measurements: called before and after each kernel and product.
class launch_observer {
 public:
  virtual ~launch_observer() = default;
  /// \param shape  of a product of BLAS: one block
  virtual void before(const char* kernel, const gpu::launch_shape& shape, cudaStream_t stream) = 0;
  virtual void after(cudaStream_t stream) = 0;
};

/// One device, its stream and its BLAS handle. The stream is ordered against the default stream, in which tensors are
/// made and freed.
class cuda_runtime {
 public:
  using backend = cuda;
  using bf16_math = gpu::tensor_cores<gpu::bf16_instruction>;
  using tf32_math = gpu::tensor_cores<gpu::tf32_instruction>;
  template <class T>
  using pinned = pinned_buffer<T>;

  /// A recorded sequence of launches.
  class graph {
   public:
    graph() = default;
    graph(graph&& other) noexcept : executable_(std::exchange(other.executable_, nullptr)) {}
    graph& operator=(graph&& other) noexcept {
      std::swap(executable_, other.executable_);
      return *this;
    }
    ~graph() {
      if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
    }

   private:
    friend class cuda_runtime;
    explicit graph(cudaGraphExec_t e) : executable_(e) {}
    cudaGraphExec_t executable_ = nullptr;
  };

  /// Throws `not_found` where there is no such device.
  explicit cuda_runtime(int device = 0) {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) count = 0;
    if (device < 0 || device >= count) {
      throw error(errc::not_found, "CUDA device " + std::to_string(device) + " is not there: the driver knows " +
                                       std::to_string(count) + " devices");
    }
    VMT_CUDA_CHECK(cudaSetDevice(device));
    cudaDeviceProp p{};
    VMT_CUDA_CHECK(cudaGetDeviceProperties(&p, device));
    limits_ = {p.multiProcessorCount, p.maxThreadsPerBlock, p.maxGridSize[0],
               p.maxGridSize[1],      p.maxGridSize[2],     static_cast<index_t>(p.sharedMemPerBlock),
               10 * p.major + p.minor};
    VMT_CUDA_CHECK(cudaStreamCreate(&stream_));
    // Memory that tensors give back stays with the program: an inference that makes its maps anew costs no system call.
    cudaMemPool_t pool = nullptr;
    VMT_CUDA_CHECK(cudaDeviceGetDefaultMemPool(&pool, device));
    std::uint64_t keep = ~std::uint64_t{0};
    VMT_CUDA_CHECK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep));
    VMT_CUBLAS_CHECK(cublasCreate(&blas_));
    VMT_CUBLAS_CHECK(cublasSetStream(blas_, stream_));
    // Its own workspace, so that products can be captured and are the same in each run.
    blas_room_ = gpu::device_buffer<unsigned char>(index_t{32} << 20);
    VMT_CUBLAS_CHECK(cublasSetWorkspace(blas_, blas_room_.data(), static_cast<std::size_t>(blas_room_.size())));
  }
  cuda_runtime(cuda_runtime&& other) noexcept
      : limits_(other.limits_),
        stream_(std::exchange(other.stream_, nullptr)),
        blas_(std::exchange(other.blas_, nullptr)),
        observer_(other.observer_),
        blas_room_(std::move(other.blas_room_)) {}
  cuda_runtime& operator=(cuda_runtime&&) = delete;
  ~cuda_runtime() {
    if (blas_ != nullptr) cublasDestroy(blas_);
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }

  [[nodiscard]] const gpu::device_limits& limits() const noexcept { return limits_; }
  [[nodiscard]] cudaStream_t stream() const noexcept { return stream_; }
  [[nodiscard]] gpu::access_log* log() const noexcept { return nullptr; }
  template <class T>
  [[nodiscard]] T* reachable(T* p) const noexcept {
    return p;
  }

  /// `observer` is borrowed; null: nobody.
  void observe(launch_observer* observer) noexcept { observer_ = observer; }

  template <class Body>
  void launch(const Body& body, index_t n, const gpu::launch_shape& shape) {
    if (observer_ != nullptr) observer_->before(Body::name, shape, stream_);
    gpu::launch_kernel(body, n, shape, stream_);
    VMT_CUDA_CHECK(cudaGetLastError());
    if (observer_ != nullptr) observer_->after(stream_);
  }

  template <class T>
  void multiply(const gpu::blas_product<T>& p, gpu::precision precision) {
    const auto operation = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const T one = T(1), old = p.accumulate ? T(1) : T(0);
    constexpr cudaDataType type = std::is_same_v<T, float> ? CUDA_R_32F : CUDA_R_64F;
    cublasComputeType_t compute = std::is_same_v<T, float> ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_64F;
    if constexpr (std::is_same_v<T, float>) {
      if (precision == gpu::precision::tf32) compute = CUBLAS_COMPUTE_32F_FAST_TF32;
      if (precision == gpu::precision::bf16) compute = CUBLAS_COMPUTE_32F_FAST_16BF;
    }
    if (observer_ != nullptr) observer_->before("multiply", {}, stream_);
    VMT_CUBLAS_CHECK(cublasGemmStridedBatchedEx(
        blas_, operation(p.transpose_first), operation(p.transpose_second), p.rows, p.columns, p.depth, &one, p.first,
        type, p.first_pitch, p.first_stride, p.second, type, p.second_pitch, p.second_stride, &old, p.result, type,
        p.result_pitch, p.result_stride, p.batch, compute, CUBLAS_GEMM_DEFAULT));
    if (observer_ != nullptr) observer_->after(stream_);
  }

  void copy_in(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) VMT_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_));
  }
  void copy_out(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) VMT_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_));
  }
  void synchronise() { VMT_CUDA_CHECK(cudaStreamSynchronize(stream_)); }

  void begin_capture() { VMT_CUDA_CHECK(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal)); }
  [[nodiscard]] graph end_capture() {
    cudaGraph_t recorded = nullptr;
    VMT_CUDA_CHECK(cudaStreamEndCapture(stream_, &recorded));
    cudaGraphExec_t executable = nullptr;
    const cudaError_t status = cudaGraphInstantiate(&executable, recorded, 0);
    cudaGraphDestroy(recorded);
    VMT_CUDA_CHECK(status);
    return graph(executable);
  }
  void replay(graph& g) { VMT_CUDA_CHECK(cudaGraphLaunch(g.executable_, stream_)); }

 private:
  gpu::device_limits limits_;
  cudaStream_t stream_ = nullptr;
  cublasHandle_t blas_ = nullptr;
  launch_observer* observer_ = nullptr;
  gpu::device_buffer<unsigned char> blas_room_;
};

using cuda_context = gpu_context<cuda_runtime>;

/// A tensor in device memory.
template <class T, std::size_t Rank>
using cuda_tensor = tensor<T, Rank, cuda>;

}  // namespace vmt::inline VMT_ABI
