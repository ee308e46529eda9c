// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/engine/key_engine.hpp>
#include <vmt/keyboard/levels.hpp>
#include <vmt/keyboard/tracked_strip.hpp>
#include <vmt/model/key_channels.hpp>
#include <vmt/transcribe/frame_gate.hpp>
#include <vmt/transcribe/key_decoder.hpp>

#include <limits>  // no frame yet
#include <list>    // strips that wait

namespace vmt::inline VMT_ABI::transcribe {

/// The places of the keys of a key-aligned strip, from low to high, as `key_net` wants them.
[[nodiscard]] inline std::vector<key_place> key_places(const keyboard::strip_layout& layout) {
  std::vector<key_place> places;
  for (int pitch = layout.lowest_key; pitch <= layout.highest_key; ++pitch) {
    places.push_back({static_cast<float>(layout.centre(pitch)), !keyboard::is_white(pitch)});
  }
  return places;
}

/// Frames of any camera in, whole notes out, as a stream, by `key_net`:
///
///     vmt::transcribe::key_transcriber t(cpu, net, {.keyboard = found.where()});
///     for (vmt::frame f; camera(f);) t.push(f, sink);
///     t.finish(sink);
///
/// Each frame is straightened, with the keyboard followed where the camera moves; the empty keyboard is estimated along
/// with it; `options.plate_ahead` seconds later the network sees the strip, and `lookahead()` frames after that its
/// notes are known. The network was made for 24 to 40 frames a second; of faster videos it sees every second or third
/// frame. The video is cut at gaps, and where the keyboard is out of sight.
///
/// The state does not grow with the video, and once it runs nothing is allocated for a frame but for notes that are
/// held. After an exception only destruction is meaningful.
///
/// `Engine` computes the network with a `Context`: `key_engine` on the CPU, `gpu_key_engine` on a device, or another
/// class with their constructor and calls.
template <class Context, class Engine = key_engine>
class key_transcriber {
 public:
  /// Throws `invalid_argument` for options out of range or without a keyboard, and as `keyboard::validate`.
  /// `options.decoder` and `options.lowest_key` are not looked at.
  key_transcriber(Context& context, const key_net<float>& net, transcribe_options options)
      : context_(&context),
        options_(checked(std::move(options))),
        layout_{options_.keyboard->lowest_key, options_.keyboard->highest_key},
        engine_(context, net, layout_.width(), key_places(layout_)),
        decoder_(layout_.keys(), layout_.lowest_key, options_.notes),
        gate_(options_) {
    const auto pixels = static_cast<std::size_t>(layout_.width() * layout_.height());
    plate_.resize(pixels);
    before_.reserve(pixels);
    input_.resize(extents<3>{3, layout_.height(), layout_.width()});
    outputs_.resize(static_cast<std::size_t>(key_outputs * layout_.keys()));
    times_.resize(static_cast<std::size_t>(engine_.lookahead() + 1));
  }

  [[nodiscard]] const keyboard::strip_layout& layout() const noexcept { return layout_; }
  /// Frames between one that the network sees and its onsets.
  [[nodiscard]] index_t lookahead() const noexcept { return engine_.lookahead() + key_decoder::lookahead; }

  /// The next frame. Throws `inconsistent` (time, size), `not_finite` (time, output of the network), `bad_format`
  /// (damaged), and what sink and callbacks throw.
  template <note_sink K>
  void push(const frame& picture, K&& sink) {
    if (!straight_) straight_.emplace(*options_.keyboard, picture.width, picture.height);
    const bool spare = picture.time - taken_ < shortest_period && picture.time > taken_;
    const frame_fate fate = spare ? gate_.pass(picture, result_) : gate_(picture, result_);
    if (!spare && fate != frame_fate::skip) {
      taken_ = picture.time;
      queue(picture, fate == frame_fate::cut);
      while (!waiting_.empty() && picture.time - waiting_.front().strip.time >= options_.plate_ahead) evaluate(sink);
    }
    if (options_.on_progress) options_.on_progress(result_.frames, options_.total_frames);
  }

  /// The end of the video: all notes that are pending go out. A new video of the same camera may follow.
  template <note_sink K>
  void finish(K&& sink) {
    while (!waiting_.empty()) evaluate(sink);
    end_segment(sink);
    gate_.reset();
    taken_ = never;
  }

  /// Counts since construction.
  [[nodiscard]] const transcription_result& result() const noexcept { return result_; }

 private:
  /// More frames a second than 41 are thinned out: the network has learnt what a press looks like at 19 to 38.
  static constexpr double shortest_period = 1.0 / 41;
  static constexpr double never = -std::numeric_limits<double>::infinity();

  struct waiting {
    frame strip;
    bool cut = false;  ///< something is missing before it
    keyboard::tracker::state state{};
  };

  static transcribe_options checked(transcribe_options o) {
    if (!o.keyboard) {
      throw error(errc::invalid_argument,
                  "key_transcriber: no keyboard; say where it is (options.keyboard), as find_keyboard tells");
    }
    keyboard::validate(*o.keyboard);
    if (!std::isfinite(o.lag_seconds)) throw error(errc::not_finite, "key_transcriber: the lag is not finite");
    if (!(o.plate_ahead >= 0 && o.plate_ahead <= 600)) {
      throw error(errc::invalid_argument, "key_transcriber: plate_ahead is " + std::to_string(o.plate_ahead) +
                                              "; 0 to 600 seconds are expected");
    }
    return o;
  }

