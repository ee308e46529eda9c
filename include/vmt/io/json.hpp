// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file.hpp>
#include <vmt/core/index.hpp>
#include <vmt/io/number.hpp>
#include <vmt/io/utf8.hpp>

#include <algorithm>  // sort
#include <cmath>      // isfinite
#include <concepts>   // same_as
#include <cstdint>    // int64_t
#include <filesystem>
#include <memory>  // unique_ptr
#include <string>
#include <string_view>
#include <utility>  // move
#include <variant>
#include <vector>

namespace vmt::inline VMT_ABI::io {

struct json_member;

/// One JSON value (RFC 8259). Whole numbers that fit keep all 64 bits; members of an object keep their order.
/// The `as_…` functions throw `bad_format` with the kind that was expected and the kind that was found.
class json_value {
 public:
  using array = std::vector<json_value>;
  using object = std::vector<json_member>;

  json_value() noexcept = default;  ///< null
  template <class T>
    requires(std::same_as<T, bool> || std::same_as<T, std::int64_t> || std::same_as<T, double> ||
             std::same_as<T, std::string> || std::same_as<T, array> || std::same_as<T, object>)
  explicit json_value(T value);
  json_value(const json_value& other);
  json_value(json_value&& other) noexcept = default;
  json_value& operator=(json_value other) noexcept {
    content_.swap(other.content_);
    return *this;
  }
  ~json_value();

  [[nodiscard]] bool is_null() const noexcept { return content_ == nullptr; }
  /// "null", "boolean", "integer", "number", "string", "array" or "object".
  [[nodiscard]] const char* kind() const noexcept;

  [[nodiscard]] bool as_bool() const { return as<bool>("boolean"); }
  /// A number written without fraction and exponent.
  [[nodiscard]] std::int64_t as_integer() const { return as<std::int64_t>("integer"); }
  [[nodiscard]] double as_number() const;
  [[nodiscard]] const std::string& as_string() const { return as<std::string>("string"); }
  [[nodiscard]] const array& as_array() const { return as<array>("array"); }
  [[nodiscard]] const object& as_object() const { return as<object>("object"); }

  /// The member of an object, or nullptr.
  [[nodiscard]] const json_value* find(std::string_view name) const;
  /// The member of an object; throws `not_found`.
  [[nodiscard]] const json_value& at(std::string_view name) const;

 private:
  struct content;  // complete only when members are; nvcc wants no variant of what is not
  template <class T>
  [[nodiscard]] const T* get() const noexcept;
  template <class T>
  [[nodiscard]] const T& as(const char* expected) const {
    if (const T* value = get<T>()) return *value;
    throw error(errc::bad_format, std::string("JSON: expected ") + expected + ", found " + kind());
  }

  std::unique_ptr<content> content_;  ///< none: null
};

struct json_member {
  std::string name;
  json_value value;
};

struct json_value::content {
  std::variant<bool, std::int64_t, double, std::string, array, object> value;
};

template <class T>
  requires(std::same_as<T, bool> || std::same_as<T, std::int64_t> || std::same_as<T, double> ||
           std::same_as<T, std::string> || std::same_as<T, json_value::array> || std::same_as<T, json_value::object>)
json_value::json_value(T value) : content_(new content{std::move(value)}) {}
inline json_value::json_value(const json_value& other)
    : content_(other.content_ ? std::make_unique<content>(*other.content_) : nullptr) {}
inline json_value::~json_value() = default;
template <class T>
const T* json_value::get() const noexcept {
  return content_ ? std::get_if<T>(&content_->value) : nullptr;
}
inline double json_value::as_number() const {
  const auto* whole = get<std::int64_t>();
  return whole != nullptr ? static_cast<double>(*whole) : as<double>("number");
}
inline const char* json_value::kind() const noexcept {
  constexpr const char* names[] = {"boolean", "integer", "number", "string", "array", "object"};
  return content_ ? names[content_->value.index()] : "null";
}
inline const json_value* json_value::find(std::string_view name) const {
  for (const json_member& member : as_object()) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}
inline const json_value& json_value::at(std::string_view name) const {
  if (const json_value* value = find(name)) return *value;
  throw error(errc::not_found, "JSON: the member \"" + std::string(name) + "\" is missing");
}

/// Bounds of what `parse_json` accepts.
struct json_options {
  index_t max_bytes = index_t{1} << 20;
  index_t max_depth = 32;  ///< of arrays and objects inside each other
};

namespace detail {

class json_parser {
 public:
  json_parser(std::string_view text, const json_options& options) : text_(text), options_(options) {}

