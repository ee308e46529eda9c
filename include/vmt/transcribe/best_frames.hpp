// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/media/frame.hpp>

#include <algorithm>  // copy
#include <array>      // recent frames
#include <cmath>      // floor
#include <utility>    // move
#include <vector>

namespace vmt::inline VMT_ABI::transcribe {

/// Keeps a few telling frames of a video of any length: the time is cut into equal parts, and each keeps the frame with
/// the most onsets. When there are too many parts, neighbours are joined. Memory: twice the frames wanted and sixteen
/// recent ones, which wait for their probabilities.
class best_frames {
 public:
  struct kept {
    frame picture;
    std::vector<float> probabilities;
    double strength = 0;  ///< the sum of the probabilities from the threshold on
    double part = 0;
  };

  explicit best_frames(index_t wanted = 6, double threshold = 0.4)
      : wanted_(static_cast<std::size_t>(std::clamp<index_t>(wanted, 0, 100))), threshold_(threshold) {}

  /// Takes the next frame's picture.
  void picture(const frame& f) {
    if (wanted_ == 0) return;
    frame& to = recent_[next_++ % recent_.size()];
    to.resize(f.width, f.height);
    std::copy(f.pixels.begin(), f.pixels.end(), to.pixels.begin());
    to.time = f.time;
    to.number = f.number;
  }

  /// Takes the probabilities of the frame of that time, one of the last sixteen.
  void probabilities(double time, std::span<const float> p) {
    double strength = 0;
    for (const float v : p) strength += static_cast<double>(v) >= threshold_ ? static_cast<double>(v) : 0;
    if (!(strength > 0)) return;
    const frame* f = nullptr;
    for (std::size_t i = 0; i < (std::min)(next_, recent_.size()); ++i) f = recent_[i].time == time ? &recent_[i] : f;
    if (f == nullptr) return;
    const double part = std::floor(time / seconds_);
    if (kept_.empty() || part != kept_.back().part) {
      kept_.push_back({*f, {p.begin(), p.end()}, strength, part});
    } else if (strength > kept_.back().strength) {
      kept_.back() = {*f, {p.begin(), p.end()}, strength, part};
    }
    while (kept_.size() > 2 * wanted_) join();
  }

  /// The frames wanted, or fewer, spread over the video in the order of their times.
  [[nodiscard]] std::vector<const kept*> chosen() const {
    std::vector<const kept*> result;
    const std::size_t n = (std::min)(wanted_, kept_.size());
    for (std::size_t i = 0; i < n; ++i) result.push_back(&kept_[(2 * i + 1) * kept_.size() / (2 * n)]);
    return result;
  }

 private:
  void join() {
    seconds_ *= 2;
    std::vector<kept> joined;
    for (kept& k : kept_) {
      k.part = std::floor(k.picture.time / seconds_);
      if (joined.empty() || joined.back().part != k.part) {
        joined.push_back(std::move(k));
      } else if (k.strength > joined.back().strength) {
        joined.back() = std::move(k);
      }
    }
    kept_ = std::move(joined);
  }

  std::size_t wanted_;
  double threshold_;
  double seconds_ = 0.5;  ///< that a part lasts
  std::array<frame, 16> recent_;
  std::size_t next_ = 0;
  std::vector<kept> kept_;
};

}  // namespace vmt::inline VMT_ABI::transcribe
