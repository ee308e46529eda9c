// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/media/frame_folder.hpp>

#include <functional>
#include <string>

namespace tool {

/// Frames from wherever IN points.
struct video {
  std::function<bool(vmt::frame&)> next;
  vmt::index_t frames = -1;  ///< how many there are; −1: not known
  double seconds = -1;       ///< how long it is; −1: not known
  bool stream = false;       ///< read as it comes, so that it may break off in the middle
};

/// `in`: a frame folder, a video file (by ffmpeg) or `-`, Y4M on stdin. Throws with a status for what is wrong with it.
[[nodiscard]] video open_video(const std::string& in, const vmt::media::frame_folder_options& options);

/// The frames with start ≤ time < end. A signal ends the video there; what breaks then in a source that the signal has
/// reached as well is no error.
[[nodiscard]] std::function<bool(vmt::frame&)> part_of(video whole, double start, double end);

}  // namespace tool
