// SPDX-License-Identifier: MIT
// Notes CSV to MIDI and back, for tools/check_midi.py: vmt-midi-convert IN OUT [BPM [TICKS_PER_QUARTER [FORMAT]]]

#include <vmt/midi/notes_csv.hpp>
#include <vmt/midi/smf.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace {

bool is_csv(const std::filesystem::path& path) {
  return path.extension() == ".csv";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 6) {
    std::fprintf(stderr, "usage: %s IN OUT [BPM [TICKS_PER_QUARTER [FORMAT]]]; .csv or .mid\n", argv[0]);
    return 2;
  }
  try {
    const std::filesystem::path in = argv[1], out = argv[2];
    vmt::midi::write_options options;
    options.track_name = "piano";
    if (argc > 3) options.bpm = std::strtod(argv[3], nullptr);
    if (argc > 4) options.ticks_per_quarter = std::atoi(argv[4]);
    if (argc > 5) options.format = std::atoi(argv[5]);
    const std::vector<vmt::note> notes = is_csv(in) ? vmt::midi::load_notes_csv(in) : vmt::midi::load(in).notes;
    if (is_csv(out)) {
      vmt::midi::save_notes_csv(out, notes);
    } else {
      vmt::midi::save(out, notes, options);
    }
  } catch (const vmt::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 65;
  }
  return 0;
}