  json_value parse() {
    if (std::cmp_greater(text_.size(), options_.max_bytes)) {
      throw error(errc::limit_exceeded, "JSON: " + std::to_string(text_.size()) + " bytes, the limit is " +
                                            std::to_string(options_.max_bytes) + " (json_options::max_bytes)");
    }
    json_value value = parse_value(0);
    if (peek() != end_of_text) fail("expected the end after the value");
    return value;
  }

 private:
  static constexpr int end_of_text = -1;

  [[noreturn]] void fail(const std::string& what) const { fail(what, at_); }
  [[noreturn]] static void fail(const std::string& what, std::size_t position, errc code = errc::bad_format) {
    throw error(code, "JSON: " + what + " at byte " + std::to_string(position));
  }
  [[nodiscard]] int here() const {
    return at_ < text_.size() ? static_cast<int>(static_cast<unsigned char>(text_[at_])) : end_of_text;
  }
  /// The next character that is not white space.
  int peek() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
    return here();
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  bool take_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  json_value parse_value(index_t depth) {
    const int first = peek();
    if (first == '{' || first == '[') {
      if (depth >= options_.max_depth) {
        fail("deeper than " + std::to_string(options_.max_depth) + " levels (json_options::max_depth)", at_,
             errc::limit_exceeded);
      }
      ++at_;
      return first == '{' ? parse_object(depth + 1) : parse_array(depth + 1);
    }
    if (first == '"') return json_value(parse_string());
    if (first == '-' || is_digit(first)) return parse_number();
    if (take_word("true")) return json_value(true);
    if (take_word("false")) return json_value(false);
    if (take_word("null")) return json_value();
    fail(first == end_of_text ? "expected a value, found the end" : "expected a value");
  }

  json_value parse_array(index_t depth) {
    json_value::array values;
    if (take(']')) return json_value(std::move(values));
    do {
      values.push_back(parse_value(depth));
    } while (take(','));
    if (!take(']')) fail("expected ',' or ']' in an array");
    return json_value(std::move(values));
  }

  json_value parse_object(index_t depth) {
    json_value::object members;
    std::vector<std::size_t> positions;
    if (take('}')) return json_value(std::move(members));
    do {
      if (peek() != '"') fail("expected a name in quotes in an object");
      positions.push_back(at_);
      std::string name = parse_string();
      if (!take(':')) fail("expected ':' after a name");
      members.push_back({std::move(name), parse_value(depth)});
    } while (take(','));
    if (!take('}')) fail("expected ',' or '}' in an object");
    require_distinct(members, positions);
    return json_value(std::move(members));
  }

  /// Sorts rather than compares each with each: a hostile object may have 200,000 names.
  static void require_distinct(const json_value::object& members, const std::vector<std::size_t>& positions) {
    if (members.size() < 2) return;
    std::vector<std::size_t> order(members.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const int c = members[a].name.compare(members[b].name);
      return c != 0 ? c < 0 : a < b;
    });
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (members[order[i - 1]].name == members[order[i]].name) {
        fail("the name \"" + printable(members[order[i]].name) + "\" appears twice in one object", positions[order[i]]);
      }
    }
  }

