// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/midi/note.hpp>

#include <filesystem>
#include <vector>

namespace tool {

/// The notes of a file: MIDI where it starts with "MThd", notes CSV otherwise. Throws with a status for bad data.
[[nodiscard]] std::vector<vmt::note> load_notes(const std::filesystem::path& path);

}  // namespace tool
