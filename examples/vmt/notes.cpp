// SPDX-License-Identifier: MIT
#include "notes.hpp"

#include "paths.hpp"

#include <vmt/midi/notes_csv.hpp>
#include <vmt/midi/smf.hpp>

#include <algorithm>
#include <cstdio>
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

std::string score_table(const vmt::eval::evaluation& e, std::size_t reference, std::size_t estimate) {
  std::string text = "reference " + std::to_string(reference) + " notes, estimate " + std::to_string(estimate) +
                     " notes\n                        precision  recall  accuracy      F1\n";
  const auto row = [&](const char* name, const vmt::eval::score& s) {
    char line[96];
    std::snprintf(line, sizeof line, "%-22s  %9.4f  %6.4f  %8.4f  %6.4f\n", name, s.precision, s.recall, s.accuracy,
                  s.f1);
    text += line;
  };
  row("onset, 50 ms", e.onset_50ms);
  row("onset, 100 ms", e.onset_100ms);
  row("onset, offset, 50 ms", e.onset_offset_50ms);
  row("onset, offset, 100 ms", e.onset_offset_100ms);
  row("frames of 10 ms", e.frame);
  return text;
}

}  // namespace tool
