// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/midi/note.hpp>
#include <vmt/model/key_net_options.hpp>

#include <algorithm>  // max
#include <cmath>      // abs
#include <span>
#include <vector>  // places

namespace vmt::inline VMT_ABI::train {

/// The targets of one window of `key_net`, K keys and T frames, as one row of K (2 + 5 T) numbers:
///   K places   the keys' centres in the window, pixels
///   K colours  1 for a black key, 0 for a white one
///   K × 5 × T  in the order of the network's outputs (`key_output`): onset 0 … 1; held 0, 1 or −1 (does not count);
///              release 0 … 1; velocity 0 … 1; place, the onset's time minus the frame's in frame periods. The last two
///              count where onset is above 0, and are 0 elsewhere.
/// `Number` is `float`, `double`, or one of them const. Borrowed.
template <class Number>
class key_targets {
 public:
  [[nodiscard]] static constexpr index_t size(index_t keys, index_t frames) noexcept {
    return keys * (2 + key_outputs * frames);
  }

  /// Throws `shape_mismatch` unless the row has size(keys, frames) numbers.
  key_targets(std::span<Number> row, index_t keys, index_t frames) : row_(row), keys_(keys), frames_(frames) {
    if (keys < 1 || frames < 1 || static_cast<index_t>(row.size()) != size(keys, frames)) {
      throw error(errc::shape_mismatch, "key_targets: a row of " + std::to_string(row.size()) + " numbers for " +
                                            std::to_string(keys) + " keys and " + std::to_string(frames) + " frames");
    }
  }

  [[nodiscard]] index_t keys() const noexcept { return keys_; }
  [[nodiscard]] index_t frames() const noexcept { return frames_; }
  [[nodiscard]] Number& place(index_t key) const noexcept { return row_[static_cast<std::size_t>(key)]; }
  [[nodiscard]] Number& black(index_t key) const noexcept { return row_[static_cast<std::size_t>(keys_ + key)]; }
  /// The T numbers of an output.
  [[nodiscard]] std::span<Number> of(index_t key, key_output output) const noexcept {
    const index_t begin = 2 * keys_ + (key * key_outputs + static_cast<index_t>(output)) * frames_;
    return row_.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(frames_));
  }
  [[nodiscard]] Number& at(index_t key, key_output output, index_t frame) const noexcept {
    return of(key, output)[static_cast<std::size_t>(frame)];
  }
  /// What `key_net` wants to know of a key.
  [[nodiscard]] key_place where(index_t key) const noexcept {
    return {static_cast<float>(place(key)), black(key) > Number(0.5)};
  }

 private:
  std::span<Number> row_;
  index_t keys_, frames_;
};

/// Times in seconds, but for the reach.
struct key_target_options {
  double reach = 1.5;             ///< frame periods from an onset or a release to where its target is 0
  double ignore_onset = 0.030;    ///< held does not count so near to an onset …
  double ignore_release = 0.050;  ///< … or to a release
};

/// The targets of one key.
/// \param notes   all notes; those of another pitch are passed over
/// \param times   of the frames, rising
/// \param period  from frame to frame
///   onset, release  max(0, 1 − |t − t0| / (reach · period)), of the nearest note
///   held            1 for onset ≤ t < offset
template <class Number>
void write_key_targets(std::span<const note> notes, int pitch, std::span<const double> times, double period,
                       const key_targets<Number>& out, index_t key, const key_target_options& o = {}) {
  using enum key_output;
  for (const key_output plane : {onset, held, release, velocity, place}) {
    std::fill(out.of(key, plane).begin(), out.of(key, plane).end(), Number(0));
  }
  const double reach = o.reach * period;
  const double margin = (std::max)({reach, o.ignore_onset, o.ignore_release});
  for (const bool ignoring : {false, true}) {  // what does not count is decided last
    for (const note& n : notes) {
      if (n.pitch != pitch || n.offset < times.front() - margin || n.onset > times.back() + margin) continue;
      for (std::size_t f = 0; f < times.size(); ++f) {
        const double since = times[f] - n.onset;
        const double until = n.offset - times[f];
        const auto frame = static_cast<index_t>(f);
        if (ignoring) {
          if (std::abs(since) < o.ignore_onset || std::abs(until) < o.ignore_release) out.at(key, held, frame) = -1;
          continue;
        }
        if (since >= 0 && until > 0) out.at(key, held, frame) = 1;
        const auto here = static_cast<Number>(1 - std::abs(since) / reach);
        if (here > out.at(key, onset, frame)) {
          out.at(key, onset, frame) = here;
          out.at(key, velocity, frame) = static_cast<Number>(n.velocity / 127.0);
          out.at(key, place, frame) = static_cast<Number>(-since / period);
        }
        Number& up = out.at(key, release, frame);
        up = (std::max)(up, static_cast<Number>(1 - std::abs(until) / reach));
      }
    }
  }
}

}  // namespace vmt::inline VMT_ABI::train
