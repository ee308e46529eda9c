// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/model/key_net_options.hpp>
#include <vmt/transcribe/decoder.hpp>

#include <algorithm>  // min, max, clamp
#include <limits>     // no onset yet
#include <optional>
#include <utility>    // as_const
#include <vector>     // last frames, notes

namespace vmt::inline VMT_ABI::transcribe {

struct key_decoder_options {
  double threshold = 0.5;    ///< a peak of the onset probability is a note from here on
  double refractory = 0.07;  ///< seconds after an onset in which the same key cannot have another
  /// An onset counts only if its key is held or let go with this probability then or in the three frames after it, for
  /// the shortest notes are let go before they are seen held; 0: always.
  double gate = 0.2;
  double up = 0.3;         ///< a note ends when the probability that its key is held falls below this, 0 … 1
  double shortest = 0.03;  ///< seconds that a note lasts at least, unless its key is struck again earlier
  double longest = 60;     ///< and at most
  double period = 0.04;    ///< seconds that the only frame of a segment lasts, where no distance of frames is known
  /// Confidence = sigmoid(scale · logit(probability) + shift): the share of notes that are right, where the weights'
  /// metadata say how to get it.
  double confidence_scale = 1;
  double confidence_shift = 0;
};

/// Turns the five outputs of `key_net` into whole notes.
///
/// Onset: a local maximum of the onset probability at or above the threshold, as `peak_decoder` finds them; its time is
/// the vertex of the parabola through three frames. Release: the key counts as up from the first frame, after the
/// onset's next, in which and after which it is held with less than `up`; if the release probability has a maximum near
/// that frame, the vertex of its parabola is the offset, else the moment at which the line between the two
/// frames falls below `up`. A key that is struck again while it is held ends its note there. Velocity: the network's
/// own, at the onset's frame.
///
/// Notes come in the order of their onsets, when the note and all before it have ended. Each onset is known four
/// frames after its own (`on_onset`). The state does not grow with the video.
class key_decoder {
 public:
  /// Frames that must follow one before it is judged.
  static constexpr index_t lookahead = 4;

  /// Throws `invalid_argument` for options out of range, and for keys that are no MIDI numbers.
  explicit key_decoder(index_t keys, int lowest_key = 21, const key_decoder_options& options = {})
      : o_(options), lowest_key_(lowest_key), keys_(keys) {
    detail::check_keys(keys, lowest_key, 1);
    const auto share = [](double s) { return s >= 0 && s < 1; };
    const auto seconds = [](double s) { return s >= 0 && std::isfinite(s); };
    if (!(o_.threshold > 0 && o_.threshold <= 1) || !share(o_.gate) || !share(o_.up) || !seconds(o_.refractory) ||
        !seconds(o_.shortest) || !seconds(o_.longest) || !(o_.longest > o_.shortest) || !seconds(o_.period) ||
        !std::isfinite(o_.confidence_scale) || !std::isfinite(o_.confidence_shift)) {
      throw error(errc::invalid_argument,
                  "key_decoder: threshold, gate and up must be in 0 … 1, the times finite and not negative, and "
                  "longest above shortest");
    }
    ring_.resize(static_cast<std::size_t>(slots * key_outputs * keys));
    playing_.resize(static_cast<std::size_t>(keys));
    pending_.reserve(static_cast<std::size_t>(keys) * 32);
    reset();
  }

  [[nodiscard]] index_t keys() const noexcept { return keys_; }

