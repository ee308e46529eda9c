// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/engine/dense_aggregation.hpp>
#include <vmt/engine/onset_tail.hpp>
#include <vmt/engine/stem_strips.hpp>

#include <variant>

namespace vmt::inline VMT_ABI {

/// The numbers that an engine computes with. Behind the max-pool; what is before it always is float.
enum class engine_precision {
  f32,
  bf16,  ///< weights and maps rounded to bf16, sums in float; needs AVX512-BF16
  int8,  ///< weights and maps in 8 bits, whole sums; needs VNNI, and what the maps span
};

[[nodiscard]] constexpr std::string_view name(engine_precision p) noexcept {
  switch (p) {
    case engine_precision::bf16: return "bf16";
    case engine_precision::int8: return "int8";
    case engine_precision::f32: break;
  }
  return "f32";
}

/// What an `onset_engine` is compiled for.
struct onset_engine_options {
  index_t height = 145, width = 800;  ///< of the frames
  index_t windows = 1;                ///< the most windows that `run_windows` takes at once
  engine_precision precision = engine_precision::f32;
  activation_ranges ranges = {};  ///< for int8: `activation_ranges_of` a weights file, or of a `calibrator`
};

/// A trained `onset_net` compiled for inference on the CPU at one frame size: batch norm folded, each convolution
/// direct or by Winograd's algorithm, whichever is cheaper, the constant slope features turned into a bias map, first
/// convolution, aggregation and max-pool in one pass.
///
/// A stream gives it the frames of a video one by one, `push`, and asks for the window that ends with the last one,
/// `run`: the stem of each frame is computed once and kept in a ring. Recordings go faster in chunks, `run_windows`:
/// the weights are read once for all windows of a chunk. After construction neither allocates. The engine is one
/// stream's; several engines may run side by side, each with its own context.
class onset_engine {
 public:
  /// \param ctx  the kernels that the weights are packed for; later calls need a context with the same `isa()`.
  onset_engine(cpu_context& ctx, const onset_net<float>& net, const onset_engine_options& options)
      : o_(net.options()), isa_(ctx.isa()), height_(options.height), width_(options.width), most_(options.windows) {
    if (most_ < 1) throw error(errc::invalid_argument, "onset_engine: windows must be at least 1");
    using map = detail::group_map;
    const group_kernels& k = ctx.groups();
    const onset_net<float>::shapes s = net.sizes({1, o_.frames, height_, width_});
    const index_t w = o_.width;
    conv1_ = engine::picture_conv(k, net.conv1(), net.bn1(), per_frame() ? 1 : o_.frames, height_, width_);
    offsets_.resize(static_cast<std::size_t>(conv1_.runs()));
    stem_ = o_.stem == onset_stem::layer1 ? map::bordered(k.group, w, s.stem[2], s.stem[3]) : conv1_.out();
    if (o_.stem == onset_stem::layer1) {
      stem_blocks_.emplace_back(k, net.layer1().first(), stem_, stem_, 1);
      stem_blocks_.emplace_back(k, net.layer1().second(), stem_, stem_, 1);
    }
    set_tail(ctx, net, s, options);
    set_front(ctx, net);
    feature_ = cpu_tensor<float, 2>(most_, 8 * w);
    logits_ = cpu_tensor<float, 2>(most_, o_.keys);
    fc_weight_ = cpu_tensor<float, 2>(o_.keys, 8 * w);
    fc_bias_ = cpu_tensor<float, 1>(o_.keys);
    std::copy_n(net.fc().weight().data_handle(), fc_weight_.size(), fc_weight_.data_handle());
    std::copy_n(net.fc().bias().data_handle(), fc_bias_.size(), fc_bias_.data_handle());
    warm_up(ctx);
  }
  /// The same for one window at a time.
  onset_engine(cpu_context& ctx, const onset_net<float>& net, index_t height = 145, index_t width = 800)
      : onset_engine(ctx, net, onset_engine_options{.height = height, .width = width}) {}

