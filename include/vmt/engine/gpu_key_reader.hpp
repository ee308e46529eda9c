// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/arrange.hpp>
#include <vmt/engine/gpu_layers.hpp>
#include <vmt/model/key_net.hpp>

namespace vmt::inline VMT_ABI::engine {

/// What `key_reader` does, on a device: for the keys of one colour the window of columns around each, interpolated by a
/// table that lies on the device, through the matrix of the colour with batch norm and ReLU folded in.
template <class Backend>
class gpu_key_reader {
 public:
  gpu_key_reader() = default;
  /// \param columns  width of the map
  gpu_key_reader(gpu::precision precision, const key_net<float>& net, const nn::linear<float>& linear,
                 std::span<const ops::column_place> places, index_t columns)
      : keys_(std::ssize(places)) {
    if (places.empty()) return;
    const index_t features = net.options().features, window = net.options().window;
    matrix_ = gpu_conv<Backend>(precision, linear.weight().reshaped(extents<4>{features, features * window, 1, 1}),
                                linear.bias(), &net.norm(), {}, gpu_conv<Backend>::in_order(features * window));
    const gpu::column_table table = gpu::columns_of(places, window, columns);
    points_ = on_device(table.points);
    samples_ = on_device(table.samples);
    seen_ = tensor<float, 4, Backend>(features, window, keys_, 1);
    read_ = tensor<float, 4, Backend>(1, features, keys_, 1);
  }

  /// map: 1 × features × columns → features × keys, its own memory; nothing where there are no keys.
  template <class R>
  [[nodiscard]] const_view<float, 2> run(gpu_context<R>& ctx, const_view<float, 3> map) {
    if (keys_ == 0) return {};
    gpu::sample_columns(ctx, map, ctx.in(std::as_const(points_).data(), points_.size()),
                        ctx.in(std::as_const(samples_).data(), samples_.size()), seen_.view());
    matrix_.run(ctx, seen_.view().reshaped(extents<4>{1, seen_.extent(0) * seen_.extent(1), keys_, 1}), {}, true,
                read_.view());
    return std::as_const(read_).view().reshaped(extents<2>{read_.extent(1), keys_});
  }

 private:
  template <class T>
  using buffer = typename Backend::template buffer<T>;
  template <class T>
  [[nodiscard]] static buffer<T> on_device(const std::vector<T>& table) {
    buffer<T> there(std::ssize(table));
    Backend::write(there.data(), table.data(), there.size());
    return there;
  }

  index_t keys_ = 0;
  buffer<gpu::between> points_;
  buffer<std::int32_t> samples_;
  gpu_conv<Backend> matrix_;
  tensor<float, 4, Backend> seen_, read_;
};

}  // namespace vmt::inline VMT_ABI::engine