  /// Straightens a frame and has it wait.
  void queue(const frame& picture, bool cut) {
    if (spare_.empty()) spare_.emplace_back();
    waiting_.splice(waiting_.end(), spare_, spare_.begin());
    waiting& w = waiting_.back();
    (*straight_)(picture, w.strip);
    w.cut = cut;
    w.state = straight_->tracking().now();
    if (w.state != keyboard::tracker::state::lost) return;
    // It takes the tracker a while to be sure; what it doubted before did not show the keyboard either.
    for (auto i = std::prev(waiting_.end()); i != waiting_.begin();) {
      if ((--i)->state != keyboard::tracker::state::moving) break;
      i->state = keyboard::tracker::state::lost;
    }
  }

  /// Shows the strip that has waited longest to the network.
  template <class K>
  void evaluate(K& sink) {
    const waiting& w = waiting_.front();
    const bool seen = w.state != keyboard::tracker::state::lost;
    if (w.cut || !seen) end_segment(sink);
    if (seen) {
      if (options_.on_strip) options_.on_strip(w.strip);
      look_at_plate();
      key_channels(w.strip.pixels, before_, plate_, levels_.white, levels_.range, input_.view().span());
      before_.assign(w.strip.pixels.begin(), w.strip.pixels.end());
      times_[static_cast<std::size_t>(shown_ % std::ssize(times_))] = w.strip.time;
      ++shown_;
      engine_.push(*context_, input_.view());
      take_answers(sink);
    } else {
      ++result_.unseen;
    }
    spare_.splice(spare_.end(), waiting_, waiting_.begin());
  }

  /// The plate changes slowly once there are some frames.
  void look_at_plate() {
    if (looks_++ >= 96 && looks_ % 8 != 0) return;
    const frame& empty = straight_->plate();
    std::copy(empty.pixels.begin(), empty.pixels.end(), plate_.begin());
    keyboard::estimate_levels(empty, levels_);
  }

  template <class K>
  void take_answers(K& sink) {
    while (engine_.ready()) {
      const double time = times_[static_cast<std::size_t>(engine_.frame() % std::ssize(times_))];
      engine_.run(*context_, outputs_);
      ++result_.windows;
      const auto keys = static_cast<std::size_t>(layout_.keys());
      for (std::size_t i = 0; i < outputs_.size(); ++i) {
        float& v = outputs_[i];
        if (std::isnan(v)) {
          throw error(errc::not_finite, "the network gave NaN for key " +
                                            std::to_string(layout_.lowest_key + static_cast<int>(i % keys)) + " at " +
                                            std::to_string(time) + " s; check the weights");
        }
        if (i < (key_outputs - 1) * keys) v = 1 / (1 + std::exp(-v));
      }
      if (options_.on_probabilities) options_.on_probabilities(time, std::span<const float>(outputs_).first(keys));
      decoder_.push(
          time, outputs_, [&](const note& n) { tell(n); }, [&](const note& n) { give(n, sink); });
    }
  }

  /// No frame after this one belongs to those before.
  template <class K>
  void end_segment(K& sink) {
    if (shown_ == 0) return;
    engine_.flush(*context_);
    take_answers(sink);
    decoder_.finish([&](const note& n) { tell(n); }, [&](const note& n) { give(n, sink); });
    engine_.reset();
    before_.clear();
    shown_ = 0;
  }

  void tell(const note& n) const {
    if (options_.on_onset) options_.on_onset(without_lag(n, options_.lag_seconds));
  }
  template <class K>
  void give(const note& n, K& sink) {
    ++result_.notes;
    const note told = without_lag(n, options_.lag_seconds);
    sink(told);
  }

  Context* context_;
  transcribe_options options_;
  keyboard::strip_layout layout_;
  Engine engine_;
  key_decoder decoder_;
  frame_gate gate_;
  std::optional<keyboard::tracked_strip> straight_;
  std::list<waiting> waiting_, spare_;  ///< strips on their way, and their memory
  double taken_ = never;                ///< the time of the last frame that was not spare
  index_t shown_ = 0;                   ///< frames of this segment that the network has seen
  index_t looks_ = 0;                   ///< at the plate
  keyboard::levels levels_;
  std::vector<float> plate_;
  std::vector<std::uint8_t> before_;  ///< the strip before
  cpu_tensor<float, 3> input_;
  std::vector<float> outputs_;
  std::vector<double> times_;  ///< of the frames that wait for their answer
  transcription_result result_;
};

/// Transcribes a video by `key_net`: each frame of `source`, in order, then the end; notes go to `sink` in the order of
/// their onsets. The notes are those that `key_transcriber` gives frame by frame. Throws as it does, and what the
/// source throws: a file sink that was not committed then leaves no file. Another engine than the CPU's is named:
/// `transcribe<gpu_key_engine<cuda_runtime>>(…)`.
template <class Engine = key_engine, class Context, frame_source S, note_sink K>
transcription_result transcribe(Context& context, const key_net<float>& net, S&& source, K&& sink,
                                const transcribe_options& options) {
  key_transcriber<Context, Engine> t(context, net, options);
  return detail::run_video(t, source, sink, options);
}

}  // namespace vmt::inline VMT_ABI::transcribe