  [[nodiscard]] index_t height() const noexcept { return height_; }
  [[nodiscard]] index_t width() const noexcept { return width_; }
  [[nodiscard]] index_t keys() const noexcept { return o_.keys; }
  [[nodiscard]] index_t frames() const noexcept { return o_.frames; }
  [[nodiscard]] index_t features() const noexcept { return 8 * o_.width; }
  /// The most windows that `run_windows` takes at once.
  [[nodiscard]] index_t windows() const noexcept { return most_; }
  [[nodiscard]] const onset_net_options& options() const noexcept { return o_; }

  /// Takes the next frame, H×W in [0, 1]. Its stem is computed here or in the next `run`, where that is cheaper.
  void push(cpu_context& ctx, const_view<float, 2> frame) {
    require(ctx);
    ops::detail::require_same("onset_engine", "frame", frame.extents(), extents<2>{height_, width_});
    take(ctx, frame.data_handle());
  }
  /// Whether a whole window has been pushed since the start or the last `reset`.
  [[nodiscard]] bool ready() const noexcept { return count_ == o_.frames; }
  /// Forgets the frames pushed so far: after a cut or a gap.
  void reset() noexcept {
    count_ = 0;
    pending_ = false;
  }

  /// The window that ends with the last frame pushed: one logit per key and, unless empty, the final feature. Throws
  /// `invalid_argument` if no whole window is there, `shape_mismatch` if the room given is not keys() or features()
  /// long.
  void run(cpu_context& ctx, std::span<float> logits, std::span<float> features = {}) {
    require(ctx);
    if (!ready()) {
      throw error(errc::invalid_argument, "onset_engine: " + std::to_string(count_) + " of " +
                                              std::to_string(o_.frames) + " frames of the window have been pushed");
    }
    require_room(1, logits, features);
    pool_window(ctx, pooled());
    finish(ctx, 1, logits, features);
  }

  /// All windows of consecutive frames at once: window i sees frames i … i + frames() − 1, so that N frames make
  /// N − frames() + 1 windows, at least 1, at most `windows()`.
  /// \param frames    N×H×W in [0, 1]
  /// \param logits    windows × keys()
  /// \param features  empty, or windows × features()
  /// Does not go on from the frames pushed before, and forgets them. Throws `shape_mismatch`.
  void run_windows(cpu_context& ctx, const_view<float, 3> frames, std::span<float> logits,
                   std::span<float> features = {}) {
    require(ctx);
    const index_t n = frames.extent(0) - o_.frames + 1;
    if (n < 1 || n > most_ || frames.extent(1) != height_ || frames.extent(2) != width_) {
      throw error(errc::shape_mismatch, "onset_engine: run_windows takes " + std::to_string(o_.frames) + " … " +
                                            std::to_string(o_.frames + most_ - 1) + " frames of " +
                                            std::to_string(height_) + "×" + std::to_string(width_) + ", found " +
                                            to_string(frames.extents()));
    }
    require_room(n, logits, features);
    reset();
    if (in_strips()) {
      ctx.threads().parallel_for(frames.extent(0), [&](index_t first, index_t last) {
        for (index_t f = first; f < last; ++f) {
          float* const picture = pictures_.data() + f * conv1_.channel_size();
          conv1_.fill(frames[f].data_handle(), picture);
          sources_[static_cast<std::size_t>(f)] = {nullptr, picture, offsets_.data(), nullptr};
        }
      });
      strips_.run(ctx, &conv1_, sources_.data(), n, pooled());
    } else {
      for (index_t f = 0; f < frames.extent(0); ++f) {
        take(ctx, frames[f].data_handle());
        if (ready()) pool_window(ctx, pooled() + (f - o_.frames + 1) * pooled_map_.size());
      }
      reset();
    }
    finish(ctx, n, logits, features);
  }

  /// From now on `watcher(name, map, numbers)` sees every map behind the max-pool that is written, by the names of
  /// `activation_ranges`. For f32 only: throws `invalid_argument`.
  void watch(engine::onset_tail<engine::fast_conv>::map_watcher watcher) {
    if (tail_.index() != 0) throw error(errc::invalid_argument, "onset_engine: watch shows the maps of f32 only");
    std::get<0>(tail_).watch(std::move(watcher));
  }

