// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file.hpp>
#include <vmt/core/index.hpp>
#include <vmt/io/number.hpp>
#include <vmt/io/utf8.hpp>

#include <algorithm>  // sort, adjacent_find
#include <cmath>      // isfinite
#include <cstdint>    // uint32_t, int64_t
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>  // move
#include <vector>

namespace vmt::inline VMT_ABI::io {

/// Bounds of what `csv_table` accepts.
struct csv_options {
  index_t max_bytes = index_t{64} << 20;  ///< at most 4 GiB − 1
  index_t max_columns = 1024;
  char separator = ',';
};

/// Without blanks at both ends.
[[nodiscard]] inline std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

/// A table of texts with a row of distinct column names (RFC 4180): fields in quotes may hold separators, line ends and
/// doubled quotes; lines end with LF or CRLF; a byte order mark and empty lines are passed over. Every row has as many
/// fields as the header. Messages name the line, counted from 1.
class csv_table {
 public:
  /// Throws `bad_format`, `inconsistent` (a row of another length, a column name twice) or `limit_exceeded`.
  [[nodiscard]] static csv_table parse(std::string text, const csv_options& options = {}) {
    csv_table table;
    table.text_ = std::move(text);
    table.read(options);
    return table;
  }

  /// `parse` of a file. Throws also what `read_file` throws; every message names the file.
  [[nodiscard]] static csv_table load(const std::filesystem::path& path, const csv_options& options = {}) {
    const auto bytes = read_file(path, static_cast<std::uintmax_t>(std::max<index_t>(options.max_bytes, 0)));
    try {
      return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, options);
    } catch (const error& e) {
      throw error(e.code(), "'" + path.string() + "': " + e.what());
    }
  }

  [[nodiscard]] index_t rows() const noexcept { return std::ssize(lines_) - 1; }
  [[nodiscard]] index_t columns() const noexcept { return columns_; }
  [[nodiscard]] std::string_view column_name(index_t column) const { return field(0, column); }
  /// The line on which a row starts.
  [[nodiscard]] index_t line(index_t row) const { return lines_.at(static_cast<std::size_t>(row + 1)); }

  /// The index of a column, or −1.
  [[nodiscard]] index_t find_column(std::string_view name) const {
    for (index_t c = 0; c < columns_; ++c) {
      if (field(0, c) == name) return c;
    }
    return -1;
  }
  /// The index of a column. Throws `not_found` with the names that are there.
  [[nodiscard]] index_t column(std::string_view name) const {
    if (const index_t c = find_column(name); c >= 0) return c;
    std::string names;
    for (index_t c = 0; c < std::min<index_t>(columns_, 20); ++c) {
      names += (c > 0 ? ", " : "") + detail::printable(field(0, c));
    }
    throw error(errc::not_found, "CSV: the column '" + std::string(name) + "' is missing; there are: " + names);
  }

  /// A field as it is, without the quotes. Throws `invalid_argument` outside the table.
  [[nodiscard]] std::string_view text(index_t row, index_t column) const {
    if (row < 0 || row >= rows() || column < 0 || column >= columns_) {
      throw error(errc::invalid_argument, "CSV: the field " + std::to_string(row) + ", " + std::to_string(column) +
                                              " is outside the table of " + std::to_string(rows()) + " rows and " +
                                              std::to_string(columns_) + " columns");
    }
    return field(row + 1, column);
  }

  /// A field as a number; blanks around it are passed over. Throws `bad_format`, and `not_finite` for NaN and infinity.
  [[nodiscard]] double number(index_t row, index_t column) const {
    const std::string_view shown = trimmed(text(row, column));
    const auto value = parse_double(shown);
    if (!value) fail_field(errc::bad_format, row, column, "is not a number");
    if (!std::isfinite(*value)) fail_field(errc::not_finite, row, column, "is not finite");
    return *value;
  }
  /// A field as a whole number. Throws `bad_format`.
  [[nodiscard]] std::int64_t integer(index_t row, index_t column) const {
    const auto value = parse_integer<std::int64_t>(trimmed(text(row, column)));
    if (!value) fail_field(errc::bad_format, row, column, "is not a whole number");
    return *value;
  }

 private:
  struct range {
    std::uint32_t begin;
    std::uint32_t size;
  };

  [[nodiscard]] std::string_view field(index_t row, index_t column) const {
    const range r = fields_.at(static_cast<std::size_t>(row * columns_ + column));
    return std::string_view(text_).substr(r.begin, r.size);
  }
  [[noreturn]] void fail_field(errc code, index_t row, index_t column, const char* what) const {
    throw error(code, "CSV: line " + std::to_string(line(row)) + ", column '" + detail::printable(column_name(column)) +
                          "': '" + detail::printable(text(row, column)) + "' " + what);
  }
  [[noreturn]] static void fail(errc code, index_t line, const std::string& what) {
    throw error(code, "CSV: line " + std::to_string(line) + ": " + what);
  }

