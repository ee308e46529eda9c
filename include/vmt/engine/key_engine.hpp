// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/engine/key_reader.hpp>
#include <vmt/engine/packed_temporal.hpp>

namespace vmt::inline VMT_ABI {

/// A trained `key_net` compiled for inference on the CPU, for one width of the strip and one list of keys: batch norm
/// folded, weights packed, each frame computed once, the convolutions over time step by step. Push the frames of a
/// video one by one; `lookahead()` frames later each gets its answer, equal to that of `key_net::forward` on the whole
/// video:
///
///     engine.push(ctx, frame);
///     if (engine.ready()) engine.run(ctx, numbers);
///     …
///     engine.flush(ctx);  // after the last frame
///     while (engine.ready()) engine.run(ctx, numbers);
///
/// After construction it does not allocate. One engine is one stream's; several may run side by side, each with its own
/// context.
class key_engine {
 public:
  /// \param ctx    the kernels that the weights are packed for; later calls need a context with the same `isa()`
  /// \param width  of the strip in pixels, a multiple of 16
  /// \param keys   in the order in which the answers name them
  key_engine(cpu_context& ctx, const key_net<float>& net, index_t width, std::span<const key_place> keys)
      : o_(net.options()), isa_(ctx.isa()), width_(width) {
    const key_net<float>::shapes s = net.sizes({1, 1, 3, o_.rows, width});
    const tile_kernel<float>& kernel = ctx.kernel<float>();
    detail::key_rows rows;
    rows.assign(keys, 1);
    row_ = rows.row;
    index_t largest = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      const nn::conv_norm<float>& layer = i < 4 ? net.trunk()[i] : net.columns();
      const extents<4>& in = i == 0 ? s.input : s.map[i - 1];
      trunk_.emplace_back(kernel, layer.conv(), &layer.bn(), in[1], in[2], in[3]);
      largest = (std::max)(largest, s.map[i].size());
    }
    for (host_buffer<float>& m : maps_) m = host_buffer<float>(largest);
    reader_ = engine::key_reader(kernel, net, rows, s.map[4][3]);
    for (const nn::temporal_block<float>& b : net.temporal()) temporal_.emplace_back(kernel, b, keys_());
    nn::conv2d<float> head({o_.features, key_outputs, 1, 1, {}, true});
    head.for_each_parameter([&](const std::string& name, nn::parameter<float, cpu>& p) {
      const float* const from = name == "weight" ? net.head().weight().data_handle() : net.head().bias().data_handle();
      std::copy_n(from, p.size(), p.flat_value().data_handle());
    });
    head_ = engine::packed_conv(kernel, head, nullptr, o_.features, 1, keys_());
    lookahead_ = net.lookahead();
    waiting_room_ = host_buffer<float>((lookahead_ + 1) * o_.features * keys_());
    answer_ = host_buffer<float>(key_outputs * keys_());
    warm_up(ctx);
  }

  [[nodiscard]] index_t height() const noexcept { return o_.rows; }
  [[nodiscard]] index_t width() const noexcept { return width_; }
  [[nodiscard]] index_t keys() const noexcept { return keys_(); }
  /// Frames that must follow a frame before its answer is there; none after `flush`.
  [[nodiscard]] index_t lookahead() const noexcept { return lookahead_; }
  [[nodiscard]] const key_net_options& options() const noexcept { return o_; }

  /// Takes the next frame, 3×rows×W as `key_channels` makes it. Throws `invalid_argument` if an answer waits (each push
  /// may bring one) or the video was ended with `flush`, `shape_mismatch` for another size.
  void push(cpu_context& ctx, const_view<float, 3> frame) {
    require(ctx);
    ops::detail::require_same("key_engine", "frame", frame.extents(), extents<3>{3, o_.rows, width_});
    if (ready() || ended_) {
      throw error(errc::invalid_argument, ended_ ? "key_engine: the video was ended with flush(); reset() first"
                                                 : "key_engine: an answer waits; take it with run() before push()");
    }
    const float* x = frame.data_handle();
    for (std::size_t i = 0; i < 5; ++i) {
      trunk_[i].run(ctx, x, maps_[i % 2].data(), nullptr, true);
      x = maps_[i % 2].data();
    }
    reader_.run(ctx, x, temporal_[0].input());
    temporal_[0].advance();
    pass_on(ctx, 0);
  }
  /// Ends the video: the frames that still look for a future see zeros there, as at the end of a batch.
  void flush(cpu_context& ctx) {
    require(ctx);
    if (ended_) return;
    ended_ = true;
    for (std::size_t i = 0; i < temporal_.size(); ++i)
      for (index_t n = 0; n < temporal_[i].ahead(); ++n) {
        std::fill_n(temporal_[i].input(), temporal_[i].size(), 0.0F);
        temporal_[i].advance();
        pass_on(ctx, i);
      }
  }
  /// Whether an answer waits.
  [[nodiscard]] bool ready() const noexcept { return waiting_ > 0; }
  /// The frame, counted from 0 since the start or `reset`, that the next `run` answers for.
  [[nodiscard]] index_t frame() const noexcept { return answered_; }

