// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file.hpp>
#include <vmt/io/json.hpp>
#include <vmt/keyboard/keyboard.hpp>

#include <filesystem>   // path
#include <limits>       // integers of JSON
#include <string>       // text
#include <string_view>  // text

namespace vmt::inline VMT_ABI::keyboard {

namespace detail {

/// A number, where −0 becomes 0: JSON writes it as the integer 0.
inline double number_of(const io::json_value& value) {
  return value.as_number() + 0.0;
}

inline point point_of(const io::json_value& value, const std::string& what) {
  const auto& pair = value.as_array();
  if (pair.size() != 2) {
    throw error(errc::bad_format, what + " has " + std::to_string(pair.size()) + " numbers, 2 were expected");
  }
  return {number_of(pair[0]), number_of(pair[1])};
}

inline int int_of(const io::json_value& value, const std::string& what) {
  const std::int64_t number = value.as_integer();
  if (number < (std::numeric_limits<int>::min)() || number > (std::numeric_limits<int>::max)()) {
    throw error(errc::invalid_argument, what + " is out of range");
  }
  return static_cast<int>(number);
}

/// The value of a member, by a function that may throw; its errors then name the member.
template <class F>
auto member(const io::json_value& value, const char* name, F&& read) {
  try {
    return read(value);
  } catch (const error& e) {
    throw error(e.code(), std::string("the member \"") + name + "\": " + e.what());
  }
}

}  // namespace detail

/// Reads a keyboard from JSON:
///
///     {"image_size": [1280, 720], "corners": [[8, 286], [1277, 298], [1264, 451], [20, 437]],
///      "lowest_key": 21, "highest_key": 108, "lens": 0, "score": 1, "mirrored": false,
///      "keys": [[0.0002, 0.0192], …]}
///
/// `keys` has left and right of each key from the lowest to the highest. `image_size` and `corners` must be there, the
/// rest has the defaults of `keyboard`; other members are passed over. Throws `bad_format` with the place, `not_found`
/// for a missing member, and as `validate`.
[[nodiscard]] inline keyboard parse_keyboard(std::string_view json) {
  const io::json_value root = io::parse_json(json);
  if (std::string_view(root.kind()) != "object") {
    throw error(errc::bad_format, std::string("a keyboard is a JSON object, found ") + root.kind());
  }
  keyboard k;
  detail::member(root.at("image_size"), "image_size", [&](const io::json_value& value) {
    const auto& size = value.as_array();
    if (size.size() != 2) throw error(errc::bad_format, "two numbers were expected, width and height");
    k.image_width = detail::int_of(size[0], "the width");
    k.image_height = detail::int_of(size[1], "the height");
  });
  detail::member(root.at("corners"), "corners", [&](const io::json_value& value) {
    const auto& points = value.as_array();
    if (points.size() != 4) {
      throw error(errc::bad_format,
                  std::to_string(points.size()) +
                      " points were found, 4 were expected: top left, top right, bottom right, bottom "
                      "left as the player sees them");
    }
    for (std::size_t i = 0; i < 4; ++i) {
      k.corners[i] = detail::point_of(points[i], std::string("the ") + detail::corner_names[i] + " corner");
    }
  });
  const auto optional = [&](const char* name, auto&& read) {
    if (const io::json_value* value = root.find(name)) detail::member(*value, name, read);
  };
  optional("lowest_key", [&](const io::json_value& v) { k.lowest_key = detail::int_of(v, "the key"); });
  optional("highest_key", [&](const io::json_value& v) { k.highest_key = detail::int_of(v, "the key"); });
  optional("lens", [&](const io::json_value& v) { k.lens = detail::number_of(v); });
  optional("score", [&](const io::json_value& v) { k.score = detail::number_of(v); });
  optional("mirrored", [&](const io::json_value& v) { k.mirrored = v.as_bool(); });
  optional("keys", [&](const io::json_value& v) {
    const auto& spans = v.as_array();
    if (spans.size() > 88)
      throw error(errc::limit_exceeded, "a piano has at most 88 keys, not " + std::to_string(spans.size()));
    for (const io::json_value& span : spans) {
      const point p = detail::point_of(span, "the span of key " + std::to_string(k.lowest_key + std::ssize(k.keys)));
      k.keys.push_back({p.x, p.y});
    }
  });
  validate(k);
  return k;
}

/// The keyboard as JSON text that reads back the same. Throws as `validate`.
[[nodiscard]] inline std::string to_json(const keyboard& k) {
  validate(k);
  std::string corners;
  for (const point& p : k.corners) {
    corners += (corners.empty() ? "[" : ", [") + io::json_number(p.x) + ", " + io::json_number(p.y) + "]";
  }
  std::string keys;
  for (const key_span& s : k.keys) {
    keys +=
        (keys.empty() ? ",\n  \"keys\": [[" : ", [") + io::json_number(s.left) + ", " + io::json_number(s.right) + "]";
  }
  if (!keys.empty()) keys += "]";
  return "{\n  \"image_size\": [" + std::to_string(k.image_width) + ", " + std::to_string(k.image_height) +
         "],\n  \"corners\": [" + corners + "],\n  \"lowest_key\": " + std::to_string(k.lowest_key) +
         ",\n  \"highest_key\": " + std::to_string(k.highest_key) + ",\n  \"lens\": " + io::json_number(k.lens) +
         ",\n  \"score\": " + io::json_number(k.score) + (k.mirrored ? ",\n  \"mirrored\": true" : "") + keys + "\n}\n";
}

/// `parse_keyboard` of a file of at most 1 MiB; every message names the file. Throws also what `read_file` throws.
[[nodiscard]] inline keyboard load_keyboard(const std::filesystem::path& path) {
  const auto bytes = read_file(path, std::uintmax_t{1} << 20);
  try {
    return parse_keyboard({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const error& e) {
    throw error(e.code(), "'" + path.string() + "': " + e.what());
  }
}

/// Writes the file whole or not at all. Throws as `validate` and `write_file`.
inline void save_keyboard(const std::filesystem::path& path, const keyboard& k) {
  write_file(path, to_json(k));
}

}  // namespace vmt::inline VMT_ABI::keyboard
