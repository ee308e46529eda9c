// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/arena.hpp>
#include <vmt/backend/cuda/body.hpp>
#include <vmt/backend/cuda/matrix_product.hpp>
#include <vmt/backend/cuda/tensor_tile.hpp>
#include <vmt/ops/dispatch.hpp>

#include <span>
#include <utility>  // forward

namespace vmt::inline VMT_ABI {

/// How a device computes.
struct gpu_options {
  int device = 0;
  /// Of convolutions and matrix products; weights, activations, sums and everything else are float.
  gpu::precision precision = gpu::precision::f32;
};

/// What operations on a device need: a stream, scratch memory, launches. `Runtime` is the device: `cuda_runtime`
/// (`cuda_context`, in `cuda.cuh`), or `simulated_runtime`, which runs the same kernel bodies on the host. One context
/// serves one calling thread; its work is done in order, after the call returned. Results are the same in each run.
///
/// A runtime has: `backend`, `limits()`, `log()`, `reachable(pointer)`, `launch(body, n, shape)`, `copy_in`,
/// `copy_out`, `synchronise`, `multiply(blas_product)`, the maths `tf32_math` and `bf16_math`, `pinned` memory, and
/// graphs: `begin_capture`, `end_capture`, `replay`.
template <class Runtime>
class gpu_context {
 public:
  using backend = typename Runtime::backend;
  using runtime_type = Runtime;
  using graph = typename Runtime::graph;

  /// Throws `unsupported` for a precision that the device lacks; what the runtime throws where there is no device.
  explicit gpu_context(const gpu_options& options = {}) : gpu_context(options, Runtime(options.device)) {}
  gpu_context(const gpu_options& options, Runtime runtime) : runtime_(std::move(runtime)), options_(options) {
    if (options.precision != gpu::precision::f32 && runtime_.limits().capability < 80) {
      throw error(errc::unsupported, std::string("products in ") + name(options.precision) +
                                         " need compute capability 8.0, the device has " +
                                         std::to_string(runtime_.limits().capability / 10) + "." +
                                         std::to_string(runtime_.limits().capability % 10));
    }
  }

  [[nodiscard]] Runtime& runtime() noexcept { return runtime_; }
  [[nodiscard]] const gpu::device_limits& limits() const noexcept { return runtime_.limits(); }
  [[nodiscard]] gpu::precision precision() const noexcept { return options_.precision; }
  [[nodiscard]] gpu::arena<backend>& scratch() noexcept { return scratch_; }
  /// Waits until the device has done what it was told, and throws what went wrong meanwhile.
  void synchronise() { runtime_.synchronise(); }

  /// What a view or a piece of scratch memory is to a body. Throws `limit_exceeded` for 2³¹ numbers or more.
  template <class T, std::size_t R>
  [[nodiscard]] gpu::input_span<T> in(tensor_view<const T, R> v) {
    return in(v.data_handle(), v.size());
  }
  template <class T>
  [[nodiscard]] gpu::input_span<T> in(const T* data, index_t size) {
    return {runtime_.reachable(data), checked(size), runtime_.log()};
  }
  template <class T, std::size_t R>
  [[nodiscard]] gpu::device_span<T> out(tensor_view<T, R> v) {
    return out(v.data_handle(), v.size());
  }
  template <class T>
  [[nodiscard]] gpu::device_span<T> out(T* data, index_t size) {
    return {runtime_.reachable(data), checked(size), runtime_.log()};
  }

  /// A map over n indices; nothing for n = 0.
  template <class Body>
  void map(index_t n, const Body& body) {
    if (n > 0) start(body, checked(n), gpu::map_shape(n, limits()));
  }
  /// A sum for each of `groups` groups.
  template <class Body>
  void reduce(index_t groups, const Body& body) {
    if (groups > 0) start(body, 0, gpu::reduce_shape<typename Body::sum>(groups));
  }
  /// Tiles of a product of rows × columns, whose depth is cut into `parts`.
  template <class Body>
  void tiles(const Body& body, index_t rows, index_t columns, index_t parts, index_t tile_rows, index_t tile_columns) {
    start(body, 0,
          {gpu::ceil_quotient(columns, tile_columns), gpu::ceil_quotient(rows, tile_rows), parts, Body::threads,
           static_cast<index_t>(sizeof(typename Body::shared_memory))});
  }
  template <class T>
  void multiply(const gpu::matrix_product<T>& p) {
    runtime_.multiply(gpu::column_major(p), options_.precision);
  }

  /// A table of the host in device memory, for as long as the scope is there.
  template <class U>
  [[nodiscard]] gpu::input_span<U> upload(typename gpu::arena<backend>::scope& room, std::span<const U> table) {
    if (table.empty()) return {};
    U* const there = room.template take<U>(std::ssize(table));
    runtime_.copy_in(there, table.data(), table.size_bytes());
    return in(static_cast<const U*>(there), std::ssize(table));
  }
  /// Numbers of the host to a tensor, in the order of the work. The host's may be changed as soon as it returns, unless
  /// they lie in pinned memory: then only after `synchronise`.
  template <class T, std::size_t R>
  void copy_in(std::span<const T> from, tensor_view<T, R> to) {
    require_sizes(std::ssize(from), to.size());
    runtime_.copy_in(to.data_handle(), from.data(), from.size_bytes());
  }
  /// The way back; the host's numbers are there after `synchronise`.
  template <class T, std::size_t R>
  void copy_out(tensor_view<const T, R> from, std::span<T> to) {
    require_sizes(from.size(), std::ssize(to));
    runtime_.copy_out(to.data(), from.data_handle(), to.size_bytes());
  }

  /// Records what `work` launches instead of doing it. `work` must not allocate, copy or wait.
  template <class F>
  [[nodiscard]] graph capture(F&& work) {
    runtime_.begin_capture();
    try {
      std::forward<F>(work)();
    } catch (...) {
      static_cast<void>(runtime_.end_capture());
      throw;
    }
    return runtime_.end_capture();
  }
  void replay(graph& g) { runtime_.replay(g); }

 private:
  static index_t checked(index_t n) {
    if (n > 0x7FFFFFFF) {
      throw error(errc::limit_exceeded,
                  "a tensor of " + std::to_string(n) + " numbers; kernels count to 2147483647: use a smaller batch");
    }
    return n;
  }
  static void require_sizes(index_t from, index_t to) {
    if (from != to) {
      throw error(errc::shape_mismatch, "a copy of " + std::to_string(from) + " numbers to " + std::to_string(to));
    }
  }
  template <class Body>
  void start(const Body& body, index_t n, const gpu::launch_shape& shape) {
    check(shape, limits(), Body::name);
    runtime_.launch(body, n, shape);
  }

  Runtime runtime_;
  gpu_options options_;
  gpu::arena<backend> scratch_;
};

/// Maps of networks in float are kept in bf16 where products are.
template <class T, class R, class F>
void vmt_with_maps(gpu_context<R>& ctx, ops::in_numbers<T>, F&& work) {
  if constexpr (std::is_same_v<T, float>) {
    if (ctx.precision() == gpu::precision::bf16) return work.template operator()<gpu::stored_bf16>();
  }
  work.template operator()<T>();
}

}  // namespace vmt::inline VMT_ABI
