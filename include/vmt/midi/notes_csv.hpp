// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file.hpp>
#include <vmt/core/index.hpp>
#include <vmt/midi/note.hpp>

#include <array>       // columns
#include <charconv>    // from_chars, to_chars
#include <cmath>       // isfinite, floor
#include <cstddef>     // size_t
#include <filesystem>  // path
#include <span>
#include <string>
#include <string_view>
#include <system_error>  // errc of from_chars
#include <vector>

namespace vmt::inline VMT_ABI::midi {

/// Bounds of what `parse_notes_csv` accepts.
struct notes_csv_options {
  std::size_t max_bytes = std::size_t{64} << 20;
  index_t max_notes = 10'000'000;
};

namespace detail {

class notes_csv_parser {
 public:
  notes_csv_parser(std::string_view text, const notes_csv_options& options) : text_(text), options_(options) {}

  std::vector<note> parse() {
    if (text_.size() > options_.max_bytes) {
      throw error(errc::limit_exceeded, "notes CSV: " + std::to_string(text_.size()) + " bytes, allowed are " +
                                            std::to_string(options_.max_bytes) + " (notes_csv_options::max_bytes)");
    }
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") text_.remove_prefix(3);  // byte order mark
    std::string_view line;
    if (!next_line(line)) fail(errc::bad_format, "expected a line of column names, found none");
    header(line);
    std::vector<note> notes;
    while (next_line(line)) {
      if (static_cast<index_t>(notes.size()) >= options_.max_notes) {
        fail(errc::limit_exceeded,
             "more than " + std::to_string(options_.max_notes) + " notes (notes_csv_options::max_notes)");
      }
      notes.push_back(row(line));
    }
    return notes;
  }

 private:
  enum column : std::size_t { onset, offset, pitch, velocity, confidence, columns };
  static constexpr std::array<std::string_view, columns> names{"onset", "offset", "pitch", "velocity", "confidence"};
  static constexpr std::size_t absent = static_cast<std::size_t>(-1);

  [[noreturn]] void fail(errc code, const std::string& what) const {
    throw error(code, "notes CSV, line " + std::to_string(line_) + ": " + what);
  }

  /// The next line that is not blank, without its end.
  bool next_line(std::string_view& line) {
    while (!text_.empty()) {
      const std::size_t end = text_.find('\n');
      line = trimmed(text_.substr(0, end));
      text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
      ++line_;
      if (!line.empty()) return true;
    }
    return false;
  }

  static std::string_view trimmed(std::string_view s) {
    const std::size_t first = s.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return s.substr(first, s.find_last_not_of(" \t\r") - first + 1);
  }

  static std::string_view next_field(std::string_view& line) {
    const std::size_t end = line.find(',');
    std::string_view field = trimmed(line.substr(0, end));
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
    return field;
  }

  void header(std::string_view line) {
    place_.fill(absent);
    for (std::size_t index = 0; !line.empty(); ++index) {
      std::string_view field = next_field(line);
      if (field == "onset_s") field = "onset";
      if (field == "offset_s") field = "offset";
      for (std::size_t c = 0; c < columns; ++c) {
        if (field != names[c]) continue;
        if (place_[c] != absent) fail(errc::bad_format, "the column \"" + std::string(field) + "\" is there twice");
        place_[c] = index;
      }
    }
    for (const column c : {onset, offset, pitch}) {
      if (place_[c] == absent) {
        fail(errc::bad_format,
             "expected column names with onset, offset and pitch (velocity and confidence may be "
             "missing), found no \"" +
                 std::string(names[c]) + "\"");
      }
    }
  }

  note row(std::string_view line) const {
    std::array<std::string_view, columns> fields{};
    std::array<bool, columns> found{};
    for (std::size_t index = 0; !line.empty(); ++index) {
      const std::string_view field = next_field(line);
      for (std::size_t c = 0; c < columns; ++c) {
        if (place_[c] == index) {
          fields[c] = field;
          found[c] = true;
        }
      }
    }
    note n;
    n.onset = number(onset, fields, found);
    n.offset = number(offset, fields, found);
    n.pitch = whole(pitch, fields, found, 0);
    if (place_[velocity] != absent) n.velocity = whole(velocity, fields, found, 1);
    if (place_[confidence] != absent) n.confidence = number(confidence, fields, found);
    if (n.onset < 0) fail(errc::bad_format, "expected an onset of 0 or later, found " + std::string(fields[onset]));
    if (n.offset < n.onset) {
      fail(errc::bad_format, "expected an offset not before the onset " + std::string(fields[onset]) + ", found " +
                                 std::string(fields[offset]));
    }
    return n;
  }

