// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file.hpp>
#include <vmt/core/index.hpp>
#include <vmt/midi/smf.hpp>

#include <array>     // row
#include <charconv>  // to_chars
#include <concepts>
#include <filesystem>  // path
#include <utility>     // move
#include <vector>      // notes

namespace vmt::inline VMT_ABI::transcribe {

/// A note sink is any callable `void(const note&)`. It is called on the caller's thread, once for each note.
template <class K>
concept note_sink = std::invocable<K&, const note&>;

/// A sink that hands each note to several sinks, in order: `transcribe(…, tee(midi, csv), …)`. It refers to them.
template <note_sink... K>
[[nodiscard]] auto tee(K&... sinks) {
  return [&sinks...](const note& n) { (static_cast<void>(sinks(n)), ...); };
}

/// Collects notes and writes a Standard MIDI File of them. Memory grows with the notes (40 bytes each: an hour of dense
/// playing is 2 MB). The place for the file is taken at construction, so that an unwritable folder shows before the
/// work, not after it. Without `commit` no file appears, and one that was there stays.
class midi_sink {
 public:
  /// Throws as `atomic_file`.
  explicit midi_sink(std::filesystem::path path, midi::write_options options = {},
                     file_system& files = posix_file_system())
      : file_(std::move(path), files), options_(std::move(options)) {}

  void operator()(const note& n) { notes_.push_back(n); }

  /// Writes the file. Throws as `midi::write` and `atomic_file`.
  void commit() {
    file_.append(midi::write(notes_, options_));
    file_.commit();
  }

  /// The notes so far, in the order of arrival.
  [[nodiscard]] const std::vector<note>& notes() const noexcept { return notes_; }

 private:
  atomic_file file_;
  midi::write_options options_;
  std::vector<note> notes_;
};

/// Writes notes as CSV, `onset,offset,pitch,velocity,confidence`, as they come: memory does not grow, nothing is
/// allocated for a note. The bytes are those of `midi::format_notes_csv`. Without `commit` no file appears, and one
/// that was there stays.
class csv_sink {
 public:
  /// Throws as `atomic_file`.
  explicit csv_sink(std::filesystem::path path, file_system& files = posix_file_system())
      : file_(std::move(path), files) {
    file_.append("onset,offset,pitch,velocity,confidence\n");
  }

  /// Throws as `atomic_file::append`.
  void operator()(const note& n) {
    std::array<char, 128> row{};  // three doubles of at most 24 characters, two ints of 11, five separators
    char* at = row.data();
    const auto append = [&](auto value, char after) {
      at = std::to_chars(at, row.data() + row.size() - 1, value).ptr;
      *at++ = after;
    };
    append(n.onset, ',');
    append(n.offset, ',');
    append(n.pitch, ',');
    append(n.velocity, ',');
    append(n.confidence, '\n');
    file_.append(std::string_view(row.data(), static_cast<std::size_t>(at - row.data())));
    ++count_;
  }

  /// Puts the file in place. Throws as `atomic_file::commit`.
  void commit() { file_.commit(); }

  /// The number of notes so far.
  [[nodiscard]] index_t count() const noexcept { return count_; }

 private:
  atomic_file file_;
  index_t count_ = 0;
};

}  // namespace vmt::inline VMT_ABI::transcribe
