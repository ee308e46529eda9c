// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file.hpp>
#include <vmt/io/dtype.hpp>
#include <vmt/io/utf8.hpp>

#include <algorithm>    // lower_bound
#include <cmath>        // isinf, isfinite
#include <cstddef>      // byte
#include <map>          // metadata
#include <span>         // values
#include <string>       // names
#include <string_view>  // find
#include <utility>      // move
#include <vector>       // entries

namespace vmt::inline VMT_ABI::io {

/// A named tensor as it lies in a file: row-major, lowest byte first, `bytes.size()` = product of shape · element size.
struct tensor_entry {
  std::string name;
  dtype type = dtype::f32;
  std::vector<index_t> shape;  ///< empty for a scalar
  std::vector<std::byte> bytes;

  /// The number of elements.
  [[nodiscard]] index_t size() const noexcept { return std::ssize(bytes) / size_of(type); }
};

/// Bounds of what `tensor_file::parse` and `load` accept.
struct safetensors_options {
  index_t max_file_bytes = index_t{1} << 30;
  index_t max_header_bytes = index_t{1} << 20;
  index_t max_tensors = 4096;
  index_t max_name_bytes = 256;
  index_t max_rank = 8;
  bool require_finite = true;  ///< refuse NaN and infinity in floating tensors
};

/// The content of a safetensors file: named tensors, ordered by name, and a table of texts. A value: copies are deep.
class tensor_file {
 public:
  /// The file's `__metadata__`.
  std::map<std::string, std::string> metadata;

  /// All tensors, by ascending name.
  [[nodiscard]] const std::vector<tensor_entry>& entries() const noexcept { return entries_; }

  /// The tensor of that name, or nullptr. Valid until the next `add`.
  [[nodiscard]] const tensor_entry* find(std::string_view name) const {
    const auto place = std::lower_bound(entries_.begin(), entries_.end(), name, before);
    return place != entries_.end() && place->name == name ? &*place : nullptr;
  }

  /// The tensor of that name. Throws `not_found`.
  [[nodiscard]] const tensor_entry& at(std::string_view name) const {
    if (const tensor_entry* entry = find(name)) return *entry;
    throw error(errc::not_found, "safetensors: there is no tensor '" + detail::printable(name) + "' among the " +
                                     std::to_string(entries_.size()) + " of the file");
  }

  /// All elements of a tensor. float and double come from any of F64, F32, F16, BF16; integers only from their own
  /// type, `std::uint8_t` also from BOOL. Throws `not_found`, `unsupported`, and `not_finite` where an F64 is too large
  /// for float.
  template <element T>
  [[nodiscard]] std::vector<T> read(std::string_view name) const {
    const tensor_entry& entry = at(name);
    try {
      return detail::read_elements<T>(entry.type, entry.bytes);
    } catch (const error& e) {
      throw error(e.code(), "safetensors: tensor '" + detail::printable(name) + "': " + e.what());
    }
  }

  /// Adds a tensor. Throws `invalid_argument` for a name that is taken, reserved or not UTF-8, `shape_mismatch` where
  /// the shape does not have as many elements as there are values.
  template <element T>
  void add(std::string_view name, std::span<const index_t> shape, std::span<const T> values) {
    require_fitting(name, shape, values.size());
    insert({std::string(name), dtype_of<T>, {shape.begin(), shape.end()}, detail::to_bytes(values)});
  }

  /// Adds a tensor that is stored as F16, BF16, F32 or F64, rounded to nearest even. Throws as `add`, `unsupported` for
  /// another type, `not_finite` where a finite value is too large for the type.
  void add_as(dtype type, std::string_view name, std::span<const index_t> shape, std::span<const float> values) {
    require_fitting(name, shape, values.size());
    if (!is_floating(type)) {
      throw error(errc::unsupported, "safetensors: tensor '" + std::string(name) +
                                         "': float values cannot be stored as " + std::string(io::name(type)));
    }
    std::vector<std::byte> bytes;
    bytes.reserve(values.size() * static_cast<std::size_t>(size_of(type)));
    for (const float value : values) {
      switch (type) {
        case dtype::f64: detail::store(bytes, static_cast<double>(value)); continue;
        case dtype::f16: detail::store(bytes, float_to_half(value)); break;
        case dtype::bf16: detail::store(bytes, float_to_bfloat16(value)); break;
        default: detail::store(bytes, value); continue;
      }
      const std::size_t last = bytes.size() / 2 - 1;
      if (std::isfinite(value) && !std::isfinite(detail::load_floating(type, bytes, last))) {
        throw error(errc::not_finite, "safetensors: tensor '" + std::string(name) + "': element " +
                                          std::to_string(last) + " is too large for " + std::string(io::name(type)));
      }
    }
    insert({std::string(name), type, {shape.begin(), shape.end()}, std::move(bytes)});
  }

  /// Adds a tensor as it is. Throws as `add`.
  void add(tensor_entry entry) {
    require_fitting(entry.name, entry.shape, entry.bytes.size() / static_cast<std::size_t>(size_of(entry.type)));
    if (entry.bytes.size() % static_cast<std::size_t>(size_of(entry.type)) != 0) {
      throw error(errc::shape_mismatch, "safetensors: tensor '" + entry.name + "' does not have whole elements");
    }
    insert(std::move(entry));
  }

  /// The file's bytes. The same content gives the same bytes; every tensor starts at a multiple of its element size,
  /// the first at a multiple of 8. Throws `invalid_argument` where metadata is not UTF-8. Defined in safetensors.hpp.
  [[nodiscard]] std::vector<std::byte> serialize() const;
  /// Writes the file whole or not at all, see `write_file`.
  void save(const std::filesystem::path& path, file_system& files = posix_file_system()) const;
  /// Reads a file of which nothing is trusted; see safetensors.hpp for the rules.
  [[nodiscard]] static tensor_file parse(std::span<const std::byte> bytes, const safetensors_options& options = {});
  /// `parse` of a file. Throws also what `read_file` throws; every message names the file.
  [[nodiscard]] static tensor_file load(const std::filesystem::path& path, const safetensors_options& options = {},
                                        file_system& files = posix_file_system());

 private:
  static bool before(const tensor_entry& entry, std::string_view name) noexcept { return entry.name < name; }

  void require_fitting(std::string_view name, std::span<const index_t> shape, std::size_t values) const {
    if (find(name) != nullptr || name == "__metadata__" || !detail::is_utf8(name)) {
      throw error(errc::invalid_argument, "safetensors: the tensor name '" + detail::printable(name) +
                                              "' is taken, reserved or not UTF-8; choose another");
    }
    if (std::cmp_not_equal(detail::element_count(shape), values)) {
      throw error(errc::shape_mismatch, "safetensors: tensor '" + std::string(name) + "' of shape " +
                                            detail::shape_text(shape) + " does not have " + std::to_string(values) +
                                            " elements");
    }
  }
  void insert(tensor_entry entry) {
    entries_.insert(std::lower_bound(entries_.begin(), entries_.end(), entry.name, before), std::move(entry));
  }

  std::vector<tensor_entry> entries_;
};

}  // namespace vmt::inline VMT_ABI::io