  /// The next frame: probabilities of onset, held and release, the velocity as a part of 127 (all in 0 … 1), and the
  /// place, each for all keys, one output after another. `on_onset(note)` is called for each onset found, `sink(note)`
  /// for each note that is whole. Throws `shape_mismatch`, `not_finite`, `invalid_argument` (no probability),
  /// `inconsistent` (time), and what the callbacks throw.
  template <note_sink Onset, note_sink K>
  void push(double time, std::span<const float> outputs, Onset&& on_onset, K&& sink) {
    if (std::ssize(outputs) != key_outputs * keys_) {
      throw error(errc::shape_mismatch, "a decoder for " + std::to_string(keys_) + " keys was given " +
                                            std::to_string(outputs.size()) + " numbers; 5 for each key were expected");
    }
    const auto probabilities = outputs.first(static_cast<std::size_t>((key_outputs - 1) * keys_));
    detail::check_pushed(probabilities, (key_outputs - 1) * keys_, time, count_ > 0 ? time_of(count_ - 1) : 0,
                         count_ == 0);
    std::copy(outputs.begin(), outputs.end(), ring_.begin() + offset(count_));
    times_[static_cast<std::size_t>(count_ % slots)] = time;
    ++count_;
    if (count_ > lookahead) judge(count_ - 1 - lookahead, on_onset);
    give(sink);
  }

  /// The end of the video or of a part of it: keys that are held are let go where the last frame ends.
  template <note_sink Onset, note_sink K>
  void finish(Onset&& on_onset, K&& sink) {
    for (index_t f = (std::max)(index_t{0}, count_ - lookahead); f < count_; ++f) judge(f, on_onset);
    if (count_ > 0) {
      const double last = time_of(count_ - 1);
      const double end = last + (count_ > 1 ? last - time_of(count_ - 2) : o_.period);
      for (std::size_t k = 0; k < playing_.size(); ++k) close(k, end, 0);
    }
    give(sink);
    reset();
  }

  /// As new; what is pending is dropped.
  void reset() noexcept {
    count_ = 0;
    first_ = 0;
    pending_.clear();
    for (played& p : playing_) p = {};
  }

 private:
  static constexpr index_t slots = 12;  // six frames before the one judged to `lookahead` after it, at least
  static constexpr index_t gate_reach = 3;
  static constexpr index_t release_reach = 5;
  static constexpr double never = -std::numeric_limits<double>::infinity();

  struct played {
    std::size_t note = no_note;  ///< counted since the last reset
    index_t frame = 0;           ///< of the onset
    double onset = never;        ///< of the last note of the key
  };
  struct pending_note {
    note what;
    bool whole = false;
  };
  static constexpr auto no_note = static_cast<std::size_t>(-1);

  [[nodiscard]] index_t offset(index_t frame) const noexcept { return frame % slots * key_outputs * keys_; }
  [[nodiscard]] double time_of(index_t frame) const noexcept { return times_[static_cast<std::size_t>(frame % slots)]; }
  /// An output in a frame; 0 beside the video.
  [[nodiscard]] double at(key_output output, index_t frame, std::size_t key) const noexcept {
    if (frame < 0 || frame >= count_) return 0;
    const auto i = static_cast<std::size_t>(offset(frame) + static_cast<index_t>(output) * keys_) + key;
    return static_cast<double>(ring_[i]);
  }

  template <class Onset>
  void judge(index_t frame, Onset& on_onset) {
    for (std::size_t key = 0; key < playing_.size(); ++key) {
      if (const auto onset = onset_in(frame, key)) {
        close(key, *onset, 0);
        open(frame, key, *onset, on_onset);
      } else if (playing_[key].note != no_note) {
        end_in(frame, key);
      }
    }
  }

  /// Whether the output has a maximum of at least `least` in the frame: above the frame before, not below that after.
  [[nodiscard]] bool peak(key_output output, index_t frame, std::size_t key, double least) const noexcept {
    const double here = at(output, frame, key);
    return here >= least && here > at(output, frame - 1, key) && here >= at(output, frame + 1, key);
  }

  [[nodiscard]] std::optional<double> onset_in(index_t frame, std::size_t key) const noexcept {
    if (!peak(key_output::onset, frame, key, o_.threshold)) return std::nullopt;
    double moved = o_.gate > 0 ? 0 : 1;
    for (index_t f = frame; f <= frame + gate_reach; ++f) {
      moved = (std::max)({moved, at(key_output::held, f, key), at(key_output::release, f, key)});
    }
    if (moved < o_.gate) return std::nullopt;
    const double onset = vertex(key_output::onset, frame, key);
    if (onset - playing_[key].onset < o_.refractory) return std::nullopt;
    return onset;
  }

