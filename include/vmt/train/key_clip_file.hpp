// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/crc32.hpp>
#include <vmt/io/safetensors.hpp>
#include <vmt/train/key_clip.hpp>

#include <array>
#include <functional>

namespace vmt::inline VMT_ABI::train {

/// A clip whose pictures are in memory, as a file: `pixels` (frames × 96 × width), `plate`, `times`, `notes` (onset,
/// offset, pitch, velocity). Written whole or not at all.
inline void save_key_clip(const key_clip& c, const std::filesystem::path& path) {
  validate(c);
  if (c.file) throw error(errc::invalid_argument, "save_key_clip: the clip " + c.name + " is in a file already");
  io::tensor_file file;
  file.metadata = {{"vmt.clip", c.name},
                   {"vmt.keys", std::to_string(c.layout.lowest_key) + ' ' + std::to_string(c.layout.highest_key)},
                   {"vmt.rendered", c.rendered ? "1" : "0"},
                   {"vmt.crc32", std::to_string(crc32(std::as_bytes(std::span(c.pixels))))}};
  const index_t height = keyboard::strip_layout::height();
  std::vector<double> notes;
  for (const note& n : c.notes) {
    notes.insert(notes.end(), {n.onset, n.offset, static_cast<double>(n.pitch), static_cast<double>(n.velocity)});
  }
  const auto add = [&](const char* name, const std::vector<index_t>& shape, const auto& values) {
    using T = typename std::remove_cvref_t<decltype(values)>::value_type;
    file.add<T>(name, shape, std::span<const T>(values));
  };
  add("pixels", {c.frames(), height, c.width()}, c.pixels);
  add("plate", {height, c.width()}, c.plate);
  add("times", {c.frames()}, c.times);
  add("notes", {std::ssize(c.notes), 4}, notes);
  file.save(path);
}

/// Reads it. Throws `not_found`, `bad_format` for a file that is damaged or no clip, and as `validate`.
[[nodiscard]] inline key_clip load_key_clip(const std::filesystem::path& path) {
  const io::tensor_file file = io::tensor_file::load(path);
  const auto text = [&](const char* key) {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end()) {
      throw error(errc::bad_format, vmt::detail::quoted(path) + " has no " + key + "; it is no clip");
    }
    return found->second;
  };
  key_clip c;
  c.name = text("vmt.clip");
  c.rendered = text("vmt.rendered") == "1";
  c.pixels = file.read<std::uint8_t>("pixels");
  if (text("vmt.crc32") != std::to_string(crc32(std::as_bytes(std::span(c.pixels))))) {
    throw error(errc::bad_format, vmt::detail::quoted(path) + " is damaged: its checksum is another");
  }
  const std::string keys = text("vmt.keys");
  const std::size_t space = keys.find(' ');
  const auto key = [&](std::string_view digits) {
    int value = 0;
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (status != std::errc{} || end != digits.data() + digits.size()) {
      throw error(errc::bad_format, vmt::detail::quoted(path) + ": vmt.keys is \"" + keys + "\"");
    }
    return value;
  };
  if (space == std::string::npos) throw error(errc::bad_format, vmt::detail::quoted(path) + ": vmt.keys is one number");
  c.layout = {key(std::string_view(keys).substr(0, space)), key(std::string_view(keys).substr(space + 1))};
  c.plate = file.read<std::uint8_t>("plate");
  c.times = file.read<double>("times");
  const std::vector<double> notes = file.read<double>("notes");
  for (std::size_t i = 0; i + 3 < notes.size(); i += 4) {
    c.notes.push_back({notes[i], notes[i + 1], static_cast<int>(notes[i + 2]), static_cast<int>(notes[i + 3])});
  }
  validate(c);
  return c;
}

/// A maker that looks for clip i in a folder first, and leaves there what it had to make. Several programs may share
/// the folder. `stamp` must tell makers apart. Clips are then the same whether they were stored or not. Throws
/// `io_failure`.
[[nodiscard]] inline std::function<key_clip(index_t)> stored_clips(std::function<key_clip(index_t)> make,
                                                                   const std::filesystem::path& folder,
                                                                   std::uint64_t stamp) {
  const std::filesystem::path place = folder / std::to_string(stamp);
  std::error_code failure;
  std::filesystem::create_directories(place, failure);
  if (failure) {
    throw error(errc::io_failure, "cannot make the folder " + vmt::detail::quoted(place) + ": " + failure.message());
  }
  return [make = std::move(make), place](index_t i) {
    const std::filesystem::path path = place / (std::to_string(i) + ".clip");
    try {
      return load_key_clip(path);
    } catch (const error&) {
      key_clip made = make(i);  // whatever is wrong with a stored clip, making it anew is the answer
      save_key_clip(made, path);
      return made;
    }
  };
}

}  // namespace vmt::inline VMT_ABI::train