  json_value parse_number() {
    const std::size_t begin = at_;
    bool whole = true;
    const auto digits = [&] {
      if (!is_digit(here())) fail("expected a digit");
      while (is_digit(here())) ++at_;
    };
    if (here() == '-') ++at_;
    if (here() == '0') {
      ++at_;
      if (is_digit(here())) fail("a number starts with an idle 0");
    } else {
      digits();
    }
    if (here() == '.') {
      whole = false;
      ++at_;
      digits();
    }
    if (here() == 'e' || here() == 'E') {
      whole = false;
      ++at_;
      if (here() == '+' || here() == '-') ++at_;
      digits();
    }
    const std::string_view text = text_.substr(begin, at_ - begin);
    if (whole) {
      if (const auto value = parse_integer<std::int64_t>(text)) return json_value(*value);
    }
    const auto value = parse_double(text);
    if (!value || !std::isfinite(*value)) fail("a number beyond the range of double", begin);
    return json_value(*value);
  }

  std::string parse_string() {
    const std::size_t begin = at_++;
    std::string value;
    for (;;) {
      // Runs of ordinary characters are taken whole.
      const std::size_t run = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\') {
        if (here() < 0x20) fail("a control character in a string must be escaped");
        const std::size_t length = utf8_length(text_.substr(at_));
        if (length == 0) fail("a string is not valid UTF-8");
        at_ += length;
      }
      value += text_.substr(run, at_ - run);
      if (at_ == text_.size()) fail("a string without its closing quote starts", begin);
      if (text_[at_++] == '"') return value;
      append_escape(value);
    }
  }

  void append_escape(std::string& value) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const std::size_t begin = at_ - 1;
    const int letter = here();
    ++at_;
    if (letter == 'u') {
      std::uint32_t code = parse_hex4();
      if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
        at_ += 2;
        const std::uint32_t low = parse_hex4();
        if (low < 0xDC00 || low > 0xDFFF) fail("half of a surrogate pair", begin);
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      }
      if (code >= 0xD800 && code <= 0xDFFF) fail("half of a surrogate pair", begin);
      append_utf8(value, code);
      return;
    }
    const std::size_t which = letter < 0 ? std::string_view::npos : letters.find(static_cast<char>(letter));
    if (which == std::string_view::npos) fail("an unknown escape in a string", begin);
    value += meanings[which];
  }

  std::uint32_t parse_hex4() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const int c = here();
      const int digit = is_digit(c)            ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("expected four hexadecimal digits after \\u");
      code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    return code;
  }

  static bool is_digit(int c) noexcept { return c >= '0' && c <= '9'; }

  std::string_view text_;
  const json_options& options_;
  std::size_t at_ = 0;
};

}  // namespace detail

/// Reads one JSON value that fills the text. Names within an object must differ. Throws `bad_format` or
/// `limit_exceeded` with the byte position.
[[nodiscard]] inline json_value parse_json(std::string_view text, const json_options& options = {}) {
  return detail::json_parser(text, options).parse();
}

/// `parse_json` of a file. Throws also what `read_file` throws; every message names the file.
[[nodiscard]] inline json_value load_json(const std::filesystem::path& path, const json_options& options = {}) {
  const auto bytes = read_file(path, static_cast<std::uintmax_t>(std::max<index_t>(options.max_bytes, 0)));
  try {
    return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, options);
  } catch (const error& e) {
    throw error(e.code(), "'" + path.string() + "': " + e.what());
  }
}

/// The text as a JSON string, in quotes. Throws `invalid_argument` where it is not valid UTF-8.
[[nodiscard]] inline std::string json_string(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = detail::utf8_length(text.substr(i));
    if (length == 0)
      throw error(errc::invalid_argument, "JSON: the text to write is not valid UTF-8 at byte " + std::to_string(i));
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c < 0x20) {
      out += "\\u00";
      out += hex[c >> 4];
      out += hex[c & 15U];
    } else {
      out += text.substr(i, length);
    }
    i += length;
  }
  return out + '"';
}

/// The shortest JSON number that reads back as the same value. Throws `not_finite`: JSON has no NaN and no infinity.
[[nodiscard]] inline std::string json_number(double value) {
  if (!std::isfinite(value)) throw error(errc::not_finite, "JSON: NaN and infinity cannot be written");
  std::string out;
  append_number(out, value);
  return out == "-0" ? "-0.0" : out;  // "-0" would be read as the whole number 0
}

}  // namespace vmt::inline VMT_ABI::io
