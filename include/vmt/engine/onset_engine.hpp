// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/engine/dense_aggregation.hpp>
#include <vmt/engine/fast_conv.hpp>
#include <vmt/engine/stem_strips.hpp>
#include <vmt/model/onset_net.hpp>

namespace vmt::inline VMT_ABI {

/// What an `onset_engine` is compiled for.
struct onset_engine_options {
  index_t height = 145, width = 800;  ///< of the frames
  index_t windows = 1;                ///< the most windows that `run_windows` takes at once
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
    const extents<4> stages[] = {s.pooled, s.layer2, s.layer3, s.layer4};
    for (std::size_t i = 0; i < 4; ++i) {
      stage& g = stages_[i];
      g.map = map::bordered(k.group, i == 0 ? w : stages[i][1], stages[i][2], stages[i][3]);
      g.at_once = i < 2 ? 1 : most_;
      g.maps = host_buffer<float>(most_ * g.map.size());
      g.middle = host_buffer<float>(g.at_once * g.map.size());
    }
    stem_ = o_.stem == onset_stem::layer1 ? map::bordered(k.group, w, s.stem[2], s.stem[3]) : conv1_.out();
    const nn::residual_stage<float>* const layers[] = {&net.layer1(), &net.layer2(), &net.layer3(), &net.layer4()};
    for (std::size_t i = 0; i < 4; ++i) {
      const bool in_stem = i == 0 && o_.stem == onset_stem::layer1;
      const map& out = in_stem ? stem_ : stages_[i].map;
      const index_t images = in_stem ? 1 : stages_[i].at_once;
      blocks_.emplace_back(k, layers[i]->first(), i == 0 ? out : stages_[i - 1].map, out, images);
      blocks_.emplace_back(k, layers[i]->second(), out, out, images);
    }
    set_front(ctx, net);
    if (o_.variant == onset_variant::slope) set_fuse(ctx, net, s);
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
    pool_window(ctx, stages_[0].maps.data());
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
    float* const pooled = stages_[0].maps.data();
    if (in_strips()) {
      ctx.threads().parallel_for(frames.extent(0), [&](index_t first, index_t last) {
        for (index_t f = first; f < last; ++f) {
          float* const picture = pictures_.data() + f * conv1_.channel_size();
          conv1_.fill(frames[f].data_handle(), picture);
          sources_[static_cast<std::size_t>(f)] = {nullptr, picture, offsets_.data(), nullptr};
        }
      });
      strips_.run(ctx, &conv1_, sources_.data(), n, pooled);
    } else {
      for (index_t f = 0; f < frames.extent(0); ++f) {
        take(ctx, frames[f].data_handle());
        if (ready()) pool_window(ctx, pooled + (f - o_.frames + 1) * stages_[0].map.size());
      }
      reset();
    }
    finish(ctx, n, logits, features);
  }

