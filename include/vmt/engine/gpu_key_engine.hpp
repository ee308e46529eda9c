// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/elementwise.hpp>
#include <vmt/engine/gpu_key_reader.hpp>

namespace vmt::inline VMT_ABI {

/// A trained `key_net` made ready for inference on a device, for one width of the strip and one list of keys, as
/// `key_engine` is for the CPU, with the same calls and answers: batch norm folded, ReLU inside the convolutions, each
/// frame computed once. In front of each convolution over time lies the window of the frames that its taps reach, on
/// the device; a new frame moves all windows on by one. Once the windows are full a frame costs one copy in, one replay
/// of a recorded graph and, when its answer is asked for, one copy out. It does not allocate after construction. One
/// stream's.
///
///     vmt::cuda_context ctx;
///     vmt::gpu_key_engine<vmt::cuda_runtime> engine(ctx, net, width, keys);
template <class Runtime>
class gpu_key_engine {
 public:
  using backend = typename Runtime::backend;
  using context = gpu_context<Runtime>;

  /// \param width  of the strip in pixels, a multiple of 16
  /// \param keys   in the order in which the answers name them
  gpu_key_engine(context& ctx, const key_net<float>& net, index_t width, std::span<const key_place> keys)
      : o_(net.options()), width_(width), lookahead_(net.lookahead()) {
    const key_net<float>::shapes s = net.sizes({1, 1, 3, o_.rows, width});
    detail::key_rows rows;
    rows.assign(keys, 1);
    row_ = rows.row;
    map_ = s.map;
    index_t largest = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      const nn::conv_norm<float>& layer = i < 4 ? net.trunk()[i] : net.columns();
      trunk_.emplace_back(ctx.precision(), layer.conv(), &layer.bn());
      largest = (std::max)(largest, map_[i].size());
    }
    for (tensor<float, 1, backend>& m : maps_) m = tensor<float, 1, backend>(largest);
    white_ = engine::gpu_key_reader<backend>(ctx.precision(), net, net.white(), rows.white_places(), map_[4][3]);
    black_ = engine::gpu_key_reader<backend>(ctx.precision(), net, net.black(), rows.black_places(), map_[4][3]);
    for (const nn::temporal_block<float>& b : net.temporal()) add(ctx.precision(), b);
    add_window(1, 0);  // what the head reads
    history_ = tensor<float, 1, backend>(windows_.back().at + numbers());
    fresh_ = tensor<float, 4, backend>(1, o_.features, keys_(), 1);
    const const_view<float, 3> head = net.head().weight();
    head_ = engine::gpu_conv<backend>(ctx.precision(), head.reshaped(extents<4>{key_outputs, o_.features, 1, 1}),
                                      net.head().bias(), nullptr, {}, engine::gpu_conv<backend>::in_order(o_.features));
    input_ = tensor<float, 4, backend>(1, 3, o_.rows, width);
    answers_ = tensor<float, 4, backend>(lookahead_ + 1, key_outputs, keys_(), 1);
    for (auto& p : on_the_way_) p = typename Runtime::template pinned<float>(input_.size());
    received_ = typename Runtime::template pinned<float>(key_outputs * keys_());
    record(ctx);
  }

  [[nodiscard]] index_t height() const noexcept { return o_.rows; }
  [[nodiscard]] index_t width() const noexcept { return width_; }
  [[nodiscard]] index_t keys() const noexcept { return keys_(); }
  /// Frames that must follow a frame before its answer is there; none after `flush`.
  [[nodiscard]] index_t lookahead() const noexcept { return lookahead_; }
  [[nodiscard]] const key_net_options& options() const noexcept { return o_; }