  double number(column c, const std::array<std::string_view, columns>& fields,
                const std::array<bool, columns>& found) const {
    const std::string name(names[c]);
    if (!found[c]) fail(errc::bad_format, "expected a field for the column \"" + name + "\", the line is too short");
    const std::string_view f = fields[c];
    double value = 0;
    const auto [end, status] = std::from_chars(f.data(), f.data() + f.size(), value);
    if (f.empty() || status != std::errc{} || end != f.data() + f.size()) {
      fail(errc::bad_format, "expected a number for \"" + name + "\", found \"" + std::string(f.substr(0, 40)) + "\"");
    }
    if (!std::isfinite(value))
      fail(errc::not_finite, "expected a finite number for \"" + name + "\", found " + std::string(f));
    return value;
  }

  /// A MIDI number from `low` to 127; "60.0" counts as one.
  int whole(column c, const std::array<std::string_view, columns>& fields, const std::array<bool, columns>& found,
            int low) const {
    const double value = number(c, fields, found);
    if (!(value >= low && value <= 127) || value != std::floor(value)) {
      fail(errc::bad_format, "expected a whole number from " + std::to_string(low) + " to 127 for \"" +
                                 std::string(names[c]) + "\", found " + std::string(fields[c].substr(0, 40)));
    }
    return static_cast<int>(value);
  }

  std::string_view text_;
  notes_csv_options options_;
  std::array<std::size_t, columns> place_{};
  std::size_t line_ = 0;
};

}  // namespace detail

/// Notes from CSV text. The first line names the columns: `onset` and `offset` (or `onset_s`, `offset_s`) in seconds
/// and `pitch` must be there, `velocity` and `confidence` may; others are passed over. Fields have no commas inside.
/// Blank lines, CRLF and a byte order mark are tolerated. The notes keep the order of the file. Throws `bad_format` (no
/// number, an offset before its onset, a MIDI number out of range, a missing column), `not_finite` or `limit_exceeded`;
/// the message names the line.
[[nodiscard]] inline std::vector<note> parse_notes_csv(std::string_view text, const notes_csv_options& options = {}) {
  return detail::notes_csv_parser(text, options).parse();
}

/// CSV text of notes in the order given, `onset,offset,pitch,velocity,confidence`. Each number is the shortest that
/// reads back as the same value.
[[nodiscard]] inline std::string format_notes_csv(std::span<const note> notes) {
  std::string text = "onset,offset,pitch,velocity,confidence\n";
  std::array<char, 32> buffer{};
  const auto append = [&](auto value, char after) {
    const auto [end, status] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    static_cast<void>(status);  // 32 characters hold every int and double
    text.append(buffer.data(), end);
    text += after;
  };
  for (const note& n : notes) {
    append(n.onset, ',');
    append(n.offset, ',');
    append(n.pitch, ',');
    append(n.velocity, ',');
    append(n.confidence, '\n');
  }
  return text;
}

/// `parse_notes_csv` of a file. Throws also `not_found` and `io_failure`; every message names the file.
[[nodiscard]] inline std::vector<note> load_notes_csv(const std::filesystem::path& path,
                                                      const notes_csv_options& options = {}) {
  const std::vector<std::byte> bytes = read_file(path, options.max_bytes);
  try {
    return parse_notes_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, options);
  } catch (const error& e) {
    throw error(e.code(), path.string() + ": " + e.what());
  }
}

/// `format_notes_csv` into a file, which is replaced as a whole or not at all.
inline void save_notes_csv(const std::filesystem::path& path, std::span<const note> notes) {
  write_file(path, format_notes_csv(notes));
}

}  // namespace vmt::inline VMT_ABI::midi
