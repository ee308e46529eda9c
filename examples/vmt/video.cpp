// SPDX-License-Identifier: MIT
#include "video.hpp"

#include "stop.hpp"

#include <vmt/io/number.hpp>
#include <vmt/media/stb.hpp>
#include <vmt/media/y4m.hpp>
#if !defined(_WIN32)
#include <vmt/media/ffmpeg.hpp>
#endif

#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

namespace tool {
namespace {

namespace fs = std::filesystem;

/// stdin, which a signal interrupts.
struct stdin_bytes {
  std::size_t operator()(std::span<std::byte> room) const {
    for (;;) {
      if (stop_requested()) throw vmt::error(vmt::errc::stopped, "stopped while waiting for the video stream");
      errno = 0;
      const std::size_t got = std::fread(room.data(), 1, room.size(), stdin);
      if (got > 0 || std::ferror(stdin) == 0) return got;
      if (errno != EINTR) throw vmt::error(vmt::errc::io_failure, "cannot read the video stream from standard input");
      std::clearerr(stdin);
    }
  }
};

template <class Source>
std::function<bool(vmt::frame&)> shared(std::shared_ptr<Source> source) {
  return [source](vmt::frame& f) { return (*source)(f); };
}

video open_folder(const fs::path& folder, const vmt::media::frame_folder_options& options) {
  try {
    auto source = std::make_shared<vmt::media::frame_folder<vmt::media::stb_decoder>>(folder, options);
    const vmt::index_t frames = source->size();
    return {shared(std::move(source)), frames, -1};
  } catch (const vmt::error& e) {
    if (e.code() == vmt::errc::not_found) throw vmt::error(vmt::errc::bad_format, e.what());  // the folder is there
    if (e.code() == vmt::errc::invalid_argument) throw vmt::error(e.code(), std::string(e.what()) + ": --fps F");
    throw;
  }
}

#if !defined(_WIN32)
/// As ffprobe says; −1 where it does not. Only for the remaining time.
double duration(const fs::path& path) {
  try {
    vmt::media::detail::child_process probe({"ffprobe", "-v", "error", "-protocol_whitelist", "file,pipe",
                                             "-show_entries", "format=duration", "-of", "csv=p=0",
                                             "file:" + path.string()});
    std::string text(64, '\0');
    text.resize(probe.read(std::as_writable_bytes(std::span(text))));
    return vmt::io::parse_double(text.substr(0, text.find('\n'))).value_or(-1);
  } catch (const vmt::error&) {
    return -1;
  }
}

video open_file(const fs::path& path, const vmt::media::frame_folder_options& options) {
  if (options.fps > 0) {
    throw vmt::error(vmt::errc::invalid_argument,
                     "--fps is for frame folders and streams without a rate; the video file '" + path.string() +
                         "' has its own times");
  }
  const bool strict = options.damaged == vmt::media::damage_policy::fail;
  return {shared(std::make_shared<vmt::media::ffmpeg>(path, vmt::media::ffmpeg_options{.strict = strict})), -1,
          duration(path), true};
}
#else
video open_file(const fs::path& path, const vmt::media::frame_folder_options&) {
  throw vmt::error(vmt::errc::unsupported,
                   "video files are read on POSIX systems only; pipe '" + path.string() +
                       "' in: ffmpeg -i VIDEO -f yuv4mpegpipe -pix_fmt gray - | vmt transcribe -");
}
#endif

}  // namespace

video open_video(const std::string& in, const vmt::media::frame_folder_options& options) {
  if (in == "-") {
    using reader = vmt::media::y4m_reader<stdin_bytes>;
    return {shared(std::make_shared<reader>(stdin_bytes{}, vmt::media::y4m_options{.fps = options.fps})), -1, -1,
            true};
  }
  std::error_code failure;
  if (!fs::exists(in, failure)) {
    throw vmt::error(vmt::errc::not_found,
                     "there is no '" + in + "'; give a folder of frames, a video file, or - for Y4M");
  }
  return fs::is_directory(in, failure) ? open_folder(in, options) : open_file(in, options);
}

std::function<bool(vmt::frame&)> part_of(video whole, double start, double end) {
  return [next = std::move(whole.next), start, end](vmt::frame& f) {
    try {
      do {
        if (stop_requested() || !next(f)) return false;
      } while (f.time < start);
      return f.time < end;
    } catch (const vmt::error&) {
      if (stop_requested()) return false;
      throw;
    }
  };
}

}  // namespace tool
