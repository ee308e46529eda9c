// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>
#include <vmt/transcribe/sink.hpp>

#include <cmath>     // isfinite
#include <concepts>  // convertible_to
#include <span>      // probabilities
#include <string>

namespace vmt::inline VMT_ABI::transcribe {

/// A decoder turns onset probabilities into notes. It is fed frame by frame and keeps a state whose size does not
/// depend on the length of the video.
///
/// `push(time, probabilities, sink)`: the next frame, one value in 0 … 1 for each key; times rise, their distances may
/// differ. `finish(sink)`: no more frames; all that is pending goes out, and the decoder is as new. `reset()`: as new,
/// and what is pending is dropped.
///
/// A note comes out `latency_frames()` frames after the first frame that is at least `latency_seconds()` later than the
/// moment that decides it; each decoder says which moment that is and in which order notes come.
template <class D>
concept decoder = requires(D& d, const D& c, double time, std::span<const float> probabilities,
                           void (*sink)(const note&)) {
  d.push(time, probabilities, sink);
  d.finish(sink);
  d.reset();
  { c.keys() } -> std::convertible_to<index_t>;
  { c.latency_frames() } -> std::convertible_to<index_t>;
  { c.latency_seconds() } -> std::convertible_to<double>;
};

namespace detail {

/// What every decoder demands of a frame. `before` is the time of the last frame, `first` says that there is none.
inline void check_pushed(std::span<const float> probabilities, index_t keys, double time, double before, bool first) {
  if (static_cast<index_t>(probabilities.size()) != keys) {
    throw error(errc::shape_mismatch, "a decoder for " + std::to_string(keys) + " keys was given " +
                                          std::to_string(probabilities.size()) + " probabilities");
  }
  if (!std::isfinite(time)) throw error(errc::not_finite, "a decoder was given a frame whose time is not finite");
  if (!first && !(time > before)) {
    throw error(errc::inconsistent, "a decoder was given a frame at " + std::to_string(time) + " s after one at " +
                                        std::to_string(before) + " s; the times of frames must rise");
  }
  for (std::size_t k = 0; k < probabilities.size(); ++k) {
    const float p = probabilities[k];
    if (p >= 0 && p <= 1) continue;
    throw error(std::isfinite(p) ? errc::invalid_argument : errc::not_finite,
                "a decoder was given " + std::to_string(p) + " for key " + std::to_string(k) + " at " +
                    std::to_string(time) + " s; a probability from 0 to 1 was expected");
  }
}

/// Keys and pitches that a decoder can be made for.
inline void check_keys(index_t keys, int lowest_key, int velocity) {
  if (keys < 1 || lowest_key < 0 || keys > 128 - lowest_key) {
    throw error(errc::invalid_argument, "a decoder for " + std::to_string(keys) + " keys from MIDI number " +
                                            std::to_string(lowest_key) + " on; the numbers must lie in 0 to 127");
  }
  if (velocity < 1 || velocity > 127) {
    throw error(errc::invalid_argument,
                "a decoder with velocity " + std::to_string(velocity) + "; 1 to 127 was expected");
  }
}

}  // namespace detail
}  // namespace vmt::inline VMT_ABI::transcribe
