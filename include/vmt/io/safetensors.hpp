// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Reading and writing safetensors files (github.com/huggingface/safetensors): 8 bytes N, N bytes of JSON, the data.
///
/// `tensor_file::parse` trusts nothing. A file is refused (`bad_format`, unless another code is named) unless
///  - the header fits into the file and the limits (`limit_exceeded`), starts with '{' and is JSON without double
///  names;
///  - every tensor has exactly dtype, shape and data_offsets, and a known dtype (`unsupported`);
///  - names, ranks and the number of tensors are within the limits (`limit_exceeded`), products do not overflow;
///  - each tensor's bytes are what its shape and dtype need, and the tensors cover the data without hole, overlap or
///  rest;
///    tensors without elements are allowed;
///  - floating elements are finite (`not_finite`; `require_finite` turns this off) and BOOL elements are 0 or 1.
/// Nothing is allocated from a stated size: memory grows with the bytes that are there.

#include <vmt/core/file.hpp>
#include <vmt/io/json.hpp>
#include <vmt/io/tensor_file.hpp>

#include <algorithm>    // sort
#include <array>        // length field
#include <cstddef>      // byte
#include <optional>     // dtype
#include <span>         // bytes
#include <string>       // header
#include <string_view>  // header
#include <utility>      // move, cmp_greater
#include <vector>       // places

namespace vmt::inline VMT_ABI::io {
namespace detail {

[[nodiscard]] constexpr std::optional<dtype> dtype_from(std::string_view text) noexcept {
  for (const dtype type : {dtype::f64, dtype::f32, dtype::f16, dtype::bf16, dtype::i64, dtype::i32, dtype::i8,
                           dtype::u8, dtype::boolean}) {
    if (name(type) == text) return type;
  }
  return std::nullopt;
}

class safetensors_parser {
 public:
  safetensors_parser(std::span<const std::byte> bytes, const safetensors_options& options)
      : bytes_(bytes), options_(options) {}

  tensor_file parse() {
    read_header();
    check_coverage();
    tensor_file file;
    file.metadata = std::move(metadata_);
    // Names ascending: each is put at the end.
    std::sort(places_.begin(), places_.end(),
              [](const place& a, const place& b) { return a.entry.name < b.entry.name; });
    for (place& p : places_) {
      const auto content = data_.subspan(static_cast<std::size_t>(p.begin), static_cast<std::size_t>(p.end - p.begin));
      check_values(p.entry, content);
      p.entry.bytes.assign(content.begin(), content.end());
      file.add(std::move(p.entry));
    }
    return file;
  }

 private:
  struct place {
    tensor_entry entry;
    index_t begin = 0;
    index_t end = 0;
  };

  [[noreturn]] static void fail(errc code, const std::string& what) { throw error(code, "safetensors: " + what); }
  [[noreturn]] static void fail(errc code, std::string_view tensor, const std::string& what) {
    fail(code, "tensor '" + printable(tensor) + "': " + what);
  }
  static void limit(index_t found, index_t most, const char* what, const char* option) {
    if (found <= most) return;
    fail(errc::limit_exceeded, std::to_string(found) + " " + what + ", the limit is " + std::to_string(most) +
                                   " (safetensors_options::" + option + ")");
  }

  void read_header() {
    limit(std::ssize(bytes_), options_.max_file_bytes, "bytes", "max_file_bytes");
    if (bytes_.size() < 8) {
      fail(errc::bad_format, "the file has " + std::to_string(bytes_.size()) + " bytes, at least 8 were expected");
    }
    const auto length = detail::load<std::uint64_t>(bytes_, 0);
    if (std::cmp_greater(length, options_.max_header_bytes)) {
      fail(errc::limit_exceeded, "the header states " + std::to_string(length) + " bytes, the limit is " +
                                     std::to_string(options_.max_header_bytes) +
                                     " (safetensors_options::max_header_bytes); is it a safetensors file?");
    }
    if (length > bytes_.size() - 8) {
      fail(errc::bad_format, "the header states " + std::to_string(length) + " bytes, the file has only " +
                                 std::to_string(bytes_.size() - 8) +
                                 " after byte 8; it is cut short or of another kind");
    }
    const auto header = bytes_.subspan(8, static_cast<std::size_t>(length));
    data_ = bytes_.subspan(8 + header.size());
    if (header.empty() || header.front() != std::byte{'{'})
      fail(errc::bad_format, "the header does not start with '{'");
    json_value tensors;
    try {
      tensors = parse_json({reinterpret_cast<const char*>(header.data()), header.size()},
                           {.max_bytes = options_.max_header_bytes, .max_depth = 4});
    } catch (const error& e) {
      fail(e.code(), std::string("the header is not valid: ") + e.what() + " of the header");
    }
    const json_value* metadata = tensors.find("__metadata__");
    limit(std::ssize(tensors.as_object()) - (metadata != nullptr ? 1 : 0), options_.max_tensors, "tensors",
          "max_tensors");
    for (const json_member& member : tensors.as_object()) {
      try {
        if (&member.value == metadata) {
          for (const json_member& text : member.value.as_object()) metadata_[text.name] = text.value.as_string();
        } else {
          read_tensor(member);
        }
      } catch (const error& e) {
        // What json_value says knows no name; our own sentences have one.
        if (std::string_view(e.what()).starts_with("safetensors: ")) throw;
        fail(e.code() == errc::not_found ? errc::bad_format : e.code(), member.name, e.what());
      }
    }
  }

