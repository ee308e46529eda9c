// SPDX-License-Identifier: MIT
// Feeds text to the JSON reader. What it accepts must come through a writer and the reader unchanged.

#include <vmt/io/json.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::string written(const vmt::io::json_value& value) {
  const std::string kind = value.kind();
  if (kind == "null") return kind;
  if (kind == "boolean") return value.as_bool() ? "true" : "false";
  if (kind == "integer") return std::to_string(value.as_integer());
  if (kind == "number") return vmt::io::json_number(value.as_number());
  if (kind == "string") return vmt::io::json_string(value.as_string());
  std::string out = kind == "array" ? "[" : "{";
  if (kind == "array") {
    for (const auto& item : value.as_array()) out += (out.size() > 1 ? "," : "") + written(item);
    return out + "]";
  }
  for (const auto& [name, item] : value.as_object()) {
    out += (out.size() > 1 ? "," : "") + vmt::io::json_string(name) + ":" + written(item);
  }
  return out + "}";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vmt::io::json_value value;
  try {
    value = vmt::io::parse_json({reinterpret_cast<const char*>(data), size});
  } catch (const vmt::error&) {
    return 0;
  }
  const std::string first = written(value);
  value = {};  // its memory is not part of what the second reading takes
  if (written(vmt::io::parse_json(first, {.max_bytes = 1 << 24})) != first) std::abort();
  return 0;
}