  /// f(name, convolution, maps at once) for the convolutions behind the first, in order: each an `engine::fast_conv`,
  /// `engine::bf16_layer` or `engine::int8_layer`.
  template <class F>
  void for_each_conv(F&& f) const {
    for (std::size_t b = 0; b < stem_blocks_.size(); ++b) {
      const std::string prefix = "layer1." + std::to_string(b) + ".";
      stem_blocks_[b].for_each_conv(
          [&](const std::string& n, const engine::fast_conv& c) { f(prefix + n, c, index_t{1}); });
    }
    std::visit([&](const auto& tail) { tail.for_each_conv(f); }, tail_);
  }

 private:
  [[nodiscard]] bool per_frame() const noexcept { return o_.variant != onset_variant::resnet; }
  [[nodiscard]] bool channelwise() const noexcept {
    return per_frame() && o_.aggregation == nn::aggregation_kind::channelwise;
  }
  // Whether the stem is so short that it is computed together with the aggregation.
  [[nodiscard]] bool in_strips() const noexcept { return channelwise() && o_.stem == onset_stem::conv1; }
  // Where frame f of the window (0 the oldest) lies in the ring.
  [[nodiscard]] index_t slot(index_t f) const noexcept { return (next_ + f) % o_.frames; }
  [[nodiscard]] float* slot_data(index_t f) noexcept { return ring_.data() + slot(f) * slot_size_; }

  void set_tail(cpu_context& ctx, const onset_net<float>& net, const onset_net<float>::shapes& s,
                const onset_engine_options& options) {
    const index_t group = ctx.groups().group;
    if (options.precision == engine_precision::f32) {
      tail_.emplace<0>(ctx, net, s, group, most_);
      pooled_map_ = std::get<0>(tail_).input_map();
      return;
    }
    if (options.precision == engine_precision::bf16) {
      if (isa_ != cpu_isa::avx512 || !make_bf16_kernels(isa_).usable()) {
        throw error(errc::unsupported, "onset_engine: bf16 needs a processor with AVX512-BF16; use f32");
      }
      tail_.emplace<1>(ctx, net, s, detail::narrow_group, most_);
      round_ = make_bf16_kernels(isa_).round;
    } else {
      if (!make_int8_kernels(isa_).usable()) {
        throw error(errc::unsupported,
                    "onset_engine: int8 needs a processor with dot products of bytes (VNNI); use f32");
      }
      set_int8(ctx, net, s, options.ranges);
    }
    pooled_map_ = detail::group_map::bordered(group, o_.width, s.pooled[2], s.pooled[3]);
    pooled_ = host_buffer<float>(most_ * pooled_map_.size());
  }
  void set_int8(cpu_context& ctx, const onset_net<float>& net, const onset_net<float>::shapes& s,
                const activation_ranges& ranges) {
    const int8_kernels kernels = make_int8_kernels(isa_);
    auto& tail = tail_.emplace<2>(ctx, net, s, kernels.group, most_, ranges);
    std::string missing = ranges.contains("pool") ? "" : " pool";
    tail.for_each_conv([&](const std::string& n, const engine::int8_layer&, index_t) {
      if (!ranges.contains(n)) missing += " " + n;
    });
    if (!missing.empty()) {
      throw error(errc::inconsistent,
                  "onset_engine: int8 has to know what the activations span, and is not told for" + missing);
    }
    quantise_ = kernels.quantise;
  }
  void set_front(cpu_context& ctx, const onset_net<float>& net) {
    const auto weight = channelwise() ? net.aggregation().channel_weight() : const_view<float, 2>();
    const index_t pictures = !per_frame() ? 0 : in_strips() ? o_.frames + most_ - 1 : 1;
    pictures_ = host_buffer<float>(pictures * conv1_.channel_size());
    slot_size_ = per_frame() ? stem_.size() : conv1_.channel_size();
    ring_ = host_buffer<float>(o_.frames * slot_size_);
    if (o_.stem == onset_stem::layer1) middle_ = host_buffer<float>(stem_.size());
    detail::group_map pooled_from = stem_;
    if (per_frame() && !channelwise()) {
      dense_ = engine::dense_aggregation(ctx.groups(), net.aggregation(), stem_);
      pooled_from = dense_.out();
      dense_map_ = host_buffer<float>(pooled_from.size());
    }
    strips_ = engine::stem_strips(net.pool().params(), pooled_from, pooled_map_, weight);
    sources_.resize(static_cast<std::size_t>(o_.frames + most_ - 1));
    if (per_frame()) conv1_.run_offsets([](index_t) { return index_t{0}; }, offsets_.data());
  }

