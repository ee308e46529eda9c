// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/media/frame.hpp>
#include <vmt/media/image_info.hpp>

#include <algorithm>    // min
#include <array>        // range table
#include <cerrno>       // EINTR
#include <charconv>     // header numbers
#include <cmath>        // isfinite
#include <concepts>     // convertible_to
#include <cstdio>       // FILE
#include <string>       // header line
#include <string_view>  // parameters
#include <utility>      // move

namespace vmt::inline VMT_ABI::media {

/// A byte source is any callable `size_t(std::span<std::byte> room)`: it fills in at least one byte and returns how
/// many, or returns 0 at the end.
template <class S>
concept byte_source = std::is_invocable_r_v<std::size_t, S&, std::span<std::byte>>;

/// Bytes of an open C stream, such as stdin (which Windows must set to binary mode). The stream is borrowed.
struct stdio_bytes {
  std::FILE* stream;

  std::size_t operator()(std::span<std::byte> room) const {
    for (;;) {
      errno = 0;
      const std::size_t got = std::fread(room.data(), 1, room.size(), stream);
      if (got > 0 || std::ferror(stream) == 0) return got;
      if (errno != EINTR) throw error(errc::io_failure, "cannot read the video stream: the read failed");
      std::clearerr(stream);
    }
  }
};

/// How luma values stand for black and white.
enum class luma_range {
  stated,   ///< by XCOLORRANGE; without it mono is full, all else limited, as ffmpeg takes it
  full,     ///< 0 … 255
  limited,  ///< 16 … 235, spread to 0 … 255
};

struct y4m_options {
  double fps = 0;  ///< used where the stream states no rate (F0:0)
  luma_range range = luma_range::stated;
  image_limits limits = {};
};

/// A frame source over a YUV4MPEG2 stream with 8 bits a sample: Cmono, C420*, C411, C422, C444, C444alpha. Chroma is
/// passed over. Time is frame number / rate. Nothing is read ahead: after the end the byte source stands behind the
/// last frame.
///
///     vmt::media::y4m_reader video(vmt::media::stdio_bytes{stdin});
template <class Bytes>
  requires byte_source<Bytes>
class y4m_reader {
 public:
  /// Reads the stream header. Throws `bad_format`, `unsupported` (bit depth, by name), `limit_exceeded`.
  explicit y4m_reader(Bytes bytes, y4m_options options = {}) : bytes_(std::move(bytes)) {
    constexpr std::string_view magic = "YUV4MPEG2";
    const std::string line = read_line(0, 1024, "the stream header");
    if (!line.starts_with(magic) || (line.size() > magic.size() && line[magic.size()] != ' ')) {
      throw error(errc::bad_format,
                  "the video stream does not begin with YUV4MPEG2; make one with "
                  "'ffmpeg -i VIDEO -f yuv4mpegpipe -pix_fmt gray -'");
    }
    parse(std::string_view(line).substr(magic.size()), options);
  }

  [[nodiscard]] index_t width() const noexcept { return width_; }
  [[nodiscard]] index_t height() const noexcept { return height_; }

  /// The next frame; false at the end of the stream. Throws `bad_format` where the stream ends inside a frame or
  /// anything but a frame follows.
  bool operator()(frame& out) {
    std::array<std::byte, 6> head{};
    const std::size_t got = read_some(head);
    if (got == 0) return false;
    const std::string_view word(reinterpret_cast<const char*>(head.data()), got);
    if (got < head.size()) ends_inside();
    if (!word.starts_with("FRAME") || (word[5] != '\n' && word[5] != ' ')) {
      throw error(errc::bad_format, "the word FRAME was expected before frame " + std::to_string(count_) +
                                        " of the video stream; frames before it were cut short, or the size is wrong");
    }
    if (word[5] == ' ') read_line(6, 1024, "a frame header");
    out.resize(width_, height_);
    if (read_some(std::as_writable_bytes(std::span(out.pixels))) != out.pixels.size()) ends_inside();
    std::array<std::byte, 4096> passed_over;
    for (index_t left = chroma_bytes_; left > 0;) {
      const auto now = (std::min)(left, static_cast<index_t>(passed_over.size()));
      if (read_some(std::span(passed_over).first(static_cast<std::size_t>(now))) != static_cast<std::size_t>(now)) {
        ends_inside();
      }
      left -= now;
    }
    if (spread_) {
      for (std::uint8_t& v : out.pixels) v = spread_table[v];
    }
    out.time = static_cast<double>(count_) * seconds_per_frame_;
    out.number = count_++;
    out.damaged = false;
    return true;
  }

 private:
  /// Limited to full range: (v − 16) · 255 / 219, rounded and clamped.
  static constexpr auto spread_table = [] {
    std::array<std::uint8_t, 256> table{};
    for (int v = 0; v < 256; ++v) {
      const int clamped = v < 16 ? 16 : v > 235 ? 235 : v;
      table[static_cast<std::size_t>(v)] = static_cast<std::uint8_t>(((clamped - 16) * 510 + 219) / 438);
    }
    return table;
  }();

