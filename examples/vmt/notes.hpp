// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/eval/report.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace tool {

/// The notes of a file: MIDI where it begins with "MThd" or is named so, else notes CSV. Throws with a status for bad
/// data.
[[nodiscard]] std::vector<vmt::note> load_notes(const std::filesystem::path& path);

/// The scores as a table of text; the numbers of notes stand above it.
[[nodiscard]] std::string score_table(const vmt::eval::evaluation& e, std::size_t reference, std::size_t estimate);

}  // namespace tool
