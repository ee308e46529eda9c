// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file.hpp>
#include <vmt/core/index.hpp>

#include <algorithm>  // sort
#include <array>      // names
#include <charconv>   // from_chars
#include <cmath>      // isfinite
#include <limits>     // infinity
#include <string>
#include <string_view>
#include <vector>

namespace vmt::inline VMT_ABI::train {

/// What a part of the data is for.
enum class subset { train, validation, test };

[[nodiscard]] constexpr std::string_view name(subset s) noexcept {
  switch (s) {
    case subset::train: return "train";
    case subset::validation: return "validation";
    case subset::test: break;
  }
  return "test";
}

/// A line of `split.csv`: the frames of a clip with start ≤ time < end.
struct clip_part {
  std::string clip;  ///< the clip's folder, relative to the data set
  subset use = subset::train;
  double start = 0;
  double end = std::numeric_limits<double>::infinity();

  friend bool operator==(const clip_part&, const clip_part&) = default;
};

namespace detail {

inline std::string_view trimmed(std::string_view s) {
  const std::size_t first = s.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t\r") - first + 1);
}

inline std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t comma = line.find(',');
    std::string_view field = trimmed(line.substr(0, comma));
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
    fields.push_back(field);
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

}  // namespace detail

/// The lines of a `split.csv`, in their order. The first line names the columns: `clip` and `split` (train, validation
/// or test) must be there; `start` and `end`, seconds in the clip's video, may (an empty field is the clip's own start
/// or end). A clip may have several lines, for parts that do not overlap: a frame is never in two subsets. Other
/// columns are passed over; blank lines, CRLF and a byte order mark are tolerated; fields have no commas inside. Throws
/// `bad_format` with the line, `inconsistent` for overlapping parts.
[[nodiscard]] inline std::vector<clip_part> parse_split(std::string_view text) {
  enum column : std::size_t { clip, split, start, end, columns };
  constexpr std::array<std::string_view, columns> names{"clip", "split", "start", "end"};
  constexpr auto absent = static_cast<std::size_t>(-1);
  std::array<std::size_t, columns> place{absent, absent, absent, absent};
  std::vector<clip_part> parts;
  std::vector<std::size_t> line_of;
  std::size_t line_number = 0;
  bool have_header = false;
  const auto fail = [&](const std::string& what, errc code = errc::bad_format) {
    throw error(code, "split.csv, line " + std::to_string(line_number) + ": " + what);
  };
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t line_end = text.find('\n');
    const std::string_view line = detail::trimmed(text.substr(0, line_end));
    text.remove_prefix(line_end == std::string_view::npos ? text.size() : line_end + 1);
    ++line_number;
    if (line.empty()) continue;
    const std::vector<std::string_view> fields = detail::fields_of(line);
    if (!have_header) {
      for (std::size_t i = 0; i < fields.size(); ++i) {
        for (std::size_t c = 0; c < columns; ++c) {
          if (fields[i] != names[c]) continue;
          if (place[c] != absent) fail("the column \"" + std::string(names[c]) + "\" is there twice");
          place[c] = i;
        }
      }
      if (place[clip] == absent || place[split] == absent) {
        fail("expected column names with clip and split (start and end may be there), found \"" +
             std::string(line.substr(0, 80)) + "\"");
      }
      have_header = true;
      continue;
    }
    const auto field = [&](column c) { return place[c] < fields.size() ? fields[place[c]] : std::string_view(); };
    const auto seconds = [&](column c, double otherwise) {
      const std::string_view f = field(c);
      if (f.empty()) return otherwise;
      double value = 0;
      const auto [stop, status] = std::from_chars(f.data(), f.data() + f.size(), value);
      if (status != std::errc{} || stop != f.data() + f.size() || !std::isfinite(value) || value < 0) {
        fail("expected seconds of 0 or more for \"" + std::string(names[c]) + "\", found \"" +
             std::string(f.substr(0, 40)) + "\"");
      }
      return value;
    };
    clip_part part;
    part.clip = field(clip);
    if (part.clip.empty()) fail("expected the name of a clip's folder, found nothing");
    const std::string_view use = field(split);
    if (use == "train") {
      part.use = subset::train;
    } else if (use == "validation") {
      part.use = subset::validation;
    } else if (use == "test") {
      part.use = subset::test;
    } else {
      fail("expected train, validation or test, found \"" + std::string(use.substr(0, 40)) + "\"");
    }
    part.start = seconds(start, 0);
    part.end = seconds(end, std::numeric_limits<double>::infinity());
    if (!(part.start < part.end)) fail("the part ends at " + std::string(field(end)) + " s, not after its start");
    parts.push_back(std::move(part));
    line_of.push_back(line_number);
  }
  if (!have_header) {
    line_number = 1;
    fail("expected column names with clip and split, found an empty file");
  }
  std::vector<std::size_t> order(parts.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return parts[a].clip != parts[b].clip ? parts[a].clip < parts[b].clip : parts[a].start < parts[b].start;
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const clip_part& before = parts[order[i - 1]];
    const clip_part& after = parts[order[i]];
    if (before.clip == after.clip && after.start < before.end) {
      line_number = line_of[order[i]];
      fail("this part of the clip \"" + after.clip + "\" overlaps that of line " +
               std::to_string(line_of[order[i - 1]]) + "; give each a start and an end",
           errc::inconsistent);
    }
  }
  return parts;
}

/// `parse_split` of a file. Throws also `not_found` and `io_failure`; every message names the file.
[[nodiscard]] inline std::vector<clip_part> load_split(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  try {
    return parse_split({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const error& e) {
    throw error(e.code(), path.string() + ": " + e.what());
  }
}

}  // namespace vmt::inline VMT_ABI::train