  void read(const csv_options& options) {
    const index_t limit = std::min<index_t>(options.max_bytes, (std::numeric_limits<std::uint32_t>::max)());
    if (std::ssize(text_) > limit) {
      throw error(errc::limit_exceeded, "CSV: " + std::to_string(text_.size()) + " bytes, the limit is " +
                                            std::to_string(limit) + " (csv_options::max_bytes)");
    }
    std::size_t at = text_.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    index_t line = 1;
    while (at < text_.size()) {
      if (skip_line_end(at, line)) continue;  // an empty line
      read_row(at, line, options);
    }
    if (lines_.empty()) throw error(errc::bad_format, "CSV: there is no row; a row of column names was expected");
    std::vector<std::string_view> names;
    for (index_t c = 0; c < columns_; ++c) names.push_back(field(0, c));
    std::sort(names.begin(), names.end());
    if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
      fail(errc::inconsistent, lines_.front(), "the column name '" + detail::printable(*twice) + "' appears twice");
    }
  }

  /// Moves over one line end, if there is one.
  bool skip_line_end(std::size_t& at, index_t& line) const {
    const std::string_view rest = std::string_view(text_).substr(at);
    const std::size_t length = rest.starts_with('\n') ? 1 : rest.starts_with("\r\n") ? 2 : 0;
    at += length;
    line += length > 0 ? 1 : 0;
    return length > 0;
  }

  void read_row(std::size_t& at, index_t& line, const csv_options& options) {
    const index_t first_line = line;
    index_t count = 0;
    for (;;) {
      if (++count > options.max_columns) {
        fail(errc::limit_exceeded, line,
             "more than " + std::to_string(options.max_columns) + " fields (csv_options::max_columns)");
      }
      fields_.push_back(read_field(at, line, options.separator));
      if (at == text_.size() || skip_line_end(at, line)) break;
      ++at;  // the separator: read_field stops at nothing else
    }
    if (lines_.empty()) columns_ = count;
    if (count != columns_) {
      fail(errc::inconsistent, first_line,
           std::to_string(count) + " fields, the header has " + std::to_string(columns_));
    }
    lines_.push_back(static_cast<std::uint32_t>(first_line));
  }

  /// Reads up to a separator, a line end or the end of the text.
  range read_field(std::size_t& at, index_t& line, char separator) {
    const std::size_t begin = at;
    std::size_t end = at;  // where the field's text ends: quotes that go away make it lag behind `at`
    if (at < text_.size() && text_[at] == '"') {
      const index_t first_line = line;
      for (++at;; ++at) {
        if (at >= text_.size()) fail(errc::bad_format, first_line, "a quoted field has no closing quote");
        if (text_[at] == '"') {
          if (at + 1 == text_.size() || text_[at + 1] != '"') break;
          ++at;
        }
        line += text_[at] == '\n' ? 1 : 0;
        text_[end++] = text_[at];
      }
      ++at;
      const bool ended = at == text_.size() || text_[at] == separator || text_[at] == '\n' ||
                         std::string_view(text_).substr(at, 2) == "\r\n";
      if (!ended) fail(errc::bad_format, line, "text after the closing quote of a field");
    } else {
      for (; at < text_.size() && text_[at] != separator && text_[at] != '\n'; ++at) {
        if (text_[at] == '"') fail(errc::bad_format, line, "a quote inside a field that does not start with one");
        if (text_[at] == '\r') {
          if (at + 1 < text_.size() && text_[at + 1] == '\n') break;
          fail(errc::bad_format, line, "a carriage return without a line feed");
        }
      }
      end = at;
    }
    return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin)};
  }

  std::string text_;
  std::vector<range> fields_;         // header and rows, row by row
  std::vector<std::uint32_t> lines_;  // of header and rows
  index_t columns_ = 0;
};

/// Appends a text as a CSV field: in quotes where it must be.
inline void append_csv_field(std::string& out, std::string_view text, char separator = ',') {
  const bool plain = text.find_first_of("\"\r\n") == std::string_view::npos &&
                     text.find(separator) == std::string_view::npos && !text.starts_with("\xEF\xBB\xBF");
  if (plain && !text.empty()) {
    out += text;
    return;
  }
  out += '"';  // an empty text too: a line with one empty field would otherwise be an empty line
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace vmt::inline VMT_ABI::io