  /// The oldest answer that waits: `key_outputs` × keys() numbers, y[o·keys() + k] as `key_output` o of key k. Throws
  /// `invalid_argument` if none waits, `shape_mismatch` if the room has another size.
  void run(cpu_context& ctx, std::span<float> y) {
    require(ctx);
    if (!ready()) {
      throw error(errc::invalid_argument, "key_engine: no answer waits; frame " + std::to_string(answered_) +
                                              " needs " + std::to_string(lookahead_) + " frames after it, or flush()");
    }
    if (std::ssize(y) != answer_.size()) {
      throw error(errc::shape_mismatch, "key_engine: needs room for 5 × " + std::to_string(keys_()) +
                                            " numbers, found " + std::to_string(y.size()));
    }
    head_.run(ctx, waiting_frame(answered_), answer_.data(), nullptr, false);
    for (index_t o = 0; o < key_outputs; ++o)
      for (index_t k = 0; k < keys_(); ++k) {
        y[static_cast<std::size_t>(o * keys_() + k)] = answer_.data()[o * keys_() + row_[static_cast<std::size_t>(k)]];
      }
    --waiting_;
    ++answered_;
  }
  /// Forgets all frames: another video, or a cut.
  void reset() noexcept {
    for (engine::packed_temporal& t : temporal_) t.reset();
    waiting_ = 0;
    answered_ = 0;
    ended_ = false;
  }

 private:
  [[nodiscard]] index_t keys_() const noexcept { return std::ssize(row_); }
  [[nodiscard]] float* waiting_frame(index_t frame) noexcept {
    return waiting_room_.data() + frame % (lookahead_ + 1) * o_.features * keys_();
  }

  // Layer i has taken a frame; what that completes goes on to the next layers, at last into the waiting room.
  void pass_on(cpu_context& ctx, std::size_t i) {
    for (; i < temporal_.size() && temporal_[i].ready(); ++i) {
      const bool last = i + 1 == temporal_.size();
      temporal_[i].run(ctx, last ? waiting_frame(answered_ + waiting_) : temporal_[i + 1].input());
      if (last) {
        ++waiting_;
      } else {
        temporal_[i + 1].advance();
      }
    }
  }
  // One frame through all layers makes the context's scratch memory as large as it will ever be.
  void warm_up(cpu_context& ctx) {
    const cpu_tensor<float, 3> dark(3, o_.rows, width_);
    push(ctx, dark);
    flush(ctx);
    std::vector<float> y(static_cast<std::size_t>(answer_.size()));
    run(ctx, y);
    reset();
  }
  void require(const cpu_context& ctx) const {
    if (ctx.isa() != isa_) {
      throw error(errc::invalid_argument, "key_engine: the weights are packed for " + std::string(name(isa_)) +
                                              ", the context runs " + std::string(name(ctx.isa())));
    }
  }

  key_net_options o_;
  cpu_isa isa_;
  index_t width_;
  std::vector<index_t> row_;  // of key k
  std::vector<engine::packed_conv> trunk_;
  host_buffer<float> maps_[2];
  engine::key_reader reader_;
  std::vector<engine::packed_temporal> temporal_;
  engine::packed_conv head_;
  index_t lookahead_ = 0;
  host_buffer<float> waiting_room_;  // frames behind the last temporal layer, a ring
  host_buffer<float> answer_;
  index_t waiting_ = 0;
  index_t answered_ = 0;
  bool ended_ = false;
};

}  // namespace vmt::inline VMT_ABI
