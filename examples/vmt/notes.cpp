// SPDX-License-Identifier: MIT
#include "notes.hpp"

#include "paths.hpp"

#include <vmt/midi/notes_csv.hpp>
#include <vmt/midi/smf.hpp>

#include <algorithm>
#include <string_view>

namespace tool {

std::vector<vmt::note> load_notes(const std::filesystem::path& path) {
  return read_input(path, [](const std::filesystem::path& p) {
    const std::vector<std::byte> bytes = vmt::read_file(p);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::string extension = p.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const bool midi = text.starts_with("MThd") || extension == ".mid" || extension == ".midi";
    return midi ? vmt::midi::read(bytes).notes : vmt::midi::parse_notes_csv(text);
  });
}

}  // namespace tool
