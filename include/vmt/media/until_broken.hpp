// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/media/frame.hpp>

#include <optional>
#include <utility>  // move

namespace vmt::inline VMT_ABI::media {

/// A frame source that ends where another one breaks, so that what was transcribed until there is not lost; the error
/// is kept for whoever asks. Errors before the first frame go through, and so does `stopped`: there is nothing to keep,
/// or nothing is broken.
///
///     vmt::media::until_broken source(vmt::media::ffmpeg("take1.mp4"));
///     transcribe(context, engine, source, sink, options);
///     if (source.failure()) warn(source.failure()->what());
template <frame_source S>
class until_broken {
 public:
  explicit until_broken(S source) : source_(std::move(source)) {}

  bool operator()(frame& out) {
    if (failure_) return false;
    try {
      const bool more = source_(out);
      begun_ = begun_ || more;
      return more;
    } catch (const error& e) {
      if (!begun_ || e.code() == errc::stopped) throw;
      failure_ = e;
      return false;
    }
  }

  /// Why the video broke off; none where it has not.
  [[nodiscard]] const std::optional<error>& failure() const noexcept { return failure_; }

 private:
  S source_;
  std::optional<error> failure_;
  bool begun_ = false;
};

}  // namespace vmt::inline VMT_ABI::media