  /// Takes the next frame, 3×rows×W as `key_channels` makes it; it is computed while the caller goes on. Throws
  /// `invalid_argument` if an answer waits (each push may bring one) or the video was ended with `flush`,
  /// `shape_mismatch` for another size.
  void push(context& ctx, const_view<float, 3> frame) {
    ops::detail::require_same("gpu_key_engine", "frame", frame.extents(), extents<3>{3, o_.rows, width_});
    if (ready() || ended_) {
      throw error(errc::invalid_argument, ended_ ? "gpu_key_engine: the video was ended with flush(); reset() first"
                                                 : "gpu_key_engine: an answer waits; take it with run() before push()");
    }
    if (copies_ == std::ssize(on_the_way_)) wait(ctx);
    const std::span<float> room = on_the_way_[static_cast<std::size_t>(copies_++)].span();
    std::copy_n(frame.data_handle(), frame.size(), room.data());
    ctx.copy_in(std::span<const float>(room), input_.view().flat());
    if (windows_[0].frames == 0) ops::fill(ctx, history_, 0.0F);
    advance(ctx, 0, true);
  }
  /// Ends the video: the frames that still look for a future see zeros there, as at the end of a batch.
  void flush(context& ctx) {
    if (ended_) return;
    ended_ = true;
    for (std::size_t i = 0; i < convs_.size(); ++i)
      for (index_t n = 0; n < windows_[i].ahead; ++n) advance(ctx, i, false);
  }
  /// Whether an answer waits.
  [[nodiscard]] bool ready() const noexcept { return taken_ < given_; }
  /// The frame, counted from 0 since the start or `reset`, that the next `run` answers for.
  [[nodiscard]] index_t frame() const noexcept { return answered_; }

  /// The oldest answer that waits: `key_outputs` × keys() numbers, y[o·keys() + k] as `key_output` o of key k. Throws
  /// `invalid_argument` if none waits, `shape_mismatch` if the room has another size.
  void run(context& ctx, std::span<float> y) {
    if (!ready()) {
      throw error(errc::invalid_argument, "gpu_key_engine: no answer waits; frame " + std::to_string(answered_) +
                                              " needs " + std::to_string(lookahead_) + " frames after it, or flush()");
    }
    if (std::ssize(y) != key_outputs * keys_()) {
      throw error(errc::shape_mismatch, "gpu_key_engine: needs room for 5 × " + std::to_string(keys_()) +
                                            " numbers, found " + std::to_string(y.size()));
    }
    ctx.copy_out(std::as_const(answers_).view().slice(taken_, 1), received_.span());
    wait(ctx);
    const float* const found = received_.span().data();
    for (index_t o = 0; o < key_outputs; ++o)
      for (index_t k = 0; k < keys_(); ++k) {
        y[static_cast<std::size_t>(o * keys_() + k)] = found[o * keys_() + row_[static_cast<std::size_t>(k)]];
      }
    ++answered_;
    if (++taken_ == given_) taken_ = given_ = 0;
  }
  /// Forgets all frames: another video, or a cut.
  void reset() noexcept {
    for (window& w : windows_) w.frames = 0;
    taken_ = given_ = answered_ = 0;
    ended_ = false;
  }

 private:
  /// The frames that a convolution over time reaches: features × rows × length numbers of `history_`, newest last.
  struct window {
    index_t at;      // where it begins
    index_t length;  // its convolution sees the whole of it
    index_t ahead;   // frames of it that follow the one whose output is made
    index_t frames;  // that came in since the start
    [[nodiscard]] bool ready() const noexcept { return frames > ahead; }
  };

  [[nodiscard]] index_t keys_() const noexcept { return std::ssize(row_); }
  [[nodiscard]] index_t numbers() const noexcept { return o_.features * keys_(); }
  [[nodiscard]] tensor_view<float, 3> view_of(const window& w) noexcept {
    return {history_.data_handle() + w.at, extents<3>{o_.features, keys_(), w.length}};
  }
  void wait(context& ctx) {
    ctx.synchronise();
    copies_ = 0;
  }

  void add_window(index_t length, index_t ahead) {
    const index_t at = windows_.empty() ? 0 : windows_.back().at + numbers() * windows_.back().length;
    windows_.push_back({at, length, ahead, 0});
  }
  // The three taps lie at both ends and in the middle of the window.
  void add(gpu::precision precision, const nn::temporal_block<float>& b) {
    const const_view<float, 3> w = b.conv().weight();
    const index_t reach = b.back() + b.ahead();
    convs_.emplace_back(precision, w.reshaped(extents<4>{w.extent(0), w.extent(1), 1, w.extent(2)}),
                        const_view<float, 1>{}, &b.bn(), ops::conv2d_params{1, 1, 0, 0, reach / 2, 0},
                        engine::gpu_conv<backend>::in_order(w.extent(1)));
    add_window(reach + 1, b.ahead());
  }

