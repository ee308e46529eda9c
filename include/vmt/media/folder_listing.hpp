// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>

#include <algorithm>     // sort
#include <charconv>      // numbers in names
#include <cstdint>       // int64_t
#include <filesystem>    // directory_iterator
#include <optional>      // frame_number
#include <string>        // names
#include <string_view>   // times.csv
#include <system_error>  // error_code
#include <vector>        // listing
#include <version>       // __cpp_lib_to_chars
#if !defined(__cpp_lib_to_chars)
#include <locale>   // classic
#include <sstream>  // istringstream
#endif

namespace vmt::inline VMT_ABI::media::detail {

inline bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// The last run of digits in a file name without its extension: 12 for "take3_00012.png". Throws `bad_format` where it
/// does not fit into 63 bits.
inline std::optional<std::int64_t> frame_number(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  std::size_t end = stem.size();
  while (end > 0 && !is_digit(stem[end - 1])) --end;
  if (end == 0) return std::nullopt;
  std::size_t begin = end;
  while (begin > 0 && is_digit(stem[begin - 1])) --begin;
  std::int64_t number = 0;
  if (std::from_chars(stem.data() + begin, stem.data() + end, number).ec != std::errc{}) {
    throw error(errc::bad_format, "the number in the file name '" + path.string() + "' is too large");
  }
  return number;
}

inline bool is_image_name(const std::filesystem::path& path) {
  if (path.filename().string().starts_with('.')) return false;
  std::string extension = path.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".pgm" ||
         extension == ".ppm" || extension == ".pnm";
}

struct numbered_image {
  std::int64_t number;
  std::filesystem::path path;
};

/// The images of a folder in the order of their numbers, each number once; see `frame_folder`.
inline std::vector<numbered_image> list_images(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code failure;
  if (!fs::exists(folder, failure)) {
    throw error(errc::not_found, "the frame folder '" + folder.string() + "' does not exist");
  }
  if (!fs::is_directory(folder, failure)) {
    throw error(errc::invalid_argument, "'" + folder.string() + "' is not a folder; a folder of images was expected");
  }
  std::vector<fs::path> paths;
  fs::directory_iterator entry(folder, failure);
  for (; !failure && entry != fs::directory_iterator(); entry.increment(failure)) {
    if (is_image_name(entry->path())) paths.push_back(entry->path());
  }
  if (failure) {
    throw error(errc::io_failure, "cannot list the folder '" + folder.string() + "': " + failure.message());
  }
  if (paths.empty()) {
    throw error(errc::not_found,
                "there are no images in '" + folder.string() +
                    "'; files named like frame00001.png (.png .jpg .jpeg .pgm .ppm .pnm) were expected");
  }
  std::sort(paths.begin(), paths.end());  // so that messages do not depend on the file system
  std::vector<numbered_image> images;
  bool all_bare = true;
  for (const fs::path& path : paths) {
    if (!fs::is_regular_file(path, failure)) {
      throw error(errc::io_failure, "'" + path.string() + "' is named like an image but is no readable file" +
                                        (failure ? ": " + failure.message() : std::string()));
    }
    const auto number = frame_number(path);
    all_bare = all_bare && !number;
    images.push_back({number.value_or(-1), path});
  }
  if (all_bare) {
    for (std::size_t i = 0; i < images.size(); ++i) images[i].number = static_cast<std::int64_t>(i);
    return images;
  }
  std::stable_sort(images.begin(), images.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  if (images.front().number < 0) {
    throw error(errc::inconsistent, "'" + images.front().path.string() +
                                        "' has no number in its name, but other images have; rename or remove it");
  }
  for (std::size_t i = 1; i < images.size(); ++i) {
    if (images[i].number == images[i - 1].number) {
      throw error(errc::inconsistent, "'" + images[i - 1].path.string() + "' and '" + images[i].path.string() +
                                          "' have the same frame number " + std::to_string(images[i].number));
    }
  }
  return images;
}

/// A decimal number that fills the whole text, whatever the locale.
inline std::optional<double> seconds_of(std::string_view text) {
  double value = 0;
#if defined(__cpp_lib_to_chars)
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
#else  // a standard library whose from_chars knows integers only
  std::istringstream in{std::string(text)};
  in.imbue(std::locale::classic());
  if (!(in >> std::noskipws >> value) || in.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
#endif
  return value;
}

/// One row of `times.csv`.
struct frame_time {
  std::int64_t number;
  double seconds;
};

/// `times.csv`: lines `index,seconds` (a header line of just these words may stand first), both strictly increasing.
inline std::vector<frame_time> parse_times(std::string_view text, const std::string& file) {
  std::vector<frame_time> times;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (line_number == 1 && line == "index,seconds")) continue;
    const auto fail = [&](errc code, const std::string& what) {
      throw error(code, "'" + file + "', line " + std::to_string(line_number) + ": " + what);
    };
    frame_time row{};
    const char* const last = line.data() + line.size();
    const auto index = std::from_chars(line.data(), last, row.number);
    if (index.ec != std::errc{} || index.ptr == last || *index.ptr != ',' || row.number < 0) {
      fail(errc::bad_format, "'index,seconds' was expected, as in '12,0.48'");
    }
    const auto seconds = seconds_of(line.substr(static_cast<std::size_t>(index.ptr + 1 - line.data())));
    if (!seconds) fail(errc::bad_format, "the seconds are not a number");
    row.seconds = *seconds;
    if (!(row.seconds > -1e12 && row.seconds < 1e12)) fail(errc::not_finite, "the seconds are not finite");
    if (!times.empty() && row.number <= times.back().number) {
      fail(errc::inconsistent, "the index " + std::to_string(row.number) + " does not grow");
    }
    if (!times.empty() && row.seconds <= times.back().seconds) {
      fail(errc::inconsistent, "the time does not grow from line to line");
    }
    times.push_back(row);
  }
  return times;
}

}  // namespace vmt::inline VMT_ABI::media::detail
