// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/media/image_info.hpp>

#include <algorithm>  // max
#include <array>      // components

namespace vmt::inline VMT_ABI::media {

namespace detail {

/// Walks the markers of a JPEG file (ITU-T T.81, annex B) from SOI to EOI.
class jpeg_walk {
 public:
  jpeg_walk(std::span<const std::byte> file, const image_limits& limits) : file_(file), limits_(limits) {}

  image_info run() {
    if (file_.size() < 4 || byte_at(0) != 0xFF || byte_at(1) != 0xD8) damaged("it does not begin with FF D8");
    at_ = 2;
    for (;;) {
      const unsigned marker = next_marker();
      if (marker == 0xD9) break;
      if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) continue;  // TEM, RSTn: no length follows
      if (marker == 0xD8) damaged("a second image begins inside the first (byte " + std::to_string(at_) + ")");
      const std::span<const std::byte> body = segment();
      if (marker == 0xDA) {
        scan_header(body);
        skip_scan();
      } else if (marker == 0xC4) {
        huffman_tables(body);
      } else if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC8 && marker != 0xCC) {
        frame_header(marker, body);
      }
    }
    if (info_.width == 0) damaged("it has no frame header (marker SOF)");
    for (std::size_t c = 0; c < components_; ++c) {
      if (!sent_[c]) damaged("the data of component " + std::to_string(c) + " are missing");
    }
    std::size_t end = file_.size();
    while (end > 0 && byte_at(end - 1) == 0) --end;
    if (end < 2 || byte_at(end - 2) != 0xFF || byte_at(end - 1) != 0xD9) {
      damaged("it does not end with the end marker FF D9");
    }
    return info_;
  }

 private:
  [[noreturn]] static void damaged(const std::string& what) { damaged_image(image_kind::jpeg, what); }
  [[nodiscard]] unsigned byte_at(std::size_t i) const { return std::to_integer<unsigned>(file_[i]); }

  unsigned next_marker() {
    if (at_ >= file_.size() || byte_at(at_) != 0xFF) {
      damaged(at_ >= file_.size() ? "the file ends before the end marker FF D9 (truncated)"
                                  : "a marker was expected at byte " + std::to_string(at_));
    }
    while (at_ < file_.size() && byte_at(at_) == 0xFF) ++at_;  // fill bytes
    if (at_ >= file_.size()) damaged("the file ends before the end marker FF D9 (truncated)");
    return byte_at(at_++);
  }

  std::span<const std::byte> segment() {
    if (file_.size() - at_ < 2) damaged("the file ends inside a segment (truncated)");
    const std::size_t length = big_endian_16(file_, at_);
    if (length < 2 || length > file_.size() - at_) {
      damaged("the segment at byte " + std::to_string(at_) + " goes beyond the end of the file");
    }
    const auto body = file_.subspan(at_ + 2, length - 2);
    at_ += length;
    return body;
  }

  void frame_header(unsigned marker, std::span<const std::byte> body) {
    if (marker > 0xC2) {
      throw error(errc::unsupported, "the JPEG image is lossless, hierarchical or arithmetic-coded (marker SOF" +
                                         std::to_string(marker - 0xC0) + "); baseline or progressive was expected");
    }
    if (info_.width != 0) damaged("it has two frame headers");
    if (body.size() < 6) damaged("its frame header is too short");
    if (body[0] != std::byte{8}) {
      throw error(errc::unsupported, "the JPEG image has " + std::to_string(std::to_integer<int>(body[0])) +
                                         " bits a sample, 8 were expected");
    }
    const auto height = static_cast<index_t>(big_endian_16(body, 1));
    const auto width = static_cast<index_t>(big_endian_16(body, 3));
    components_ = std::to_integer<std::size_t>(body[5]);
    if (components_ != 1 && components_ != 3 && components_ != 4) {
      damaged("it has " + std::to_string(components_) + " components, 1, 3 or 4 were expected");
    }
    if (body.size() != 6 + 3 * components_) damaged("its frame header has the wrong length");
    check_image_size(image_kind::jpeg, width, height, limits_);
    unsigned most_across = 1;
    unsigned most_down = 1;
    for (std::size_t c = 0; c < components_; ++c) {
      ids_[c] = std::to_integer<unsigned>(body[6 + 3 * c]);
      across_[c] = std::to_integer<unsigned>(body[7 + 3 * c]) >> 4;
      down_[c] = std::to_integer<unsigned>(body[7 + 3 * c]) & 15U;
      if (across_[c] < 1 || across_[c] > 4 || down_[c] < 1 || down_[c] > 4) damaged("a sampling factor is not 1 to 4");
      most_across = (std::max)(most_across, across_[c]);
      most_down = (std::max)(most_down, down_[c]);
    }
    // Fractional ratios are legal on paper, never written by encoders, and overrun buffers in decoders
    // (CVE-2021-37789).
    for (std::size_t c = 0; c < components_; ++c) {
      if (most_across % across_[c] != 0 || most_down % down_[c] != 0) damaged("its sampling factors do not divide");
    }
    info_.width = width;
    info_.height = height;
  }

