// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file.hpp>
#include <vmt/media/folder_listing.hpp>
#include <vmt/media/frame.hpp>
#include <vmt/media/pnm.hpp>

#include <cmath>       // isfinite
#include <filesystem>  // path
#include <string>      // messages
#include <vector>      // listing

namespace vmt::inline VMT_ABI::media {

/// What to do with an image that is damaged (`bad_format`).
enum class damage_policy {
  fail,    ///< throw
  skip,    ///< leave it out; the next frame keeps its own time
  repeat,  ///< give the last good picture again, with `damaged` set (before the first good one: leave out)
};

/// What to do about frames that are missing between the first and the last.
enum class gap_policy {
  fail,   ///< throw before the first frame, and name the missing numbers
  allow,  ///< go on; the time of the frames after the gap is right all the same
};

struct frame_folder_options {
  double fps = 0;  ///< frames a second; needed where the folder has no `times.csv`, which goes first
  damage_policy damaged = damage_policy::fail;
  gap_policy gaps = gap_policy::fail;
  std::size_t max_file_bytes = std::size_t{64} << 20;
};

struct frame_folder_counts {
  index_t frames = 0;   ///< frames given so far, stand-ins included
  index_t damaged = 0;  ///< damaged images met so far
  index_t gaps = 0;     ///< frames that are missing in the folder
};

/// A frame source over a folder of images (.png .jpg .jpeg .pgm .ppm .pnm in any case; hidden files are passed over) in
/// the order of the last number in their names: frame2 before frame10. Names without any number are taken in
/// alphabetical order.
///
/// Times come from `times.csv` in the folder (lines `index,seconds`; the index is the number in the file name), else
/// they are (number − first number) / fps. All images must have the size of the first.
///
///     vmt::media::frame_folder video("frames", {.fps = 25}, vmt::media::stb_decoder{});
///     for (vmt::frame f; video(f);) use(f);
template <class Decoder = pnm_decoder>
  requires image_decoder<Decoder>
class frame_folder {
 public:
  /// Lists the folder and checks names, numbers and times; opens no image yet. Throws `not_found` (no folder, no
  /// images), `invalid_argument` (neither times nor fps), `inconsistent` (duplicates, gaps, times), `bad_format`,
  /// `io_failure`.
  explicit frame_folder(const std::filesystem::path& folder, frame_folder_options options = {}, Decoder decoder = {})
      : options_(options), decoder_(std::move(decoder)), images_(detail::list_images(folder)) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / "times.csv", ignored)) {
      use_times(folder / "times.csv");
    } else {
      use_fps(folder);
    }
  }

  /// The next frame; false after the last. Throws `bad_format` (damaged, under `damage_policy::fail`), `inconsistent`
  /// (the size changes) and what the decoder throws, always with the path of the image.
  bool operator()(frame& out) {
    while (next_ < images_.size()) {
      const std::size_t i = next_++;
      const bool good = read(i, out);
      if (!good && (options_.damaged == damage_policy::skip || last_good_.pixels.empty())) continue;
      if (!good) {
        out.resize(last_good_.width, last_good_.height);
        out.pixels = last_good_.pixels;
      }
      out.time = times_[i];
      out.number = images_[i].number;
      out.damaged = !good;
      ++counts_.frames;
      return true;
    }
    return false;
  }

  /// The number of images in the folder, for a progress display.
  [[nodiscard]] index_t size() const noexcept { return static_cast<index_t>(images_.size()); }
  [[nodiscard]] const frame_folder_counts& counts() const noexcept { return counts_; }

 private:
  bool read(std::size_t i, frame& out) {
    const std::filesystem::path& path = images_[i].path;
    try {
      decoder_(read_file(path, options_.max_file_bytes), out);
    } catch (const error& e) {
      if (e.code() == errc::bad_format && options_.damaged != damage_policy::fail) {
        ++counts_.damaged;
        return false;
      }
      const std::string what = e.what();
      const bool named = what.find(path.string()) != std::string::npos;
      throw error(e.code(), named ? what : "'" + path.string() + "': " + what);
    }
    if (first_path_.empty()) {
      first_path_ = path;
      width_ = out.width;
      height_ = out.height;
    } else if (out.width != width_ || out.height != height_) {
      throw error(errc::inconsistent, "'" + path.string() + "' has " + std::to_string(out.width) + "x" +
                                          std::to_string(out.height) + " pixels, but '" + first_path_.string() +
                                          "' has " + std::to_string(width_) + "x" + std::to_string(height_) +
                                          "; all frames of a video must have one size");
    }
    if (options_.damaged == damage_policy::repeat) last_good_ = out;
    return true;
  }

  void use_fps(const std::filesystem::path& folder) {
    if (!std::isfinite(options_.fps) || options_.fps <= 0) {
      throw error(errc::invalid_argument, "the frame folder '" + folder.string() +
                                              "' has no times.csv, so the frames per second must be given (and be "
                                              "greater than 0)");
    }
    const std::int64_t first = images_.front().number;
    std::int64_t expected = first;
    for (const auto& image : images_) {
      if (image.number != expected) missing(expected, image.number - 1, image.number - expected);
      expected = image.number + 1;
      times_.push_back(static_cast<double>(image.number - first) / options_.fps);
    }
    report_missing(folder);
  }

  void use_times(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    const auto rows = detail::parse_times({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
    std::size_t row = 0;
    for (const auto& image : images_) {
      const std::size_t before = row;
      while (row < rows.size() && rows[row].number < image.number) ++row;
      if (row == rows.size() || rows[row].number != image.number) {
        throw error(errc::inconsistent, "'" + path.string() + "' has no line for frame " +
                                            std::to_string(image.number) + " ('" + image.path.string() + "')");
      }
      if (row > before && !times_.empty()) {
        missing(rows[before].number, rows[row - 1].number, static_cast<std::int64_t>(row - before));
      }
      times_.push_back(rows[row++].seconds);
    }
    report_missing(path.parent_path());
  }

  void missing(std::int64_t from, std::int64_t to, std::int64_t count) {
    counts_.gaps += static_cast<index_t>(count);
    if (++missing_runs_ > 5) return;
    missing_ += (missing_.empty() ? "" : ", ") + std::to_string(from) + (from == to ? "" : "-" + std::to_string(to));
  }

  void report_missing(const std::filesystem::path& folder) const {
    if (counts_.gaps == 0 || options_.gaps == gap_policy::allow) return;
    throw error(errc::inconsistent,
                "the frame folder '" + folder.string() + "' misses " + std::to_string(counts_.gaps) +
                    " frames between its first and its last: " + missing_ + (missing_runs_ > 5 ? ", ..." : "") +
                    "; restore them, or allow gaps (frames after a gap keep their time)");
  }

  frame_folder_options options_;
  Decoder decoder_;
  std::vector<detail::numbered_image> images_;
  std::vector<double> times_;
  std::string missing_;
  int missing_runs_ = 0;
  std::size_t next_ = 0;
  frame_folder_counts counts_;
  std::filesystem::path first_path_;
  index_t width_ = 0;
  index_t height_ = 0;
  frame last_good_;
};

}  // namespace vmt::inline VMT_ABI::media
