// SPDX-License-Identifier: MIT
// Feeds text to the CSV reader. What it accepts must come through the writer of fields and the reader unchanged.

#include <vmt/io/csv.hpp>

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void append_row(std::string& out, const vmt::io::csv_table& table, vmt::index_t row) {
  for (vmt::index_t c = 0; c < table.columns(); ++c) {
    if (c > 0) out += ',';
    vmt::io::append_csv_field(out, row < 0 ? table.column_name(c) : table.text(row, c));
  }
  out += '\n';
}

std::string written(const vmt::io::csv_table& table) {
  std::string out;
  for (vmt::index_t r = -1; r < table.rows(); ++r) append_row(out, table, r);
  return out;
}

void read_numbers(const vmt::io::csv_table& table, vmt::index_t row) {
  for (vmt::index_t c = 0; c < table.columns(); ++c) {
    try {
      const double value = table.number(row, c);
      std::string shown;
      vmt::io::append_number(shown, value);
      require(std::isfinite(value) && vmt::io::parse_double(shown) == value);
      require(static_cast<double>(table.integer(row, c)) == value);
    } catch (const vmt::error&) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vmt::io::csv_table table;
  try {
    table = vmt::io::csv_table::parse({reinterpret_cast<const char*>(data), size});
  } catch (const vmt::error&) {
    return 0;
  }
  const auto copy = vmt::io::csv_table::parse(written(table));
  require(copy.rows() == table.rows() && copy.columns() == table.columns());
  for (vmt::index_t r = 0; r < table.rows(); ++r) {
    for (vmt::index_t c = 0; c < table.columns(); ++c) require(copy.text(r, c) == table.text(r, c));
  }
  for (vmt::index_t r = 0; r < std::min<vmt::index_t>(table.rows(), 100); ++r) read_numbers(table, r);
  return 0;
}
