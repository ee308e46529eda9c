// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file.hpp>
#include <vmt/io/dtype.hpp>
#include <vmt/io/number.hpp>
#include <vmt/io/utf8.hpp>

#include <array>        // type names
#include <cstddef>      // byte
#include <filesystem>   // path
#include <limits>       // the longest row count
#include <span>         // values
#include <string>       // header
#include <string_view>  // header
#include <utility>      // move, cmp_greater
#include <vector>       // content

namespace vmt::inline VMT_ABI::io {

/// Bounds of what `parse_npy` accepts.
struct npy_options {
  index_t max_file_bytes = index_t{1} << 30;
  index_t max_header_bytes = 65536;
  index_t max_rank = 8;
};

/// An array from a NumPy file: row-major, lowest byte first.
struct npy_array {
  dtype type = dtype::f32;
  std::vector<index_t> shape;
  std::vector<std::byte> bytes;

  /// All elements; float and double are made from f4 and f8, integers only from their own type.
  /// Throws `unsupported`, and `not_finite` where an f8 is too large for float.
  template <element T>
  [[nodiscard]] std::vector<T> read() const {
    try {
      return detail::read_elements<T>(type, bytes);
    } catch (const error& e) {
      throw error(e.code(), std::string("npy: ") + e.what());
    }
  }
};

namespace detail {

inline constexpr std::array<std::pair<dtype, std::string_view>, 5> npy_types{
    {{dtype::f32, "<f4"}, {dtype::f64, "<f8"}, {dtype::u8, "|u1"}, {dtype::i32, "<i4"}, {dtype::i64, "<i8"}}};

[[nodiscard]] inline std::string_view npy_name(dtype type) {
  for (const auto& [known, text] : npy_types) {
    if (known == type) return text;
  }
  throw error(errc::unsupported,
              "npy: elements of type " + std::string(name(type)) + " cannot be written; F32, F64, U8, I32 and I64 can");
}

[[noreturn]] inline void fail_npy(errc code, const std::string& what) {
  throw error(code, "npy: " + what);
}

/// The header's Python dict: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order.
class npy_header_parser {
 public:
  npy_header_parser(std::string_view text, index_t max_rank) : text_(text), max_rank_(max_rank) {}

  npy_array parse() {
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !has_type_) {
        read_type();
      } else if (key == "fortran_order" && !has_order_) {
        read_order();
      } else if (key == "shape" && !has_shape_) {
        read_shape();
      } else {
        fail_npy(errc::bad_format, "the header has the key '" + printable(key) + "' twice or does not know it");
      }
      if (take(',')) continue;
      expect('}');
      break;
    }
    skip_blanks();
    if (!text_.empty()) fail("the end");
    if (!has_type_ || !has_order_ || !has_shape_) {
      fail_npy(errc::bad_format, "the header lacks one of the keys descr, fortran_order and shape");
    }
    return std::move(array_);
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    fail_npy(errc::bad_format,
             "the header has '" + printable(text_.substr(0, 12)) + "' where " + expected + " was expected");
  }
  void skip_blanks() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n')) text_.remove_prefix(1);
  }
  bool take(char c) {
    skip_blanks();
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    skip_blanks();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("'") + c + "'");
  }
  std::string_view quoted() {
    skip_blanks();
    if (!text_.starts_with('\'') && !text_.starts_with('"')) fail("a text in quotes");
    const std::size_t end = text_.find(text_.front(), 1);
    if (end == std::string_view::npos) fail("a text with a closing quote");
    const std::string_view inside = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return inside;
  }

  void read_type() {
    skip_blanks();
    if (text_.starts_with('[')) fail_npy(errc::unsupported, "records are not supported, plain arrays are");
    const std::string_view found = quoted();
    for (const auto& [type, text] : npy_types) {
      if (found == text) {
        array_.type = type;
        has_type_ = true;
        return;
      }
    }
    fail_npy(errc::unsupported,
             "elements of type '" + printable(found) + "' are not supported; <f4, <f8, |u1, <i4 and <i8 are");
  }
  void read_order() {
    if (take("True"))
      fail_npy(errc::unsupported, "column-major arrays are not supported; save np.ascontiguousarray(x)");
    if (!take("False")) fail("True or False");
    has_order_ = true;
  }
  void read_shape() {
    expect('(');
    bool comma = true;
    while (!take(')')) {
      if (!comma) fail("',' or ')'");
      skip_blanks();
      const std::string_view digits = text_.substr(0, text_.find_first_not_of("0123456789"));
      const auto extent = parse_integer<index_t>(digits);
      if (!extent) fail("a size that fits");
      text_.remove_prefix(digits.size());
      if (std::ssize(array_.shape) == max_rank_) {
        fail_npy(errc::limit_exceeded,
                 "more than " + std::to_string(max_rank_) + " dimensions (npy_options::max_rank)");
      }
      array_.shape.push_back(*extent);
      comma = take(',');
    }
    if (array_.shape.size() == 1 && !comma) fail_npy(errc::bad_format, "the shape is not a tuple: '(3)' for '(3,)'");
    has_shape_ = true;
  }

  std::string_view text_;
  index_t max_rank_;
  npy_array array_;
  bool has_type_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