  void take(cpu_context& ctx, const float* frame) {
    float* const to = slot_data(0);  // the oldest goes
    if (!per_frame()) {
      conv1_.fill(frame, to);
    } else if (in_strips()) {
      if (pending_) conv1_.run(ctx, pictures_.data(), offsets_.data(), stem_, slot_data(o_.frames - 1));
      conv1_.fill(frame, pictures_.data());
      pending_ = true;
    } else {
      conv1_.fill(frame, pictures_.data());
      conv1_.run(ctx, pictures_.data(), offsets_.data(), stem_, to);
      if (o_.stem == onset_stem::layer1) {
        for (const auto& block : stem_blocks_) block.run(ctx, to, to, middle_.data(), 1);
      }
    }
    next_ = (next_ + 1) % o_.frames;
    count_ = (std::min)(count_ + 1, o_.frames);
  }

  // The first part of the window in the ring: aggregation (or, for resnet, the first convolution) and the max-pool.
  void pool_window(cpu_context& ctx, float* out) {
    if (!per_frame()) {
      conv1_.run_offsets([this](index_t c) { return slot(c) * slot_size_; }, offsets_.data());
      sources_[0] = {nullptr, ring_.data(), offsets_.data(), nullptr};
    } else if (!channelwise()) {
      dense_.run(
          ctx, ring_.data(), [this](index_t f) { return slot(f) * slot_size_; }, dense_map_.data());
      sources_[0] = {dense_map_.data(), nullptr, nullptr, nullptr};
    } else {
      for (index_t f = 0; f < o_.frames; ++f) {
        sources_[static_cast<std::size_t>(f)] = {slot_data(f), nullptr, nullptr, nullptr};
      }
      if (pending_) {
        sources_[static_cast<std::size_t>(o_.frames - 1)] = {nullptr, pictures_.data(), offsets_.data(),
                                                             slot_data(o_.frames - 1)};
      }
      pending_ = false;
    }
    strips_.run(ctx, &conv1_, sources_.data(), 1, out);
  }

  // Where the pooled maps go: the tail's own, or what is rounded for it.
  [[nodiscard]] float* pooled() noexcept { return tail_.index() == 0 ? std::get<0>(tail_).input() : pooled_.data(); }

  // From the pooled maps to the answer.
  void finish(cpu_context& ctx, index_t n, std::span<float> logits, std::span<float> features) {
    if (tail_.index() == 1) round(ctx, n);
    if (tail_.index() == 2) quantise(ctx, n);
    std::visit([&](auto& tail) { tail.run(ctx, n, feature_.data_handle()); }, tail_);
    const index_t keys = o_.keys;
    ops::linear(ctx, const_view<float, 2>(feature_.data_handle(), {n, this->features()}), fc_weight_, fc_bias_,
                tensor_view<float, 2>(logits_.data_handle(), {n, keys}));
    std::copy_n(logits_.data_handle(), n * keys, logits.data());
    if (!features.empty()) std::copy_n(feature_.data_handle(), n * this->features(), features.data());
  }
  // The pooled maps in bf16; the groups of both have 32 channels.
  void round(cpu_context& ctx, index_t n) {
    engine::onset_tail<engine::bf16_layer>& tail = std::get<1>(tail_);
    const auto to_bf16 = round_;
    ctx.threads().parallel_for(n * pooled_map_.size() / detail::narrow_group, [&](index_t first, index_t last) {
      const index_t at = first * detail::narrow_group;
      to_bf16(pooled_.data() + at, (last - first) * detail::narrow_group, tail.input() + at);
    });
  }

