// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/midi/smf.hpp>
#include <vmt/train/fingerprint.hpp>

#include <algorithm>  // sort
#include <cmath>      // pow
#include <filesystem>
#include <vector>

namespace vmt::inline VMT_ABI::train {

/// How an excerpt of a piece is changed.
struct excerpt_options {
  double slowest = 0.7, fastest = 1.9;   ///< the tempo's factor; its logarithm is uniform
  double shortest = 0.5, longest = 1.0;  ///< the factor of the notes' lengths, uniform
  double repeated = 0.05;  ///< the share of notes that are struck twice to five times, 4 to 9 times a second
};

/// The MIDI files of a folder and the folders below it, as performances to render. All notes are kept in memory.
class performances {
 public:
  /// Throws `not_found` where there are no files, and what the reader throws, with the file's name.
  explicit performances(const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    std::vector<fs::path> files;
    std::error_code failure;
    for (fs::recursive_directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure)) {
      const fs::path kind = at->path().extension();
      if (kind == ".mid" || kind == ".midi") files.push_back(at->path());
    }
    if (failure) {
      throw error(errc::not_found, "cannot list " + vmt::detail::quoted(folder) + ": " + failure.message());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
      try {
        add(midi::load(file).notes);
      } catch (const error& e) {
        throw error(e.code(), vmt::detail::quoted(file) + ": " + e.what());
      }
    }
    if (pieces_.empty()) {
      throw error(errc::not_found, "there is no MIDI file with notes in " + vmt::detail::quoted(folder));
    }
  }
  performances() = default;

  /// Adds a piece; one without notes is passed over.
  void add(std::vector<note> notes) {
    if (notes.empty()) return;
    std::sort(notes.begin(), notes.end());
    for (const note& n : notes) {
      fingerprint_ = fingerprint_of(std::to_string(n.onset) + ' ' + std::to_string(n.pitch), fingerprint_);
    }
    pieces_.push_back(std::move(notes));
  }

  [[nodiscard]] index_t size() const noexcept { return static_cast<index_t>(pieces_.size()); }
  [[nodiscard]] std::uint64_t fingerprint() const noexcept { return fingerprint_; }

  /// About `seconds` of a random piece, from a random note on, which comes within the first half second: transposed so
  /// that a random note of the excerpt lies at a random key of lowest … highest, in another tempo, the notes shorter, a
  /// few of them repeated fast.
  /// Notes that leave the piano are left out; those beyond lowest and highest stay. Throws `invalid_argument` where
  /// there are no pieces, no seconds or no keys.
  [[nodiscard]] std::vector<note> excerpt(rng& random, int lowest, int highest, double seconds,
                                          const excerpt_options& o = {}) const {
    if (pieces_.empty() || !(seconds > 0) || highest < lowest) {
      throw error(errc::invalid_argument, "performances: there are no pieces, or no time or keys to play them");
    }
    const std::vector<note>& piece = pieces_[static_cast<std::size_t>(random.below(size()))];
    const auto first = static_cast<std::size_t>(random.below(static_cast<index_t>(piece.size())));
    const double tempo = o.slowest * std::pow(o.fastest / o.slowest, random.uniform());
    const double length = random.uniform(o.shortest, o.longest);
    const double lead = random.uniform(0, (std::min)(0.5, seconds / 2));
    std::size_t end = first;
    while (end < piece.size() && (piece[end].onset - piece[first].onset) / tempo + lead < seconds) ++end;
    const index_t chosen = random.below(static_cast<index_t>(end - first));
    const int aim = lowest + static_cast<int>(random.below(highest - lowest + 1));
    const int up = aim - piece[first + static_cast<std::size_t>(chosen)].pitch;
    std::vector<note> result;
    for (std::size_t i = first; i < end; ++i) {
      note n = piece[i];
      const double held = (n.offset - n.onset) * length;
      n.onset = (n.onset - piece[first].onset) / tempo + lead;
      n.offset = n.onset + held / tempo;
      n.pitch += up;
      const bool again = random.uniform() < o.repeated;
      const double rate = random.uniform(4, 9), until = n.offset;
      const index_t strokes = again ? 2 + random.below(4) : 1;
      if (n.pitch < 21 || n.pitch > 108) continue;
      for (index_t k = 0; k < strokes; ++k, n.onset += 1 / rate) {
        if (n.onset >= seconds && k > 0) break;
        n.offset = again ? n.onset + 0.6 / rate : until;
        result.push_back(n);
      }
    }
    std::sort(result.begin(), result.end());
    return result;
  }

 private:
  std::vector<std::vector<note>> pieces_;
  std::uint64_t fingerprint_ = fingerprint_of("performances");
};

}  // namespace vmt::inline VMT_ABI::train