/// Magic, version 1.0 and dict, padded to a multiple of 64 bytes. With `longest_rows` there is room for any first
/// extent.
[[nodiscard]] inline std::string npy_header(dtype type, std::span<const index_t> shape, bool longest_rows = false) {
  std::string dict = "{'descr': '" + std::string(npy_name(type)) + "', 'fortran_order': False, 'shape': (";
  for (const index_t extent : shape) dict += std::to_string(extent) + ", ";
  if (shape.size() > 1) dict.resize(dict.size() - 2);
  if (shape.size() == 1) dict.pop_back();
  dict += "), }";
  std::size_t room = dict.size();
  if (longest_rows) room += 19 - std::to_string(shape.front()).size();  // digits of the largest index
  dict.append((room + 10 + 1 + 63) / 64 * 64 - 10 - 1 - dict.size(), ' ');
  dict += '\n';
  if (dict.size() > 65535) fail_npy(errc::limit_exceeded, "the shape is too long for a header");
  std::string header = "\x93NUMPY\x01";
  header += '\0';
  header += static_cast<char>(static_cast<unsigned char>(dict.size() & 0xFFU));
  header += static_cast<char>(static_cast<unsigned char>(dict.size() >> 8));
  return header + dict;
}

}  // namespace detail

/// Reads an .npy file, version 1 or 2, of little-endian f4, f8, i4, i8 or u1 elements in C order, of which nothing is
/// trusted: the shape must need exactly the bytes that follow the header. Values are not looked at.
/// Throws `bad_format`, `unsupported` or `limit_exceeded`.
[[nodiscard]] inline npy_array parse_npy(std::span<const std::byte> bytes, const npy_options& options = {}) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (std::ssize(bytes) > options.max_file_bytes) {
    detail::fail_npy(errc::limit_exceeded, std::to_string(bytes.size()) + " bytes, the limit is " +
                                               std::to_string(options.max_file_bytes) +
                                               " (npy_options::max_file_bytes)");
  }
  if (!text.starts_with("\x93NUMPY"))
    detail::fail_npy(errc::bad_format, "the file does not start as an .npy file does");
  const std::size_t prefix = text.size() > 6 && text[6] == '\x02' ? 12 : 10;
  if (text.size() < prefix) detail::fail_npy(errc::bad_format, "the file is cut short within its first 12 bytes");
  if ((text[6] != '\x01' && text[6] != '\x02') || text[7] != '\0') {
    detail::fail_npy(errc::unsupported, "the format version is not 1.0 or 2.0");
  }
  const std::size_t length = prefix == 10 ? detail::load<std::uint16_t>(bytes.subspan(8), 0)
                                          : detail::load<std::uint32_t>(bytes.subspan(8), 0);
  if (std::cmp_greater(length, options.max_header_bytes)) {
    detail::fail_npy(errc::limit_exceeded, "the header states " + std::to_string(length) + " bytes, the limit is " +
                                               std::to_string(options.max_header_bytes) +
                                               " (npy_options::max_header_bytes)");
  }
  if (length > text.size() - prefix) {
    detail::fail_npy(errc::bad_format, "the header states " + std::to_string(length) + " bytes, only " +
                                           std::to_string(text.size() - prefix) + " follow; the file is cut short");
  }
  npy_array array = detail::npy_header_parser(text.substr(prefix, length), options.max_rank).parse();
  const auto data = bytes.subspan(prefix + length);
  const index_t needed = checked_product(detail::element_count(array.shape), size_of(array.type));
  if (std::ssize(data) != needed) {
    detail::fail_npy(errc::bad_format, "shape " + detail::shape_text(array.shape) + " of " +
                                           std::string(name(array.type)) + " needs " + std::to_string(needed) +
                                           " bytes, the file has " + std::to_string(data.size()));
  }
  array.bytes.assign(data.begin(), data.end());
  return array;
}

