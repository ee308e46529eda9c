// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/straighten.hpp>
#include <vmt/tensor/tensor.hpp>
#include <vmt/transcribe/engine_concept.hpp>
#include <vmt/transcribe/frame_gate.hpp>

namespace vmt::inline VMT_ABI::transcribe {

/// Frames in, notes out, as a stream:
///
///     vmt::transcribe::transcriber t(context, engine, vmt::transcribe::peak_decoder(engine.keys()));
///     for (vmt::frame f; camera(f);) t.push(f, sink);
///     t.finish(sink);
///
/// Each frame is judged in the window of the network that has it in the middle. Beyond the ends of the video the first
/// and the last frame are repeated, so that every frame has a window. The video is cut at gaps: no window reaches
/// across one, the parts before and after are decoded each for itself, and the ends at the gap are ends like those of
/// the video.
///
/// To the decoder's latency the network adds ⌊frames / 2⌋ frames. The state does not grow with the video, and once it
/// runs nothing is allocated for a frame. The context and the engine are borrowed. After an exception only destruction
/// is meaningful.
template <class Context, streaming_engine<Context> Engine, decoder Decoder>
class transcriber {
 public:
  /// Throws `invalid_argument` for options out of range, `shape_mismatch` where decoder and engine differ in keys.
  /// `options.decoder` and `options.lowest_key` are not looked at: the decoder has them.
  transcriber(Context& context, Engine& engine, Decoder chosen, transcribe_options options = {})
      : context_(&context),
        engine_(&engine),
        decoder_(std::move(chosen)),
        options_(std::move(options)),
        gate_(options_) {
    if (decoder_.keys() != engine.keys()) {
      throw error(errc::shape_mismatch, "the engine has " + std::to_string(engine.keys()) + " keys, the decoder " +
                                            std::to_string(decoder_.keys()));
    }
    if (!std::isfinite(options_.lag_seconds)) throw error(errc::not_finite, "transcriber: the lag is not finite");
    if (engine.frames() < 1) throw error(errc::invalid_argument, "transcriber: the engine's window has no frames");
    if (options_.keyboard) keyboard::validate(*options_.keyboard);
    before_ = (engine.frames() - 1) / 2;
    after_ = engine.frames() - 1 - before_;
    times_.resize(static_cast<std::size_t>(after_ + 1));
    values_.resize(static_cast<std::size_t>(engine.keys()));
    input_.resize(extents<2>{engine.height(), engine.width()});
  }

  /// The next frame. Throws `inconsistent` (time, size), `not_finite` (time, output of the network), `shape_mismatch`
  /// (not a strip of the engine's size), `bad_format` (damaged), and what sink, engine and callbacks throw.
  template <note_sink K>
  void push(const frame& picture, K&& sink) {
    const frame_fate fate = gate_(picture, result_);
    if (fate == frame_fate::cut) end_segment(sink);
    if (fate != frame_fate::skip) evaluate(picture, sink);
    if (options_.on_progress) options_.on_progress(result_.frames, options_.total_frames);
  }

  /// The end of the video: all notes that are pending go out. A new video may follow.
  template <note_sink K>
  void finish(K&& sink) {
    if (pushed_ > 0) end_segment(sink);
    gate_.reset();
  }

  /// Counts since construction.
  [[nodiscard]] const transcription_result& result() const noexcept { return result_; }

 private:
  template <class K>
  void evaluate(const frame& picture, K& sink) {
    load(strip_of(picture));
    if (pushed_ == 0) {
      engine_->reset();
      for (index_t i = 0; i < before_; ++i) engine_->push(*context_, input_.view());
    }
    times_[static_cast<std::size_t>(pushed_) % times_.size()] = picture.time;
    ++pushed_;
    advance(sink);
  }

  /// Repeats the last frame until every frame has had its window.
  template <class K>
  void end_segment(K& sink) {
    for (index_t i = 0; i < after_; ++i) advance(sink);
    decoder_.finish([&](const note& n) { give(n, sink); });
    pushed_ = 0;
    judged_ = 0;
  }