  void read_tensor(const json_member& member) {
    limit(std::ssize(member.name), options_.max_name_bytes, "bytes in a tensor's name", "max_name_bytes");
    const json_value& fields = member.value;
    const json_value& offsets = fields.at("data_offsets");
    const json_value& shape = fields.at("shape");
    const std::string& type_name = fields.at("dtype").as_string();
    if (fields.as_object().size() != 3) {
      fail(errc::bad_format, member.name, "expected dtype, shape and data_offsets only");
    }
    const auto type = dtype_from(type_name);
    if (!type) fail(errc::unsupported, member.name, "the dtype '" + printable(type_name) + "' is not supported");
    limit(std::ssize(shape.as_array()), options_.max_rank, "dimensions in a tensor", "max_rank");
    if (offsets.as_array().size() != 2) fail(errc::bad_format, member.name, "expected two data_offsets");

    place p;
    p.entry.name = member.name;
    p.entry.type = *type;
    for (const json_value& extent : shape.as_array()) {
      p.entry.shape.push_back(extent.as_integer());
      if (p.entry.shape.back() < 0) fail(errc::bad_format, member.name, "a size of the shape is negative");
    }
    p.begin = offsets.as_array()[0].as_integer();
    p.end = offsets.as_array()[1].as_integer();
    if (p.begin < 0 || p.end < p.begin || p.end > std::ssize(data_)) {
      fail(errc::bad_format, member.name,
           "the data_offsets " + std::to_string(p.begin) + ", " + std::to_string(p.end) + " are outside the " +
               std::to_string(data_.size()) + " bytes of data");
    }
    const index_t needed = checked_product(element_count(p.entry.shape), size_of(*type));
    if (needed != p.end - p.begin) {
      fail(errc::bad_format, member.name,
           "shape " + shape_text(p.entry.shape) + " of " + type_name + " needs " + std::to_string(needed) +
               " bytes, data_offsets give " + std::to_string(p.end - p.begin));
    }
    places_.push_back(std::move(p));
  }

  /// In the order of the data, each tensor starts where the one before ended, and the last ends with the file.
  void check_coverage() {
    std::sort(places_.begin(), places_.end(), [](const place& a, const place& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;  // those without elements first
    });
    index_t covered = 0;
    for (const place& p : places_) {
      if (p.begin != covered) {
        fail(errc::bad_format, p.entry.name,
             "starts at byte " + std::to_string(p.begin) + " of the data, " + std::to_string(covered) +
                 " was expected: there must be no hole and no overlap");
      }
      covered = p.end;
    }
    if (covered != std::ssize(data_)) {
      fail(errc::bad_format, "the tensors end at byte " + std::to_string(covered) + " of the data, which has " +
                                 std::to_string(data_.size()) + " bytes");
    }
  }

  void check_values(const tensor_entry& entry, std::span<const std::byte> content) const {
    if (options_.require_finite) {
      const std::size_t i = first_not_finite(entry.type, content);
      if (i < content.size() / static_cast<std::size_t>(size_of(entry.type))) {
        fail(errc::not_finite, entry.name,
             "element " + std::to_string(i) + " is NaN or infinite (safetensors_options::require_finite)");
      }
    }
    if (entry.type == dtype::boolean &&
        std::any_of(content.begin(), content.end(), [](std::byte b) { return b > std::byte{1}; })) {
      fail(errc::bad_format, entry.name, "a BOOL element is neither 0 nor 1");
    }
  }

  std::span<const std::byte> bytes_;
  const safetensors_options& options_;
  std::span<const std::byte> data_;
  std::map<std::string, std::string> metadata_;
  std::vector<place> places_;
};

}  // namespace detail

inline tensor_file tensor_file::parse(std::span<const std::byte> bytes, const safetensors_options& options) {
  return detail::safetensors_parser(bytes, options).parse();
}

inline tensor_file tensor_file::load(const std::filesystem::path& path, const safetensors_options& options,
                                     file_system& files) {
  const auto bytes = read_file(path, static_cast<std::uintmax_t>(std::max<index_t>(options.max_file_bytes, 0)), files);
  try {
    return parse(bytes, options);
  } catch (const error& e) {
    throw error(e.code(), "'" + path.string() + "': " + e.what());
  }
}

inline std::vector<std::byte> tensor_file::serialize() const {
  // Wide elements first, then by name: without holes, every tensor then starts at a multiple of its element size.
  std::vector<const tensor_entry*> order;
  for (const tensor_entry& entry : entries_) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(),
                   [](const tensor_entry* a, const tensor_entry* b) { return size_of(a->type) > size_of(b->type); });

  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, text] : metadata) header += json_string(key) + ":" + json_string(text) + ",";
    header.back() = '}';
    header += ',';
  }
  std::size_t end = 0;
  for (const tensor_entry* entry : order) {
    const std::size_t begin = std::exchange(end, end + entry->bytes.size());
    header += json_string(entry->name) + ":{\"dtype\":\"" + std::string(name(entry->type)) + "\",\"shape\":[";
    for (const index_t extent : entry->shape) header += std::to_string(extent) + ",";
    if (!entry->shape.empty()) header.pop_back();
    header += "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]},";
  }
  if (header.back() == ',') header.pop_back();
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');

  std::vector<std::byte> bytes;
  bytes.reserve(8 + header.size() + end);
  detail::store(bytes, static_cast<std::uint64_t>(header.size()));
  const auto text = std::as_bytes(std::span(header));
  bytes.insert(bytes.end(), text.begin(), text.end());
  for (const tensor_entry* entry : order) bytes.insert(bytes.end(), entry->bytes.begin(), entry->bytes.end());
  return bytes;
}

inline void tensor_file::save(const std::filesystem::path& path, file_system& files) const {
  write_file(path, serialize(), files);
}

}  // namespace vmt::inline VMT_ABI::io
