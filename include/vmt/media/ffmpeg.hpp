// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Any video file through the program ffmpeg (≥ 5.1) as a child process. POSIX only; elsewhere pipe Y4M into
/// `y4m_reader`.

#include <vmt/media/child_process.hpp>
#include <vmt/media/y4m.hpp>

#include <algorithm>   // min
#include <filesystem>  // path
#include <memory>      // unique_ptr
#include <vector>      // times

namespace vmt::inline VMT_ABI::media {

struct ffmpeg_options {
  std::string program = "ffmpeg";  ///< a name to look for in PATH, or a path
  bool strict = true;              ///< stop at the first decoding error; else ffmpeg patches the picture up and goes on
  image_limits limits = {};
};

/// A frame source over a video file: the first video stream that is not a cover picture. ffmpeg decodes it, joins the
/// fields of interlaced frames, turns it upright by its rotation mark and to full-range gray; no frame is doubled or
/// dropped to even out the frame rate, and each carries its own time (to the microsecond), so that variable frame rates
/// are right. Time 0 is the start of the file, where its audio is 0 too; the first frame may be later. A size change
/// within the video is scaled to the first size.
///
/// The end of the video is only believed when ffmpeg exits with success and, if strict, has not found the file cut
/// short. Playlists cannot lead to the network: ffmpeg may open files only. Destruction in mid-video ends the process.
///
///     vmt::media::ffmpeg video("take1.mp4");
///     for (vmt::frame f; video(f);) use(f);
class ffmpeg {
 public:
  /// Starts ffmpeg and reads the size. Throws `not_found` (no such video, no such program), `bad_format` (with ffmpeg's
  /// own words), `limit_exceeded`, `io_failure`.
  explicit ffmpeg(const std::filesystem::path& video, ffmpeg_options options = {})
      : video_(video.string()), program_(options.program), strict_(options.strict) {
    std::error_code failure;
    const auto status = std::filesystem::status(video, failure);
    if (!std::filesystem::exists(status)) throw error(errc::not_found, "there is no video file '" + video_ + "'");
    if (std::filesystem::is_directory(status)) {
      throw error(errc::invalid_argument, "'" + video_ + "' is a folder; a video file was expected");
    }
    try {
      child_ = std::make_unique<detail::child_process>(arguments(options));
    } catch (const error& e) {
      if (e.code() != errc::not_found) throw;
      throw error(errc::not_found,
                  std::string(e.what()) + "; install ffmpeg (5.1 or later), or make a folder of frames");
    }
    try {
      reader_ = std::make_unique<y4m_reader<child_bytes>>(
          child_bytes{child_.get()}, y4m_options{.fps = 1, .range = luma_range::full, .limits = options.limits});
    } catch (const error& e) {
      if (e.code() == errc::bad_format) finish("decoded no frame");
      throw;
    }
  }

  /// The next frame; false at the end of the video. Throws `bad_format` with ffmpeg's words when decoding fails or
  /// breaks off, `inconsistent` when a frame has no time.
  bool operator()(frame& out) {
    if (ended_) return false;
    for (;;) {
      bool more = false;
      try {
        more = (*reader_)(out);
      } catch (const error& e) {
        if (e.code() == errc::bad_format) finish("stopped in mid-frame");
        throw;
      }
      if (!more) {
        ended_ = true;
        finish(nullptr);
        return false;
      }
      const double time = next_time();
      if (count_ > 0 && time <= last_time_) {  // such files exist; players show the earlier picture
        ++dropped_;
        continue;
      }
      last_time_ = time;
      out.time = time;
      out.number = count_++;
      return true;
    }
  }

  [[nodiscard]] index_t width() const noexcept { return reader_->width(); }
  [[nodiscard]] index_t height() const noexcept { return reader_->height(); }
  /// Frames left out because they were not later than the one before.
  [[nodiscard]] index_t dropped() const noexcept { return dropped_; }
  /// What ffmpeg has complained about so far, at most 4 KiB: what there is to know of damage when it is not strict.
  [[nodiscard]] std::string messages() const { return cleaned(child_->messages()); }

 private:
  struct child_bytes {
    detail::child_process* child;
    std::size_t operator()(std::span<std::byte> room) const { return child->read(room); }
  };

