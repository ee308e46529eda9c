// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/transcribe/decoder.hpp>

#include <algorithm>  // min, clamp, copy
#include <limits>     // no onset yet
#include <utility>    // swap, as_const
#include <vector>     // last frames, pending notes

namespace vmt::inline VMT_ABI::transcribe {

struct peak_options {
  double threshold = 0.4;       ///< a peak is a note from this probability on
  double refractory = 0.07;     ///< seconds after an onset in which the same key cannot have another
  double default_length = 0.3;  ///< seconds that a note lasts unless its key is struck again earlier
  /// Notes come out as soon as the onset is known, one frame after it, for playing along. Their length is then
  /// `default_length`, whatever follows.
  bool immediate = false;
  double period = 0.04;  ///< seconds that the only frame of a segment lasts, where no distance of frames is known
  int velocity = 80;     ///< of every note: the network does not see it
};

/// Every local maximum of a key's onset probability is an onset: a frame at or above the threshold whose probability is
/// above that of the frame before and not below that of the frame after (outside the segment there is nothing, so that
/// a first or last frame can be a maximum). The time is that of the vertex of the parabola through the three points,
/// between the middles of the two gaps of frames, for any distances of frames; the confidence is the probability of the
/// frame.
///
/// The network of the paper learns onsets only: a note ends where its key is struck again, `default_length` after its
/// onset, or where the segment ends (last time plus last distance of frames), whatever comes first.
///
/// Notes come in the order of their onsets, those of one time from low to high, one frame after the first frame that is
/// not earlier than onset + `default_length` (`immediate`: one frame after the maximum).
class peak_decoder {
 public:
  /// Throws `invalid_argument` for options out of range, and for keys that are no MIDI numbers.
  explicit peak_decoder(index_t keys, int lowest_key = 21, const peak_options& options = {})
      : options_(options), lowest_key_(lowest_key), keys_(keys) {
    detail::check_keys(keys, lowest_key, options.velocity);
    const auto positive = [](double s) { return s > 0 && std::isfinite(s); };
    if (!(options.threshold > 0 && options.threshold <= 1) || !(options.refractory >= 0) ||
        !positive(options.default_length) || !positive(options.period)) {
      throw error(errc::invalid_argument,
                  "peak_decoder: the threshold must be in 0 … 1, the refractory time not "
                  "negative, default_length and period positive");
    }
    before_.resize(static_cast<std::size_t>(keys));
    middle_.resize(static_cast<std::size_t>(keys));
    last_onset_.assign(static_cast<std::size_t>(keys), never);
    const double repeats = options.default_length / (std::max)(options.refractory, 0.02);
    pending_.reserve(static_cast<std::size_t>(keys) * static_cast<std::size_t>((std::min)(repeats, 30.0) + 3));
  }

  [[nodiscard]] index_t keys() const noexcept { return keys_; }
  [[nodiscard]] index_t latency_frames() const noexcept { return 1; }
  [[nodiscard]] double latency_seconds() const noexcept { return options_.immediate ? 0 : options_.default_length; }

  /// See `decoder`. Throws `shape_mismatch`, `not_finite`, `invalid_argument` (no probability), `inconsistent` (time)
  /// and what the sink throws.
  template <note_sink K>
  void push(double time, std::span<const float> probabilities, K&& sink) {
    detail::check_pushed(probabilities, keys_, time, middle_time_, count_ == 0);
    if (count_ > 0) {
      find_peaks(time, probabilities);
      release(options_.immediate ? std::numeric_limits<double>::infinity() : middle_time_, sink);
    }
    std::swap(before_, middle_);
    std::copy(probabilities.begin(), probabilities.end(), middle_.begin());
    before_time_ = middle_time_;
    middle_time_ = time;
    ++count_;
  }

  template <note_sink K>
  void finish(K&& sink) {
    if (count_ > 0) {
      find_peaks(middle_time_, {});
      const double end = middle_time_ + (count_ > 1 ? middle_time_ - before_time_ : options_.period);
      for (note& n : pending_) n.offset = options_.immediate ? n.offset : (std::min)(n.offset, end);
      release(std::numeric_limits<double>::infinity(), sink);
    }
    reset();
  }

  void reset() noexcept {
    count_ = 0;
    pending_.clear();
    std::fill(last_onset_.begin(), last_onset_.end(), never);
  }

 private:
  static constexpr double never = -std::numeric_limits<double>::infinity();

  /// Maxima of the middle frame; `after` is empty where it is the last.
  void find_peaks(double after_time, std::span<const float> after) {
    for (std::size_t key = 0; key < middle_.size(); ++key) {
      const double p = static_cast<double>(middle_[key]);
      if (!(p >= options_.threshold)) continue;
      if (count_ > 1 && !(middle_[key] > before_[key])) continue;
      if (!after.empty() && after[key] > middle_[key]) continue;
      double onset = middle_time_;
      if (count_ > 1 && !after.empty()) {
        onset = vertex(static_cast<double>(before_[key]), p, static_cast<double>(after[key]), after_time);
      }
      if (onset - last_onset_[key] < options_.refractory) continue;
      last_onset_[key] = onset;
      add({onset, onset + options_.default_length, lowest_key_ + static_cast<int>(key), options_.velocity, p});
    }
  }

  /// The parabola's slope is the difference quotient at the middle of each gap, and linear between: where it is 0.
  [[nodiscard]] double vertex(double before, double middle, double after, double after_time) const noexcept {
    const double up = (middle - before) / (middle_time_ - before_time_);
    const double down = (after - middle) / (after_time - middle_time_);
    const double from = before_time_ + (middle_time_ - before_time_) / 2;
    const double to = middle_time_ + (after_time - middle_time_) / 2;
    return std::clamp(from + (to - from) * (up / (up - down)), from, to);
  }

  /// Keeps the pending notes sorted: maxima of one frame are found by key, not by time.
  void add(const note& n) {
    auto at = pending_.end();
    while (at != pending_.begin() && n < *(at - 1)) --at;
    for (note& earlier : pending_) {
      if (earlier.pitch == n.pitch && !options_.immediate) earlier.offset = (std::min)(earlier.offset, n.onset);
    }
    pending_.insert(at, n);
  }

  /// Notes whose end is certain at `now`: no onset before it can still be found.
  template <class K>
  void release(double now, K& sink) {
    auto n = pending_.begin();
    for (; n != pending_.end() && n->onset + options_.default_length <= now; ++n) sink(std::as_const(*n));
    pending_.erase(pending_.begin(), n);
  }

  peak_options options_;
  int lowest_key_;
  index_t keys_;
  std::vector<float> before_, middle_;  ///< the last two frames
  double before_time_ = 0;
  double middle_time_ = 0;
  index_t count_ = 0;
  std::vector<double> last_onset_;
  std::vector<note> pending_;
};

}  // namespace vmt::inline VMT_ABI::transcribe