  /// The vertex of the parabola through a maximum and its neighbours: its slope is the difference quotient at the
  /// middle of each gap of frames, and linear between; where it is 0.
  [[nodiscard]] double vertex(key_output output, index_t frame, std::size_t key) const noexcept {
    const double time = time_of(frame);
    if (frame == 0 || frame + 1 >= count_) return time;
    const double before = time_of(frame - 1);
    const double after = time_of(frame + 1);
    const double here = at(output, frame, key);
    const double up = (here - at(output, frame - 1, key)) / (time - before);
    const double down = (at(output, frame + 1, key) - here) / (after - time);
    const double from = before + (time - before) / 2;
    const double to = time + (after - time) / 2;
    return std::clamp(from + (to - from) * (up / (up - down)), from, to);
  }

  /// Ends the key's note if it comes up in this frame.
  void end_in(index_t frame, std::size_t key) {
    const played& p = playing_[key];
    if (time_of(frame) - p.onset >= o_.longest) return close(key, p.onset + o_.longest, 0);
    if (frame < p.frame + 2) return;
    const double now = at(key_output::held, frame, key);
    if (now >= o_.up || at(key_output::held, frame + 1, key) >= o_.up) return;
    double up = time_of(frame);
    if (const double before = at(key_output::held, frame - 1, key); before >= o_.up) {
      up -= (time_of(frame) - time_of(frame - 1)) * (o_.up - now) / (before - now);
    }
    double strongest = 0.1;
    for (index_t f = (std::max)(p.frame + 1, frame - release_reach); f < frame + lookahead; ++f) {
      if (!peak(key_output::release, f, key, strongest)) continue;
      strongest = at(key_output::release, f, key);
      up = vertex(key_output::release, f, key);
    }
    close(key, up, o_.shortest);
  }

  template <class Onset>
  void open(index_t frame, std::size_t key, double onset, Onset& on_onset) {
    note n;
    n.onset = onset;
    n.offset = onset;
    n.pitch = lowest_key_ + static_cast<int>(key);
    n.velocity = static_cast<int>(std::clamp(std::lround(127 * at(key_output::velocity, frame, key)), 1L, 127L));
    n.confidence = confidence(at(key_output::onset, frame, key));
    // Kept sorted: the onsets of one frame are found by key, not by time.
    auto to = pending_.end();
    while (to != pending_.begin() && n < (to - 1)->what) --to;
    const std::size_t number = first_ + static_cast<std::size_t>(to - pending_.begin());
    for (played& p : playing_) p.note += p.note != no_note && p.note >= number ? 1 : 0;
    pending_.insert(to, {n, false});
    playing_[key] = {number, frame, onset};
    on_onset(std::as_const(n));
  }

  [[nodiscard]] double confidence(double p) const noexcept {
    if (o_.confidence_scale == 1 && o_.confidence_shift == 0) return p;
    const double q = std::clamp(p, 1e-6, 1 - 1e-6);
    return 1 / (1 + std::exp(-o_.confidence_scale * std::log(q / (1 - q)) - o_.confidence_shift));
  }

  void close(std::size_t key, double end, double shortest) noexcept {
    played& p = playing_[key];
    if (p.note == no_note) return;
    pending_note& n = pending_[p.note - first_];
    n.what.offset = (std::max)(end, n.what.onset + shortest);
    n.whole = true;
    p.note = no_note;
  }

  /// The notes that are whole, up to the first that is not.
  template <class K>
  void give(K& sink) {
    auto n = pending_.begin();
    for (; n != pending_.end() && n->whole; ++n) sink(std::as_const(n->what));
    first_ += static_cast<std::size_t>(n - pending_.begin());
    pending_.erase(pending_.begin(), n);
  }

  key_decoder_options o_;
  int lowest_key_;
  index_t keys_;
  std::vector<float> ring_;  ///< outputs of the last frames
  double times_[slots]{};
  index_t count_ = 0;
  std::vector<played> playing_;
  std::vector<pending_note> pending_;  ///< in the order of their onsets
  std::size_t first_ = 0;              ///< the number of the first pending note
};

}  // namespace vmt::inline VMT_ABI::transcribe