  [[noreturn]] void ends_inside() const {
    throw error(errc::bad_format,
                "the video stream ends inside frame " + std::to_string(count_) + "; its writer was stopped or failed");
  }

  std::size_t read_some(std::span<std::byte> room) {
    std::size_t got = 0;
    while (got < room.size()) {
      const std::size_t now = bytes_(room.subspan(got));
      if (now == 0) break;
      got += now;
    }
    return got;
  }

  std::string read_line(std::size_t before, std::size_t limit, const char* what) {
    std::string line;
    for (std::byte b{}; before + line.size() < limit;) {
      if (read_some({&b, 1}) == 0) {
        throw error(errc::bad_format, std::string("the video stream ends inside ") + what);
      }
      if (b == std::byte{'\n'}) return line;
      line += std::to_integer<char>(b);
    }
    throw error(errc::bad_format, std::string(what) + " of the video stream is longer than " + std::to_string(limit) +
                                      " bytes; a YUV4MPEG2 stream was expected");
  }

  void parse(std::string_view parameters, const y4m_options& options) {
    std::string_view colour = "420jpeg";
    luma_range stated = luma_range::stated;
    index_t rate = 0;
    index_t scale = 0;
    while (!parameters.empty()) {
      const std::size_t end = (std::min)(parameters.find(' '), parameters.size());
      const std::string_view word = parameters.substr(0, end);
      parameters.remove_prefix((std::min)(end + 1, parameters.size()));
      if (word.empty()) continue;
      const std::string_view value = word.substr(1);
      switch (word[0]) {
        case 'W': width_ = number(value, word); break;
        case 'H': height_ = number(value, word); break;
        case 'C': colour = value; break;
        case 'F': {
          const std::size_t colon = (std::min)(value.find(':'), value.size());
          rate = number(value.substr(0, colon), word);
          scale = number(value.substr((std::min)(colon + 1, value.size())), word);
          break;
        }
        case 'X':
          if (value == "COLORRANGE=FULL") stated = luma_range::full;
          if (value == "COLORRANGE=LIMITED") stated = luma_range::limited;
          break;
        default: break;  // interlacing, aspect ratio, comments
      }
    }
    check_size(options.limits);
    const index_t w2 = (width_ + 1) / 2;
    const index_t h2 = (height_ + 1) / 2;
    if (colour == "mono") {
      chroma_bytes_ = 0;
    } else if (colour == "420" || colour == "420jpeg" || colour == "420mpeg2" || colour == "420paldv") {
      chroma_bytes_ = 2 * w2 * h2;
    } else if (colour == "411") {
      chroma_bytes_ = 2 * ((width_ + 3) / 4) * height_;
    } else if (colour == "422") {
      chroma_bytes_ = 2 * w2 * height_;
    } else if (colour == "444") {
      chroma_bytes_ = 2 * width_ * height_;
    } else if (colour == "444alpha") {
      chroma_bytes_ = 3 * width_ * height_;
    } else {
      throw error(errc::unsupported, "the video stream has the colour format C" + std::string(colour) +
                                         "; 8-bit mono, 420, 411, 422 or 444 was expected (ffmpeg: -pix_fmt gray)");
    }
    if (options.range != luma_range::stated) stated = options.range;
    spread_ = stated == luma_range::limited || (stated == luma_range::stated && colour != "mono");
    if (rate > 0 && scale > 0) {
      seconds_per_frame_ = static_cast<double>(scale) / static_cast<double>(rate);
    } else if (std::isfinite(options.fps) && options.fps > 0) {
      seconds_per_frame_ = 1 / options.fps;
    } else {
      throw error(errc::bad_format, "the video stream states no frame rate (F); give the frames per second");
    }
  }

  void check_size(const image_limits& limits) const {
    if (width_ < 1 || height_ < 1) {
      throw error(errc::bad_format, "the header of the video stream states no width (W) or no height (H)");
    }
    if (width_ > limits.max_width || height_ > limits.max_height || width_ > limits.max_area / height_) {
      throw error(errc::limit_exceeded, "the video stream has frames of " + std::to_string(width_) + "x" +
                                            std::to_string(height_) + " pixels, at most " +
                                            std::to_string(limits.max_width) + "x" + std::to_string(limits.max_height) +
                                            " and " + std::to_string(limits.max_area) + " in all are allowed");
    }
  }

  static index_t number(std::string_view digits, std::string_view word) {
    index_t value = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failure != std::errc{} || end != digits.data() + digits.size() || value < 0 || value > 2'000'000'000) {
      throw error(errc::bad_format,
                  "the header of the video stream has the malformed parameter '" + std::string(word) + "'");
    }
    return value;
  }

  Bytes bytes_;
  index_t width_ = 0;
  index_t height_ = 0;
  index_t chroma_bytes_ = 0;
  double seconds_per_frame_ = 0;
  bool spread_ = false;
  std::int64_t count_ = 0;
};

}  // namespace vmt::inline VMT_ABI::media
