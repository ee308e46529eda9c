// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/crc32.hpp>
#include <vmt/io/safetensors.hpp>

#include <array>     // names of the two files
#include <charconv>  // numbers in metadata
#include <optional>

namespace vmt::inline VMT_ABI::train {

namespace detail {

inline constexpr std::string_view crc_key = "vmt.crc32";
inline constexpr std::string_view no_crc = "........";

inline std::string hex(std::uint64_t value, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15U];
  return text;
}

/// Where the checksum's digits lie in the bytes of a safetensors file; the end of the bytes if nowhere.
inline std::size_t place_of_crc(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string key = "\"" + std::string(crc_key) + "\":\"";
  const std::size_t at = text.find(key);
  return at == std::string_view::npos || at + key.size() + no_crc.size() > text.size() ? text.size() : at + key.size();
}

}  // namespace detail

/// The bytes of a safetensors file with a checksum of all of them: the metadata entry `vmt.crc32` holds eight
/// hexadecimal digits, computed while eight dots stand in their place.
[[nodiscard]] inline std::vector<std::byte> seal(io::tensor_file file) {
  file.metadata[std::string(detail::crc_key)] = detail::no_crc;
  std::vector<std::byte> bytes = file.serialize();
  const std::size_t at = detail::place_of_crc(bytes);
  const std::string digits = detail::hex(crc32(bytes), detail::no_crc.size());
  for (std::size_t i = 0; i < digits.size(); ++i) bytes[at + i] = static_cast<std::byte>(digits[i]);
  return bytes;
}

/// Reads what `seal` made. Throws `bad_format` if a single bit has changed, and as `io::tensor_file::parse`.
[[nodiscard]] inline io::tensor_file unseal(std::vector<std::byte> bytes, const io::safetensors_options& options = {}) {
  const std::size_t at = detail::place_of_crc(bytes);
  if (at == bytes.size())
    throw error(errc::bad_format, "there is no checksum (vmt.crc32); it is no checkpoint, or damaged");
  std::string stated;
  for (std::size_t i = 0; i < detail::no_crc.size(); ++i) {
    stated += std::to_integer<char>(bytes[at + i]);
    bytes[at + i] = static_cast<std::byte>(detail::no_crc[i]);
  }
  if (const std::string found = detail::hex(crc32(bytes), stated.size()); found != stated) {
    throw error(errc::bad_format, "the checksum is " + found + ", the file states another; it is damaged");
  }
  return io::tensor_file::parse(bytes, options);
}

/// Two checkpoint files in a folder, `checkpoint.a.safetensors` and `checkpoint.b.safetensors`, written in turn:
/// whatever happens while one is written, the other one stands. `vmt.generation` in the metadata tells which is newer.
class checkpoint_pair {
 public:
  explicit checkpoint_pair(const std::filesystem::path& folder, file_system& files = posix_file_system())
      : files_(&files), paths_{folder / "checkpoint.a.safetensors", folder / "checkpoint.b.safetensors"} {}

  /// The newest checkpoint that is whole; nothing where the folder has none at all. Throws `bad_format`, with both
  /// reasons, where there are files but all are damaged.
  [[nodiscard]] std::optional<io::tensor_file> load() {
    std::optional<io::tensor_file> newest;
    std::string reasons;
    generation_ = 0;
    newest_.reset();
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      try {
        io::tensor_file file = unseal(read_file(paths_[i], max_bytes, *files_), {.max_file_bytes = max_bytes});
        const std::uint64_t generation = generation_of(file);
        if (newest && generation <= generation_) continue;
        generation_ = generation;
        newest_ = i;
        newest = std::move(file);
      } catch (const error& e) {
        if (e.code() != errc::not_found) reasons += "; " + paths_[i].string() + ": " + e.what();
      }
    }
    looked_ = true;
    if (!newest && !reasons.empty()) throw error(errc::bad_format, "no checkpoint can be read" + reasons);
    return newest;
  }

  /// Writes a checkpoint over the older of the two, whole or not at all. Returns its path. Throws `io_failure`.
  std::filesystem::path save(io::tensor_file file) {
    if (!looked_) {
      try {
        static_cast<void>(load());
      } catch (const error& e) {
        if (e.code() != errc::bad_format) throw;  // both damaged: either may be replaced
      }
    }
    const std::size_t target = newest_ ? 1 - *newest_ : 0;
    file.metadata["vmt.generation"] = std::to_string(generation_ + 1);
    write_file(paths_[target], seal(std::move(file)), *files_);
    ++generation_;
    newest_ = target;
    return paths_[target];
  }

  /// The file that was loaded or saved last; empty before.
  [[nodiscard]] std::filesystem::path newest() const { return newest_ ? paths_[*newest_] : std::filesystem::path(); }

 private:
  static constexpr index_t max_bytes = index_t{4} << 30;

  static std::uint64_t generation_of(const io::tensor_file& file) {
    std::uint64_t value = 0;
    const auto found = file.metadata.find("vmt.generation");
    if (found == file.metadata.end()) throw error(errc::bad_format, "there is no vmt.generation in the metadata");
    const std::string& text = found->second;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc{} || end != text.data() + text.size()) {
      throw error(errc::bad_format, "vmt.generation is \"" + text + "\", a number was expected");
    }
    return value;
  }

  file_system* files_;
  std::array<std::filesystem::path, 2> paths_;
  std::optional<std::size_t> newest_;
  std::uint64_t generation_ = 0;
  bool looked_ = false;
};

}  // namespace vmt::inline VMT_ABI::train
