// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file.hpp>
#include <vmt/media/frame.hpp>
#include <vmt/media/image_info.hpp>

#include <filesystem>  // path
#include <string>      // header

namespace vmt::inline VMT_ABI::media {

namespace detail {

/// Numbers separated by white space and comments, as the headers of Netpbm files and the body of P2 have them.
class pnm_scanner {
 public:
  pnm_scanner(std::span<const std::byte> file, std::size_t at) : file_(file), at_(at) {}

  [[nodiscard]] std::size_t position() const { return at_; }

  /// Skips white space and comments; returns false at the end of the file.
  bool skip_blanks() {
    for (; at_ < file_.size(); ++at_) {
      if (byte() == '#') {
        while (at_ < file_.size() && byte() != '\n' && byte() != '\r') ++at_;
        if (at_ == file_.size()) return false;
      } else if (!is_blank()) {
        return true;
      }
    }
    return false;
  }

  index_t number(const char* what) {
    if (!skip_blanks()) damaged_image(image_kind::pnm, std::string("the file ends before its ") + what);
    if (byte() < '0' || byte() > '9') {
      damaged_image(image_kind::pnm,
                    std::string("its ") + what + " is not a number (byte " + std::to_string(at_) + ")");
    }
    index_t value = 0;
    for (; at_ < file_.size() && byte() >= '0' && byte() <= '9'; ++at_) {
      value = value * 10 + static_cast<index_t>(byte() - '0');
      if (value > 1'000'000'000) damaged_image(image_kind::pnm, std::string("its ") + what + " is too large");
    }
    if (at_ < file_.size() && !is_blank() && byte() != '#') {
      damaged_image(image_kind::pnm,
                    std::string("its ") + what + " is not a number (byte " + std::to_string(at_) + ")");
    }
    return value;
  }

  /// The one white-space byte between the header and binary samples.
  void end_of_header() {
    if (at_ >= file_.size() || !is_blank()) damaged_image(image_kind::pnm, "the file ends after its header");
    ++at_;
  }

 private:
  [[nodiscard]] unsigned byte() const { return std::to_integer<unsigned>(file_[at_]); }
  [[nodiscard]] bool is_blank() const { return byte() == ' ' || (byte() >= 9 && byte() <= 13); }

  std::span<const std::byte> file_;
  std::size_t at_;
};

struct pnm_header {
  unsigned type;  // 2, 5 or 6
  index_t width;
  index_t height;
  index_t maximum;  // the sample that means white
  std::size_t samples_at;
};

inline pnm_header read_pnm_header(std::span<const std::byte> file, const image_limits& limits) {
  if (sniff_image(file) != image_kind::pnm) damaged_image(image_kind::pnm, "it does not begin with P2, P5 or P6");
  const unsigned type = std::to_integer<unsigned>(file[1]) - '0';
  if (type != 2 && type != 5 && type != 6) {
    throw error(errc::unsupported,
                "the PNM image is of type P" + std::to_string(type) + "; P5 or P2 (gray) or P6 (colour) was expected");
  }
  pnm_scanner scan(file, 2);
  pnm_header header{type, scan.number("width"), 0, 0, 0};
  header.height = scan.number("height");
  check_image_size(image_kind::pnm, header.width, header.height, limits);
  header.maximum = scan.number("maximum value");
  if (header.maximum < 1 || header.maximum > 65535) {
    damaged_image(image_kind::pnm, "its maximum value is " + std::to_string(header.maximum) + ", not 1 to 65535");
  }
  if (type != 2) {
    scan.end_of_header();
    const index_t expected = header.width * header.height * (type == 6 ? 3 : 1) * (header.maximum > 255 ? 2 : 1);
    const auto found = static_cast<index_t>(file.size() - scan.position());
    if (found != expected) {
      damaged_image(image_kind::pnm, "it has " + std::to_string(found) + " bytes of samples, " +
                                         std::to_string(expected) + " were expected");
    }
  } else if (static_cast<index_t>(file.size() - scan.position()) / 2 < header.width * header.height) {
    damaged_image(image_kind::pnm, "it has fewer samples than its size asks for");  // a blank and a digit for each
  }
  header.samples_at = scan.position();
  return header;
}

}  // namespace detail

/// Size and integrity of a PNM file: P2, P5, P6 with 8 or 16 bits; binary samples must fill the file exactly.
/// Throws `bad_format`, `unsupported` (P1, P3, P4, P7), `limit_exceeded`.
[[nodiscard]] inline image_info check_pnm(std::span<const std::byte> file, const image_limits& limits = {}) {
  const auto header = detail::read_pnm_header(file, limits);
  return {image_kind::pnm, header.width, header.height};
}

/// Reads P5, P2 (gray) and P6 (colour, to gray by `gray_of`). Other maximum values than 255 are scaled to it and
/// rounded: (255 v + m/2) / m. Needs no library. Throws as `check_pnm`; the frame is then unchanged.
inline void decode_pnm(std::span<const std::byte> file, frame& out, const image_limits& limits = {}) {
  const auto header = detail::read_pnm_header(file, limits);
  const index_t area = header.width * header.height;
  const auto m = static_cast<std::uint32_t>(header.maximum);
  const auto scaled = [m](std::uint32_t v) {
    if (v > m) {
      detail::damaged_image(image_kind::pnm, "the sample " + std::to_string(v) + " is larger than the stated maximum " +
                                                 std::to_string(m));
    }
    return m == 255 ? v : (255 * v + m / 2) / m;
  };
  const std::size_t wide = m > 255 ? 2 : 1;
  const auto body = file.subspan(header.samples_at);
  const auto sample = [&](index_t i) {
    const auto at = static_cast<std::size_t>(i) * wide;
    return scaled(wide == 2 ? detail::big_endian_16(body, at) : std::to_integer<std::uint32_t>(body[at]));
  };
  // Every sample is seen before the frame is touched.
  if (header.type == 2) {
    detail::pnm_scanner check(file, header.samples_at);
    for (index_t i = 0; i < area; ++i) scaled(static_cast<std::uint32_t>(check.number("sample")));
    if (check.skip_blanks()) detail::damaged_image(image_kind::pnm, "it has more samples than its size asks for");
  } else if (m != 255 && m != 65535) {
    for (index_t i = 0; i < area * (header.type == 6 ? 3 : 1); ++i) sample(i);
  }
  out.resize(header.width, header.height);
  detail::pnm_scanner scan(file, header.samples_at);
  for (index_t i = 0; i < area; ++i) {
    std::uint32_t gray = 0;
    switch (header.type) {
      case 2: gray = scaled(static_cast<std::uint32_t>(scan.number("sample"))); break;
      case 5: gray = sample(i); break;
      default: gray = gray_of(sample(3 * i), sample(3 * i + 1), sample(3 * i + 2));
    }
    out.pixels[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(gray);
  }
}

/// The decoder of PNM files as a function object.
struct pnm_decoder {
  image_limits limits = {};

  void operator()(std::span<const std::byte> file, frame& out) const {
    const auto kind = sniff_image(file);
    if (kind && *kind != image_kind::pnm) {
      throw error(errc::unsupported,
                  "the image is a " + std::string(name(*kind)) +
                      ", this decoder reads PNM only; include <vmt/media/stb.hpp> and use stb_decoder");
    }
    decode_pnm(file, out, limits);
  }
};

/// Writes a frame as binary PGM (P5, 8 bits). Throws `io_failure`.
inline void write_pgm(const std::filesystem::path& path, const frame& picture) {
  atomic_file file(path);
  file.append("P5\n" + std::to_string(picture.width) + " " + std::to_string(picture.height) + "\n255\n");
  file.append(std::as_bytes(std::span(picture.pixels)));
  file.commit();
}

}  // namespace vmt::inline VMT_ABI::media
