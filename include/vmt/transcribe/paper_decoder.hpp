// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/transcribe/decoder.hpp>
#include <vmt/transcribe/gaussian_filter.hpp>

namespace vmt::inline VMT_ABI::transcribe {

struct paper_options {
  double sigma = 5;        ///< of the Gaussian filter, in frames
  double threshold = 0.4;  ///< a smoothed probability above it belongs to a note
  double period = 0.04;    ///< seconds that the only frame of a segment lasts, where no distance of frames is known
  int velocity = 80;       ///< of every note: the network does not see it
};

/// The decoder of the paper (Koepke et al., section 5.3): a Gaussian filter over each key's probabilities (see
/// `gaussian_filter`), a threshold, and every run of frames above it is a note. The onset is the time of the run's
/// first frame, the offset that of the first frame after it; where the video ends before, the last time plus the last
/// distance of frames. The confidence is the largest smoothed probability of the run.
///
/// Notes come in the order of their offsets, keys of one frame from low to high, `latency_frames()` = 20 frames after
/// the first frame that is no longer above the threshold.
class paper_decoder {
 public:
  /// Throws `invalid_argument` for options out of range, and for keys that are no MIDI numbers.
  explicit paper_decoder(index_t keys, int lowest_key = 21, const paper_options& options = {})
      : options_(options), lowest_key_(lowest_key), filter_(keys, options.sigma) {
    detail::check_keys(keys, lowest_key, options.velocity);
    if (!(options.threshold >= 0 && options.threshold < 1) || !(options.period > 0) || !std::isfinite(options.period)) {
      throw error(errc::invalid_argument, "paper_decoder: the threshold must be in 0 … 1 and the period positive");
    }
    times_.resize(static_cast<std::size_t>(filter_.radius() + 1));
    runs_.resize(static_cast<std::size_t>(keys));
  }

  [[nodiscard]] index_t keys() const noexcept { return filter_.channels(); }
  [[nodiscard]] index_t latency_frames() const noexcept { return filter_.radius(); }
  [[nodiscard]] double latency_seconds() const noexcept { return 0; }

  /// See `decoder`. Throws `shape_mismatch`, `not_finite`, `invalid_argument` (no probability), `inconsistent` (time)
  /// and what the sink throws.
  template <note_sink K>
  void push(double time, std::span<const float> probabilities, K&& sink) {
    detail::check_pushed(probabilities, keys(), time, last_, count_ == 0);
    period_ = count_ == 0 ? options_.period : time - last_;
    last_ = time;
    this->time(count_++) = time;
    filter_.push(probabilities, [&](index_t i, std::span<const double> smooth) { decide(i, smooth, sink); });
  }

  template <note_sink K>
  void finish(K&& sink) {
    filter_.finish([&](index_t i, std::span<const double> smooth) { decide(i, smooth, sink); });
    for (index_t key = 0; key < keys(); ++key) close(key, last_ + period_, sink);
    reset();
  }

  void reset() noexcept {
    filter_.reset();
    std::fill(runs_.begin(), runs_.end(), run{});
    count_ = 0;
  }

 private:
  struct run {
    bool open = false;
    double onset = 0;
    double peak = 0;
  };

  [[nodiscard]] double& time(index_t i) noexcept { return times_[static_cast<std::size_t>(i) % times_.size()]; }

  template <class K>
  void decide(index_t i, std::span<const double> smooth, K& sink) {
    for (index_t key = 0; key < keys(); ++key) {
      run& r = runs_[static_cast<std::size_t>(key)];
      const double p = smooth[static_cast<std::size_t>(key)];
      if (!(p > options_.threshold)) {
        close(key, time(i), sink);
      } else if (!r.open) {
        r = {true, time(i), p};
      } else {
        r.peak = (std::max)(r.peak, p);
      }
    }
  }

  template <class K>
  void close(index_t key, double offset, K& sink) {
    run& r = runs_[static_cast<std::size_t>(key)];
    if (!r.open) return;
    r.open = false;
    sink(note{r.onset, offset, lowest_key_ + static_cast<int>(key), options_.velocity, (std::min)(r.peak, 1.0)});
  }

  paper_options options_;
  int lowest_key_;
  gaussian_filter filter_;
  std::vector<double> times_;  ///< of the last radius + 1 frames
  std::vector<run> runs_;
  index_t count_ = 0;
  double last_ = 0;
  double period_ = 0;
};

}  // namespace vmt::inline VMT_ABI::transcribe
