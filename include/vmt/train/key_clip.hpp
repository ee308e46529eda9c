// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/strip_layout.hpp>
#include <vmt/midi/note.hpp>
#include <vmt/train/strip_file.hpp>

#include <memory>  // shared files
#include <span>
#include <string>
#include <vector>

namespace vmt::inline VMT_ABI::train {

/// A video to train `key_net` with: key-aligned strips in bytes, the empty keyboard, the notes. The pictures are in
/// memory, or in a strip file that several clips may share. A const object may be shared by threads.
struct key_clip {
  std::string name;
  keyboard::strip_layout layout;     ///< the keys that the strip shows; it is 96 × layout.width()
  std::vector<double> times;         ///< of the frames, seconds, rising
  std::vector<std::uint8_t> plate;   ///< 96 × width: the strip without hands
  std::vector<note> notes;           ///< by onset
  std::vector<std::uint8_t> pixels;  ///< frames × 96 × width; empty where there is a file
  std::shared_ptr<const strip_file> file = {};
  index_t first = 0;      ///< the file's frame that is this clip's frame 0
  bool rendered = false;  ///< the plate is exact

  [[nodiscard]] index_t frames() const noexcept { return static_cast<index_t>(times.size()); }
  [[nodiscard]] index_t width() const noexcept { return layout.width(); }
  /// Bytes of a strip.
  [[nodiscard]] index_t area() const noexcept { return keyboard::strip_layout::height() * width(); }
  /// The middle distance of two frames, seconds.
  [[nodiscard]] double period() const noexcept {
    return frames() < 2 ? 1.0 / 30 : (times.back() - times.front()) / static_cast<double>(frames() - 1);
  }
  /// Bytes in memory.
  [[nodiscard]] index_t bytes() const noexcept { return static_cast<index_t>(pixels.size() + plate.size()); }

  /// Frames begin … end − 1, row by row. `room` is used where they must be read from the file. Throws
  /// `invalid_argument` beyond the last frame, `io_failure`.
  [[nodiscard]] std::span<const std::uint8_t> strips(index_t begin, index_t end,
                                                     std::vector<std::uint8_t>& room) const {
    if (begin < 0 || begin > end || end > frames()) {
      throw error(errc::invalid_argument, "the clip " + name + " has " + std::to_string(frames()) +
                                              " frames; asked for were " + std::to_string(begin) + " to " +
                                              std::to_string(end));
    }
    const auto size = static_cast<std::size_t>((end - begin) * area());
    if (!file) return std::span(pixels).subspan(static_cast<std::size_t>(begin * area()), size);
    room.resize(size);
    file->read(first + begin, room);
    return room;
  }

  /// The frame, with its fraction, that is shown at a time; beyond the ends it goes on at the middle rate.
  [[nodiscard]] double frame_at(double time) const noexcept {
    if (time <= times.front()) return (time - times.front()) / period();
    if (time >= times.back()) return static_cast<double>(frames() - 1) + (time - times.back()) / period();
    const auto after = std::upper_bound(times.begin(), times.end(), time);
    const double before = *(after - 1);
    return static_cast<double>(after - times.begin() - 1) + (time - before) / (*after - before);
  }
  /// The inverse.
  [[nodiscard]] double time_of(double frame) const noexcept {
    if (frame <= 0) return times.front() + frame * period();
    if (frame >= static_cast<double>(frames() - 1)) {
      return times.back() + (frame - static_cast<double>(frames() - 1)) * period();
    }
    const auto i = static_cast<std::size_t>(frame);
    return times[i] + (frame - static_cast<double>(i)) * (times[i + 1] - times[i]);
  }
};

/// Throws `inconsistent` unless sizes agree, times rise and notes are sorted.
inline void validate(const key_clip& c) {
  keyboard::validate(c.layout);
  const auto fail = [&](const std::string& what) {
    throw error(errc::inconsistent, "the clip " + c.name + ": " + what);
  };
  if (static_cast<index_t>(c.plate.size()) != c.area()) fail("the plate is not of the strip's size");
  if (c.file) {
    if (c.file->height() != keyboard::strip_layout::height() || c.file->width() != c.width() || c.first < 0 ||
        c.first + c.frames() > c.file->size()) {
      fail("the strip file is not of the clip's size");
    }
  } else if (static_cast<index_t>(c.pixels.size()) != c.frames() * c.area()) {
    fail("there are " + std::to_string(c.pixels.size()) + " pixels for " + std::to_string(c.frames()) + " frames");
  }
  for (std::size_t i = 1; i < c.times.size(); ++i) {
    if (!(c.times[i] > c.times[i - 1])) fail("frame " + std::to_string(i) + " is not later than the one before it");
  }
  if (!std::is_sorted(c.notes.begin(), c.notes.end())) fail("the notes are not sorted by onset");
}

}  // namespace vmt::inline VMT_ABI::train
