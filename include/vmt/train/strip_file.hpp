// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/crc32.hpp>
#include <vmt/core/file.hpp>
#include <vmt/core/index.hpp>
#include <vmt/media/frame.hpp>

#include <cstring>  // memcmp
#include <fstream>  // reading by position
#include <vector>   // times

namespace vmt::inline VMT_ABI::train {

namespace detail {

/// The first bytes of a strip file; then count × height × width gray values, then count times (double, seconds).
struct strip_header {
  char magic[8] = {'v', 'm', 't', 's', 't', 'r', 'i', 'p'};
  std::uint32_t byte_order = 0x01020304;
  std::uint32_t version = 1;
  std::uint64_t stamp = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t count = 0;
  std::uint32_t times_crc = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(strip_header) == 56);

}  // namespace detail

/// Writes gray frames of one size and their times into a file that appears, whole, with `finish`. It is a cache of this
/// machine: numbers have its byte order.
class strip_writer {
 public:
  strip_writer(const std::filesystem::path& path, index_t height, index_t width, std::uint64_t stamp) : file_(path) {
    header_.stamp = stamp;
    header_.height = height;
    header_.width = width;
    file_.append(std::as_bytes(std::span(&header_, 1)));
  }
  void add(const frame& strip) {
    if (strip.height != header_.height || strip.width != header_.width) {
      throw error(errc::inconsistent, "strips of " + std::to_string(header_.width) + "x" +
                                          std::to_string(header_.height) + " pixels were expected, found " +
                                          std::to_string(strip.width) + "x" + std::to_string(strip.height));
    }
    file_.append(std::as_bytes(std::span(strip.pixels)));
    times_.push_back(strip.time);
  }
  void finish() {
    const auto bytes = std::as_bytes(std::span(times_));
    file_.append(bytes);
    header_.count = static_cast<std::int64_t>(times_.size());
    header_.times_crc = crc32(bytes);
    file_.patch(0, std::as_bytes(std::span(&header_, 1)));
    file_.commit();
  }

 private:
  atomic_file file_;
  detail::strip_header header_;
  std::vector<double> times_;
};

/// A file of `strip_writer`. Only the times are kept in memory; frames are read when asked for, so that any number of
/// files of any length may be open. A const object may be shared by threads.
class strip_file {
 public:
  /// Throws `not_found`, `bad_format` (no strip file, cut short, of another machine), `io_failure`.
  explicit strip_file(std::filesystem::path path) : path_(std::move(path)) {
    std::ifstream in = open();
    std::error_code failure;
    const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(path_, failure));
    if (failure) throw error(errc::io_failure, "cannot read " + vmt::detail::quoted(path_) + ": " + failure.message());
    const detail::strip_header expected;
    in.read(reinterpret_cast<char*>(&header_), sizeof header_);
    if (!in || std::memcmp(header_.magic, expected.magic, sizeof expected.magic) != 0 ||
        header_.byte_order != expected.byte_order || header_.version != expected.version) {
      bad("it is no strip file of this version and machine");
    }
    // Bounds first, so that the products cannot overflow.
    if (header_.height < 1 || header_.height > 8192 || header_.width < 1 || header_.width > 8192 || header_.count < 0 ||
        header_.count > bytes / (header_.height * header_.width) ||
        bytes != header_size + header_.count * (header_.height * header_.width + time_size)) {
      bad("it has not the length that its header states");
    }
    times_.resize(static_cast<std::size_t>(header_.count));
    in.seekg(header_size + header_.count * header_.height * header_.width);
    in.read(reinterpret_cast<char*>(times_.data()), header_.count * time_size);
    if (!in || crc32(std::as_bytes(std::span(times_))) != header_.times_crc) bad("its times are damaged");
  }

  [[nodiscard]] std::uint64_t stamp() const noexcept { return header_.stamp; }
  [[nodiscard]] index_t height() const noexcept { return static_cast<index_t>(header_.height); }
  [[nodiscard]] index_t width() const noexcept { return static_cast<index_t>(header_.width); }
  [[nodiscard]] index_t size() const noexcept { return static_cast<index_t>(times_.size()); }
  [[nodiscard]] std::span<const double> times() const noexcept { return times_; }

  /// Frames first … first + n − 1; out has n · height · width bytes. Throws `invalid_argument` beyond the last frame,
  /// `io_failure`.
  void read(index_t first, std::span<std::uint8_t> out) const {
    const index_t area = height() * width();
    const auto bytes = static_cast<index_t>(out.size());
    if (first < 0 || bytes % area != 0 || bytes / area > size() - first) {
      throw error(errc::invalid_argument, vmt::detail::quoted(path_) + " has " + std::to_string(size()) +
                                              " frames of " + std::to_string(area) + " bytes; asked for were " +
                                              std::to_string(bytes) + " bytes from frame " + std::to_string(first));
    }
    std::ifstream in = open();
    in.seekg(header_size + first * area);
    in.read(reinterpret_cast<char*>(out.data()), bytes);
    if (!in) throw error(errc::io_failure, "cannot read " + vmt::detail::quoted(path_) + ": the file was cut short");
  }

 private:
  static constexpr std::int64_t header_size = sizeof(detail::strip_header);
  static constexpr std::int64_t time_size = sizeof(double);

  [[nodiscard]] std::ifstream open() const {
    std::ifstream in;
    in.rdbuf()->pubsetbuf(nullptr, 0);  // frames go straight to their place
    in.open(path_, std::ios::binary);
    if (!in) throw error(errc::not_found, "cannot open the strip file " + vmt::detail::quoted(path_));
    return in;
  }
  [[noreturn]] void bad(const char* what) const {
    throw error(errc::bad_format, vmt::detail::quoted(path_) + ": " + what + "; delete it, it is made again");
  }

  std::filesystem::path path_;
  detail::strip_header header_;
  std::vector<double> times_;
};

}  // namespace vmt::inline VMT_ABI::train
