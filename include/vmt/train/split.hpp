// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/io/csv.hpp>

#include <algorithm>  // sort, find_if
#include <array>      // subsets
#include <limits>     // infinity
#include <numeric>    // iota

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

/// Throws `inconsistent` where two parts of a clip overlap; lines[i] is the line of parts[i].
inline void check_overlaps(const std::vector<clip_part>& parts, const std::vector<index_t>& lines) {
  std::vector<std::size_t> order(parts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return parts[a].clip != parts[b].clip ? parts[a].clip < parts[b].clip : parts[a].start < parts[b].start;
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const clip_part& before = parts[order[i - 1]];
    const clip_part& after = parts[order[i]];
    if (before.clip != after.clip || after.start >= before.end) continue;
    throw error(errc::inconsistent, "line " + std::to_string(lines[order[i]]) + ": this part of the clip \"" +
                                        after.clip + "\" overlaps that of line " + std::to_string(lines[order[i - 1]]) +
                                        "; give each a start and an end");
  }
}

}  // namespace detail

/// The lines of a `split.csv` (`io::csv_table`), in their order. The first line names the columns: `clip` and `split`
/// (train, validation or test) must be there; `start` and `end`, seconds in the clip's video, may (an empty field is
/// the clip's own start or end). A clip may have several lines, for parts that do not overlap: a frame is never in two
/// subsets. Other columns are passed over. Throws as `csv_table::parse` and `column`, `bad_format` with the line,
/// `inconsistent` for overlapping parts.
[[nodiscard]] inline std::vector<clip_part> parse_split(std::string text) {
  const auto table = io::csv_table::parse(std::move(text));
  const index_t clip = table.column("clip");
  const index_t split = table.column("split");
  std::vector<clip_part> parts;
  std::vector<index_t> lines;
  for (index_t row = 0; row < table.rows(); ++row) {
    const auto fail = [&](const std::string& what) {
      throw error(errc::bad_format, "line " + std::to_string(table.line(row)) + ": " + what);
    };
    const auto seconds = [&](const char* column, double otherwise) {
      const index_t c = table.find_column(column);
      if (c < 0 || io::trimmed(table.text(row, c)).empty()) return otherwise;
      const double value = table.number(row, c);
      if (value < 0) fail("expected seconds of 0 or more for \"" + std::string(column) + "\"");
      return value;
    };
    clip_part part;
    part.clip = io::trimmed(table.text(row, clip));
    if (part.clip.empty()) fail("expected the name of a clip's folder, found nothing");
    const std::string_view use = io::trimmed(table.text(row, split));
    constexpr std::array uses{subset::train, subset::validation, subset::test};
    const auto found = std::find_if(uses.begin(), uses.end(), [&](subset s) { return name(s) == use; });
    if (found == uses.end()) {
      fail("expected train, validation or test, found \"" + std::string(use.substr(0, 40)) + "\"");
    }
    part.use = *found;
    part.start = seconds("start", 0);
    part.end = seconds("end", std::numeric_limits<double>::infinity());
    if (!(part.start < part.end)) fail("the part does not end after its start");
    parts.push_back(std::move(part));
    lines.push_back(table.line(row));
  }
  detail::check_overlaps(parts, lines);
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