  /// Pushes the frame in `input_` and judges the window that ends with it, if it is whole.
  template <class K>
  void advance(K& sink) {
    engine_->push(*context_, input_.view());
    if (!engine_->ready()) return;
    const double time = times_[static_cast<std::size_t>(judged_) % times_.size()];
    ++judged_;
    engine_->run(*context_, values_);
    ++result_.windows;
    for (std::size_t key = 0; key < values_.size(); ++key) {
      float& v = values_[key];
      if (std::isnan(v)) {
        throw error(errc::not_finite, "the network gave NaN for key " + std::to_string(key) + " at " +
                                          std::to_string(time) + " s; check the weights");
      }
      v = 1 / (1 + std::exp(-v));
      if (outside_keyboard(key)) v = 0;
    }
    if (options_.on_probabilities) options_.on_probabilities(time, values_);
    decoder_.push(time, std::span<const float>(values_), [&](const note& n) { give(n, sink); });
  }

  [[nodiscard]] bool outside_keyboard(std::size_t key) const noexcept {
    if (!options_.keyboard) return false;
    const int pitch = 21 + static_cast<int>(key);  // strips always show all 88 keys
    return pitch < options_.keyboard->lowest_key || pitch > options_.keyboard->highest_key;
  }

  template <class K>
  void give(const note& n, K& sink) {
    ++result_.notes;
    const note told = without_lag(n, options_.lag_seconds);
    sink(told);
  }

  const frame& strip_of(const frame& picture) {
    const frame* strip = &picture;
    if (options_.keyboard) {
      if (!straighten_) {
        straighten_.emplace(*options_.keyboard, picture.width, picture.height, engine_->width(), engine_->height());
      }
      (*straighten_)(picture, strip_);
      strip = &strip_;
    }
    if (strip->width != engine_->width() || strip->height != engine_->height() ||
        static_cast<index_t>(strip->pixels.size()) != strip->width * strip->height) {
      throw error(errc::shape_mismatch, "frame " + std::to_string(picture.number) + " has " +
                                            std::to_string(picture.width) + "x" + std::to_string(picture.height) +
                                            " pixels, the network takes strips of " + std::to_string(engine_->width()) +
                                            "x" + std::to_string(engine_->height()) + "; say where the keyboard is");
    }
    if (options_.on_strip) options_.on_strip(*strip);
    return *strip;
  }

  void load(const frame& strip) noexcept {
    float* const to = input_.data_handle();
    for (std::size_t i = 0; i < strip.pixels.size(); ++i) to[i] = static_cast<float>(strip.pixels[i]) / 255.0F;
  }

  Context* context_;
  Engine* engine_;
  Decoder decoder_;
  transcribe_options options_;
  frame_gate gate_;
  std::optional<keyboard::straightener> straighten_;
  index_t before_ = 0;  ///< frames of a window before its middle
  index_t after_ = 0;   ///< and after it
  index_t pushed_ = 0;  ///< frames of this segment
  index_t judged_ = 0;  ///< those that have had their window
  frame strip_;
  cpu_tensor<float, 2> input_;
  std::vector<double> times_;  ///< of the frames that wait for their window
  std::vector<float> values_;
  transcription_result result_;
};

/// Transcribes a video: each frame of `source`, in order, then the end; notes go to `sink` as they are found. The notes
/// are those that `transcriber` gives frame by frame. Throws as `transcriber`, and what the source throws: a file sink
/// that was not committed then leaves no file.
template <class Context, streaming_engine<Context> Engine, frame_source S, note_sink K>
transcription_result transcribe(Context& context, Engine& engine, S&& source, K&& sink,
                                const transcribe_options& options = {}) {
  const auto run = [&](auto decoder) {
    transcriber t(context, engine, std::move(decoder), options);
    return detail::run_video(t, source, sink, options);
  };
  if (const auto* paper = std::get_if<paper_options>(&options.decoder)) {
    return run(paper_decoder(engine.keys(), options.lowest_key, *paper));
  }
  return run(peak_decoder(engine.keys(), options.lowest_key, std::get<peak_options>(options.decoder)));
}

}  // namespace vmt::inline VMT_ABI::transcribe
