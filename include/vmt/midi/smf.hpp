// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Standard MIDI Files: `midi::read` and `midi::write` in memory, `midi::load` and `midi::save` on disk.

#include <vmt/core/file.hpp>
#include <vmt/midi/smf_reader.hpp>
#include <vmt/midi/smf_writer.hpp>

#include <filesystem>  // path

namespace vmt::inline VMT_ABI::midi {

/// Reads a MIDI file, see `read`. Throws also `not_found` and `io_failure`; every message names the file.
[[nodiscard]] inline song load(const std::filesystem::path& path, const read_options& options = {}) {
  const std::vector<std::byte> bytes = read_file(path, options.max_bytes);
  try {
    return read(bytes, options);
  } catch (const error& e) {
    throw error(e.code(), path.string() + ": " + e.what());
  }
}

/// Writes a MIDI file, see `write`. A file of that name is replaced as a whole or not at all.
inline void save(const std::filesystem::path& path, std::span<const note> notes, const write_options& options = {}) {
  write_file(path, write(notes, options));
}

}  // namespace vmt::inline VMT_ABI::midi