  [[nodiscard]] std::vector<std::string> arguments(const ffmpeg_options& options) const {
    std::vector<std::string> all{options.program, "-nostdin", "-hide_banner", "-loglevel", "error"};
    if (options.strict) all.insert(all.end(), {"-xerror", "-err_detect", "explode"});
    // `file:` keeps names like "-y" or "http:x" from being anything but file names; V is video but for cover pictures.
    // yadif touches only frames that are marked as interlaced. The metadata filters write the time of each frame, in
    // microseconds, to descriptor 3 before the frame itself goes to descriptor 1.
    all.insert(all.end(), {"-protocol_whitelist", "file,pipe", "-i", "file:" + video_, "-map", "0:V:0", "-fps_mode",
                           "passthrough", "-enc_time_base", "1:1000000", "-vf",
                           "yadif=deint=interlaced,settb=AVTB,metadata=mode=add:key=vmt:value=1,"
                           "metadata=mode=print:key=vmt:file=pipe\\\\:3:direct=1,format=gray",
                           "-f", "yuv4mpegpipe", "-pix_fmt", "gray", "pipe:1"});
    return all;
  }

  /// The child's data have ended: throws what went wrong, if anything did.
  void finish(const char* what) {
    const int status = child_->wait();
    ended_ = true;
    const std::string words = messages();
    const bool cut = strict_ && words.find("ended prematurely") != std::string::npos;  // Matroska; with success
    if (status == 0 && what == nullptr && !cut) {
      read_notes();
      if (times_.empty()) return;
      throw error(errc::inconsistent, "'" + program_ + "' gave " + std::to_string(times_.size()) + " frames of '" +
                                          video_ + "' less than it announced");
    }
    if (words.find("matches no streams") != std::string::npos) {
      throw error(errc::bad_format,
                  "the file '" + video_ + "' has no video stream: it holds sound or a cover picture only");
    }
    const std::string reason = cut && status == 0
                                   ? "found the file cut short after " + std::to_string(count_) + " frames"
                               : what != nullptr ? what
                                                 : "broke off after " + std::to_string(count_) + " frames";
    const bool old = words.find("fps_mode") != std::string::npos;
    throw error(errc::bad_format, "the video '" + video_ + "' cannot be decoded: '" + program_ + "' " + reason +
                                      " (exit status " + std::to_string(status) + ")" +
                                      (old ? "; it is too old, 5.1 or later is needed" : "") +
                                      (words.empty() ? "" : "; it says: " + words));
  }

  /// ffmpeg's words without the addresses of its objects and the last line's end: "[h264 @ 0x5581]" becomes "[h264]".
  static std::string cleaned(std::string words) {
    for (std::size_t at = 0; (at = words.find(" @ 0x", at)) != std::string::npos;) {
      words.erase(at, (std::min)(words.find_first_not_of("0123456789abcdef", at + 5), words.size()) - at);
    }
    while (!words.empty() && words.back() == '\n') words.pop_back();
    return words;
  }

  double next_time() {
    read_notes();
    while (times_.empty()) {
      if (!child_->wait_for_side_channels()) {
        throw error(errc::inconsistent,
                    "'" + program_ + "' gave no time for frame " + std::to_string(count_) + " of '" + video_ + "'");
      }
      read_notes();
    }
    const double time = times_.front();
    times_.erase(times_.begin());  // a handful: ffmpeg is as far ahead as a pipe is deep
    return time;
  }

  /// Takes whole lines `frame:N pts:T pts_time:…` from the notes; T counts microseconds.
  void read_notes() {
    std::string& notes = child_->notes();
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = notes.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string_view line = std::string_view(notes).substr(begin, end - begin);
      if (!line.starts_with("frame:")) continue;
      const std::size_t at = line.find("pts:");
      std::int64_t microseconds = 0;
      if (at == std::string_view::npos ||
          std::from_chars(line.data() + at + 4, line.data() + line.size(), microseconds).ec != std::errc{}) {
        throw error(errc::inconsistent, "a frame of '" + video_ +
                                            "' has no time; put the video into another container "
                                            "('ffmpeg -i IN -c copy OUT.mp4')");
      }
      times_.push_back(static_cast<double>(microseconds) / 1e6);
    }
    notes.erase(0, begin);
  }

  std::string video_;
  std::string program_;
  bool strict_;
  std::unique_ptr<detail::child_process> child_;
  std::unique_ptr<y4m_reader<child_bytes>> reader_;
  std::vector<double> times_;
  double last_time_ = 0;
  std::int64_t count_ = 0;
  index_t dropped_ = 0;
  bool ended_ = false;
};

}  // namespace vmt::inline VMT_ABI::media