  void huffman_tables(std::span<const std::byte> body) {
    while (!body.empty()) {
      if (body.size() < 17) damaged("a Huffman table is cut short");
      const auto kind = std::to_integer<unsigned>(body[0]);
      if ((kind >> 4) > 1 || (kind & 15U) > 3) damaged("a Huffman table has an impossible number");
      std::size_t symbols = 0;
      for (std::size_t i = 1; i <= 16; ++i) symbols += std::to_integer<std::size_t>(body[i]);
      if (symbols > 256 || symbols > body.size() - 17) damaged("a Huffman table is cut short");
      if ((kind >> 4) == 0) {  // DC: a symbol is a number of bits
        for (std::size_t i = 0; i < symbols; ++i) {
          if (body[17 + i] > std::byte{11}) damaged("a Huffman table asks for more than 11 bits");
        }
      }
      body = body.subspan(17 + symbols);
    }
  }

  void scan_header(std::span<const std::byte> body) {
    if (info_.width == 0) damaged("a scan comes before the frame header");
    const std::size_t count = body.empty() ? 0 : std::to_integer<std::size_t>(body[0]);
    if (count < 1 || count > 4 || body.size() != 4 + 2 * count) damaged("a scan header is malformed");
    const auto first = std::to_integer<unsigned>(body[1 + 2 * count]);
    const auto last = std::to_integer<unsigned>(body[2 + 2 * count]);
    const auto precision = std::to_integer<unsigned>(body[3 + 2 * count]);
    if (first > last || last > 63 || (precision >> 4) > 13 || (precision & 15U) > 13) {
      damaged("a scan header has coefficients or bits out of range");
    }
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t c = 0;
      while (c < components_ && ids_[c] != std::to_integer<unsigned>(body[1 + 2 * i])) ++c;
      if (c == components_) damaged("a scan names a component that does not exist");
      if (first == 0) sent_[c] = true;
    }
  }

  /// Entropy-coded data: up to a marker that is neither a stuffed zero nor a restart.
  void skip_scan() {
    for (;; ++at_) {
      if (file_.size() - at_ < 2) damaged("the file ends inside the picture data (truncated)");
      if (byte_at(at_) != 0xFF) continue;
      const unsigned next = byte_at(at_ + 1);
      if (next != 0 && next != 0xFF && (next < 0xD0 || next > 0xD7)) return;
    }
  }

  std::span<const std::byte> file_;
  const image_limits& limits_;
  std::size_t at_ = 0;
  image_info info_{image_kind::jpeg, 0, 0};
  std::size_t components_ = 0;
  std::array<unsigned, 4> ids_{};
  std::array<unsigned, 4> across_{};
  std::array<unsigned, 4> down_{};
  std::array<bool, 4> sent_{};
};

}  // namespace detail

/// Size and integrity of a JPEG file without decoding it: all segments inside the file, one frame header, data for
/// every component, the end marker found and FF D9 the last bytes (zeros may follow). Decoders accept truncated files
/// and fill in gray; this does not. A flipped bit inside the picture data stays invisible: JPEG has no checksum.
///
/// Throws `bad_format` (damaged), `unsupported` (lossless, arithmetic-coded, 12-bit), `limit_exceeded`.
[[nodiscard]] inline image_info check_jpeg(std::span<const std::byte> file, const image_limits& limits = {}) {
  return detail::jpeg_walk(file, limits).run();
}

}  // namespace vmt::inline VMT_ABI::media