/// `parse_npy` of a file. Throws also what `read_file` throws; every message names the file.
[[nodiscard]] inline npy_array load_npy(const std::filesystem::path& path, const npy_options& options = {}) {
  const auto bytes =
      read_file(path, static_cast<std::uintmax_t>(options.max_file_bytes < 0 ? 0 : options.max_file_bytes));
  try {
    return parse_npy(bytes, options);
  } catch (const error& e) {
    throw error(e.code(), "'" + path.string() + "': " + e.what());
  }
}

/// Writes an array whole or not at all, see `write_file`. T is float, double, std::uint8_t, std::int32_t or
/// std::int64_t. Throws `shape_mismatch`, `io_failure`.
template <element T>
void save_npy(const std::filesystem::path& path, std::span<const index_t> shape, std::span<const T> values,
              file_system& files = posix_file_system()) {
  if (std::cmp_not_equal(detail::element_count(shape), values.size())) {
    detail::fail_npy(errc::shape_mismatch, "shape " + detail::shape_text(shape) + " does not have " +
                                               std::to_string(values.size()) + " elements");
  }
  atomic_file file(path, files);
  file.append(detail::npy_header(dtype_of<T>, shape));
  file.append(std::span<const std::byte>(detail::to_bytes(values)));
  file.commit();
}

/// Writes an array of shape [rows, row_shape…] row by row, in constant memory, with a number of rows that is known only
/// at the end. The file appears with `commit`; without it nothing is left. Rows have the type that was stated first.
class npy_writer {
 public:
  /// Throws `unsupported` for a type that npy files cannot hold here, and what `atomic_file` throws.
  npy_writer(const std::filesystem::path& path, std::span<const index_t> row_shape, dtype type,
             file_system& files = posix_file_system())
      : type_(type), row_elements_(detail::element_count(row_shape)), shape_{0}, file_(make_file(path, type, files)) {
    shape_.insert(shape_.end(), row_shape.begin(), row_shape.end());
    file_.append(detail::npy_header(type_, shape_, true));
  }

  /// Appends one or more whole rows. Throws `shape_mismatch` where they are not whole, `invalid_argument` where T is
  /// not the file's type or the file is closed, `io_failure`.
  template <element T>
  void append(std::span<const T> values) {
    if (type_ != dtype_of<T>) {
      detail::fail_npy(errc::invalid_argument, "rows of " + std::string(name(dtype_of<T>)) + " appended to a file of " +
                                                   std::string(name(type_)));
    }
    if (row_elements_ == 0 || std::ssize(values) % row_elements_ != 0) {
      detail::fail_npy(errc::shape_mismatch, std::to_string(values.size()) + " elements are not whole rows of " +
                                                 std::to_string(row_elements_));
    }
    bytes_.clear();
    for (const T value : values) detail::store(bytes_, value);
    file_.append(std::span<const std::byte>(bytes_));
    shape_.front() += std::ssize(values) / row_elements_;
  }

  [[nodiscard]] index_t rows() const noexcept { return shape_.front(); }

  /// Puts the number of rows into the header and the file in place. Throws as `atomic_file::commit`.
  void commit() {
    const std::string header = detail::npy_header(type_, shape_, true);
    file_.patch(0, std::as_bytes(std::span(header)));
    file_.commit();
  }

 private:
  /// The type is checked before the file is made.
  static atomic_file make_file(const std::filesystem::path& path, dtype type, file_system& files) {
    (void)detail::npy_name(type);
    return atomic_file(path, files);
  }

  dtype type_;
  index_t row_elements_;
  std::vector<index_t> shape_;
  std::vector<std::byte> bytes_;
  atomic_file file_;
};

}  // namespace vmt::inline VMT_ABI::io