  // The pooled maps in u8; several groups of theirs make one of narrow numbers.
  void quantise(cpu_context& ctx, index_t n) {
    engine::onset_tail<engine::int8_layer>& tail = std::get<2>(tail_);
    const detail::group_map& from = pooled_map_;
    const detail::group_map& to = tail.input_map();
    const index_t parts = to.group / from.group;
    const engine::affine numbers(tail.input_range());
    const auto per_step = static_cast<float>(1 / numbers.step);
    const auto zero = static_cast<float>(numbers.zero);
    ctx.threads().parallel_for(n * from.groups() * from.height, [&](index_t first, index_t last) {
      for (index_t line = first; line < last; ++line) {
        const index_t i = line % from.height;
        const index_t g = line / from.height % from.groups();
        const index_t w = line / from.height / from.groups();
        quantise_(pooled_.data() + w * from.size() + from.at(g, i, 0), from.width, from.group, per_step, zero,
                  tail.input() + w * to.size() + to.at(g / parts, i, 0) + g % parts * from.group, to.group);
      }
    });
  }

  // One window, and one full chunk, make the context's scratch memory as large as it will ever be.
  void warm_up(cpu_context& ctx) {
    const cpu_tensor<float, 3> dark(o_.frames + most_ - 1, height_, width_);
    std::vector<float> y(static_cast<std::size_t>(most_ * o_.keys));
    for (index_t f = 0; f < o_.frames; ++f) take(ctx, dark.data_handle());
    run(ctx, std::span<float>(y).first(static_cast<std::size_t>(o_.keys)));
    reset();
    if (most_ > 1) run_windows(ctx, dark, y);
  }
  void require_room(index_t n, std::span<float> logits, std::span<float> features) const {
    if (std::ssize(logits) != n * o_.keys || (!features.empty() && std::ssize(features) != n * this->features())) {
      throw error(errc::shape_mismatch, "onset_engine: needs room for " + std::to_string(n * o_.keys) + " logits and " +
                                            std::to_string(n * this->features()) + " features");
    }
  }
  void require(const cpu_context& ctx) const {
    if (ctx.isa() != isa_) {
      throw error(errc::invalid_argument, "onset_engine: the weights are packed for " + std::string(name(isa_)) +
                                              ", the context runs " + std::string(name(ctx.isa())));
    }
  }

  onset_net_options o_;
  cpu_isa isa_;
  index_t height_, width_, most_;
  engine::picture_conv conv1_;
  std::vector<index_t> offsets_;  // of the picture's runs
  host_buffer<float> pictures_;   // frames with zeros around
  detail::group_map stem_;        // of one frame, what the ring holds (resnet: pictures)
  host_buffer<float> ring_;
  index_t slot_size_ = 0;
  index_t next_ = 0;           // slot that the next frame goes to: the oldest
  index_t count_ = 0;          // frames in the ring
  bool pending_ = false;       // the last one is still a picture
  host_buffer<float> middle_;  // of layer1 in the stem
  engine::dense_aggregation dense_;
  host_buffer<float> dense_map_;
  engine::stem_strips strips_;
  std::vector<engine::stem_source> sources_;
  std::vector<engine::fast_block<engine::fast_conv>> stem_blocks_;  // layer1, if it belongs to the stem
  detail::group_map pooled_map_;
  host_buffer<float> pooled_;  // before it is rounded
  void (*round_)(const float*, index_t, bfloat16*) = nullptr;
  void (*quantise_)(const float*, index_t, index_t, float, float, std::uint8_t*, index_t) = nullptr;
  std::variant<engine::onset_tail<engine::fast_conv>, engine::onset_tail<engine::bf16_layer>,
               engine::onset_tail<engine::int8_layer>>
      tail_;
  cpu_tensor<float, 2> feature_, logits_, fc_weight_;
  cpu_tensor<float, 1> fc_bias_;
};

}  // namespace vmt::inline VMT_ABI
