// SPDX-License-Identifier: MIT
#include <vmt/io/csv.hpp>

#include <doctest/doctest.h>

#include "io/code_of.hpp"
#include "support/temp_dir.hpp"

#include <string>
#include <string_view>

using vmt::errc;
using vmt::io::csv_table;
using vmt_test::code_of;

TEST_CASE("fields are found by row and column name") {
  const auto table = csv_table::load("tests/fuzz/corpus/csv/notes.csv");
  REQUIRE(table.rows() == 2);
  REQUIRE(table.columns() == 5);
  CHECK(table.column_name(2) == "pitch");
  CHECK(table.column("pitch") == 2);
  CHECK(table.find_column("Pitch") == -1);
  CHECK(table.number(0, table.column("offset")) == 1.25);
  CHECK(table.number(1, 0) == 1.0);
  CHECK(table.integer(1, 3) == 100);
  CHECK(table.text(0, 4) == "0.98");
  CHECK(table.line(1) == 3);
}

TEST_CASE("quotes, line ends within them, CRLF, empty lines and a byte order mark are understood") {
  const auto table = csv_table::load("tests/fuzz/corpus/csv/quoted.csv");
  REQUIRE(table.rows() == 2);
  REQUIRE(table.columns() == 3);
  CHECK(table.column_name(0) == "name");
  CHECK(table.column_name(1) == "say \"it\"");
  CHECK(table.text(0, 0) == "a, b");
  CHECK(table.text(0, 1) == "two\r\nlines");
  CHECK(table.text(1, 1).empty());
  CHECK(table.number(1, 2) == -4.5);
  CHECK(table.line(0) == 2);
  CHECK(table.line(1) == 5);
  CHECK(csv_table::parse("a").rows() == 0);
  CHECK(csv_table::parse("a,b\n,").text(0, 1).empty());
  CHECK(csv_table::parse("a\n\"\"").text(0, 0).empty());
  CHECK(csv_table::parse("a;b\n1,5;2", {.separator = ';'}).text(0, 0) == "1,5");
}

TEST_CASE("what is not a table is refused with the line") {
  struct wrong {
    std::string_view text;
    errc code;
    std::string_view sentence;
  };
  for (const wrong& w : {
           wrong{"", errc::bad_format, "CSV: there is no row; a row of column names was expected"},
           wrong{"\n\r\n", errc::bad_format, "CSV: there is no row; a row of column names was expected"},
           wrong{"a,b\n1,2\n3\n", errc::inconsistent, "CSV: line 3: 1 fields, the header has 2"},
           wrong{"a,b\n1,2,3", errc::inconsistent, "CSV: line 2: 3 fields, the header has 2"},
           wrong{"\na,b,a\n", errc::inconsistent, "CSV: line 2: the column name 'a' appears twice"},
           wrong{"a,b\n1,\"2\n3\n", errc::bad_format, "CSV: line 2: a quoted field has no closing quote"},
           wrong{"a\n\"", errc::bad_format, "CSV: line 2: a quoted field has no closing quote"},
           wrong{"a\n\"x\"y\n", errc::bad_format, "CSV: line 2: text after the closing quote of a field"},
           wrong{"a\n\"x\n\"\r", errc::bad_format, "CSV: line 3: text after the closing quote of a field"},
           wrong{"a\nx\"y\n", errc::bad_format, "CSV: line 2: a quote inside a field that does not start with one"},
           wrong{"a,b\r1,2\r", errc::bad_format, "CSV: line 1: a carriage return without a line feed"},
           wrong{"a\r", errc::bad_format, "CSV: line 1: a carriage return without a line feed"},
       }) {
    CAPTURE(w.text);
    std::string sentence;
    CHECK(code_of([&] { (void)csv_table::parse(std::string(w.text)); }, sentence) == w.code);
    CHECK(sentence == w.sentence);
  }
}

TEST_CASE("limits are kept") {
  const std::string text = "a,b\n1,2\n";
  CHECK(code_of([&] { (void)csv_table::parse(text, {.max_bytes = 8}); }) == errc{});
  CHECK(code_of([&] { (void)csv_table::parse(text, {.max_bytes = 7}); }) == errc::limit_exceeded);
  CHECK(code_of([&] { (void)csv_table::parse(text, {.max_columns = 2}); }) == errc{});
  CHECK(code_of([&] { (void)csv_table::parse(text, {.max_columns = 1}); }) == errc::limit_exceeded);
}

TEST_CASE("a field that is not the number it should be is named") {
  const auto table = csv_table::parse("onset,n\nabc,1.5\nnan, 7 \n");
  std::string sentence;
  CHECK(code_of([&] { (void)table.number(0, 0); }, sentence) == errc::bad_format);
  CHECK(sentence == "CSV: line 2, column 'onset': 'abc' is not a number");
  CHECK(code_of([&] { (void)table.number(1, 0); }, sentence) == errc::not_finite);
  CHECK(sentence == "CSV: line 3, column 'onset': 'nan' is not finite");
  CHECK(code_of([&] { (void)table.integer(0, 1); }, sentence) == errc::bad_format);
  CHECK(sentence == "CSV: line 2, column 'n': '1.5' is not a whole number");
  CHECK(table.integer(1, 1) == 7);
  CHECK(code_of([&] { (void)table.column("time"); }, sentence) == errc::not_found);
  CHECK(sentence == "CSV: the column 'time' is missing; there are: onset, n");
  CHECK(code_of([&] { (void)table.text(2, 0); }) == errc::invalid_argument);
  CHECK(code_of([&] { (void)table.text(-1, 0); }) == errc::invalid_argument);
  CHECK(code_of([&] { (void)table.text(0, 2); }) == errc::invalid_argument);
}

TEST_CASE("errors in files name the file") {
  const vmt_test::temp_dir folder;
  vmt::write_file(folder / "t.csv", "a\n\"");
  std::string sentence;
  CHECK(code_of([&] { (void)csv_table::load(folder / "t.csv"); }, sentence) == errc::bad_format);
  CHECK(sentence.find((folder / "t.csv").string()) != std::string::npos);
  CHECK(code_of([&] { (void)csv_table::load(folder / "none.csv"); }) == errc::not_found);
  CHECK(code_of([&] { (void)csv_table::load(folder / "t.csv", {.max_bytes = 1}); }) == errc::limit_exceeded);
}

TEST_CASE("written fields read back") {
  const std::string_view fields[] = {"plain",
                                     "",
                                     "a,b",
                                     "say \"it\"",
                                     "two\nlines",
                                     "\r",
                                     " blank ",
                                     "\xEF\xBB\xBF"
                                     "x"};
  std::string row;
  std::string header;
  for (std::size_t i = 0; i < std::size(fields); ++i) {
    header += (i > 0 ? "," : "") + std::to_string(i);
    if (i > 0) row += ',';
    vmt::io::append_csv_field(row, fields[i]);
  }
  const auto table = csv_table::parse(header + "\n" + row + "\n");
  for (std::size_t i = 0; i < std::size(fields); ++i) CHECK(table.text(0, static_cast<vmt::index_t>(i)) == fields[i]);
  std::string plain;
  vmt::io::append_csv_field(plain, "plain");
  CHECK(plain == "plain");
}