  /// f(name, convolution, maps at once) for the convolutions behind the first, in order.
  template <class F>
  void for_each_conv(F&& f) const {
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      const std::string prefix = "layer" + std::to_string(b / 2 + 1) + "." + std::to_string(b % 2) + ".";
      const index_t images = b < 2 && o_.stem == onset_stem::layer1 ? 1 : stages_[b / 2].at_once;
      if (b == 6 && o_.variant == onset_variant::slope) f(std::string("fuse"), fuse_, most_);
      blocks_[b].for_each_conv(
          [&](const std::string& n, const engine::fast_conv& conv) { f(prefix + n, conv, images); });
    }
  }

 private:
  struct stage {
    detail::group_map map;
    index_t at_once = 1;        // maps in a call
    host_buffer<float> maps;    // one for each window
    host_buffer<float> middle;  // of a block
  };

  [[nodiscard]] bool per_frame() const noexcept { return o_.variant != onset_variant::resnet; }
  [[nodiscard]] bool channelwise() const noexcept {
    return per_frame() && o_.aggregation == nn::aggregation_kind::channelwise;
  }
  // Whether the stem is so short that it is computed together with the aggregation.
  [[nodiscard]] bool in_strips() const noexcept { return channelwise() && o_.stem == onset_stem::conv1; }
  // Where frame f of the window (0 the oldest) lies in the ring.
  [[nodiscard]] index_t slot(index_t f) const noexcept { return (next_ + f) % o_.frames; }
  [[nodiscard]] float* slot_data(index_t f) noexcept { return ring_.data() + slot(f) * slot_size_; }

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
    strips_ = engine::stem_strips(net.pool().params(), pooled_from, stages_[0].map, weight);
    sources_.resize(static_cast<std::size_t>(o_.frames + most_ - 1));
    if (per_frame()) conv1_.run_offsets([](index_t) { return index_t{0}; }, offsets_.data());
  }

  // The slope module's output never changes, so its share of `fuse` is one map, added like a residual.
  void set_fuse(cpu_context& ctx, const onset_net<float>& net, const onset_net<float>::shapes& s) {
    const index_t w = o_.width;
    const detail::group_map& map = stages_[2].map;
    fuse_ = engine::fast_conv(ctx.groups(), net.fuse(), nullptr, map, map, most_);
    cpu_tensor<float, 4> features(s.slope);
    net.slope().forward(ctx, features);
    cpu_tensor<float, 4> weight(4 * w, w, 3, 3);
    for (index_t m = 0; m < 4 * w; ++m) {
      std::copy_n(net.fuse().weight()[m].data_handle() + 4 * w * 9, w * 9, weight[m].data_handle());
    }
    cpu_tensor<float, 4> share(s.layer3);
    ops::conv2d(ctx, features, weight, {}, share, {1, 1, 1, 1});
    slope_map_ = host_buffer<float>(map.size());
    detail::to_groups(map, share.data_handle(), slope_map_.data());
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
        for (std::size_t b = 0; b < 2; ++b) blocks_[b].run(ctx, to, to, middle_.data(), 1);
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

  // From the pooled maps to the answer.
  void finish(cpu_context& ctx, index_t n, std::span<float> logits, std::span<float> features) {
    for (index_t i = 0; i < n; ++i) {  // small weights, large maps: one window after the other stays in the caches
      for (std::size_t b = o_.stem == onset_stem::layer1 ? 2 : 0; b < 4; ++b) run_block(ctx, b, i, 1);
    }
    for (std::size_t b = 4; b < 8; ++b) {  // large weights, small maps
      if (b == 6 && o_.variant == onset_variant::slope) {
        stage& s = stages_[2];
        fuse_.run(ctx, s.maps.data(), s.middle.data(), false, n, slope_map_.data(), 0);
        std::swap(s.maps, s.middle);
      }
      run_block(ctx, b, 0, n);
    }
    average(n);
    const index_t keys = o_.keys;
    ops::linear(ctx, const_view<float, 2>(feature_.data_handle(), {n, this->features()}), fc_weight_, fc_bias_,
                tensor_view<float, 2>(logits_.data_handle(), {n, keys}));
    std::copy_n(logits_.data_handle(), n * keys, logits.data());
    if (!features.empty()) std::copy_n(feature_.data_handle(), n * this->features(), features.data());
  }
  void run_block(cpu_context& ctx, std::size_t b, index_t first, index_t images) {
    stage& s = stages_[b / 2];
    float* const y = s.maps.data() + first * s.map.size();
    const float* x = y;
    if (!blocks_[b].in_place()) {
      const stage& before = stages_[b / 2 - 1];
      x = before.maps.data() + first * before.map.size();
    }
    blocks_[b].run(ctx, x, y, s.middle.data(), images);
  }
  // The mean of each channel of layer4.
  void average(index_t n) {
    const detail::group_map& m = stages_[3].map;
    const float scale = 1.0F / static_cast<float>(m.height * m.width);
    for (index_t i = 0; i < n; ++i)
      for (index_t c = 0; c < m.channels; ++c) {
        const float* const map = stages_[3].maps.data() + i * m.size() + c % m.group;
        float sum = 0;
        for (index_t h = 0; h < m.height; ++h)
          for (index_t w = 0; w < m.width; ++w) sum += map[m.at(c / m.group, h, w)];
        feature_(i, c) = sum * scale;
      }
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
  stage stages_[4];
  std::vector<engine::fast_block> blocks_;  // layer1 … layer4, two each
  engine::fast_conv fuse_;
  host_buffer<float> slope_map_;
  cpu_tensor<float, 2> feature_, logits_, fc_weight_;
  cpu_tensor<float, 1> fc_bias_;
};

}  // namespace vmt::inline VMT_ABI
