// SPDX-License-Identifier: MIT
// Feeds bytes to the MIDI reader. What it accepts must be sane, and must come through the writer and the reader again
// without a change: reader(writer(x)) == x.

#include <vmt/midi/smf_reader.hpp>
#include <vmt/midi/smf_writer.hpp>

#include <cmath>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// The notes as a file of `options` can hold them, computed by other means than the writer's.
std::vector<vmt::note> on_grid(const std::vector<vmt::note>& notes, double ticks_per_second) {
  struct grid_note {
    std::int64_t on, off;
    int velocity;
  };
  std::vector<vmt::note> result;
  std::vector<std::vector<grid_note>> lines(128);
  for (const vmt::note& n : notes) {  // sorted by onset
    std::vector<grid_note>& line = lines[static_cast<std::size_t>(n.pitch)];
    const std::int64_t on = std::llround(n.onset * ticks_per_second);
    const std::int64_t off = std::max<std::int64_t>(std::llround(n.offset * ticks_per_second), on + 1);
    if (!line.empty() && line.back().on == on) {
      line.back().off = std::max(line.back().off, off);
      line.back().velocity = std::max(line.back().velocity, n.velocity);
    } else {
      line.push_back({on, off, n.velocity});
    }
  }
  for (int pitch = 0; pitch < 128; ++pitch) {
    const std::vector<grid_note>& line = lines[static_cast<std::size_t>(pitch)];
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::int64_t off = i + 1 < line.size() ? std::min(line[i].off, line[i + 1].on) : line[i].off;
      result.push_back({static_cast<double>(line[i].on), static_cast<double>(off), pitch, line[i].velocity, 1.0});
    }
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vmt::midi::song song;
  try {
    song = vmt::midi::read(std::as_bytes(std::span(data, size)));
  } catch (const vmt::error& e) {
    require(std::string_view(e.what()).find("byte ") != std::string_view::npos);
    return 0;
  }
  require(!song.tempos.empty() && song.tempos.front().tick == 0);
  require(song.notes.size() <= size / 3);
  for (const vmt::note& n : song.notes) {
    require(n.onset >= 0 && n.onset <= n.offset && n.offset <= song.end_seconds);
    require(n.pitch >= 0 && n.pitch <= 127 && n.velocity >= 1 && n.velocity <= 127);
  }
  require(std::is_sorted(song.notes.begin(), song.notes.end()));

  vmt::midi::write_options options;  // a tick is 1 ms, so that ticks and seconds are easy to compare
  options.ticks_per_quarter = 500;
  options.format = static_cast<int>(size % 2);
  std::vector<std::byte> bytes;
  try {
    bytes = vmt::midi::write(song.notes, options);
  } catch (const vmt::error& e) {
    require(e.code() == vmt::errc::limit_exceeded);
    return 0;
  }
  const vmt::midi::song again = vmt::midi::read(bytes);
  std::vector<vmt::note> ticks = again.notes;
  for (vmt::note& n : ticks) {
    n.onset = static_cast<double>(std::llround(n.onset * 1000));
    n.offset = static_cast<double>(std::llround(n.offset * 1000));
  }
  require(ticks == on_grid(song.notes, 1000));
  require(vmt::midi::write(again.notes, options) == bytes);
  return 0;
}