  // A frame comes into window `from`: that of `input_`, or zeros; what it completes goes on to the next windows, at
  // last to an answer.
  void advance(context& ctx, std::size_t from, bool picture) {
    std::size_t to = from;
    ++windows_[to].frames;
    while (to < convs_.size() && windows_[to].ready()) ++windows_[++to].frames;
    const bool answer = to == convs_.size();
    if (picture && answer) {  // push() refuses while an answer waits: this one is the first
      ctx.replay(frame_);
    } else {
      launch(ctx, from, to, picture, given_);
    }
    if (answer) ++given_;
  }

  void launch(context& ctx, std::size_t from, std::size_t to, bool picture, index_t answer) {
    const_view<float, 2> fresh, others;
    if (picture) {
      const_view<float, 4> x = input_.view();
      for (std::size_t i = 0; i < 5; ++i) {
        const tensor_view<float, 4> y(maps_[i % 2].data_handle(), map_[i]);
        trunk_[i].run(ctx, x, {}, true, y);
        x = y;
      }
      const const_view<float, 3> map(x.data_handle(), {1, map_[4][1], map_[4][3]});
      fresh = white_.run(ctx, map);
      others = black_.run(ctx, map);
    }
    gpu::slide_window(ctx, fresh, others, const_view<float, 3>{}, 0, view_of(windows_[from]));
    for (std::size_t i = from; i < to; ++i) {
      const window& w = windows_[i];
      const tensor_view<float, 3> seen = view_of(w);
      convs_[i].run(ctx, seen.reshaped(extents<4>{1, o_.features, keys_(), w.length}), {}, true, fresh_.view());
      // The block's own frame is added behind its ReLU, as it comes into the next window.
      gpu::slide_window(ctx, const_view<float, 2>(fresh_.data_handle(), {o_.features, keys_()}), const_view<float, 2>{},
                        const_view<float, 3>(seen), w.length - 1 - w.ahead, view_of(windows_[i + 1]));
    }
    if (to < convs_.size()) return;
    const tensor_view<float, 3> last = view_of(windows_[to]);
    head_.run(ctx, last.reshaped(extents<4>{1, o_.features, keys_(), 1}), {}, false, answers_.view().slice(answer, 1));
  }

  // Once for real, so that the scratch memory has its size, then for the record.
  void record(context& ctx) {
    launch(ctx, 0, convs_.size(), true, 0);
    ctx.synchronise();
    frame_ = ctx.capture([&] { launch(ctx, 0, convs_.size(), true, 0); });
  }

  key_net_options o_;
  index_t width_, lookahead_;
  std::vector<index_t> row_;         // of key k
  std::array<extents<4>, 5> map_{};  // behind the convolutions of a frame
  std::vector<engine::gpu_conv<backend>> trunk_;
  tensor<float, 1, backend> maps_[2];
  engine::gpu_key_reader<backend> white_, black_;
  std::vector<engine::gpu_conv<backend>> convs_;  // over time
  std::vector<window> windows_;                   // in front of each, and behind the last
  tensor<float, 1, backend> history_;             // all windows
  tensor<float, 4, backend> fresh_;               // what a convolution over time made
  engine::gpu_conv<backend> head_;
  tensor<float, 4, backend> input_;
  tensor<float, 4, backend> answers_;                       // lookahead + 1 × outputs × rows
  typename Runtime::template pinned<float> on_the_way_[2];  // frames that are copied to the device
  typename Runtime::template pinned<float> received_;
  index_t copies_ = 0;             // under way
  index_t given_ = 0, taken_ = 0;  // of `answers_`, since it was empty
  index_t answered_ = 0;
  bool ended_ = false;
  typename Runtime::graph frame_;
};

}  // namespace vmt::inline VMT_ABI
