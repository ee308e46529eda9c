// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/transcribe/frame_gaps.hpp>
#include <vmt/transcribe/options.hpp>

namespace vmt::inline VMT_ABI::transcribe {

/// What becomes of a frame on its way to the network.
enum class frame_fate {
  use,   ///< it goes on
  cut,   ///< it goes on, but something is missing before it: what came before is a part for itself
  skip,  ///< it is damaged and leaves a gap
};

/// Looks at the times and the damage marks of the frames of a video and counts them.
class frame_gate {
 public:
  explicit frame_gate(const transcribe_options& o) : factor_(o.gap_factor), damaged_(o.damaged), gap_(o.gap_factor) {}

  /// The next frame. Throws `inconsistent` or `not_finite` for its time, `bad_format` where it is damaged and that is
  /// to fail.
  frame_fate operator()(const frame& picture, transcription_result& result) {
    const bool gap = gap_(picture.time);
    if (pass(picture, result) == frame_fate::skip) {
      broken_ = true;
      return frame_fate::skip;
    }
    const bool cut = (gap || broken_) && open_;
    broken_ = false;
    open_ = true;
    result.gaps += cut ? 1 : 0;
    return cut ? frame_fate::cut : frame_fate::use;
  }

  /// A frame that nobody needs: it is counted, and may be refused as damaged.
  frame_fate pass(const frame& picture, transcription_result& result) const {
    ++result.frames;
    if (!picture.damaged) return frame_fate::use;
    ++result.damaged;
    if (damaged_ == media::damage_policy::fail) {
      throw error(errc::bad_format, "frame " + std::to_string(picture.number) + " at " + std::to_string(picture.time) +
                                        " s is damaged");
    }
    return damaged_ == media::damage_policy::skip ? frame_fate::skip : frame_fate::use;
  }

  /// The end of the video; another may follow.
  void reset() {
    gap_ = frame_gaps(factor_);
    broken_ = open_ = false;
  }

 private:
  double factor_;
  media::damage_policy damaged_;
  frame_gaps gap_;
  bool broken_ = false;  ///< frames were skipped since the last one that went on
  bool open_ = false;    ///< a frame has gone on
};

namespace detail {

/// Each frame of the source to the transcriber, unless `options.stop` says so, then the end.
template <class Transcriber, class S, class K>
transcription_result run_video(Transcriber& t, S& source, K& sink, const transcribe_options& options) {
  bool stopped = false;
  for (frame picture; !(stopped = options.stop && options.stop()) && source(picture);) t.push(picture, sink);
  t.finish(sink);
  transcription_result result = t.result();
  result.stopped = stopped;
  return result;
}

}  // namespace detail
}  // namespace vmt::inline VMT_ABI::transcribe
